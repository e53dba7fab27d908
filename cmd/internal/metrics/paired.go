package metrics

import "math"

// A Pair counts, in one group, the answers of two models on the same items.
type Pair struct {
	Total    int64
	OnlyNew  int64 // right in the new model alone
	OnlyBase int64 // right in the old one alone
}

// PairedDifference returns by how much the share of right answers differs
// between two models, new minus old, with its 95 % interval: Student's, on the
// variance of the ratio estimator between groups (W. G. Cochran: Sampling
// techniques, 1977, 6.3), with one degree of freedom less than there are
// groups. The interval is -1 to 1 where there is one group.
//
// A variance cannot be known from a handful of groups in which the models
// differ. Where they differ in none, the interval is as wide as the share of
// such groups may be by Wilson's, each counting as one; and what that is wider
// by fades by a factor of e with each group in which they differ.
func PairedDifference(groups []Pair) (difference float64, interval Interval) {
	var total, sum float64
	count, differ := 0, 0.0
	for _, g := range groups {
		if g.Total > 0 {
			total, sum = total+float64(g.Total), sum+float64(g.OnlyNew-g.OnlyBase)
			count++
		}
		if g.OnlyNew+g.OnlyBase > 0 {
			differ++
		}
	}
	if total == 0 {
		return 0, Interval{-1, 1}
	}
	difference = sum / total
	if count == 1 {
		return difference, Interval{-1, 1}
	}
	squares := 0.0
	for _, g := range groups {
		d := float64(g.OnlyNew-g.OnlyBase) - difference*float64(g.Total)
		squares += d * d
	}
	n := float64(count)
	half := student95(n-1) * math.Sqrt(n/(n-1)*squares) / total
	if most := wilson(0, n, Normal95).High; half < most {
		half += (most - half) * math.Exp(-differ)
	}
	return difference, Interval{max(-1, difference-half), min(1, difference+half)}
}

// McNemar returns the two-sided exact p-value of McNemar's test (Q. McNemar:
// Note on the sampling error of the difference between correlated proportions
// or percentages, 1947): how likely as uneven a split of the items on which one
// model alone is right would be if both were as good. It takes all items as
// independent, which boxes of one author are not.
func McNemar(onlyNew, onlyBase int64) float64 {
	n, k := float64(onlyNew+onlyBase), min(onlyNew, onlyBase)
	if onlyNew == onlyBase {
		return 1
	}
	// The sum of C(n, i) / 2^n for i up to k, twice.
	logOf := func(x float64) float64 { v, _ := math.Lgamma(x + 1); return v }
	p := 0.0
	for i := range k + 1 {
		p += math.Exp(logOf(n) - logOf(float64(i)) - logOf(n-float64(i)) - n*math.Ln2)
	}
	return min(1, 2*p)
}
