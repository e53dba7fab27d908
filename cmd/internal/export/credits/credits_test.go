package credits

import "testing"

func TestPlain(t *testing.T) {
	for s, want := range map[string]string{
		"": "", "Lunch": "Lunch", "a=b": "a=b", "=1+1": "'=1+1", "+1": "'+1", "-1": "'-1", "@home": "'@home", "\t=1": "'\t=1", "\r=1": "'\r=1",
	} {
		if got := plain(s); got != want {
			t.Errorf("%q: %q, want %q", s, got, want)
		}
	}
}
