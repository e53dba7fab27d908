package openimages

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"

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

// A photoDesk answers questions about single photos from an image list and its
// index.
type photoDesk struct {
	file   *localFile
	index  *openIndex
	finder *photoFinder
	rows   *refReader
	parse  func(fields [][]byte) (ImageRow, bool, error)
	bad    func(*RowError) error
}

// openDesk reads the image list if it has no index yet. It returns nil where
// none can be kept. bad is told of broken rows.
func openDesk(ctx context.Context, src Source, file File, bad func(*RowError) error) (_ *photoDesk, err error) {
	for first := true; ; first = false {
		f, ok, err := openLocal(ctx, src, file.Path)
		if err != nil || !ok {
			return nil, err
		}
		index := f.index(photoIndex)
		if index == nil && first {
			index, err = f.indexPhotos(ctx, file.Path)
		}
		if err != nil {
			return nil, errors.Join(err, f.Close())
		}
		if index != nil {
			return newDesk(ctx, f, index, file.Path, bad)
		}
		if err := f.Close(); err != nil || !first {
			return nil, err
		}
	}
}

// indexPhotos makes the index of an image list. A small one, which is not worth
// a file, is returned; another is where index looks for it.
func (f *localFile) indexPhotos(ctx context.Context, file string) (*openIndex, error) {
	p := &pass[struct{}]{
		ctx: ctx, file: file, bind: bindImages,
		want:      func([]byte) bool { return false },
		wantPhoto: func(uint64) bool { return false },
		parser: func(*table) (func([][]byte) (struct{}, bool, error), error) {
			return func([][]byte) (none struct{}, keep bool, err error) { return }, nil
		},
		row: func(*struct{}, place) error { return nil },
		bad: func(*RowError) error { return nil },
	}
	size, err := f.size()
	if err != nil {
		return nil, err
	}
	if size < 0 || size >= f.least {
		_, err := p.readFile(f, photoIndex, true)
		return nil, err
	}
	var data bytes.Buffer
	p.index = newIndexWriter(&data, photoIndex)
	if _, err := p.readFile(f, photoIndex, false); err != nil {
		return nil, err
	}
	if err := p.index.finish(stamp{}); err != nil {
		return nil, err
	}
	x, err := readIndex(bytes.NewReader(data.Bytes()), int64(data.Len()), photoIndex)
	return &openIndex{indexFile: x}, err
}

func newDesk(ctx context.Context, f *localFile, index *openIndex, file string, bad func(*RowError) error) (_ *photoDesk, err error) {
	d := &photoDesk{file: f, index: index, bad: bad}
	defer func() {
		if err != nil {
			err = errors.Join(err, d.close())
		}
	}()
	if d.finder, err = index.finder(); err != nil {
		return nil, err
	}
	if d.rows, err = newRefReader(ctx, f, index.indexFile, file, bindImages); err != nil {
		return nil, err
	}
	if d.parse, err = imageParser(d.rows.head); err != nil {
		return nil, err
	}
	for _, offset := range index.lost {
		_, fault, err := d.rows.read(offset, offset, func(_ []byte, has bool) bool { return !has })
		if err != nil {
			return nil, err
		}
		if err := d.rows.bad(offset, fault, bad); err != nil {
			return nil, err
		}
	}
	return d, nil
}

// image returns what the list says of a photo, or nil.
func (d *photoDesk) image(id string) (*record.Image, error) {
	hash := photoHash(photoKey(id))
	offsets, err := d.finder.find(hash, nil)
	if err != nil {
		return nil, err
	}
	for _, offset := range offsets {
		wanted := false
		fields, fault, err := d.rows.read(offset, offset, func(value []byte, has bool) bool {
			wanted = has && string(value) == id
			return wanted || has && sameBits(photoHash(photoKey(value)), hash)
		})
		if err != nil {
			return nil, err
		}
		if !wanted {
			continue
		}
		var row ImageRow
		if fault == nil {
			row, _, fault = d.parse(fields)
		}
		if fault == nil {
			return &row.Image, nil
		}
		if err := d.rows.bad(offset, fault, d.bad); err != nil {
			return nil, err
		}
	}
	return nil, nil
}

// distrust removes an index in which something was found to be wrong. What has
// been emitted was right.
func (d *photoDesk) distrust(cause error, file string) error {
	if d.index.file != nil {
		cause = errors.Join(cause, os.Remove(d.index.file.Name()))
	}
	return fmt.Errorf("%s: %w; the index has been removed: run the same command again", file, cause)
}

func (d *photoDesk) close() error {
	var err error
	if d.index.file != nil {
		err = d.index.Close()
	}
	return errors.Join(err, d.file.Close())
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
		image, err := sub.desk.image(run[0].id)
		if errors.Is(err, errDamaged) || errors.Is(err, errStale) {
			err = sub.desk.distrust(err, sub.images.Path)
		}
		if err != nil {
			return err
		}
		if image != nil {
			v.image = 0
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
