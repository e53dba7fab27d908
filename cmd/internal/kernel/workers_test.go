package kernel

import (
	"slices"
	"testing"
)

// TestEach: every number comes once, two at a time, and always with the same
// Workers, of one thread and of the backend of all.
func TestEach(t *testing.T) {
	onEveryBackend(t, func(t *testing.T, ws *Workers) {
		var workers [20]*Workers
		for range 2 {
			seen := make([]int, len(workers))
			met := make(chan struct{})
			ws.Each(len(seen), func(i int, alone *Workers) {
				switch i { // the first of each thread
				case 0:
					met <- struct{}{}
				case len(seen) / 2:
					<-met
				}
				seen[i]++
				if alone.Threads() != 1 || alone.Backend() != ws.Backend() {
					t.Errorf("number %d: %d threads of %s", i, alone.Threads(), alone.Backend())
				}
				if workers[i] != nil && workers[i] != alone {
					t.Errorf("number %d has other Workers than before", i)
				}
				workers[i] = alone
			})
			if slices.ContainsFunc(seen, func(n int) bool { return n != 1 }) {
				t.Fatalf("numbers came %v times", seen)
			}
		}
		ws.Each(0, func(int, *Workers) { t.Error("called for nothing") })
	})
}
