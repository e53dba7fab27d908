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
	rows, images, err = q.Dataset.Lists(subset, q.ImageLabels)
	if err == nil && q.ImageLabels && rows.Path == "" {
		err = fmt.Errorf("data set %s has no image-level labels", q.Dataset.Name)
	}
	return rows, images, err
}

// labelFates returns why the labels of a photo are no items, "" for one that
// may be. It returns nil for boxes, of which a photo can have many.
func (q *Query) labelFates(all []match) []string {
	if !q.ImageLabels {
		return nil
	}
	fates := make([]string, len(all))
	// A label that another one is more specific than does not count.
	for i, m := range all {
		for _, o := range all {
			if o.label != m.label && q.MoreSpecific != nil && q.MoreSpecific(o.label, m.label) {
				fates[i] = ReasonSeveral
			}
		}
	}
	first, several := -1, false
	for i, m := range all {
		switch {
		case fates[i] != "":
		case first < 0:
			first = i
		case all[first].label == m.label:
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

// scanExclusions finds the photos that show what is to be left out.
func (s *Selection) scanExclusions(ctx context.Context, sub *subset) error {
	if !s.query.ImageLabels {
		return nil
	}
	classes := map[string][]int{} // that leave a MID out
	for i, mids := range s.query.Veto {
		for mid := range mids {
			classes[mid] = append(classes[mid], i)
		}
	}
	if len(classes) == 0 {
		return nil
	}
	sub.exclusions = make([][]uint64, len(s.query.Veto))
	for row, err := range s.readLabels(ctx, sub, keys(classes)) {
		if err != nil {
			return err
		}
		if row.Denied {
			continue
		}
		photo := csvscan.Key64(row.ImageID)
		for _, i := range classes[row.MID] {
			sub.exclusions[i] = append(sub.exclusions[i], photo)
		}
	}
	for _, list := range sub.exclusions {
		slices.Sort(list)
	}
	return nil
}

// excludes reports whether a match's photo also shows what its label leaves
// out.
func (sub *subset) excludes(m *match) bool {
	return m.label < len(sub.exclusions) && has(sub.exclusions[m.label], csvscan.Key64(m.id))
}

// labelEvidence are the photos of a subset of which people have said something
// that bears on the classes, by csvscan.Key64.
type labelEvidence struct {
	negatives [][]uint64 // for each group of Query.Deny, those denied one of its MIDs
	positives []uint64   // affirmed to show a class, or a kind of one
	maybe     []uint64   // affirmed to show what a class is a kind of
}

// sampleUnlabelled samples photos that show none of the classes, and keeps a
// row of each in candidates, in the order of the list. Those that are verified
// to show none rank before all others.
func (s *Selection) sampleUnlabelled(ctx context.Context, sub *subset, candidates *spool, size int64) ([]ranked, error) {
	v, err := s.evidence(ctx, sub)
	if err != nil {
		return nil, err
	}
	verified := v.none(s.query.Seed, size)
	matches, err := s.deniedRows(ctx, sub, verified)
	if err != nil {
		return nil, err
	}
	if left := size - int64(len(verified)); left > 0 {
		more, err := s.otherRows(ctx, sub, left, func(photo uint64) bool {
			_, is := verified[photo]
			return is || has(v.positives, photo) || has(v.maybe, photo)
		})
		if err != nil {
			return nil, err
		}
		matches = append(matches, more...)
	}
	slices.SortFunc(matches, func(a, b match) int { return cmp.Compare(a.place, b.place) })
	var e csvscan.Encoder
	entries := make([]ranked, len(matches))
	for i := range matches {
		e.Buf = e.Buf[:0]
		matches[i].append(&e)
		photo := csvscan.Key64(matches[i].id)
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

// evidence reads what has been said of the classes and their relatives.
func (s *Selection) evidence(ctx context.Context, sub *subset) (*labelEvidence, error) {
	q := s.query
	groups := map[string][]int{}
	for i, group := range q.Deny {
		for _, mid := range group {
			groups[mid] = append(groups[mid], i)
		}
	}
	wanted := map[string]bool{}
	for _, mids := range []map[string]bool{keys(q.Assign), q.Kinds, q.Unfit, keys(groups)} {
		maps.Copy(wanted, mids)
	}
	v := &labelEvidence{negatives: make([][]uint64, len(q.Deny))}
	for row, err := range s.readLabels(ctx, sub, wanted) {
		if err != nil {
			return nil, err
		}
		photo := csvscan.Key64(row.ImageID)
		_, asked := q.Assign[row.MID]
		if row.Denied {
			s.seen(row)
		}
		switch {
		case row.Denied && (q.Refuse == nil || q.Refuse(&row.BoxRow) == ""):
			for _, i := range groups[row.MID] {
				v.negatives[i] = append(v.negatives[i], photo)
			}
		case row.Denied:
		case asked || q.Kinds[row.MID]:
			v.positives = append(v.positives, photo)
		default:
			v.maybe = append(v.maybe, photo)
		}
	}
	for _, list := range append(slices.Clone(v.negatives), v.positives, v.maybe) {
		slices.Sort(list)
	}
	return v, nil
}

func keys[V any](m map[string]V) map[string]bool {
	set := make(map[string]bool, len(m))
	for k := range m {
		set[k] = true
	}
	return set
}

// readLabels yields the rows of some labels, each valid until the next. Broken
// ones are counted where the matches are.
func (s *Selection) readLabels(ctx context.Context, sub *subset, mids map[string]bool) seq[*openimages.PickedRow] {
	set := make(map[string]int, len(mids))
	for mid := range mids {
		set[mid] = 0
	}
	return s.sound(ctx, sub, openimages.BoxRequest{
		Labels: true, MIDs: slices.Collect(maps.Keys(mids)), Want: openimages.NewMIDSet(set).Has,
	})
}

// sound yields the rows of a list that are asked for and not broken.
func (s *Selection) sound(ctx context.Context, sub *subset, request openimages.BoxRequest) seq[*openimages.PickedRow] {
	return func(yield func(*openimages.PickedRow, error) bool) {
		for rows, err := range sub.list.Read(ctx, request) {
			if err != nil {
				yield(nil, err)
				return
			}
			for i := range rows {
				if rows[i].Fault == nil && !yield(&rows[i].Value, nil) {
					return
				}
			}
		}
	}
}

// none returns up to n photos that are verified to show none of the classes:
// those of the lowest ranks.
func (v *labelEvidence) none(seed uint64, n int64) map[uint64]bool {
	sample := &lowest{size: n}
	if len(v.negatives) > 0 {
		last := uint64(0)
		for i, photo := range v.negatives[0] {
			again := i > 0 && photo == last
			last = photo
			rank := photoRank(seed, csvscan.Mix(photo))
			if again || !sample.admits(rank) || has(v.positives, photo) || slices.ContainsFunc(v.negatives[1:], func(list []uint64) bool { return !has(list, photo) }) {
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
func (s *Selection) deniedRows(ctx context.Context, sub *subset, chosen map[uint64]bool) ([]match, error) {
	if len(chosen) == 0 {
		return nil, nil
	}
	wanted := map[string]bool{}
	for _, group := range s.query.Deny {
		for _, mid := range group {
			wanted[mid] = true
		}
	}
	var matches []match
	done := map[uint64]bool{}
	for row, err := range s.readLabels(ctx, sub, wanted) {
		if err != nil {
			return nil, err
		}
		photo := csvscan.Key64(row.ImageID)
		if row.Denied && chosen[photo] && !done[photo] {
			done[photo] = true
			matches = append(matches, newMatch(&row.BoxRow, len(s.query.Classes)))
		}
	}
	return matches, nil
}

// otherRows samples n photos that have other labels and are not barred, and
// returns the first such row of each.
func (s *Selection) otherRows(ctx context.Context, sub *subset, n int64, barred func(photo uint64) bool) ([]match, error) {
	sample := &lowest{size: n}
	kept := map[uint64]match{} // by rank
	// Rows beyond it need not be parsed. It falls as the sample fills.
	var bound atomic.Uint64
	bound.Store(math.MaxUint64)
	rows := s.sound(ctx, sub, openimages.BoxRequest{
		Labels: true,
		Want:   s.unrelated,
		Pick:   func(hash uint64) bool { return photoRank(s.query.Seed, hash) <= bound.Load() },
	})
	for row, err := range rows {
		if err != nil {
			return nil, err
		}
		rank := photoRank(s.query.Seed, row.Hash)
		_, again := kept[rank]
		if row.Denied || again || !sample.admits(rank) {
			continue
		}
		s.seen(row)
		if barred(csvscan.Key64(row.ImageID)) || s.query.Refuse != nil && s.query.Refuse(&row.BoxRow) != "" {
			continue
		}
		if int64(len(sample.entries)) == n {
			delete(kept, sample.entries[0].rank)
		}
		kept[rank] = newMatch(&row.BoxRow, len(s.query.Classes))
		sample.add(ranked{rank: rank})
		if int64(len(sample.entries)) == n {
			bound.Store(sample.entries[0].rank)
		}
	}
	return slices.Collect(maps.Values(kept)), nil
}

// seen passes on a row that may become a negative.
func (s *Selection) seen(row *openimages.PickedRow) {
	if s.query.Seen != nil {
		s.query.Seen(&row.BoxRow)
	}
}
