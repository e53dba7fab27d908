package csvscan

import (
	"cmp"
	"context"
	"encoding/binary"
	"runtime"
	"slices"
	"sort"
	"sync"
	"sync/atomic"
)

const (
	// windowRows is how many rows are read from an index at a time: what
	// they are made to fits a core's second-level cache.
	windowRows = 512
	// windowChunkRows is how many rows a window has at the least for each
	// of the values: a chunk that reaches into several windows is read for
	// each.
	windowChunkRows = 128
)

// A span is a chunk of a value's rows.
type span struct {
	chunkRef
	value int   // position among those of the request
	end   int64 // the rows begin before it, in the CSV file
}

// A window is a stretch of the CSV file, and where the index says what of it.
type window struct {
	from, before int64   // rows that begin from an offset on and before another
	spans        []int32 // of the list of them
	keyless      []int64
}

// spans returns the chunks of the values asked for, by their first rows. The
// file has size bytes.
func (q *Request[T]) spans(x *Index, size int64) (spans []span, err error) {
	for value, name := range q.Values {
		l := x.label(name)
		if l == nil {
			continue
		}
		chunks, err := x.chunks(l)
		if err != nil {
			return nil, err
		}
		spans = slices.Grow(spans, len(chunks))
		for i, c := range chunks {
			end := size
			if i+1 < len(chunks) {
				end = chunks[i+1].first
			}
			if c.first < 0 || c.first >= end {
				return nil, ErrDamaged
			}
			spans = append(spans, span{c, value, end})
		}
	}
	slices.SortFunc(spans, func(a, b span) int { return cmp.Compare(a.first, b.first) })
	return spans, nil
}

// windows divides the file, of size bytes, so that each part has about as many
// of the rows asked for.
func (q *Request[T]) windows(x *Index, size int64) ([]window, []span, error) {
	spans, err := q.spans(x, size)
	if err != nil {
		return nil, nil, err
	}
	windows := []window{{before: size}}
	most := max(windowRows, windowChunkRows*int64(len(q.Values)))
	rows := int64(0)
	for _, s := range spans {
		if last := &windows[len(windows)-1]; rows >= most && s.first > last.from {
			last.before = s.first
			windows = append(windows, window{from: s.first, before: size})
			rows = 0
		}
		rows += s.rows
	}
	at := func(offset int64) int {
		return sort.Search(len(windows), func(i int) bool { return windows[i].before > offset })
	}
	// Those of all windows share a piece of memory.
	inWindows := func(f func(window, span int)) {
		for n := range spans {
			s := &spans[n]
			for i := at(s.first); i < len(windows) && windows[i].from < s.end; i++ {
				f(i, n)
			}
		}
	}
	all, counts := 0, make([]int, len(windows))
	inWindows(func(i, _ int) { counts[i]++; all++ })
	room := make([]int32, all)
	for i, n := range counts {
		windows[i].spans, room = room[:0:n], room[n:]
	}
	inWindows(func(i, n int) { windows[i].spans = append(windows[i].spans, int32(n)) })
	for _, offset := range x.keyless {
		if offset < 0 || offset >= size {
			return nil, nil, ErrDamaged
		}
		w := &windows[at(offset)]
		w.keyless = append(w.keyless, offset)
	}
	return windows, spans, nil
}

// readIndexed yields the rows that the index names, in the order of the file,
// as it reads them on all cores. Those that begin before next, which is 0 at
// first, have been yielded when it ends.
func readIndexed[T any](ctx context.Context, f *File, x *Index, q *Request[T], yield func([]Row[T]) bool) (next int64, err error) {
	before, err := f.Stat()
	if err != nil {
		return 0, err
	}
	windows, spans, err := q.windows(x, before.Size())
	if err != nil {
		return 0, err
	}
	lines := lineCounter{marks: x.marks, r: f}
	reader := func(ctx context.Context) (*indexReader[T], error) {
		return newIndexReader(ctx, f, x, q, spans, before.Size())
	}
	err = readWindows(ctx, windows, reader, func(w *window, rows []Row[T]) error {
		for _, row := range rows {
			if row.Fault == nil {
				continue
			}
			if row.Fault.Line, err = lines.of(row.At.Offset); err != nil {
				return err
			}
		}
		if len(rows) > 0 {
			if err := f.unchanged(before, q.File); err != nil {
				return err
			}
			next = w.before // also if it is not wanted any more
			if !yield(rows) {
				return errLeft
			}
		}
		return nil
	})
	return next, cmp.Or(err, f.unchanged(before, q.File))
}

// readWindows reads windows on all cores, and calls yield with the rows of each
// in order.
func readWindows[T any](ctx context.Context, windows []window, reader func(context.Context) (*indexReader[T], error), yield func(*window, []Row[T]) error) error {
	type result struct {
		rows []Row[T]
		err  error
	}
	var running sync.WaitGroup
	defer running.Wait()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	workers := min(runtime.GOMAXPROCS(0), scanWorkers, len(windows))
	// Who has room takes the next window: those at work follow each other.
	room, results := make(chan []Row[T], 2*workers), make([]chan result, 2*workers)
	for i := range results {
		results[i] = make(chan result, 1)
		room <- nil
	}
	var taken atomic.Int64
	for range workers {
		running.Go(func() {
			r, err := reader(ctx)
			for {
				var made result
				select {
				case made.rows = <-room:
				case <-ctx.Done():
					return
				}
				i := int(taken.Add(1)) - 1
				if i >= len(windows) {
					return
				}
				if made.err = err; err == nil {
					made.rows, made.err = r.read(&windows[i], made.rows[:0])
				}
				results[i%len(results)] <- made
			}
		})
	}
	for i := range windows {
		select {
		case made := <-results[i%len(results)]:
			if made.err != nil {
				return made.err
			}
			if err := yield(&windows[i], made.rows); err != nil {
				return err
			}
			room <- made.rows
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}

// An indexReader makes rows of windows, on one goroutine.
type indexReader[T any] struct {
	x       *Index
	q       *Request[T]
	spans   []span
	size    int64 // of the CSV file
	places  *refReader[T]
	unpack  func(*PackedRow, *T) // nil if all rows are read at their places
	row     PackedRow            // at hand
	chunk   []byte
	found   []packedRef
	order   []uint64
	refs    []rowRef
	at      []int // among the rows of a window, of those read at their places
	rows    []Row[T]
	table   []byte // a segment of the table of photos
	segment int    // its number
}

func newIndexReader[T any](ctx context.Context, f *File, x *Index, q *Request[T], spans []span, size int64) (*indexReader[T], error) {
	places, err := newRefReader(ctx, f, q, guessRow(size, x.rows))
	r := &indexReader[T]{x: x, q: q, spans: spans, size: size, places: places, segment: -1}
	if q.unpacks(x) {
		r.unpack = q.Unpacker()
	}
	return r, err
}

// read appends the rows of a window.
func (r *indexReader[T]) read(w *window, rows []Row[T]) (_ []Row[T], err error) {
	if err := context.Cause(r.places.ctx); err != nil {
		return nil, err
	}
	r.found = r.found[:0]
	for _, n := range w.spans {
		s := &r.spans[n]
		if r.chunk, err = r.x.part(r.chunk, s.at, s.size, s.sum); err != nil {
			return nil, err
		}
		if r.found, err = r.x.rowsIn(s, r.chunk, w.from, w.before, r.size, r.found); err != nil {
			return nil, err
		}
	}
	for _, offset := range w.keyless {
		r.found = append(r.found, packedRef{offset: offset, value: noValue, packed: unpacked})
	}
	if err := r.sort(w); err != nil {
		return nil, err
	}
	rows = slices.Grow(rows, len(r.found))[:len(r.found)]
	r.refs, r.at = r.refs[:0], r.at[:0]
	for i, key := range r.order {
		ref := &r.found[key&mostInWindow]
		row := &rows[i]
		row.At, row.Fault = Position{Offset: ref.offset}, nil
		if r.unpack == nil || ref.packed[PackedSize-1] == noFlags {
			place := rowRef{offset: ref.offset, keyless: ref.value == noValue}
			if !place.keyless {
				place.value = r.q.Values[ref.value]
			}
			r.refs, r.at = append(r.refs, place), append(r.at, i)
			continue
		}
		key, err := r.key(ref.photo)
		if err != nil {
			return nil, err
		}
		r.row = PackedRow{Packed: &ref.packed, Value: r.q.Values[ref.value], Key: key, Number: ref.photo}
		r.unpack(&r.row, &row.Value)
	}
	return r.readPlaces(rows)
}

// mostInWindow is the most rows of a window: a bit mask.
const mostInWindow = 1<<20 - 1

// sort makes the order of the rows found, by their places.
func (r *indexReader[T]) sort(w *window) error {
	if len(r.found) > mostInWindow || w.before-w.from > 1<<43 {
		return ErrDamaged // no such file gets an index
	}
	r.order = r.order[:0]
	for i := range r.found {
		r.order = append(r.order, uint64(r.found[i].offset-w.from)<<20|uint64(i))
	}
	if len(w.spans) > 1 || len(w.keyless) > 0 {
		slices.Sort(r.order)
	}
	return nil
}

// readPlaces reads the rows of a window that are not packed.
func (r *indexReader[T]) readPlaces(rows []Row[T]) ([]Row[T], error) {
	if len(r.refs) == 0 {
		return rows, nil
	}
	r.rows = slices.Grow(r.rows[:0], len(r.refs))[:len(r.refs)]
	clear(r.rows)
	if err := r.places.readAll(r.refs, r.rows); err != nil {
		return nil, err
	}
	for i, at := range r.at {
		rows[at] = r.rows[i]
	}
	return slices.DeleteFunc(rows, func(row Row[T]) bool { return row.At.Offset < 0 }), nil
}

// key returns the key of a photo of the table, by its number from 1.
func (r *indexReader[T]) key(photo uint32) (uint64, error) {
	i := int(photo) - 1
	if segment := i / tablePhotos; segment != r.segment {
		r.segment = -1
		ref := r.x.tables[segment]
		size := 8 * min(tablePhotos, int(r.x.photos)-segment*tablePhotos)
		var err error
		if r.table, err = r.x.part(r.table, ref.at, size, ref.sum); err != nil {
			return 0, err
		}
		r.segment = segment
	}
	return binary.LittleEndian.Uint64(r.table[i%tablePhotos*8:]), nil
}
