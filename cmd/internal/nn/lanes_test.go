package nn

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/opensandwich/oi/cmd/internal/lower"
	"github.com/opensandwich/oi/cmd/internal/steps"
)

// TestPortions: every picture is in one portion, no portion is larger than a
// lane takes, and all lanes get as many portions.
func TestPortions(t *testing.T) {
	for lanes := 1; lanes <= 4; lanes++ {
		for most := 1; most <= 5; most++ {
			for n := range 40 {
				var list []*lane
				for range lanes {
					list = append(list, &lane{steps: &stepGraph{Runner: &steps.Runner{Program: &lower.Program{Batch: most}}}})
				}
				var mutex sync.Mutex
				seen, portions := make([]int, n), 0
				err := inPortions(n, list, func(_ *lane, first, count int) error {
					mutex.Lock()
					defer mutex.Unlock()
					portions++
					if count < 1 || count > most {
						t.Errorf("%d pictures, %d lanes of %d: a portion of %d", n, lanes, most, count)
					}
					for i := range count {
						seen[first+i]++
					}
					return nil
				})
				if err != nil || slices.ContainsFunc(seen, func(times int) bool { return times != 1 }) {
					t.Errorf("%d pictures, %d lanes of %d: computed %v times (%v)", n, lanes, most, seen, err)
				}
				if n >= lanes && portions%lanes != 0 && portions < n {
					t.Errorf("%d pictures, %d lanes of %d: %d portions", n, lanes, most, portions)
				}
			}
		}
	}
}

// TestPortionsEndAfterAnError: a lane begins nothing after an error, which is
// that of the first pictures.
func TestPortionsEndAfterAnError(t *testing.T) {
	one := &lane{steps: &stepGraph{Runner: &steps.Runner{Program: &lower.Program{Batch: 2}}}}
	begun := 0
	err := inPortions(10, []*lane{one}, func(_ *lane, first, _ int) error {
		begun++
		return map[int]error{4: errors.New("broken"), 6: errors.New("later")}[first]
	})
	if err == nil || err.Error() != "broken" || begun != 3 {
		t.Errorf("%v after %d portions", err, begun)
	}
	var both sync.WaitGroup
	both.Add(2)
	err = inPortions(2, []*lane{one, one}, func(_ *lane, first, _ int) error {
		both.Done()
		both.Wait()
		return fmt.Errorf("picture %d", first)
	})
	if err == nil || err.Error() != "picture 0" {
		t.Errorf("two errors: %v", err)
	}
}
