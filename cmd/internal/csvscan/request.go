package csvscan

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"github.com/opensandwich/oi/cmd/internal/posixfile"
)

// A Request asks for rows of a file. T is what a wanted row is parsed to.
type Request[T any] struct {
	File string // for messages
	// Bind looks for the columns: that of the value by which rows are
	// chosen, and that of the key by which they may be sorted, or -1.
	Bind func(Header) (value, key int, err error)
	// Values are those that Want wants, nil where that is not known.
	Values []string
	// Want says whether the rows with a value are to be parsed. It is
	// called on any goroutine.
	Want func(value []byte) bool
	// Parser returns a function that parses the fields of a wanted row, or
	// leaves the row out. The function is used on one goroutine at a time.
	Parser func(Header) (func(fields [][]byte) (row T, keep bool, err error), error)
	// Sound, if set, returns a function that reports quickly whether a row
	// without quotes is surely one that the parser takes.
	Sound func(Header) func(row []byte) bool
	// Packing, if set, is how an index that is made keeps the rows.
	Packing *Packing
	// Unpacker, if set, returns a function that makes a row, as the parser
	// would, of what Packing keeps of it. The function is used on one
	// goroutine at a time.
	Unpacker func() func(*PackedRow, *T)
	// Ranges, if not nil, are the only places at which rows are looked for.
	// They are sorted. Rows between two that are near each other are found
	// too, and broken rows are left out.
	Ranges []Range
}

// A Range is a stretch of a file: the rows that begin at From, at To, and
// between, in bytes. A row begins at From.
type Range struct{ From, To int64 }

// A Row is a row of a file that was asked for: parsed, or broken.
type Row[T any] struct {
	At    Position
	Value T
	Fault *RowError // what is wrong with a broken row, else nil
}

// Read reads the rows of a file, in its order, and yields some at a time. They
// are valid until the next ones. Few rows are read by the file's index: it
// holds them packed, or says where they are. Others are met in a scan of all of
// the file, which also makes the index if there is none. After an error,
// nothing follows.
func Read[T any](ctx context.Context, f *File, q Request[T]) iter.Seq2[[]Row[T], error] {
	return func(yield func([]Row[T], error) bool) {
		left := false
		err := read(ctx, f, &q, func(rows []Row[T]) bool {
			left = !yield(rows, nil)
			return !left
		})
		if err != nil && !left {
			yield(nil, err)
		}
	}
}

// errLeft ends a reading of which no more is wanted.
var errLeft = errors.New("no more rows are wanted")

func read[T any](ctx context.Context, f *File, q *Request[T], yield func([]Row[T]) bool) error {
	p := &scan[T]{ctx: ctx, Request: q, kind: ByValue}
	if q.Ranges != nil {
		_, err := p.readFile(f, false, yield)
		return err
	}
	var next int64 // no row before it is to be yielded
	x := f.index(ByValue)
	if x != nil && q.few(x.Index) {
		var err error
		next, err = readIndexed(ctx, f, x.Index, q, yield)
		if !errors.Is(err, ErrDamaged) && !errors.Is(err, ErrStale) {
			return err
		}
		if err := f.forget(x); err != nil {
			return err
		}
		if next > 0 && errors.Is(err, ErrStale) {
			return fmt.Errorf("%s: %w; the index has been removed: run the same command again", q.File, errors.Join(err, posixfile.Remove(x.file.Name())))
		}
		x = nil
	}
	_, err := p.readFile(f, x == nil, from(next, yield))
	return err
}

// from drops rows that begin before an offset.
func from[T any](offset int64, yield func([]Row[T]) bool) func([]Row[T]) bool {
	if offset == 0 {
		return yield
	}
	return func(rows []Row[T]) bool {
		before := 0
		for before < len(rows) && rows[before].At.Offset < offset {
			before++
		}
		return before == len(rows) || yield(rows[before:])
	}
}

const (
	// fewRows is how many rows are read by their places however many there
	// are.
	fewRows = 1 << 14
	// mostPlaces is how many at the most.
	mostPlaces = 1 << 17
	// mostPackedValues bounds the values whose packed rows are read: each
	// takes another piece of the index.
	mostPackedValues = 256
)

// few reports whether the rows asked for are so few that reading them by the
// index is faster than a scan. A scan takes some 60 ns of a core for a row, a
// row at a place of its own 1.5 µs, and one that the index holds packed less
// than a row that is parsed in a scan.
func (q *Request[T]) few(x *Index) bool {
	if q.Values == nil {
		return false
	}
	places, packed, values := int64(0), int64(0), 0
	for _, name := range q.Values {
		l := x.label(name)
		if l == nil {
			continue
		}
		values++
		places += l.rows
		if q.unpacks(x) {
			places -= l.rows - l.unpacked
			packed += l.rows - l.unpacked
		}
	}
	return places <= max(min(x.rows/32, mostPlaces), fewRows) &&
		(packed <= fewRows || packed <= x.rows/2 && values <= mostPackedValues)
}

// HoldsPacked reports whether the index of a file holds rows packed, and Read
// would take the rows asked for from it.
func HoldsPacked[T any](f *File, q Request[T]) bool {
	x := f.index(ByValue)
	return x != nil && q.unpacks(x.Index) && q.few(x.Index)
}

// Known says what the index of a file knows of the rows with some values: how
// many there are of each, and whether the file is sorted by key. ok is false if
// there is no index.
func Known(f *File, values []string) (rows []int64, sorted, ok bool) {
	x := f.index(ByValue)
	if x == nil {
		return nil, false, false
	}
	for _, name := range values {
		rows = append(rows, x.rowsOf(name))
	}
	return rows, x.sorted, true
}
