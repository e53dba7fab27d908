package metrics

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// TestPairedDifference: on simulated groups of unequal sizes, in which both
// models are of one mind more often than chance has it, the interval holds the
// true difference about 95 times in 100.
func TestPairedDifference(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	const rounds = 2000
	held := 0
	for range rounds {
		var groups []Pair
		for range 40 {
			var g Pair
			base, both := 0.6+0.3*r.Float64(), r.Float64()/2 // of this author
			for range 1 + r.IntN(9) {
				g.Total++
				switch p := r.Float64(); {
				case p < both: // both the same
				case r.Float64() < base*0.5+0.1:
					g.OnlyNew++
				case r.Float64() < base*0.5:
					g.OnlyBase++
				}
			}
			groups = append(groups, g)
		}
		// A share 1-E(both) of 3/4 differs; in these new alone is right
		// in E(0.5 base + 0.1) = 0.475, old alone in E((1-x)(x-0.1)) of
		// x = 0.5 base + 0.1, which is uniform in 0.4 to 0.55.
		mean := 0.475
		square := mean*mean + 0.15*0.15/12
		truth := 0.75 * (mean - (1.1*mean - square - 0.1))
		if _, i := PairedDifference(groups); i.Low <= truth && truth <= i.High {
			held++
		}
	}
	if share := float64(held) / rounds; share < 0.93 || share > 0.97 {
		t.Errorf("the interval holds the difference in %.3f of the cases", share)
	}
	if d, i := PairedDifference([]Pair{{Total: 4, OnlyNew: 2}, {}}); d != 0.5 || i != (Interval{-1, 1}) {
		t.Errorf("of one group: %g in %v", d, i)
	}
	// Models that differ nowhere may still differ by as much as Wilson's
	// interval of none of so many groups; that they once do tells more.
	last := 1.0
	for _, n := range []int{2, 12, 50, 357} {
		d, i := PairedDifference(slices.Repeat([]Pair{{Total: 3}}, n))
		if want := wilson(0, float64(n), Normal95).High; d != 0 || i.High != want || i.Low != -want || want >= last {
			t.Errorf("of %d groups without a difference: %g in %v, want %g", n, d, i, want)
		}
		_, once := PairedDifference(append(slices.Repeat([]Pair{{Total: 3}}, n-1), Pair{Total: 3, OnlyNew: 1, OnlyBase: 1}))
		if !(once.Low > i.Low && once.Low < 0 && once.High < i.High && once.High > 0) {
			t.Errorf("of %d groups with one: %v, without %v", n, once, i)
		}
		last = i.High
	}
}

// TestMcNemar: figures from the binomial distribution.
func TestMcNemar(t *testing.T) {
	for _, c := range []struct {
		a, b int64
		want float64
	}{{0, 0, 1}, {5, 5, 1}, {0, 5, 2. / 32}, {1, 8, 2 * (1. + 9) / 512}, {8, 1, 2 * (1. + 9) / 512}, {4, 5, 1}, {300, 400, 0.000178476}} {
		if got := McNemar(c.a, c.b); math.Abs(got-c.want) > 1e-6 {
			t.Errorf("%d and %d: %g, want %g", c.a, c.b, got, c.want)
		}
	}
}
