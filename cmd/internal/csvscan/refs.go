package csvscan

import (
	"context"
	"fmt"
	"io"
	"math"
)

// A rowRef is where a row is that an index names.
type rowRef struct {
	offset  int64
	value   string
	keyless bool // the row lacks the column
}

// A refReader reads rows at known places.
type refReader[T any] struct {
	ctx    context.Context
	q      *Request[T]
	head   *csvReader
	column int
	rows   rowReader
	parse  func(fields [][]byte) (T, bool, error)
}

func newRefReader[T any](ctx context.Context, f *File, q *Request[T], guess int64) (*refReader[T], error) {
	head, err := newReader(ctx, io.NewSectionReader(f, 0, math.MaxInt64), q.File)
	if err != nil {
		return nil, err
	}
	r := &refReader[T]{ctx: ctx, q: q, head: head, rows: rowReader{r: f, guess: guess}}
	if r.column, _, err = q.Bind(head.header); err != nil {
		return nil, err
	}
	r.parse, err = q.Parser(head.header)
	return r, err
}

// readAll reads the rows at some places, in the file's order. The offset of one
// that the parser leaves out is -1.
func (r *refReader[T]) readAll(refs []rowRef, rows []Row[T]) error {
	if err := context.Cause(r.ctx); err != nil {
		return err
	}
	near, last := 0, int64(0)
	for i, ref := range refs {
		if i == near {
			near += nearRows(refs[i:], func(r *rowRef) int64 { return r.offset })
			last = refs[near-1].offset
		}
		fields, has, fault, err := r.read(ref.offset, last)
		if err != nil {
			return err
		}
		if has == ref.keyless || has && string(fields[r.column]) != ref.value {
			return ErrStale
		}
		row := &rows[i]
		row.At.Offset = ref.offset
		keep := true
		if fault == nil {
			row.Value, keep, fault = r.parse(fields)
		}
		if fault != nil {
			row.Fault = &RowError{File: r.q.File, Err: fault}
		} else if !keep {
			row.At.Offset = -1
		}
	}
	return nil
}

// read returns the fields of a row, or its fault, and whether it has the
// column. last is where the last row is that is to be read with it.
func (r *refReader[T]) read(offset, last int64) (fields [][]byte, has bool, fault, err error) {
	fields, fault, err = r.rows.read(offset, last)
	if err != nil {
		return nil, false, nil, fmt.Errorf("read %s: %w", r.q.File, err)
	}
	if fault == nil {
		fault = r.complete(fields)
	}
	return fields, r.column < len(fields), fault, nil
}

// complete returns what is wrong with a row that lacks fields.
func (r *refReader[T]) complete(fields [][]byte) error {
	if len(fields) == len(r.head.header.Columns) {
		return nil
	}
	return r.head.tooFew(len(fields), 0).Err
}

// fields returns the fields of a row, or its fault.
func (r *refReader[T]) fields(row []byte) ([][]byte, error) {
	p := &r.rows.parser
	_, _, err := p.parseRow(row)
	switch err {
	case errMore:
		err = errOpenQuote
	case nil:
		err = r.complete(p.fields)
	}
	return p.fields, err
}
