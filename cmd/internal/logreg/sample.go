package logreg

import (
	"slices"

	"github.com/opensandwich/oi/cmd/internal/rng"
)

// Sample returns n of the rows that labels are of, all of them if there are no
// more. They are sorted, and depend on seed, n and the labels alone. Of every
// class that occurs there is one, even if that makes them more than n; the
// others are drawn from all rows, each as likely as any other.
func Sample(labels []int, classes, n int, seed uint64) []int {
	order := make([]int, len(labels))
	for i := range order {
		order[i] = i
	}
	if len(labels) <= n {
		return order
	}
	source := rng.Source(seed)
	rng.Shuffle(source.Uint64, order)
	var drawn, others []int
	seen := make([]bool, classes)
	for _, i := range order {
		if !seen[labels[i]] {
			seen[labels[i]] = true
			drawn = append(drawn, i)
		} else if len(others) < n {
			others = append(others, i)
		}
	}
	drawn = append(drawn, others[:max(0, min(len(others), n-len(drawn)))]...)
	slices.Sort(drawn)
	return drawn
}
