package openimages

import (
	"context"
	"fmt"

	"github.com/opensandwich/oi/cmd/internal/csvscan"
	"github.com/opensandwich/oi/record"
)

// streams reports whether the items of a subset can be emitted while its list
// arrives: whether the list is not here yet, and no item depends on later rows.
func (q *Query) streams(ctx context.Context, sub *subset) bool {
	cache, ok := q.Source.(interface {
		has(ctx context.Context, path string) bool
	})
	return ok && !cache.has(ctx, sub.boxes.Path) && !q.ImageLabels &&
		q.Limit == 0 && q.MaxPerClass == 0 && !q.Balance && q.Negatives == 0 && !q.StrictAuthors
}

// openImages returns a lookup of the photos of an image list, whose rows are read
// to index them if they have no index yet, or nil where none can be kept. bad is
// called with broken rows.
func openImages(ctx context.Context, src Source, file File, bad func(*RowError) error) (*csvscan.Lookup[ImageRow], error) {
	return csvscan.OpenLookup(ctx, func() (*csvscan.File, error) {
		f, _, err := openLocal(ctx, src, file.Path)
		return f, err
	}, imageRequest(file.Path, nil, nil, bad))
}

// stream emits the items of a list as its rows arrive. A photo's rows must
// stand together, for what is beside a box and what repeats one is known only
// when all of them are there.
func (s *Selection) stream(ctx context.Context, sub *subset, f func(*candidate) error) error {
	wanted := newMIDSet(s.query.Assign)
	var run []hit
	var seen repeats
	apart := ""
	emit := func() error {
		if len(run) == 0 || apart != "" {
			return nil
		}
		v := visit{hits: run, all: run, image: noImage}
		row, err := sub.lookup.Find(run[0].id)
		if err != nil {
			return err
		}
		var image *record.Image
		if row != nil {
			v.image, image = 0, &row.Image
		}
		return s.judgeVisit(ctx, sub, &v, image, &seen, f)
	}
	v := boxVisitor{
		columns: newBoxColumns, want: wanted.has, bad: s.malformed,
		row: func(row *boxHit) error {
			h := newHit(&row.BoxRow, s.query.Assign[row.MID])
			sub.rows++
			s.tally[h.label].Rows++
			s.seen(&row.BoxRow)
			s.ledger.In(1)
			if len(run) > 0 && run[0].id != h.id {
				if err := emit(); err != nil {
					return err
				}
				if h.id < run[0].id && apart == "" {
					apart = h.id
				}
				run = run[:0]
			}
			var err error
			run, err = appendHit(run, h)
			return err
		},
	}
	// Without v.mids, no index is used, and nothing begins anew.
	err := readBoxes(ctx, s.query.Source, sub.boxes, v, nil)
	if err == nil {
		err = emit()
	}
	if err == nil && apart != "" {
		err = fmt.Errorf("%s is not sorted by photo (%s comes late), so that its boxes cannot be told while it arrives; it is here now, and the same command will do", sub.boxes.Path, apart)
	}
	return err
}
