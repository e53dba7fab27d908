package metrics

import (
	"math"

	"gonum.org/v1/gonum/mathext"
)

// Normal95 is the number of standard deviations on either side of the mean
// that hold 95 % of a normal distribution.
const Normal95 = 1.959963984540054

// An Interval is a range that holds the true value with some confidence.
type Interval struct {
	Low  float64 `json:"low"`
	High float64 `json:"high"`
}

// wilson returns the score interval of a share p seen in n independent answers
// (E. B. Wilson: Probable inference, the law of succession, and statistical
// inference, 1927). It stays within 0 and 1 and holds its level for small n,
// where the usual p±z·sqrt(p(1-p)/n) does not.
func wilson(p, n, z float64) Interval {
	z2 := z * z
	centre := (p + z2/(2*n)) / (1 + z2/n)
	half := z / (1 + z2/n) * math.Sqrt(p*(1-p)/n+z2/(4*n*n))
	return Interval{max(0, centre-half), min(1, centre+half)}
}

// A Group counts the answers that are not independent of each other: those on
// the pictures of one author, for example.
type Group struct{ Right, Total int64 }

// Clustered returns the 95 % interval of the share of right answers when
// answers come in groups, and the design effect: how many answers are worth
// one independent answer. The order of the groups does not matter.
//
// It is Wilson's interval for total/effect answers, which E. L. Korn and B. I.
// Graubard (Confidence intervals for proportions with small expected number of
// positive counts estimated from survey data, 1998) and N. Dean and M. Pagano
// (Evaluating confidence interval methods for binomial proportions in
// clustered surveys, 2015) recommend for surveys. The effect is the variance
// of the share between groups, as a ratio estimator, over its variance if all
// answers were independent, and 1 at least. Both variances have their unbiased
// form, so that groups of one answer give Wilson's interval.
//
// Three things keep its level where there are few groups or one of them is
// large. As in these papers, the effect is multiplied by the square of a ratio
// of Student's quantiles, for the degrees of freedom of the groups and of the
// answers. Groups are counted for this as those of equal size that are worth
// as much (A. V. Carter, K. T. Schnepel and D. G. Steigerwald: Asymptotic
// behavior of a t-test robust to cluster heterogeneity, 2017). And the effect
// cannot be known from a handful of groups in which something is wrong: where
// nothing is, or everything, each group counts as one answer, and from there
// the effect of all groups being of one mind fades by a factor of e with each
// group that holds a wrong answer (a right one, if fewer hold that).
//
// Measured on simulated groups, 6 to 400 of them, of equal and of very unequal
// sizes, at shares of 0.6 to 0.98 and correlations within a group of 0 to 0.5,
// it holds the true share in 93 to 98 of 100 cases, without the three in 88 to
// 97; in 90 where a share of 0.98, a correlation of 0.5 and a few very large
// groups come together.
func Clustered(groups []Group) (interval Interval, effect float64) {
	var right, total, rr, rt, tt float64 // sums, and sums of products; exact
	var count, withRight, withWrong float64
	for _, g := range groups {
		if g.Total <= 0 {
			continue
		}
		r, t := float64(g.Right), float64(g.Total)
		right, total = right+r, total+t
		rr, rt, tt = rr+r*r, rt+r*t, tt+t*t
		count++
		if g.Right > 0 {
			withRight++
		}
		if g.Right < g.Total {
			withWrong++
		}
	}
	if total == 0 {
		return Interval{0, 1}, 1
	}
	p := right / total
	if count == 1 || right == 0 || right == total {
		return wilson(p, count, Normal95), total / count
	}
	between := count / (count - 1) * (rr - 2*p*rt + p*p*tt) / (total * total)
	independent := p * (1 - p) / (total - 1)
	alike := total * total / tt // groups of equal size that are worth as much
	t := student95(alike-1) / student95(total-1)
	effect = max(1, between/independent*t*t)
	if worst := tt / total; effect < worst {
		effect += (worst - effect) * math.Exp(-min(withRight, withWrong))
	}
	effect = min(effect, total) // one answer is known at least
	return wilson(p, total/effect, Normal95), effect
}

// student95 is the number of standard deviations on either side of the mean
// that hold 95 % of Student's distribution, with one degree of freedom at
// least.
func student95(freedom float64) float64 {
	freedom = max(1, freedom)
	x := mathext.InvRegIncBeta(freedom/2, 0.5, 0.05)
	return math.Sqrt(freedom * (1 - x) / x)
}
