package selection

import (
	"context"
	"errors"
	"fmt"

	"github.com/opensandwich/oi/cmd/internal/openimages"
	"github.com/opensandwich/oi/record"
)

// errLeft ends a walk of which no more is wanted.
var errLeft = errors.New("no more is wanted")

// Emit makes the items of a selection, in the order of the subsets and their
// lists, some at a time. start is called once on each of several goroutines,
// for a function that adds an item to what it is given, which is none of B at
// first. The item and its parts are valid during the call. write is called on
// the caller's goroutine, in order, with what has been made of some items, and
// their number. An error of either ends it.
func Emit[B any](ctx context.Context, s *Selection, start func() func(B, *record.Item) (B, error), write func(made B, items int64) error) error {
	var limits *quotas
	if s.query.limited() {
		var err error
		if limits, err = s.quotas(ctx); err != nil {
			return err
		}
		if s.query.Shard == nil {
			s.expected = limits.items
		}
	}
	type result struct {
		counts
		made B
	}
	worker := func(ctx context.Context) func(*batch) (*result, error) {
		j, add, room := s.newJudge(), start(), new(rendering)
		return func(b *batch) (_ *result, err error) {
			r := &result{counts: counts{batch: b}}
			r.badImages, err = j.each(ctx, b, func(c *candidate) error {
				if c.reason == "" && !limits.keeps(s.query.Seed, c.match) {
					return nil // it has been accounted for
				}
				if c.reason == "" && s.query.Shard != nil && !s.query.Shard(c.match.id) {
					c.reason = ReasonShard
				} else if c.reason != "" && limits != nil {
					return nil // so has it
				}
				if c.reason != "" {
					r.lose(s, c)
					return nil
				}
				item := room.render(s, c)
				r.keep(c.match.label, item.Set)
				r.doubles.count(s.query, c, func(m *match) bool { return limits.keeps(s.query.Seed, m) })
				r.made, err = add(r.made, item)
				return err
			})
			return r, err
		}
	}
	for r, err := range inOrder(ctx, func(ctx context.Context) seq[*batch] { return s.batches(ctx, limits) }, worker) {
		if err != nil {
			return err
		}
		if err := s.count(ctx, &r.counts); err != nil {
			return err
		}
		r.batch.release()
		if r.items > 0 {
			if err := write(r.made, r.items); err != nil {
				return err
			}
		}
	}
	s.counted = true
	if limits != nil {
		return s.complete(limits)
	}
	return nil
}

// counts is what became of the rows of a batch.
type counts struct {
	batch     *batch
	badImages []*openimages.RowError
	items     int64
	kept      []setCount
	lost      []lostCount
	failed    []failure
	doubles   doubleCounts
}

type setCount struct {
	label int
	set   string
	n     int64
}

type lostCount struct {
	label  int
	reason string
	n      int64
}

// A failure is a row that a fault of its own takes away.
type failure struct {
	match  *match
	reason string
	item   *record.Item
}

// keep counts an item.
func (t *counts) keep(label int, set string) {
	t.items++
	for i := range t.kept {
		if t.kept[i].label == label && t.kept[i].set == set {
			t.kept[i].n++
			return
		}
	}
	t.kept = append(t.kept, setCount{label, set, 1})
}

// lose counts a match that is no item.
func (t *counts) lose(s *Selection, c *candidate) {
	if c.failed {
		item := new(rendering).render(s, c)
		if item.Image != nil {
			image := *item.Image // of which the judge makes another's
			item.Image = &image
		}
		t.failed = append(t.failed, failure{c.match, c.reason, item})
		return
	}
	if c.reason == ReasonDouble {
		t.doubles.count(s.query, c, func(*match) bool { return true })
	}
	for i := range t.lost {
		if t.lost[i].label == c.match.label && t.lost[i].reason == c.reason {
			t.lost[i].n++
			return
		}
	}
	t.lost = append(t.lost, lostCount{c.match.label, c.reason, 1})
}

// count enters into the accounts what became of a batch, and its rows if they
// have not been.
func (s *Selection) count(ctx context.Context, t *counts) error {
	if err := s.countRows(t.batch, t.badImages); err != nil {
		return err
	}
	for _, k := range t.kept {
		s.tally[k.label].Kept += k.n
		s.tally[k.label].Sets[k.set] += k.n
	}
	if t.items > 0 {
		s.ledger.Out(t.items)
	}
	for _, l := range t.lost {
		s.tally[l.label].Lost[l.reason] += l.n
		s.ledger.Remove(l.reason, l.n)
	}
	if err := s.doubles.add(&t.doubles, s.query.Doubles.Seen); err != nil {
		return err
	}
	for _, f := range t.failed {
		s.tally[f.match.label].Lost[f.reason]++
		line, err := t.batch.sub.line(ctx, f.match)
		if err != nil {
			return err
		}
		detail := fmt.Sprintf("%s:%d", t.batch.sub.boxes.Path, line)
		if official, ok := openimages.RestoreID(f.match.id); ok && f.reason == ReasonNotListed {
			detail += fmt.Sprintf(": %s may be %s, as official ids are written", f.match.id, official)
		}
		if err := s.ledger.Skip(f.item, f.reason, detail); err != nil {
			return err
		}
	}
	return nil
}

// line returns the line of a match's row. One that was found through an index
// has not been counted yet.
func (sub *subset) line(ctx context.Context, m *match) (int64, error) {
	if m.line > 0 {
		return m.line, nil
	}
	return sub.list.Line(ctx, m.place)
}

// countRows enters the rows of a batch into the accounts, the first time that
// they are read.
func (s *Selection) countRows(b *batch, badImages []*openimages.RowError) error {
	if s.counted {
		return nil
	}
	if !b.sub.counted {
		for _, bad := range b.bad {
			if err := s.countBad(b.sub, bad); err != nil {
				return err
			}
		}
		s.countGroups(b)
	}
	for _, bad := range badImages {
		place := badPlace{bad.File, bad.Line}
		if s.countedBad[place] {
			continue // of a photo that has several groups
		}
		s.countedBad[place] = true
		if err := s.malformed(bad); err != nil {
			return err
		}
	}
	return nil
}
