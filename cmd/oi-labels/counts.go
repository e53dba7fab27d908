package main

import (
	"context"
	"fmt"

	"github.com/opensandwich/oi/cmd/internal/openimages"
)

// A count is how often a class occurs in a subset.
type count struct{ boxes, photos int64 }

// A tally has the counts of every class.
type tally struct {
	subsets []string
	counts  map[string][]count // by MID, then by subset
}

// readTally counts the boxes of the subsets.
func readTally(ctx context.Context, src openimages.Source, dataset openimages.Dataset, subsets []string) (*tally, error) {
	t := &tally{subsets: subsets, counts: map[string][]count{}}
	for i, subset := range subsets {
		file, err := dataset.Boxes(subset)
		if err != nil {
			return nil, err
		}
		list, err := openimages.Counts(ctx, src, file)
		if err != nil {
			return nil, err
		}
		for _, c := range list {
			if t.counts[c.MID] == nil {
				t.counts[c.MID] = make([]count, len(subsets))
			}
			t.counts[c.MID][i] = count{c.Rows, c.Photos}
		}
	}
	return t, nil
}

// of returns a class's counts by subset. A nil tally has none.
func (t *tally) of(mid string) []count {
	if t == nil {
		return nil
	}
	if c := t.counts[mid]; c != nil {
		return c
	}
	return make([]count, len(t.subsets))
}

// sum is what all subsets have of some classes.
func (t *tally) sum(mids ...string) count {
	var sum count
	for _, mid := range mids {
		for _, c := range t.of(mid) {
			sum.boxes += c.boxes
			sum.photos += c.photos
		}
	}
	return sum
}

// thousands writes a number as people read it.
func thousands(n int64) string {
	digits := fmt.Sprint(n)
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}
