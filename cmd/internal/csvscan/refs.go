package csvscan

import (
	"context"
	"fmt"
	"io"
	"math"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
)

// A rowRef is where a row is that an index names.
type rowRef struct {
	offset  int64
	value   string
	keyless bool // the row lacks the column
}

// refs returns where the index says that the rows are, in the file's order. The
// file has size bytes.
func (q *Request[T]) refs(x *Index, size int64) ([]rowRef, error) {
	// Place and value in one number, which sorts fast.
	const valueBits = 20
	var all []uint64
	var offsets []int64
	for i, name := range q.Values {
		l := x.label(name)
		if l == nil {
			continue
		}
		if i >= 1<<valueBits-1 || size >= 1<<(64-valueBits) {
			return nil, ErrDamaged // no such file gets an index
		}
		var err error
		if offsets, err = x.offsets(l, offsets[:0], size); err != nil {
			return nil, err
		}
		for _, offset := range offsets {
			all = append(all, uint64(offset)<<valueBits|uint64(i))
		}
	}
	const noValue = 1<<valueBits - 1
	for _, offset := range x.keyless {
		all = append(all, uint64(offset)<<valueBits|noValue)
	}
	slices.Sort(all)
	refs := make([]rowRef, len(all))
	for i, v := range all {
		refs[i].offset = int64(v >> valueBits)
		if value := v & noValue; value == noValue {
			refs[i].keyless = true
		} else {
			refs[i].value = q.Values[value]
		}
	}
	return refs, nil
}

// readRefs reads the rows that the index names, on all cores. All of them are
// as the index says before the first is yielded.
func readRefs[T any](ctx context.Context, f *File, x *Index, q *Request[T], yield func([]Row[T]) bool) error {
	before, err := f.Stat()
	if err != nil {
		return err
	}
	refs, err := q.refs(x, before.Size())
	if err != nil {
		return err
	}
	rows, err := parseRefs(ctx, f, q, refs, guessRow(before.Size(), x.rows))
	if err != nil {
		return err
	}
	lines := lineCounter{marks: x.marks, r: f}
	for _, row := range rows {
		if row.Fault == nil {
			continue
		}
		if row.Fault.Line, err = lines.of(row.At.Offset); err != nil {
			return err
		}
	}
	if err := f.unchanged(before, q.File); err != nil {
		return err
	}
	if err := split(rows, yield); err != nil {
		return err
	}
	return f.unchanged(before, q.File)
}

// parseRefs returns the rows, most of which have up to guess bytes. Those of
// faults have no line yet.
func parseRefs[T any](ctx context.Context, f *File, q *Request[T], refs []rowRef, guess int64) ([]Row[T], error) {
	const piece = 128
	rows := make([]Row[T], len(refs))
	workers := min(runtime.GOMAXPROCS(0), scanWorkers, 1+len(refs)/piece)
	errs := make([]error, workers)
	var next atomic.Int64
	var running sync.WaitGroup
	for i := range workers {
		running.Go(func() {
			errs[i] = func() error {
				r, err := newRefReader(ctx, f, q, guess)
				for err == nil {
					from := int(next.Add(piece)) - piece
					if from >= len(refs) {
						return nil
					}
					to := min(from+piece, len(refs))
					err = r.readAll(refs[from:to], rows[from:to])
				}
				next.Store(int64(len(refs))) // nobody needs to go on
				return err
			}()
		})
	}
	running.Wait()
	for _, err := range errs {
		if err != nil {
			return nil, err
		}
	}
	return slices.DeleteFunc(rows, func(r Row[T]) bool { return r.At.Offset < 0 }), nil
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
