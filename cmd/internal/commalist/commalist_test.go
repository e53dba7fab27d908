package commalist

import (
	"slices"
	"testing"
)

func TestSplit(t *testing.T) {
	pieces := []string{"", "a", ",", `\`, `\,`, "é", "=", ",,"}
	for _, a := range pieces {
		for _, b := range pieces {
			for _, c := range pieces {
				for _, words := range [][]string{{a + b, c}, {a, b, c}, {"x" + a + b + c}} {
					if got := Split(Join(words)); !slices.Equal(got, words) {
						t.Errorf("%q came back as %q by way of %q", words, got, Join(words))
					}
				}
			}
		}
	}
	if got := Split(""); got != nil {
		t.Errorf("of nothing %q", got)
	}
	if got := Join([]string{"/m/01", "b=/m/02+/m/03/"}); got != "/m/01,b=/m/02+/m/03/" {
		t.Errorf("got %s", got)
	}
	if got := Split(`a\b`); !slices.Equal(got, []string{`a\b`}) {
		t.Errorf("got %q", got)
	}
}
