package metrics

import "math"

// Normal95 is the number of standard deviations on either side of the mean
// that hold 95 % of a normal distribution.
const Normal95 = 1.959963984540054

// An Interval is a range that holds the true value with some confidence.
type Interval struct {
	Low  float64 `json:"low"`
	High float64 `json:"high"`
}

// Wilson returns the score interval of a share of which k out of n were seen
// (E. B. Wilson: Probable inference, the law of succession, and statistical
// inference, 1927). It stays within 0 and 1 and holds its level for small n,
// where the usual p±z·sqrt(p(1-p)/n) does not. With n = 0 it is 0 to 1.
func Wilson(k, n int64, z float64) Interval {
	if n <= 0 {
		return Interval{0, 1}
	}
	p, total, z2 := float64(k)/float64(n), float64(n), z*z
	centre := (p + z2/(2*total)) / (1 + z2/total)
	half := z / (1 + z2/total) * math.Sqrt(p*(1-p)/total+z2/(4*total*total))
	return Interval{max(0, centre-half), min(1, centre+half)}
}
