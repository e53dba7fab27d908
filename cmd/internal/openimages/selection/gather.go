package selection

import (
	"cmp"
	"context"
	"iter"
	"slices"
	"sort"

	"github.com/opensandwich/oi/cmd/internal/csvscan"
	"github.com/opensandwich/oi/cmd/internal/openimages"
)

// gathered are the matches of a list that is not known to be sorted by photo,
// or to which negatives come.
type gathered struct {
	matches *spool
	runs    []run // sorted by photo, then by place; see index
	sorted  bool  // the matches of each photo follow each other
}

// A run is a stretch of matches of one photo, which follow each other in the
// list: 16 bytes.
type run struct {
	photo uint64 // csvscan.Key64 of the id
	at    int64  // where the first of them is in the spool
}

// gatherMemory is how many bytes of matches are kept before those of a list
// that seems to be sorted are dropped: then they are read again, as they are
// needed.
const gatherMemory = 16 << 20

// gather reads the matches of a subset's list. It returns nil if they are many
// and sorted by photo, so that they need not be kept, unless all are wanted.
func (s *Selection) gather(ctx context.Context, sub *subset, all bool) (_ *gathered, err error) {
	g := &gathered{matches: &spool{most: gatherMemory}, sorted: true}
	if all {
		g.matches.most = 0
	}
	defer func() {
		if err != nil {
			_ = g.matches.close() // of no use any more
		}
	}()
	var e csvscan.Encoder
	last, dropped := "", false
	for rows, err := range sub.list.Read(ctx, s.request()) {
		if err != nil {
			return nil, err
		}
		for i := range rows {
			row := &rows[i]
			switch {
			case row.Fault != nil:
				if err := s.countBad(sub, row.Fault); err != nil {
					return nil, err
				}
				continue
			case row.Value.Denied:
				continue
			}
			m := newMatch(&row.Value.BoxRow, s.query.Assign[row.Value.MID])
			s.countRow(sub, &m)
			g.sorted = g.sorted && last <= m.id
			last = m.id
			if dropped {
				continue
			}
			e.Buf = e.Buf[:0]
			m.append(&e)
			if _, err := g.matches.add(e.Buf); err != nil {
				return nil, err
			}
			if dropped = !all && g.sorted && g.matches.end() > gatherMemory; !dropped {
				continue
			}
			if err := g.matches.close(); err != nil {
				return nil, err
			}
		}
	}
	sub.counted = true
	switch {
	case !dropped:
	case g.sorted:
		return nil, nil
	default: // the rest was not
		return s.gather(ctx, sub, true)
	}
	s.unsorted = s.unsorted || !g.sorted
	if all || !g.sorted {
		err = g.index()
	}
	return g, err
}

// index finds the runs.
func (g *gathered) index() error {
	last := ""
	err := g.matches.each(func(entry []byte, offset int64) error {
		d := csvscan.Decoder{Buf: entry}
		if id := d.Text(); id != last || len(g.runs) == 0 {
			g.runs = append(g.runs, run{csvscan.Key64(id), offset})
			last = id
		}
		return nil
	})
	slices.SortFunc(g.runs, func(a, b run) int {
		return cmp.Or(cmp.Compare(a.photo, b.photo), cmp.Compare(a.at, b.at))
	})
	return err
}

// find returns the runs of a photo.
func (g *gathered) find(photo uint64) []run {
	i := sort.Search(len(g.runs), func(i int) bool { return g.runs[i].photo >= photo })
	n := 0
	for i+n < len(g.runs) && g.runs[i+n].photo == photo {
		n++
	}
	return g.runs[i : i+n]
}

// load returns all matches of a photo in the order of the list.
func (g *gathered) load(id string) ([]match, error) {
	b := &batch{}
	buf := make([]byte, spoolGuess)
	for _, r := range g.find(csvscan.Key64(id)) {
		for offset := r.at; offset < g.matches.end(); {
			entry, err := g.matches.at(offset, buf)
			if err != nil {
				return nil, err
			}
			m, err := decodeMatch(entry)
			if err != nil {
				return nil, err
			}
			if m.id != id {
				break
			}
			if err := b.add(m); err != nil {
				return nil, err
			}
			offset += entrySize(entry)
		}
	}
	return b.matches, nil
}

// batches yields the groups in the order of the list.
func (g *gathered) batches(sub *subset) iter.Seq2[*batch, error] {
	return func(yield func(*batch, error) bool) {
		b := newBatch(sub)
		next := func(complete bool) error {
			whole := b
			b = b.cut(complete)
			if err := g.complete(whole.groups); err != nil {
				return err
			}
			if !whole.empty() && !yield(whole, nil) {
				return errLeft
			}
			return nil
		}
		err := g.matches.each(func(entry []byte, _ int64) error {
			m, err := decodeMatch(entry)
			if err != nil {
				return err
			}
			if len(b.matches) >= batchSize && m.id != b.open()[0].id {
				if err := next(true); err != nil {
					return err
				}
			}
			return b.add(m)
		})
		if err == nil {
			err = next(true)
		}
		if err != nil && err != errLeft {
			yield(nil, err)
		}
	}
}

// complete finds what belongs to the photos of some groups and stands
// elsewhere.
func (g *gathered) complete(groups []group) error {
	if g.sorted {
		return nil
	}
	for i := range groups {
		id := groups[i].matches[0].id
		if len(g.find(csvscan.Key64(id))) == 1 {
			continue
		}
		var err error
		if groups[i].all, err = g.load(id); err != nil {
			return err
		}
	}
	return nil
}

// request asks for the rows of the classes.
func (s *Selection) request() openimages.BoxRequest {
	return openimages.BoxRequest{Labels: s.query.ImageLabels, MIDs: s.mids, Want: s.wanted.Has}
}
