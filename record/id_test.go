package record

import (
	"strings"
	"testing"
)

func TestValidID(t *testing.T) {
	for id, want := range map[string]bool{
		"000cd56bb02e4edb": true, "a": true, "-": true, "_Z9": true, strings.Repeat("x", MaxID): true,
		"": false, strings.Repeat("x", MaxID+1): false, "a b": false, "../a": false, "a/b": false, `a\b`: false,
		"a.jpg": false, "a\x00": false, "é": false, "a\n": false, "@": false, "[": false, "`": false, "{": false, ":": false,
	} {
		if got := ValidID(id); got != want {
			t.Errorf("%q: %v, want %v", id, got, want)
		}
		if got := ValidID([]byte(id)); got != want {
			t.Errorf("bytes %q: %v, want %v", id, got, want)
		}
	}
}
