package csvscan

import (
	"context"
	"io"
	"slices"
	"strings"
)

// A Count is how often a value occurs in a file.
type Count struct {
	Value string
	Rows  int64 // repeated ones too
	Keys  int64 // different keys of these rows
}

// CountValues counts the rows of every value, sorted by value. It takes the
// counts from the index, which is made if it is not there. If the file is not
// sorted by key, they are wrong, and sorted is false.
func CountValues(ctx context.Context, f *File, name string, bind func(Header) (value, key int, err error), packing *Packing) (list []Count, sorted bool, err error) {
	if x := f.index(ByValue); x != nil {
		for _, l := range x.labels {
			list = append(list, Count{l.name, l.rows, l.photos})
		}
		return list, x.sorted, nil
	}
	p := &scan[struct{}]{ctx: ctx, Request: rowless(name, bind), kind: ByValue}
	p.Packing = packing
	writer, err := p.readFile(f, true, skipRows)
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

// CountValuesFrom counts in a file in any order. It takes memory for each row,
// 8 bytes and more.
func CountValuesFrom(ctx context.Context, r io.Reader, file string, bind func(Header) (value, key int, err error)) ([]Count, error) {
	t, err := newReader(ctx, r, file)
	if err != nil {
		return nil, err
	}
	column, id, err := bind(t.header)
	if err != nil {
		return nil, err
	}
	counts := map[string]*Count{}
	type pair struct {
		of  *Count
		key uint64
	}
	seen := map[pair]bool{}
	err = t.scan(rowHandler{
		column: column, id: id,
		want: func(value, id []byte, _ int64) bool {
			c := counts[string(value)]
			if c == nil {
				c = &Count{Value: string(value)}
				counts[c.Value] = c
			}
			c.Rows++
			if p := (pair{c, Key64(id)}); !seen[p] {
				seen[p] = true
				c.Keys++
			}
			return false
		},
		bad: func(*RowError, Position, bool) error { return nil },
	})
	var list []Count
	for _, c := range counts {
		list = append(list, *c)
	}
	sortCounts(list)
	return list, err
}

func sortCounts(list []Count) {
	slices.SortFunc(list, func(a, b Count) int { return strings.Compare(a.Value, b.Value) })
}
