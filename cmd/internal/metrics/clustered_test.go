package metrics

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// shapes are ways in which answers come in groups: each gives the sizes of so
// many groups.
var shapes = map[string]func(r *rand.Rand, groups int) []int{
	"three each": func(_ *rand.Rand, groups int) []int { return slices.Repeat([]int{3}, groups) },
	"eight each": func(_ *rand.Rand, groups int) []int { return slices.Repeat([]int{8}, groups) },
	"a few": func(r *rand.Rand, groups int) []int { // one third of them single
		sizes := make([]int, groups)
		for i := range sizes {
			sizes[i] = 1 + int(math.Log(1-r.Float64())/math.Log(2.0/3))
		}
		return sizes
	},
	// The boxes that authors have in 16 classes of food of Open Images: 45
	// % have one, and some up to 123.
	"real": func(r *rand.Rand, groups int) []int {
		sizes := make([]int, groups)
		for i := range sizes {
			sizes[i] = realSize(r.IntN(2380))
		}
		return sizes
	},
	"one has a quarter": func(_ *rand.Rand, groups int) []int {
		sizes := slices.Repeat([]int{4}, groups)
		sizes[0] = 4 * (groups - 1) / 3
		return sizes
	},
}

// realSize is the number of boxes of author n of 2,380, by falling rank.
func realSize(n int) int {
	for i, authors := range []int{1074, 571, 290, 145, 77, 57, 31, 23, 23, 13, 10, 8, 7} {
		if n < authors {
			return i + 1
		}
		n -= authors
	}
	return []int{
		14, 14, 14, 14, 15, 15, 15, 16, 16, 16, 17, 17, 18, 18, 18, 18, 18, 19, 19, 19, 19, 19, 19, 20, 20, 21, 21, 22, 22, 23, 24,
		25, 25, 25, 25, 25, 26, 26, 26, 28, 28, 28, 29, 34, 34, 42, 49, 52, 65, 102, 123,
	}[n]
}

// gamma draws from the gamma distribution (G. Marsaglia and W. W. Tsang: A
// simple method for generating gamma variables, 2000).
func gamma(r *rand.Rand, shape float64) float64 {
	if shape < 1 {
		return gamma(r, shape+1) * math.Pow(r.Float64(), 1/shape)
	}
	d := shape - 1.0/3
	for {
		x := r.NormFloat64()
		v := math.Pow(1+x/math.Sqrt(9*d), 3)
		if v > 0 && math.Log(r.Float64()) < x*x/2+d-d*v+d*math.Log(v) {
			return d * v
		}
	}
}

// draw returns groups of the given sizes in which an answer is right with
// probability accuracy, and two answers of group i have the correlation
// correlation(i).
func draw(r *rand.Rand, sizes []int, accuracy float64, correlation func() float64) []Group {
	groups := make([]Group, len(sizes))
	for i, size := range sizes {
		own := accuracy // of this group: from the beta distribution
		if c := correlation(); c > 0 {
			a := gamma(r, accuracy*(1/c-1))
			b := gamma(r, (1-accuracy)*(1/c-1))
			own = a / (a + b)
		}
		groups[i].Total = int64(size)
		for range size {
			if r.Float64() < own {
				groups[i].Right++
			}
		}
	}
	return groups
}

// The interval holds the true value in 92 to 98 of 100 cases, whatever the
// sizes of the groups and however much the answers of one group are alike.
func TestClusteredCoverage(t *testing.T) {
	accuracies := []float64{0.6, 0.7, 0.8, 0.9, 0.95, 0.98}
	for name, shape := range shapes {
		for _, n := range []int{6, 8, 10, 20, 52, 100, 400} {
			t.Run(fmt.Sprintf("%s/%d", name, n), func(t *testing.T) {
				r := rand.New(rand.NewPCG(1, uint64(n)))
				repeat := 600
				if n > 100 {
					repeat = 200
				}
				all := 0
				for _, accuracy := range accuracies {
					held := 0
					for i := range repeat {
						same := r.Float64() / 2
						correlation := func() float64 { return same }
						if i%2 == 0 { // another one for each group
							correlation = func() float64 { return r.Float64() / 2 }
						}
						in, _ := Clustered(draw(r, shape(r, n), accuracy, correlation))
						if in.Low <= accuracy && accuracy <= in.High {
							held++
						}
					}
					all += held
					if share := float64(held) / float64(repeat); share < 0.89 {
						t.Errorf("accuracy %g: the interval holds it in %.3f of the cases", accuracy, share)
					}
				}
				share := float64(all) / float64(repeat*len(accuracies))
				t.Logf("%.3f", share)
				if rounded := math.Round(100*share) / 100; rounded < 0.92 || rounded > 0.98 {
					t.Errorf("the interval holds the accuracy in %.3f of the cases", share)
				}
			})
		}
	}
}

// Groups of one answer are independent answers.
func TestClusteredSingles(t *testing.T) {
	for _, n := range []int{1, 2, 3, 10, 117, 5000} {
		for right := 0; right <= n; right += max(1, n/10) {
			groups := make([]Group, n)
			for i := range groups {
				groups[i].Total = 1
				if i < right {
					groups[i].Right = 1
				}
			}
			got, effect := Clustered(groups)
			want := wilson(float64(right)/float64(n), float64(n), Normal95)
			if math.Abs(got.Low-want.Low) > 1e-12 || math.Abs(got.High-want.High) > 1e-12 || math.Abs(effect-1) > 1e-9 {
				t.Errorf("%d of %d: %v, design effect %g, want %v", right, n, got, effect, want)
			}
		}
	}
}

// Where there are many groups, the interval is as wide as one found by drawing
// groups anew from those there are, again and again.
func TestClusteredAgainstBootstrap(t *testing.T) {
	for name, shape := range shapes {
		for _, n := range []int{100, 200, 400} {
			if name == "one has a quarter" {
				continue // which the bootstrap does not draw at all, or twice
			}
			t.Run(fmt.Sprintf("%s/%d", name, n), func(t *testing.T) {
				r := rand.New(rand.NewPCG(2, uint64(n)))
				for _, accuracy := range []float64{0.6, 0.75, 0.9} {
					groups := draw(r, shape(r, n), accuracy, func() float64 { return r.Float64() / 2 })
					in, _ := Clustered(groups)
					shares := make([]float64, 2000)
					for i := range shares {
						var right, total int64
						for range groups {
							g := groups[r.IntN(n)]
							right, total = right+g.Right, total+g.Total
						}
						shares[i] = float64(right) / float64(total)
					}
					slices.Sort(shares)
					width := shares[len(shares)*975/1000] - shares[len(shares)*25/1000]
					if ratio := (in.High - in.Low) / width; ratio < 0.85 || ratio > 1.15 {
						t.Errorf("accuracy %g: %.3f wide, the bootstrap %.3f", accuracy, in.High-in.Low, width)
					}
				}
			})
		}
	}
}

func TestClustered(t *testing.T) {
	repeat := func(n int, g Group) []Group { return slices.Repeat([]Group{g}, n) }
	for _, tc := range []struct {
		name   string
		groups []Group
		n      float64 // independent answers that it is worth
	}{
		{"all right: as many as there are groups", repeat(8, Group{5, 5}), 8},
		{"all wrong", []Group{{0, 5}, {0, 2}, {0, 13}}, 3},
		{"one group is one answer", []Group{{60, 80}}, 1},
		{"groups without answers do not count", append(repeat(3, Group{}), Group{4, 4}, Group{1, 1}), 2},
		// Each group all right or all wrong: it is worth as many as
		// there are groups, 400 here, and the quantiles of 399 and
		// 1,999 degrees of freedom are 1.96593 and 1.96116.
		{"of one mind", append(repeat(200, Group{5, 5}), repeat(200, Group{0, 5})...), 400 * 399 / 400. * 2000 / 1999 * 1.96116 / 1.96593 * 1.96116 / 1.96593},
		// More alike between groups than chance would have it.
		{"evenly spread", repeat(100, Group{3, 4}), 400},
	} {
		got, effect := Clustered(tc.groups)
		var right, total int64
		for _, g := range tc.groups {
			right, total = right+g.Right, total+g.Total
		}
		want := wilson(float64(right)/float64(total), tc.n, Normal95)
		if math.Abs(got.Low-want.Low) > 1e-5 || math.Abs(got.High-want.High) > 1e-5 || math.Abs(float64(total)/effect-tc.n) > 0.01 {
			t.Errorf("%s: %v, worth %g answers; want %v, %g", tc.name, got, float64(total)/effect, want, tc.n)
		}
	}
	if got, effect := Clustered(nil); got != (Interval{0, 1}) || effect != 1 {
		t.Errorf("of nothing: %v, %g", got, effect)
	}
	// The order of the groups, which comes from a map, makes no difference.
	r := rand.New(rand.NewPCG(3, 1))
	groups := draw(r, shapes["real"](r, 300), 0.8, func() float64 { return 0.3 })
	want, _ := Clustered(groups)
	r.Shuffle(len(groups), func(i, k int) { groups[i], groups[k] = groups[k], groups[i] })
	if got, _ := Clustered(groups); got != want {
		t.Errorf("in another order %v, not %v", got, want)
	}
}

// Values of scipy.stats.t.ppf(0.975, n) and of tables.
func TestStudent(t *testing.T) {
	for freedom, want := range map[float64]float64{0: 12.706205, 1: 12.706205, 2: 4.302653, 5: 2.570582, 9: 2.262157, 29: 2.045230, 120: 1.979930, 1e7: 1.959964} {
		if got := student95(freedom); math.Abs(got-want) > 1e-6 {
			t.Errorf("%g degrees of freedom: %.7f, want %g", freedom, got, want)
		}
	}
}
