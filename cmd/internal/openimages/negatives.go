package openimages

import (
	"cmp"
	"context"
	"math"
	"slices"
	"sync/atomic"
)

// addNegatives samples boxes of other classes and puts them between the hits,
// in the order of the lists.
func (s *Selection) addNegatives(ctx context.Context) error {
	weights := make([]int64, len(s.subsets))
	for i, sub := range s.subsets {
		weights[i] = sub.rows
	}
	for i, n := range proportional(s.query.Negatives, weights) {
		if n == 0 {
			continue
		}
		add := s.addNegativesTo
		if s.query.ImageLabels {
			add = s.addUnlabelled
		}
		if err := add(ctx, s.subsets[i], n); err != nil {
			return err
		}
	}
	return nil
}

func (s *Selection) addNegativesTo(ctx context.Context, sub *subset, n int64) error {
	candidates := &spool{}
	defer candidates.close() //nolint:errcheck // read only by now, and without a name
	sample := &lowest{size: n}
	var e encoder
	place := func(hash uint64) uint64 { return mix(hash ^ mix(s.query.Seed)) } // in the random order
	// Rows beyond it need not be parsed. It falls as the sample fills.
	var bound atomic.Uint64
	bound.Store(math.MaxUint64)
	err := readBoxes(ctx, s.query.Source, sub.boxes, boxVisitor{
		columns: newBoxColumns,
		want:    s.unrelated,
		pick:    func(hash uint64) bool { return place(hash) <= bound.Load() },
		row: func(row *boxHit) error {
			h := newHit(&row.BoxRow, len(s.query.Classes))
			if !sample.admits(place(row.hash)) || !row.Sane() || s.query.Refuse != nil && s.query.Refuse(&row.BoxRow) != "" {
				return nil
			}
			if meets, err := sub.photos.meet(&h); meets || err != nil {
				return err
			}
			e.buf = e.buf[:0]
			h.append(&e)
			offset, err := candidates.add(e.buf)
			if err != nil {
				return err
			}
			sample.add(ranked{place(row.hash), offset})
			if int64(len(sample.entries)) == n {
				bound.Store(sample.entries[0].rank)
			}
			return nil
		},
		// The first scan has counted the rows that could be seen to be broken;
		// of the others, one that is drawn is as good as not there.
		bad: func(*RowError) error { return nil },
	}, nil)
	if err != nil {
		return err
	}
	return s.merge(sub, candidates, sample.entries)
}

// unrelated reports whether a class's boxes can be negatives.
func (s *Selection) unrelated(mid []byte) bool {
	_, asked := s.query.Assign[string(mid)]
	return !asked && !s.query.Unfit[string(mid)]
}

// meet reports whether a box shares area with a hit in the same photo.
func (p *photos) meet(h *hit) (bool, error) {
	runs := p.find(photoKey(h.id))
	if len(runs) == 0 {
		return false, nil
	}
	hits, err := p.load(runs, h.id)
	if err != nil {
		return false, err
	}
	return slices.ContainsFunc(hits, func(o hit) bool {
		return max(h.box.XMin, o.box.XMin) < min(h.box.XMax, o.box.XMax) &&
			max(h.box.YMin, o.box.YMin) < min(h.box.YMax, o.box.YMax)
	}), nil
}

// merge makes one spool of the hits and the chosen candidates, by line.
func (s *Selection) merge(sub *subset, candidates *spool, chosen []ranked) error {
	slices.SortFunc(chosen, func(a, b ranked) int { return cmp.Compare(a.offset, b.offset) })
	merged := &spool{}
	runs, last, first := 0, "", true
	add := func(entry []byte, id string) error {
		if first || id != last {
			runs++
			first, last = false, id
		}
		_, err := merged.add(entry)
		return err
	}
	buf := make([]byte, spoolGuess)
	// addUpTo adds the chosen candidates of rows before limit; all if 0.
	addUpTo := func(limit int64) error {
		for ; len(chosen) > 0; chosen = chosen[1:] {
			entry, err := candidates.at(chosen[0].offset, buf)
			if err != nil {
				return err
			}
			h, err := decodeHit(entry)
			if err != nil {
				return err
			}
			if limit > 0 && h.place > limit {
				return nil
			}
			s.tally[h.label].Rows++
			s.ledger.In(1)
			if err := add(entry, h.id); err != nil {
				return err
			}
		}
		return nil
	}
	err := sub.hits.each(func(entry []byte, _ int64) error {
		h, err := decodeHit(entry)
		if err != nil {
			return err
		}
		if err := addUpTo(h.place); err != nil {
			return err
		}
		return add(entry, h.id)
	})
	if err != nil {
		return err
	}
	if err := addUpTo(0); err != nil {
		return err
	}
	if err := sub.hits.close(); err != nil {
		return err
	}
	sub.hits = merged
	sub.photos, err = newPhotos(merged, runs)
	return err
}
