package csvscan

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"math"
	"slices"
)

// A Request asks for rows of a file. T is what a wanted row is parsed to.
type Request[T any] struct {
	File string // for messages
	// Kind says which index of the file is used, and made if there is none.
	Kind Kind
	// Bind looks for the columns: that of the value by which rows are chosen, and
	// for ByValue that of the key by which they may be sorted, else -1.
	Bind func(Header) (value, key int, err error)
	// Values are those that Want wants, nil where that is not known; of ByValue.
	Values []string
	// Keys yields the [Key64] of each value that Want wants, repeated ones too; of
	// ByKey.
	Keys iter.Seq[uint64]
	// Want says whether the rows with a value are to be parsed. It is called on
	// any goroutine.
	Want func(value []byte) bool
	// WantKey, if set, says the same of a value's Key64; of ByKey.
	WantKey func(key uint64) bool
	// Parser returns a function that parses the fields of a wanted row, or leaves
	// the row out. The function is used on one goroutine at a time.
	Parser func(Header) (func(fields [][]byte) (row T, keep bool, err error), error)
	// Row is called with what was parsed, and Bad with what could not be, in the
	// order of the file. An error of theirs ends the reading.
	Row func(row *T, at Position) error
	Bad func(*RowError) error
	// Again is called if the rows that Row was called with were not all: then Row
	// is called with all of them from the start. Bad has not been called by then.
	Again func() error
}

// Read reads the rows of a file, in its order: those at the places that its index
// names, if they are few, or those met in a scan of all of it.
func Read[T any](ctx context.Context, f *File, q Request[T]) error {
	x := f.index(q.Kind)
	if x != nil {
		defer x.Close() //nolint:errcheck // read only
		if q.few(x.Index) {
			var faults []*RowError
			indexed := q
			indexed.Bad = func(fault *RowError) error { faults = append(faults, fault); return nil }
			err := readRows(ctx, f, x.Index, indexed)
			if !errors.Is(err, ErrDamaged) && !errors.Is(err, ErrStale) {
				return tell(faults, q.Bad, err)
			}
			if err := q.Again(); err != nil {
				return err
			}
			x = nil
		}
	}
	p := &scan[T]{ctx: ctx, Request: &q}
	_, err := p.readFile(f, x == nil)
	return err
}

// ReadFrom is Read for a file that can only be read from its beginning to its
// end.
func ReadFrom[T any](ctx context.Context, r io.Reader, q Request[T]) error {
	_, err := readFrom(ctx, r, q)
	return err
}

func readFrom[T any](ctx context.Context, r io.Reader, q Request[T]) (Header, error) {
	t, err := newReader(ctx, r, q.File)
	if err != nil {
		return Header{}, err
	}
	column, _, err := q.Bind(t.header)
	if err != nil {
		return t.header, err
	}
	parse, err := q.Parser(t.header)
	if err != nil {
		return t.header, err
	}
	return t.header, t.scan(rowHandler{
		column: column, id: -1,
		want: func(value, _ []byte, _ int64) bool { return q.Want(value) },
		row: func(fields [][]byte, at Position) error {
			row, keep, err := parse(fields)
			if err != nil {
				return q.Bad(&RowError{q.File, at.Line, err})
			}
			if !keep {
				return nil
			}
			return q.Row(&row, at)
		},
		bad: func(bad *RowError, _ Position, _ bool) error { return q.Bad(bad) },
	})
}

// few reports whether the rows asked for are so few that reading them one by one
// is faster than a scan.
func (q *Request[T]) few(x *Index) bool {
	const always = 1 << 14
	n := int64(0)
	if q.Kind == ByKey {
		for range q.Keys {
			n++
		}
		return n <= max(x.rows/16, always)
	}
	for _, name := range q.Values {
		if l := x.label(name); l != nil {
			n += l.rows
		}
	}
	return q.Values != nil && n <= max(x.rows/32, always)
}

// tell reports broken rows, unless there is an error already.
func tell(faults []*RowError, bad func(*RowError) error, err error) error {
	for _, fault := range faults {
		if err != nil {
			break
		}
		err = bad(fault)
	}
	return err
}

// readFile is a scan of a file that must not change meanwhile. If asked to, it
// makes the index, keeps it where it can, and returns its writer for what that
// has counted.
func (p *scan[T]) readFile(f *File, index bool) (*indexWriter, error) {
	before, err := f.Stat()
	if err != nil {
		return nil, err
	}
	p.r, p.size, p.step, p.growing = f, before.Size(), f.Step, f.Growing
	var pending *pendingIndex
	var was fingerprint
	if index {
		size, err := f.size()
		if err != nil {
			return nil, err
		}
		if was, err = fingerprintOf(f.File); err != nil {
			return nil, err
		}
		pending = f.newIndex(p.Kind, was, size)
		p.index = pending.indexWriter
	}
	err = p.run()
	switch {
	case err != nil && f.Growing != nil:
		err = cmp.Or(giveUp(f.Growing, err), err)
	case err != nil:
	case f.Growing != nil:
		err = f.Whole() // and what has been passed on was right
	default:
		err = f.unchanged(before, p.File)
	}
	if err != nil {
		pending.drop()
		return nil, err
	}
	pending.keep(f, was)
	return p.index, nil
}

// A rowRef is where a row is that an index names.
type rowRef struct {
	offset  int64
	value   string // of ByValue
	hash    uint64 // of ByKey
	keyless bool   // the row lacks the column
}

// refs returns where the index says that the rows are, in the file's order. The
// file has size bytes.
func (q *Request[T]) refs(x *Index, size int64) ([]rowRef, error) {
	refs := make([]rowRef, 0, len(x.keyless))
	for _, offset := range x.keyless {
		refs = append(refs, rowRef{offset: offset, keyless: true})
	}
	var err error
	if q.Kind == ByKey {
		refs, err = q.keyRefs(x, refs)
	} else {
		refs, err = q.valueRefs(x, refs, size)
	}
	slices.SortFunc(refs, func(a, b rowRef) int { return cmp.Compare(a.offset, b.offset) })
	if q.Kind == ByKey { // two keys may have led to one row
		refs = slices.CompactFunc(refs, func(a, b rowRef) bool { return a.offset == b.offset })
	}
	return refs, err
}

func (q *Request[T]) valueRefs(x *Index, refs []rowRef, size int64) ([]rowRef, error) {
	var offsets []int64
	for _, name := range q.Values {
		l := x.label(name)
		if l == nil {
			continue
		}
		var err error
		if offsets, err = x.offsets(l, offsets[:0], size); err != nil {
			return nil, err
		}
		for _, offset := range offsets {
			refs = append(refs, rowRef{offset: offset, value: name})
		}
	}
	return refs, nil
}

func (q *Request[T]) keyRefs(x *Index, refs []rowRef) ([]rowRef, error) {
	finder, err := x.finder()
	if err != nil {
		return nil, err
	}
	var hashes []uint64
	for key := range q.Keys {
		hashes = append(hashes, hashKey(key))
	}
	slices.Sort(hashes)
	var offsets []int64
	for _, hash := range slices.Compact(hashes) {
		if offsets, err = finder.find(hash, offsets[:0]); err != nil {
			return nil, err
		}
		for _, offset := range offsets {
			refs = append(refs, rowRef{offset: offset, hash: hash})
		}
	}
	return refs, nil
}

// readRows reads the rows that the index names.
func readRows[T any](ctx context.Context, f *File, x *Index, q Request[T]) error {
	before, err := f.Stat()
	if err != nil {
		return err
	}
	refs, err := q.refs(x, before.Size())
	if err != nil {
		return err
	}
	rr, err := newRefReader(ctx, f, x, q.File, q.Bind)
	if err != nil {
		return err
	}
	parse, err := q.Parser(rr.head.header)
	if err != nil {
		return err
	}
	for i, ref := range refs {
		next := ref.offset
		if i+1 < len(refs) {
			next = refs[i+1].offset
		}
		wanted := false
		fields, fault, err := rr.read(ref.offset, next, func(value []byte, has bool) bool {
			if has == ref.keyless {
				return false
			}
			wanted = !has || q.wants(ref, value)
			// Another value may share the bits of the hash that the index holds.
			return wanted || q.Kind == ByKey && sameTag(hashKey(Key64(value)), ref.hash)
		})
		if err != nil {
			return err
		}
		if !wanted {
			continue
		}
		var row T
		keep := true
		if fault == nil {
			row, keep, fault = parse(fields)
		}
		switch {
		case fault != nil:
			err = rr.bad(ref.offset, fault, q.Bad)
		case keep:
			err = q.Row(&row, Position{Offset: ref.offset})
		}
		if err != nil {
			return err
		}
	}
	return f.unchanged(before, q.File)
}

// wants reports whether a row with the value is what a ref was made for.
func (q *Request[T]) wants(ref rowRef, value []byte) bool {
	if q.Kind == ByKey {
		return q.Want(value)
	}
	return string(value) == ref.value
}

// sameTag reports whether two hashes agree in the bits that every index holds of
// them.
func sameTag(a, b uint64) bool { return (a^b)>>(64-tagBits) == 0 }

// A refReader reads rows that an index refers to.
type refReader struct {
	ctx    context.Context
	file   string
	head   *csvReader
	column int
	rows   rowReader
	lines  lineCounter
	count  int
}

func newRefReader(ctx context.Context, f *File, x *Index, file string, bind func(Header) (value, key int, err error)) (*refReader, error) {
	head, err := newReader(ctx, io.NewSectionReader(f, 0, math.MaxInt64), file)
	if err != nil {
		return nil, err
	}
	column, _, err := bind(head.header)
	return &refReader{
		ctx: ctx, file: file, head: head, column: column,
		rows: rowReader{r: f}, lines: lineCounter{marks: x.marks, r: f},
	}, err
}

// read returns the fields of a row, or its fault. next is where the next row to
// be read is. If right does not confirm the value of the column, or that the row
// lacks it, the error is ErrStale.
func (r *refReader) read(offset, next int64, right func(value []byte, has bool) bool) (fields [][]byte, fault, err error) {
	if r.count++; r.count%1024 == 0 {
		if err := context.Cause(r.ctx); err != nil {
			return nil, nil, err
		}
	}
	fields, fault, err = r.rows.read(offset, next)
	if err != nil {
		return nil, nil, fmt.Errorf("read %s: %w", r.file, err)
	}
	var value []byte
	has := r.column < len(fields)
	if has {
		value = fields[r.column]
	}
	if !right(value, has) {
		return nil, nil, ErrStale
	}
	if fault == nil && len(fields) != len(r.head.header.Columns) {
		fault = r.head.tooFew(len(fields), 0).Err
	}
	return fields, fault, nil
}

// bad reports a row with its line.
func (r *refReader) bad(offset int64, fault error, report func(*RowError) error) error {
	line, err := r.lines.of(offset)
	if err != nil {
		return err
	}
	return report(&RowError{r.file, line, fault})
}
