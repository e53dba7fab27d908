package selection

import (
	"context"
	"fmt"

	"github.com/opensandwich/oi/cmd/internal/openimages"
	"github.com/opensandwich/oi/record"
)

// streams reports whether the items of a subset can be emitted while its list
// arrives: whether the list is not here yet, and no item depends on later rows.
func (q *Query) streams(ctx context.Context, sub *subset) bool {
	return openimages.ToBeDownloaded(ctx, q.Source, sub.boxes) && !q.ImageLabels &&
		q.Limit == 0 && q.MaxPerClass == 0 && !q.Balance && q.Negatives == 0 && !q.StrictAuthors
}

// stream emits the items of a list as its rows arrive. A photo's rows must
// stand together, for what is beside a box and what repeats one is known only
// when all of them are there.
func (s *Selection) stream(ctx context.Context, sub *subset, f func(*candidate) error) error {
	wanted := openimages.NewMIDSet(s.query.Assign)
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
	v := openimages.BoxRequest{
		Want: wanted.Has, Bad: s.malformed,
		Row: func(row *openimages.PickedRow) error {
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
	// Without v.MIDs, no index is used, and nothing begins anew.
	err := openimages.ReadBoxes(ctx, s.query.Source, sub.boxes, v)
	if err == nil {
		err = emit()
	}
	if err == nil && apart != "" {
		err = fmt.Errorf("%s is not sorted by photo (%s comes late), so that its boxes cannot be told while it arrives; it is here now, and the same command will do", sub.boxes.Path, apart)
	}
	return err
}
