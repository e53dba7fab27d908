package kernel

import (
	"fmt"
	"slices"
	"testing"
	"time"
)

// counting counts how often each task ran. It is no atomic number, so that the
// race detector sees whether two threads had a task or run returned too early.
type counting []int

func (c counting) task(i int, _ *Workers, _ *worker) { c[i]++ }

// TestWorkersPhases: every task of every phase runs once and is done when run
// returns, whether the threads sleep in between, look for work, or come too
// late.
func TestWorkersPhases(t *testing.T) {
	for _, threads := range []int{1, 2, 3, 8} {
		for _, patience := range []time.Duration{0, spinning} {
			t.Run(fmt.Sprintf("%d threads, %s", threads, patience), func(t *testing.T) {
				ws := newWorkers(threads, available()[0], patience)
				defer ws.Close()
				rng := newRand(t)
				for phase := range 5000 {
					count := make(counting, rng.IntN(20))
					ws.run(len(count), &count)
					if slices.ContainsFunc(count, func(n int) bool { return n != 1 }) {
						t.Fatalf("phase %d: tasks ran %v times", phase, count)
					}
				}
			})
		}
	}
}
