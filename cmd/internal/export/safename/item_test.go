package safename

import (
	"testing"

	"github.com/opensandwich/oi/record"
)

func TestOfItem(t *testing.T) {
	for want, item := range map[string]*record.Item{
		"00017b0dd06aab97-1f":       {ID: "x", Key: "00017b0dd06aab97-1f"},
		"00017b0dd06aab97":          {ID: "00017b0dd06aab97"},
		"00017b0dd06aab97-1f-e2-c1": {Key: "00017b0dd06aab97-1f", Augment: &record.Augment{Epoch: 2, Copy: 1}},
		"a_b~2e7336dc":              {Key: "a.b"},
	} {
		if got := OfItem(item); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
