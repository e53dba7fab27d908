package metrics

import (
	"math"
	"runtime"
	"slices"
	"sync"

	"github.com/opensandwich/oi/cmd/internal/rng"
)

// seed is that of all draws: the same answers have the same intervals.
const seed = 1

// Draws is how many times Bootstrap draws, an even number.
const Draws = 1000

// Times is how often a group was drawn in each of two draws, which are computed
// at once: half of the time is spent on looking it up. The sums of either over
// all answers are below 2^32, so they can be added as one number.
type Times uint64

// lowBits are those of the first draw, the second has the others.
const lowBits = 1<<32 - 1

// First and Second return it for each draw, and so they do for a sum.
func (t Times) First() int64 { return int64(t & lowBits) }

// Second is First for the second draw.
func (t Times) Second() int64 { return int64(t >> 32) }

// Bootstrap returns 95 % intervals of figures that have no formula. It draws as
// many groups as there are, with repetition, Draws times, and takes the 2.5 and
// 97.5 % quantiles of what figures says of each (B. Efron and R. J. Tibshirani:
// An introduction to the bootstrap, 1993; groups are drawn whole, because the
// answers within one are not independent).
//
// figures gets how often each group was drawn in two draws, and returns for each
// always the same number of figures, NaN where one is not defined; it runs on
// several cores at once. An interval is NaN to NaN where more than one draw in
// twenty defined none. The result depends on the arguments alone.
func Bootstrap(groups int, figures func(times []Times) [2][]float64) []Interval {
	if groups == 0 {
		return nil
	}
	drawn := make([][]float64, Draws)
	var wg sync.WaitGroup
	workers := runtime.GOMAXPROCS(0)
	for w := range workers {
		wg.Go(func() {
			times := make([]Times, groups)
			for n := 2 * w; n < Draws; n += 2 * workers {
				clear(times)
				for half := range 2 {
					source := rng.Source(rng.At(seed, uint64(n+half)))
					for range groups {
						times[rng.Below(source.Uint64, uint64(groups))] += 1 << (32 * half)
					}
				}
				both := figures(times)
				drawn[n], drawn[n+1] = both[0], both[1]
			}
		})
	}
	wg.Wait()
	intervals := make([]Interval, len(drawn[0]))
	for i := range intervals {
		column := make([]float64, 0, Draws)
		for _, row := range drawn {
			if !math.IsNaN(row[i]) {
				column = append(column, row[i])
			}
		}
		intervals[i] = Interval{math.NaN(), math.NaN()}
		if len(column) >= Draws*19/20 {
			slices.Sort(column)
			intervals[i] = Interval{quantile(column, 0.025), quantile(column, 0.975)}
		}
	}
	return intervals
}

// quantile interpolates between the two numbers next to it, as NumPy does.
func quantile(sorted []float64, q float64) float64 {
	at := q * float64(len(sorted)-1)
	i := int(at)
	if i+1 == len(sorted) {
		return sorted[i]
	}
	return sorted[i] + (at-float64(i))*(sorted[i+1]-sorted[i])
}
