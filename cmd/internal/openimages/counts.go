package openimages

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"
)

// A Count is how often a class occurs in a list.
type Count struct {
	MID    string
	Rows   int64 // boxes, or labels, repeated ones too
	Photos int64 // with at least one of them
}

// Counts counts the rows of every class in a list of boxes or of image-level
// labels, sorted by MID. It reads the list's index alone, where there is one.
// Only a list that is not sorted by photo, as the official ones are, takes memory
// for its rows, 8 bytes and more each.
func Counts(ctx context.Context, src Source, file File) (_ []Count, err error) {
	f, ok, err := openLocal(ctx, src, file.Path)
	if err != nil {
		return nil, err
	}
	if ok {
		defer func() { err = errors.Join(err, f.Close()) }()
		list, sorted, err := f.counts(ctx, file.Path)
		if err != nil || sorted {
			return list, err
		}
	}
	r, err := src.Open(ctx, file.Path)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	return countRows(ctx, r, file.Path)
}

// counts takes the counts from the index, which is made if it is not there. If
// the list is not sorted, they are wrong.
func (f *localFile) counts(ctx context.Context, file string) (list []Count, sorted bool, err error) {
	if x := f.index(labelIndex); x != nil {
		for _, l := range x.labels {
			list = append(list, Count{l.name, l.rows, l.photos})
		}
		return list, x.sorted, x.Close()
	}
	p := &pass[struct{}]{
		ctx: ctx, file: file, bind: bindLabels,
		want: func([]byte) bool { return false },
		parser: func(*table) (func([][]byte) (struct{}, bool, error), error) {
			return func([][]byte) (none struct{}, keep bool, err error) { return }, nil
		},
		row: func(*struct{}, place) error { return nil },
		bad: func(*RowError) error { return nil },
	}
	writer, err := p.readFile(f, labelIndex, true)
	if err != nil || writer == nil || writer.err != nil {
		return nil, false, err
	}
	for i := range writer.labels {
		writer.closeChunk(i)
		l := &writer.labels[i]
		list = append(list, Count{writer.names.names[i], l.rows, l.photos})
	}
	sortCounts(list)
	return list, writer.sorted, nil
}

func bindLabels(t *table) (column, id int, err error) {
	err = t.require("ImageID", "LabelName")
	return t.column("LabelName"), t.column("ImageID"), err
}

// countRows counts in a list in any order.
func countRows(ctx context.Context, r io.Reader, file string) ([]Count, error) {
	t, err := newTable(ctx, r, file)
	if err != nil {
		return nil, err
	}
	column, id, err := bindLabels(t)
	if err != nil {
		return nil, err
	}
	counts := map[string]*Count{}
	type pair struct {
		of    *Count
		photo uint64
	}
	seen := map[pair]bool{}
	err = t.scan(visitor{
		column: column, id: id,
		want: func(value, id []byte, _ int64) bool {
			c := counts[string(value)]
			if c == nil {
				c = &Count{MID: string(value)}
				counts[c.MID] = c
			}
			c.Rows++
			if photo := (pair{c, photoKey(id)}); !seen[photo] {
				seen[photo] = true
				c.Photos++
			}
			return false
		},
		bad: func(*RowError, place, bool) error { return nil },
	})
	var list []Count
	for _, c := range counts {
		list = append(list, *c)
	}
	sortCounts(list)
	return list, err
}

func sortCounts(list []Count) {
	slices.SortFunc(list, func(a, b Count) int { return strings.Compare(a.MID, b.MID) })
}
