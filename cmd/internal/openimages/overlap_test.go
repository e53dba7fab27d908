package openimages

import (
	"testing"

	"github.com/opensandwich/oi/record"
)

func TestOneObject(t *testing.T) {
	box := func(xmin, xmax, ymin, ymax float64) *record.Box {
		return &record.Box{XMin: xmin, XMax: xmax, YMin: ymin, YMax: ymax}
	}
	at := func(x, y, w, h float64) *record.Box { return box(x, x+w, y, y+h) }
	whole := box(0, 1, 0, 1)
	for _, tt := range []struct {
		a, b *record.Box
		want bool
	}{
		{whole, whole, true},
		{whole, box(0, .7, 0, 1), false},
		{whole, box(.1, .8, 0, 1), false}, // 0.8 - 0.1 > 0.7 in binary
		{whole, box(0, 1, .2, .9), false},
		{whole, box(0, .700001, 0, 1), true},
		{whole, box(0, .699999, 0, 1), false},
		{box(.2, .3, .5, .6), box(.2, .3, .507, .607), true},
		{box(.2, .3, .5, .6), box(.3, .4, .5, .6), false}, // side by side
		{box(0, .1, 0, .1), box(.9, 1, .9, 1), false},     // apart both ways
		{box(.5, .5, .2, .9), box(.5, .5, .2, .9), false}, // without a width
		{box(.5, .500001, .5, .500001), box(.5, .500001, .5, .500001), true},
		{at(.1, .1, .5, .5), at(.1, .1, .5, .5), true},
		{at(.1, .1, .5, .5), at(.1, .1, .5, .36), true},  // .72
		{at(.1, .1, .5, .5), at(.1, .1, .5, .34), false}, // .68
		{at(.1, .1, .2, .2), at(.5, .5, .2, .2), false},
		{at(.1, .1, 0, .2), at(.1, .1, 0, .2), false},
		{nil, at(.1, .1, .2, .2), false}, {nil, nil, false},
	} {
		if a, b := OneObject(tt.a, tt.b), OneObject(tt.b, tt.a); a != tt.want || b != tt.want {
			t.Errorf("%+v and %+v: %v, %v", tt.a, tt.b, a, b)
		}
	}
}
