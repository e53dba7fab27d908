package selection

import (
	"cmp"
	"context"
	"slices"

	"github.com/opensandwich/oi/cmd/internal/csvscan"
	"github.com/opensandwich/oi/cmd/internal/openimages"
)

// A limit judges all rows of its classes. Of most photos of a list whose index
// holds the rows there is nothing to judge: they are listed, and their boxes
// are sane and differ from each other. Their rows are ranked as the index holds
// them, without making matches of them. The other photos are few, and are
// judged as all are elsewhere.

// packedRanks is what was found out about a subset by its index alone.
type packedRanks struct {
	sample sample
	rows   []int64            // by label, without those of odd
	lost   []map[string]int64 // by label: rows that Query.Refuse takes away
	bad    []*openimages.RowError
	odd    []csvscan.Range // where the photos are that are to be judged, in order
}

const (
	// mostBad bounds the broken rows of such a list.
	mostBad = 1 << 12
	// mostOdd bounds the photos to be judged, and oddShare is of how many
	// one may be more.
	mostOdd  = 1 << 10
	oddShare = 16
)

// rankPacked ranks the rows of a subset, or returns nil where that cannot be
// done by the index alone.
func (s *Selection) rankPacked(ctx context.Context, sub *subset, all sample) (*packedRanks, error) {
	q := s.query
	if sub.gathered != nil || sub.images == nil || q.StrictAuthors || q.ImageLabels || q.Doubles.Drop || q.Seen != nil {
		return nil, nil
	}
	sums, ok, err := sub.list.ReadSums(ctx, s.mids, openimages.SumRequest{Labels: q.Assign, Refuse: q.Refuse})
	if err != nil || !ok {
		return nil, err
	}
	n := len(q.Classes)
	k := &packedRanks{sample: all, rows: make([]int64, n), lost: make([]map[string]int64, n)}
	k.sample.labels = slices.Clone(all.labels)
	for i := range k.lost {
		k.sample.labels[i].entries = slices.Clone(all.labels[i].entries)
		k.lost[i] = map[string]int64{}
	}
	seed, photos := csvscan.Mix(q.Seed), 0
	var group []packedRow
	var keys []uint32
	flush := func() bool {
		if len(group) == 0 {
			return true
		}
		photos++
		from, to := group[0].place, group[len(group)-1].place
		plain := !slices.ContainsFunc(group, func(r packedRow) bool { return !r.Plain })
		if plain && len(group) > 1 {
			keys = keys[:0]
			for i := range group {
				keys = append(keys, uint32(group[i].Sum>>32))
			}
			slices.Sort(keys)
			plain = len(slices.Compact(keys)) == len(group)
		}
		if !plain || !sub.images.Surely(group[0].Number) {
			k.odd = append(k.odd, csvscan.Range{From: from, To: to})
			group = group[:0]
			return len(k.odd) <= mostOdd+photos/oddShare
		}
		photo := csvscan.Mix(seed ^ group[0].Photo)
		for i := range group {
			r := &group[i]
			k.rows[r.Label]++
			if r.Reason != "" {
				k.lost[r.Label][r.Reason]++
				continue
			}
			k.sample.take(int(r.Label), sound{csvscan.Mix(photo ^ r.Sum), from, uint32(to - from), sub.number})
		}
		group = group[:0]
		return true
	}
	for rows, err := range sums {
		if err != nil {
			return nil, err
		}
		for i := range rows {
			row := &rows[i]
			if row.Fault != nil {
				k.bad = append(k.bad, row.Fault)
				continue
			}
			if len(group) > 0 && row.Value.Photo != group[0].Photo {
				late := row.Value.Photo < group[0].Photo
				if !flush() || late {
					return nil, nil
				}
			}
			group = append(group, packedRow{row.Value, row.At.Offset})
		}
		if len(k.bad) > mostBad || len(group) > maxBoxes {
			return nil, nil
		}
	}
	if !flush() {
		return nil, nil
	}
	return k, nil
}

type packedRow struct {
	openimages.BoxSum
	place int64
}

// others yields of batches the groups that are to be judged. What lies between
// two that are near each other is read with them.
func (k *packedRanks) others(batches seq[*batch]) seq[*batch] {
	if len(k.odd) == 0 {
		return func(func(*batch, error) bool) {} // no ranges would be everything
	}
	return without(batches, func(g group) bool {
		place := g.matches[0].place
		i, at := slices.BinarySearchFunc(k.odd, place, func(r csvscan.Range, place int64) int { return cmp.Compare(r.From, place) })
		return !at && (i == 0 || k.odd[i-1].To < place)
	})
}

// enterPacked enters into the accounts and the rankings what was found out
// about a subset.
func (s *Selection) enterPacked(sub *subset, k *packedRanks, found *rankings) error {
	found.sample = k.sample
	for label, rows := range k.rows {
		sub.rows += rows
		s.tally[label].Rows += rows
		s.ledger.In(rows)
		s.lose(label, k.lost[label])
		for reason, n := range k.lost[label] {
			found.lost[label][reason] += n
		}
	}
	for _, bad := range k.bad {
		if err := s.countBad(sub, bad); err != nil {
			return err
		}
	}
	return nil
}
