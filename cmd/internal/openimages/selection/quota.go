package selection

import (
	"cmp"
	"context"
	"errors"
	"math"
	"slices"

	"github.com/opensandwich/oi/cmd/internal/csvscan"
)

// quotas say which matches of each label are kept: those of the lowest ranks.
type quotas struct {
	highest []uint64                    // rank that is kept, by label
	none    []bool                      // labels of which nothing is
	ranges  map[*subset][]csvscan.Range // of the subsets of which little is kept
	items   int64                       // how many are kept, negatives included
	store   *rankStore                  // where this comes from, nil if not from there
}

// A sound is a match that no rule takes away but a limit: 24 bytes. The matches
// of its photo are at from and up to span bytes after it.
type sound struct {
	rank uint64
	from int64
	span uint32
	sub  uint8 // position in Selection.subsets
}

// A lowestSounds keeps the sounds of the lowest ranks.
type lowestSounds struct {
	have    int64 // of how many
	bound   uint64
	entries []sound
}

// add takes in a sound. No more than most are needed in the end; of two calls,
// the second may say fewer.
func (l *lowestSounds) add(e sound, most int64) {
	l.have++
	if e.rank > l.bound {
		return
	}
	l.entries = append(l.entries, e)
	if int64(len(l.entries)) >= 2*most+1024 {
		l.cut(most)
	}
}

// cut drops all but n.
func (l *lowestSounds) cut(n int64) {
	slices.SortFunc(l.entries, func(a, b sound) int { return cmp.Compare(a.rank, b.rank) })
	l.entries = l.entries[:min(n, int64(len(l.entries)))]
	if len(l.entries) > 0 && int64(len(l.entries)) == n {
		l.bound = l.entries[n-1].rank
	}
}

// limited reports whether there is a limit of any kind. One class is balanced
// as it is.
func (q *Query) limited() bool {
	return q.Limit > 0 || q.MaxPerClass > 0 || q.Balance && len(q.Classes) > 1
}

// quotas judges every match, accounts for those that are no items, limits
// included, and finds the ones to keep.
func (s *Selection) quotas(ctx context.Context) (*quotas, error) {
	q := s.query
	most := int64(math.MaxInt64 / 4)
	for _, limit := range []int64{q.Limit, q.MaxPerClass} {
		if limit > 0 {
			most = min(most, limit)
		}
	}
	store := s.rankStore(ctx)
	if found := store.load(s); found != nil && q.suffices(found.labels) {
		if err := s.enter(ctx, found); err != nil {
			return nil, errors.Join(err, store.reject(err))
		}
		chosen := s.choose(found.labels)
		chosen.store = store
		return chosen, nil
	}
	found := &rankings{sample: s.newSample(most, store.least()), lost: make([]map[string]int64, len(q.Classes))}
	for i := range found.lost {
		found.lost[i] = map[string]int64{}
	}
	negatives, broken := int64(0), s.broken
	for _, sub := range s.subsets {
		n, err := s.rankSubset(ctx, sub, found)
		if err != nil {
			return nil, err
		}
		negatives += n
	}
	s.counted = true
	if store != nil && s.broken == broken {
		found.cut()
		store.save(ctx, s, found)
	}
	chosen := s.choose(found.labels)
	chosen.items += negatives
	return chosen, nil
}

// rankSubset judges every match of a subset, and returns how many are
// negatives.
func (s *Selection) rankSubset(ctx context.Context, sub *subset, found *rankings) (negatives int64, err error) {
	// What divides authors has to know them, all else only whether a photo
	// is listed.
	listed := !s.query.StrictAuthors
	batches := func(ctx context.Context) seq[*batch] { return s.subsetBatches(ctx, sub, nil, listed) }
	quick, err := s.rankPacked(ctx, sub, found.sample)
	if err != nil {
		return 0, err
	}
	if quick != nil {
		if err := s.enterPacked(sub, quick, found); err != nil {
			return 0, err
		}
		batches = func(ctx context.Context) seq[*batch] {
			return sub.withImages(quick.others(s.readBatches(ctx, sub, quick.odd)), mostListed, true)
		}
	}
	for r, err := range inOrder(ctx, batches, s.rankBatch) {
		if err != nil {
			return 0, err
		}
		if err := s.count(ctx, &r.counts); err != nil {
			return 0, err
		}
		found.add(r)
		r.batch.release()
		negatives += r.negatives
		for _, e := range r.sounds {
			found.take(e.label, e.sound)
		}
	}
	return negatives, nil
}

// A sample keeps the sounds of the lowest ranks of each label.
type sample struct {
	labels []lowestSounds // negatives have a number of their own
	most   int64          // that a label keeps in the end, as far as is known
	least  int64          // that are kept, where there are so many
	// With a balance a label that has any keeps at most what it has, its
	// rows, and then no other keeps more.
	rows []int64 // by label, nil without a balance
}

// newSample returns an empty sample of up to most of a label, and at the least
// of so many.
func (s *Selection) newSample(most, least int64) sample {
	n := len(s.query.Classes)
	k := sample{labels: make([]lowestSounds, n), most: most, least: least}
	for i := range k.labels {
		k.labels[i].bound = math.MaxUint64
		if s.query.Balance {
			k.rows = append(k.rows, s.announced[i]+s.tally[i].Rows)
		}
	}
	return k
}

// take takes in a sound of a label.
func (k *sample) take(label int, e sound) {
	l := &k.labels[label]
	if l.have == 0 && k.rows != nil {
		k.most = min(k.most, k.rows[label])
	}
	l.add(e, max(k.most, k.least))
}

// cut drops what is not needed.
func (k *sample) cut() {
	for i := range k.labels {
		k.labels[i].cut(max(k.most, k.least))
	}
}

// ranking is what a judge found out about a batch.
type ranking struct {
	counts
	sounds    []labelSound
	negatives int64
}

type labelSound struct {
	label int
	sound
}

// rankBatch returns a function that judges a batch.
func (s *Selection) rankBatch(ctx context.Context) func(*batch) (*ranking, error) {
	j := s.newJudge()
	return func(b *batch) (_ *ranking, err error) {
		r := &ranking{counts: counts{batch: b}, sounds: make([]labelSound, 0, len(b.matches))}
		r.badImages, err = j.each(ctx, b, func(c *candidate) error {
			switch {
			case c.failed:
				if err := j.readImage(c); err != nil {
					return err
				}
				r.lose(s, c)
			case c.reason != "":
				r.lose(s, c)
			case c.match.label < len(s.query.Classes):
				r.sounds = append(r.sounds, labelSound{c.match.label, newSound(rank(s.query.Seed, c.match), c.group.matches, c.sub)})
			default:
				r.negatives++
			}
			return nil
		})
		return r, err
	}
}

// choose divides what there is by the limits.
func (s *Selection) choose(labels []lowestSounds) *quotas {
	have := make([]int64, len(labels))
	for i := range labels {
		have[i] = labels[i].have
	}
	keep, lost := s.query.shares(have)
	kept := make([]int64, len(s.subsets))
	chosen := &quotas{highest: make([]uint64, len(labels)), none: make([]bool, len(labels)), ranges: map[*subset][]csvscan.Range{}}
	for i := range labels {
		s.lose(i, lost[i])
		chosen.items += keep[i]
		l := &labels[i]
		if chosen.none[i] = keep[i] == 0; chosen.none[i] {
			l.entries = nil
			continue
		}
		l.cut(keep[i])
		chosen.highest[i] = l.entries[len(l.entries)-1].rank
		for _, e := range l.entries {
			kept[e.sub]++
		}
	}
	for i := range labels {
		for _, e := range labels[i].entries {
			if sub := s.subsets[e.sub]; !many(sub, kept) {
				chosen.ranges[sub] = append(chosen.ranges[sub], csvscan.Range{From: e.from, To: e.from + int64(e.span)})
			}
		}
		labels[i].entries = nil
	}
	for _, sub := range s.subsets {
		if many(sub, kept) {
			continue
		}
		ranges := chosen.ranges[sub]
		slices.SortFunc(ranges, func(a, b csvscan.Range) int { return cmp.Compare(a.From, b.From) })
		ranges = slices.Compact(ranges)
		if ranges == nil {
			ranges = []csvscan.Range{} // nothing, not everything
		}
		chosen.ranges[sub] = ranges
	}
	return chosen
}

// lose accounts for rows of a label that rules take away.
func (s *Selection) lose(label int, lost map[string]int64) {
	for reason, n := range lost {
		s.tally[label].Lost[reason] += n
		s.ledger.Remove(reason, n)
	}
}

// many reports whether so many matches of a subset are kept that all rows are
// read again: by the index that costs less than each at its place.
func many(sub *subset, kept []int64) bool {
	const share = 16
	return kept[sub.number] > 0 && kept[sub.number] >= sub.rows/share
}

// keeps reports whether a match that no other rule takes away is kept.
func (k *quotas) keeps(seed uint64, m *match) bool {
	if k == nil || m.label >= len(k.highest) {
		return true
	}
	return !k.none[m.label] && rank(seed, m) <= k.highest[m.label]
}

// rangesOf returns where in a subset's list something is kept, or nil for
// everywhere.
func (k *quotas) rangesOf(sub *subset) []csvscan.Range {
	if k == nil {
		return nil
	}
	return k.ranges[sub]
}

// only drops groups of which nothing is kept: ranges that are near each other
// are read as one, and the image row of each group costs more than the group.
func (k *quotas) only(seed uint64, batches seq[*batch]) seq[*batch] {
	if k == nil {
		return batches
	}
	return without(batches, func(g group) bool {
		return !slices.ContainsFunc(g.matches, func(m match) bool { return k.keeps(seed, &m) })
	})
}

// shares says how many matches of each label are kept of what they have, and
// how many go beyond which limit.
func (q *Query) shares(have []int64) (keep []int64, lost []map[string]int64) {
	keep, lost = make([]int64, len(have)), make([]map[string]int64, len(have))
	cut := func(i int, n int64, reason string) {
		if n < keep[i] {
			lost[i][reason], keep[i] = keep[i]-n, n
		}
	}
	fewest := int64(0) // of the labels that have any
	for i, n := range have {
		keep[i], lost[i] = n, map[string]int64{}
		if q.MaxPerClass > 0 {
			cut(i, q.MaxPerClass, ReasonMost)
		}
		if keep[i] > 0 && (fewest == 0 || keep[i] < fewest) {
			fewest = keep[i]
		}
	}
	if q.Balance {
		for i := range keep {
			cut(i, fewest, ReasonBalance)
		}
	}
	if q.Limit > 0 {
		for i, n := range share(q.Limit, keep) {
			cut(i, n, ReasonLimit)
		}
	}
	return keep, lost
}
