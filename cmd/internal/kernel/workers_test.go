package kernel

import (
	"slices"
	"testing"
)

// TestEach: every number comes once, two at a time, each with Workers of one
// thread that compute as those of all do.
func TestEach(t *testing.T) {
	onEveryBackend(t, func(t *testing.T, ws *Workers) {
		for range 2 {
			seen := make([]int, 20)
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
				ReLU(alone, make([]float32, 100), make([]float32, 100))
			})
			if slices.ContainsFunc(seen, func(n int) bool { return n != 1 }) {
				t.Fatalf("numbers came %v times", seen)
			}
		}
		ws.Each(0, func(int, *Workers) { t.Error("called for nothing") })
	})
}
