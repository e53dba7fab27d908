package selection

import (
	"cmp"
	"context"
	"errors"
	"math"
	"slices"
	"sync/atomic"

	"github.com/opensandwich/oi/cmd/internal/csvscan"
	"github.com/opensandwich/oi/cmd/internal/openimages"
)

// addNegatives draws rows of other classes and puts them between the matches,
// in the order of the lists. A row that any rule would take away again cannot
// be drawn: there are as many as were asked for, unless there are no more.
func (s *Selection) addNegatives(ctx context.Context) (err error) {
	draws := make([]draw, len(s.subsets))
	defer func() {
		for i := range draws {
			err = errors.Join(err, draws[i].close())
		}
	}()
	weights, most := make([]int64, len(s.subsets)), make([]int64, len(s.subsets))
	for i, sub := range s.subsets {
		weights[i], most[i] = sub.rows, math.MaxInt64
	}
	for {
		quotas := proportional(s.query.Negatives, weights, most)
		short := false
		for i, sub := range s.subsets {
			d := &draws[i]
			if d.offers(quotas[i]) {
				continue
			}
			if err := s.draw(ctx, sub, d, quotas[i]); err != nil {
				return err
			}
			if d.all {
				most[i] = int64(len(d.fit) + len(d.shared))
			}
			short = short || !d.offers(quotas[i])
		}
		if short {
			continue // with what the others lack, or a larger sample
		}
		for i, sub := range s.subsets {
			if err := s.take(sub, &draws[i], quotas[i]); err != nil {
				return err
			}
		}
		return nil
	}
}

// A draw is a sample of the rows of a subset that can be negatives.
type draw struct {
	size int64  // of the sample
	rows *spool // the sample, in the order of the list
	// fit are the different rows of the sample that no rule takes away, and
	// shared those whose authors are on the other side of the division; by
	// rank.
	fit, shared []ranked
	all         bool // the sample has all rows that there are
}

// offers reports whether n rows can be taken.
func (d *draw) offers(n int64) bool {
	if !d.all {
		return n <= int64(len(d.fit))
	}
	return n <= int64(len(d.fit)+len(d.shared))
}

func (d *draw) close() error {
	if d.rows == nil {
		return nil
	}
	return d.rows.close()
}

// draw makes a draw, or a larger one where one has been made, so that n rows
// are left of it.
func (s *Selection) draw(ctx context.Context, sub *subset, d *draw, n int64) error {
	if err := d.close(); err != nil {
		return err
	}
	const plenty = 1 << 40 // more rows than any list has
	n = min(n, plenty)
	size := max(n+n/8+64, 4*d.size)
	*d = draw{size: size, rows: &spool{}}
	candidates := &spool{}
	defer candidates.close() // read only by now, and without a name
	sample := s.sampleBoxes
	if s.query.ImageLabels {
		sample = s.sampleUnlabelled
	}
	entries, err := sample(ctx, sub, candidates, size)
	if err != nil {
		return err
	}
	d.all = int64(len(entries)) < size
	slices.SortFunc(entries, func(a, b ranked) int { return cmp.Compare(a.offset, b.offset) })
	buf := make([]byte, spoolGuess)
	for i := range entries {
		entry, err := candidates.at(entries[i].offset, buf)
		if err != nil {
			return err
		}
		if entries[i].offset, err = d.rows.add(entry); err != nil {
			return err
		}
	}
	return s.sift(ctx, sub, d, entries)
}

// sift finds the rows of a draw that no rule takes away. entries are its rows.
func (s *Selection) sift(ctx context.Context, sub *subset, d *draw, entries []ranked) error {
	type candidate struct {
		ranked
		key    uint64 // of the box
		shared bool
	}
	var found []candidate
	buf := make([]byte, spoolGuess)
	j := s.newJudge()
	for part := range slices.Chunk(entries, batchSize) {
		b := &batch{sub: sub}
		for _, e := range part {
			entry, err := d.rows.at(e.offset, buf)
			if err != nil {
				return err
			}
			m, err := decodeMatch(entry)
			if err != nil {
				return err
			}
			b.groups = append(b.groups, group{matches: []match{m}})
		}
		if err := s.openImages(ctx, sub); err != nil {
			return err
		}
		if err := sub.fetchImages([]*batch{b}, false); err != nil {
			return err
		}
		// Of the rows of photos that are not drawn, broken ones are of
		// no interest, and those that are drawn are not broken.
		if _, err := j.images(b); err != nil {
			return err
		}
		for i := range b.groups {
			row := j.image(i)
			if row == nil {
				continue
			}
			m := &b.groups[i].matches[0]
			c := candidate{ranked: part[i], key: csvscan.Mix(csvscan.Mix(csvscan.Key64(m.id)) ^ m.sum>>32)}
			if s.query.StrictAuthors {
				author := csvscan.Key64(s.query.Group(row.Image.AuthorURL, row.Image.Author, m.id))
				if sub.name == openimages.Train && s.held[author] {
					continue
				}
				c.shared = sub.name != openimages.Train && s.trained[author] && !s.held[author]
			}
			found = append(found, c)
		}
	}
	byRank := func(a, b candidate) int {
		return cmp.Or(cmp.Compare(a.rank, b.rank), cmp.Compare(a.offset, b.offset))
	}
	slices.SortFunc(found, func(a, b candidate) int { return cmp.Or(cmp.Compare(a.key, b.key), byRank(a, b)) })
	found = slices.CompactFunc(found, func(a, b candidate) bool { return a.key == b.key })
	slices.SortFunc(found, byRank)
	for _, c := range found {
		if c.shared {
			d.shared = append(d.shared, c.ranked)
		} else {
			d.fit = append(d.fit, c.ranked)
		}
	}
	return nil
}

// sampleBoxes samples boxes of other classes, and keeps them in candidates.
func (s *Selection) sampleBoxes(ctx context.Context, sub *subset, candidates *spool, size int64) ([]ranked, error) {
	sample := &lowest{size: size}
	var e csvscan.Encoder
	place := func(hash uint64) uint64 { return csvscan.Mix(hash ^ csvscan.Mix(s.query.Seed)) } // in the random order
	// Rows beyond it need not be parsed. It falls as the sample fills.
	var bound atomic.Uint64
	bound.Store(math.MaxUint64)
	rows := s.sound(ctx, sub, openimages.BoxRequest{
		Want: s.unrelated,
		Pick: func(hash uint64) bool { return place(hash) <= bound.Load() },
	})
	// The scan for matches has counted the rows that could be seen to be
	// broken; of the others, one that is drawn is as good as not there.
	for row, err := range rows {
		if err != nil {
			return nil, err
		}
		if !sample.admits(place(row.Hash)) {
			continue
		}
		s.seen(row)
		m := newMatch(&row.BoxRow, len(s.query.Classes))
		if !row.Sane() || s.query.Refuse != nil && s.query.Refuse(&row.BoxRow) != "" {
			continue
		}
		meets, err := sub.gathered.meets(&m)
		if err != nil {
			return nil, err
		}
		if meets {
			continue
		}
		e.Buf = e.Buf[:0]
		m.append(&e)
		offset, err := candidates.add(e.Buf)
		if err != nil {
			return nil, err
		}
		sample.add(ranked{place(row.Hash), offset})
		if int64(len(sample.entries)) == size {
			bound.Store(sample.entries[0].rank)
		}
	}
	return sample.entries, nil
}

// unrelated reports whether a class's boxes can be negatives.
func (s *Selection) unrelated(mid []byte) bool {
	_, asked := s.query.Assign[string(mid)]
	return !asked && !s.query.Unfit[string(mid)]
}

// meets reports whether a box shares area with a match in the same photo, or
// its key.
func (g *gathered) meets(m *match) (bool, error) {
	matches, err := g.load(m.id)
	return slices.ContainsFunc(matches, func(o match) bool {
		return o.sum>>32 == m.sum>>32 ||
			max(m.box.XMin, o.box.XMin) < min(m.box.XMax, o.box.XMax) &&
				max(m.box.YMin, o.box.YMin) < min(m.box.YMax, o.box.YMax)
	}), err
}

// take makes one spool of the matches and the first n rows of a draw, in the
// order of the list.
func (s *Selection) take(sub *subset, d *draw, n int64) error {
	if n == 0 {
		return nil
	}
	chosen := slices.Clone(d.fit[:min(n, int64(len(d.fit)))])
	more := d.shared[:n-int64(len(chosen))]
	s.shared += int64(len(more))
	chosen = append(chosen, more...)
	slices.SortFunc(chosen, func(a, b ranked) int { return cmp.Compare(a.offset, b.offset) })
	merged := &gathered{matches: &spool{}} // negatives may be apart where the matches are not
	buf := make([]byte, spoolGuess)
	// addUpTo adds the chosen rows before limit; all if 0.
	addUpTo := func(limit int64) error {
		for ; len(chosen) > 0; chosen = chosen[1:] {
			entry, err := d.rows.at(chosen[0].offset, buf)
			if err != nil {
				return err
			}
			m, err := decodeMatch(entry)
			if err != nil {
				return err
			}
			if limit > 0 && m.place > limit {
				return nil
			}
			s.tally[m.label].Rows++
			s.ledger.In(1)
			if _, err := merged.matches.add(entry); err != nil {
				return err
			}
		}
		return nil
	}
	err := sub.gathered.matches.each(func(entry []byte, _ int64) error {
		m, err := decodeMatch(entry)
		if err != nil {
			return err
		}
		if err := addUpTo(m.place); err != nil {
			return err
		}
		_, err = merged.matches.add(entry)
		return err
	})
	if err == nil {
		err = addUpTo(0)
	}
	if err == nil {
		err = merged.index()
	}
	if err != nil {
		return errors.Join(err, merged.matches.close())
	}
	err = sub.gathered.matches.close()
	sub.gathered = merged
	return err
}
