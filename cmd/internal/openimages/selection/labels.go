package selection

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"math"
	"slices"
	"sync/atomic"

	"github.com/opensandwich/oi/cmd/internal/csvscan"
	"github.com/opensandwich/oi/cmd/internal/openimages"
)

// lists returns the lists that the rows and the photos of a subset are in.
func (q *Query) lists(subset string) (rows, images openimages.File, err error) {
	if !q.ImageLabels {
		if rows, err = q.Dataset.Boxes(subset); err == nil {
			images, err = q.Dataset.Images(subset)
		}
		return rows, images, err
	}
	if rows, err = q.Dataset.Labels(subset); err == nil {
		images, err = q.Dataset.Labelled(subset)
	}
	if err == nil && rows.Path == "" {
		err = fmt.Errorf("data set %s has no image-level labels", q.Dataset.Name)
	}
	return rows, images, err
}

// labelFates returns why the labels of a photo are no items, "" for one that
// may be. It returns nil for boxes, of which a photo can have many.
func (s *Selection) labelFates(all []hit) []string {
	if !s.query.ImageLabels {
		return nil
	}
	fates := make([]string, len(all))
	// A label that another one is more specific than does not count.
	for i, h := range all {
		for _, o := range all {
			if o.label != h.label && s.query.MoreSpecific != nil && s.query.MoreSpecific(o.label, h.label) {
				fates[i] = ReasonSeveral
			}
		}
	}
	first, several := -1, false
	for i, h := range all {
		switch {
		case fates[i] != "":
		case first < 0:
			first = i
		case all[first].label == h.label:
			fates[i] = ReasonDuplicate
		default:
			several = true
		}
	}
	for i := range all {
		if several && fates[i] == "" {
			fates[i] = ReasonSeveral
		}
	}
	return fates
}

// scanVetoes finds the photos that show what is to be left out.
func (s *Selection) scanVetoes(ctx context.Context, sub *subset) error {
	wanted := map[string]int{}
	for _, mids := range s.query.Veto {
		for mid := range mids {
			wanted[mid] = 0
		}
	}
	if !s.query.ImageLabels || len(wanted) == 0 {
		return nil
	}
	reset := func() error {
		sub.vetoed = make([][]uint64, len(s.query.Veto))
		return nil
	}
	err := s.readLabels(ctx, sub, wanted, reset, func(row *openimages.BoxRow) {
		for i, mids := range s.query.Veto {
			if !row.Denied && mids[row.MID] {
				sub.vetoed[i] = append(sub.vetoed[i], csvscan.Key64(row.ImageID))
			}
		}
	})
	for _, list := range sub.vetoed {
		slices.Sort(list)
	}
	return err
}

// veto reports whether a hit's photo also shows what its label leaves out.
func (sub *subset) veto(h *hit) bool {
	return h.label < len(sub.vetoed) && has(sub.vetoed[h.label], csvscan.Key64(h.id))
}

// verdicts are the photos of a subset of which people have said something that
// bears on the classes, by csvscan.Key64.
type verdicts struct {
	denied [][]uint64 // for each group of Query.Deny, those denied one of its MIDs
	shown  []uint64   // affirmed to show a class, or a kind of one
	maybe  []uint64   // affirmed to show what a class is a kind of
}

// sampleUnlabelled samples photos that show none of the classes, and keeps a row
// of each in candidates, in the order of the list. Those that are verified to
// show none rank before all others.
func (s *Selection) sampleUnlabelled(ctx context.Context, sub *subset, candidates *spool, size int64) ([]ranked, error) {
	v, err := s.verdicts(ctx, sub)
	if err != nil {
		return nil, err
	}
	verified := v.none(s.query.Seed, size)
	hits, err := s.deniedRows(ctx, sub, verified)
	if err != nil {
		return nil, err
	}
	if left := size - int64(len(verified)); left > 0 {
		more, err := s.otherRows(ctx, sub, left, func(photo uint64) bool {
			_, is := verified[photo]
			return is || has(v.shown, photo) || has(v.maybe, photo)
		})
		if err != nil {
			return nil, err
		}
		hits = append(hits, more...)
	}
	slices.SortFunc(hits, func(a, b hit) int { return cmp.Compare(a.place, b.place) })
	var e csvscan.Encoder
	entries := make([]ranked, len(hits))
	for i := range hits {
		e.Buf = e.Buf[:0]
		hits[i].append(&e)
		photo := csvscan.Key64(hits[i].id)
		entries[i].rank = photoRank(s.query.Seed, csvscan.Mix(photo)) >> 1
		if !verified[photo] {
			entries[i].rank |= 1 << 63
		}
		if entries[i].offset, err = candidates.add(e.Buf); err != nil {
			return nil, err
		}
	}
	return entries, nil
}

// verdicts reads what has been said of the classes and their relatives.
func (s *Selection) verdicts(ctx context.Context, sub *subset) (*verdicts, error) {
	q := s.query
	groups := map[string][]int{}
	for i, group := range q.Deny {
		for _, mid := range group {
			groups[mid] = append(groups[mid], i)
		}
	}
	wanted := map[string]int{}
	for _, mids := range []map[string]bool{keys(q.Assign), q.Kinds, q.Unfit, keys(groups)} {
		for mid := range mids {
			wanted[mid] = 0
		}
	}
	v := &verdicts{}
	reset := func() error {
		*v = verdicts{denied: make([][]uint64, len(q.Deny))}
		return nil
	}
	err := s.readLabels(ctx, sub, wanted, reset, func(row *openimages.BoxRow) {
		photo := csvscan.Key64(row.ImageID)
		_, asked := q.Assign[row.MID]
		if row.Denied {
			s.seen(row)
		}
		switch {
		case row.Denied && (q.Refuse == nil || q.Refuse(row) == ""):
			for _, i := range groups[row.MID] {
				v.denied[i] = append(v.denied[i], photo)
			}
		case row.Denied:
		case asked || q.Kinds[row.MID]:
			v.shown = append(v.shown, photo)
		default:
			v.maybe = append(v.maybe, photo)
		}
	})
	for _, list := range append(slices.Clone(v.denied), v.shown, v.maybe) {
		slices.Sort(list)
	}
	return v, err
}

func keys[V any](m map[string]V) map[string]bool {
	set := make(map[string]bool, len(m))
	for k := range m {
		set[k] = true
	}
	return set
}

// readLabels calls row with the rows of some labels. Broken ones have been
// counted by the scan for hits.
func (s *Selection) readLabels(ctx context.Context, sub *subset, mids map[string]int, reset func() error, row func(*openimages.BoxRow)) error {
	if err := reset(); err != nil {
		return err
	}
	return openimages.ReadBoxes(ctx, s.query.Source, sub.boxes, openimages.BoxRequest{
		Labels: true,
		MIDs:   slices.Collect(maps.Keys(mids)),
		Want:   openimages.NewMIDSet(mids).Has,
		Row: func(hit *openimages.PickedRow) error {
			row(&hit.BoxRow)
			return nil
		},
		Bad:   func(*openimages.RowError) error { return nil },
		Again: reset,
	})
}

// none returns up to n photos that are verified to show none of the classes:
// those of the lowest ranks.
func (v *verdicts) none(seed uint64, n int64) map[uint64]bool {
	sample := &lowest{size: n}
	if len(v.denied) > 0 {
		last := uint64(0)
		for i, photo := range v.denied[0] {
			again := i > 0 && photo == last
			last = photo
			rank := photoRank(seed, csvscan.Mix(photo))
			if again || !sample.admits(rank) || has(v.shown, photo) || slices.ContainsFunc(v.denied[1:], func(list []uint64) bool { return !has(list, photo) }) {
				continue
			}
			sample.add(ranked{rank, int64(photo)})
		}
	}
	chosen := make(map[uint64]bool, len(sample.entries))
	for _, e := range sample.entries {
		chosen[uint64(e.offset)] = true
	}
	return chosen
}

// photoRank places a photo in a seeded random order, by a hash of its id.
func photoRank(seed, hash uint64) uint64 { return csvscan.Mix(hash ^ csvscan.Mix(seed)) }

func has(sorted []uint64, photo uint64) bool {
	_, found := slices.BinarySearch(sorted, photo)
	return found
}

// deniedRows returns for each of the chosen photos the first row that denies it
// one of the classes.
func (s *Selection) deniedRows(ctx context.Context, sub *subset, chosen map[uint64]bool) ([]hit, error) {
	if len(chosen) == 0 {
		return nil, nil
	}
	wanted := map[string]int{}
	for _, group := range s.query.Deny {
		for _, mid := range group {
			wanted[mid] = 0
		}
	}
	var hits []hit
	var done map[uint64]bool
	reset := func() error {
		hits, done = nil, map[uint64]bool{}
		return nil
	}
	err := s.readLabels(ctx, sub, wanted, reset, func(row *openimages.BoxRow) {
		photo := csvscan.Key64(row.ImageID)
		if row.Denied && chosen[photo] && !done[photo] {
			done[photo] = true
			hits = append(hits, newHit(row, len(s.query.Classes)))
		}
	})
	return hits, err
}

// otherRows samples n photos that have other labels and are not barred, and
// returns the first such row of each.
func (s *Selection) otherRows(ctx context.Context, sub *subset, n int64, barred func(photo uint64) bool) ([]hit, error) {
	sample := &lowest{size: n}
	held := map[uint64]hit{} // by rank
	// Rows beyond it need not be parsed. It falls as the sample fills.
	var bound atomic.Uint64
	bound.Store(math.MaxUint64)
	err := openimages.ReadBoxes(ctx, s.query.Source, sub.boxes, openimages.BoxRequest{
		Labels: true,
		Want:   s.unrelated,
		Pick:   func(hash uint64) bool { return photoRank(s.query.Seed, hash) <= bound.Load() },
		Row: func(row *openimages.PickedRow) error {
			rank := photoRank(s.query.Seed, row.Hash)
			_, again := held[rank]
			if row.Denied || again || !sample.admits(rank) {
				return nil
			}
			s.seen(&row.BoxRow)
			if barred(csvscan.Key64(row.ImageID)) || s.query.Refuse != nil && s.query.Refuse(&row.BoxRow) != "" {
				return nil
			}
			if int64(len(sample.entries)) == n {
				delete(held, sample.entries[0].rank)
			}
			held[rank] = newHit(&row.BoxRow, len(s.query.Classes))
			sample.add(ranked{rank: rank})
			if int64(len(sample.entries)) == n {
				bound.Store(sample.entries[0].rank)
			}
			return nil
		},
		Bad: func(*openimages.RowError) error { return nil },
	})
	return slices.Collect(maps.Values(held)), err
}
