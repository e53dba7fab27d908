package openimages

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"io"
	"math"
	"runtime"
	"sync"

	"github.com/opensandwich/oi/cmd/internal/download"
)

const (
	// passBlock is what one core looks at at a time. With what belongs to it, it
	// stays in the core's second-level cache.
	passBlock = 256 << 10
	// passBeyond is read behind a block, to have the end of its last row.
	passBeyond = 4 << 10
	// passWorkers is the most cores of a pass: fewer saturate the memory.
	passWorkers = 8
	// passAhead is how many blocks there are, so that the workers go on while one
	// of them is busy with what the blocks before came to. Where every row is
	// wanted, a block takes twice its size in memory.
	passAhead = 64
)

// errChanged is the error of a file that was written to while it was read.
var errChanged = errors.New("the file changed while it was read; run this again when nobody writes to it")

// A pass goes through the rows of a file once, block by block on several cores,
// and tells of them in the order of the file. T is what a wanted row is parsed
// to.
//
// A block is looked at before it is known where its first row begins: behind
// its first line end, unless that is within quotes. That is compared with where
// the block before ended, and a block that began wrongly is done again.
type pass[T any] struct {
	ctx  context.Context
	file string // for messages
	r    io.ReaderAt
	size int64
	step int64 // bytes of a block, 0 for passBlock
	// bind looks for the columns.
	bind func(*table) (column, id int, err error)
	// want says whether the rows of a value are to be parsed. It is called on any
	// goroutine.
	want func(value []byte) bool
	// wantPhoto, if set, says the same of a photo's key.
	wantPhoto func(photo uint64) bool
	// parser returns a function that parses the fields of a wanted row, or leaves
	// the row out. The function is used on one goroutine at a time.
	parser func(*table) (func(fields [][]byte) (row T, keep bool, err error), error)
	// row gets what was parsed, and bad what could not be, in the file's order.
	row func(row *T, p place) error
	bad func(*RowError) error
	// index, if set, is told of every row.
	index *indexWriter
	// inFlight, if set, is the file while it is being downloaded. The pass keeps
	// up with it, and gives it up if it ends early.
	inFlight *download.InFlight
}

// A found row is parsed or faulty.
type found[T any] struct {
	place place
	row   T
	fault *RowError
}

// A block is what a worker made of a stretch of the file.
type block[T any] struct {
	off, stop int64 // its first row begins behind off, its last at most at stop
	exact     bool  // its first row begins at off
	from, to  int64 // where the first row does begin, and the one behind the last
	lines     int64
	found     []found[T]
	seen      gleanings
	err       error
	number    int
}

// run goes through the file.
func (p *pass[T]) run() error {
	head, err := newTable(p.ctx, p.from(0), p.file)
	if err != nil {
		return err
	}
	column, id, err := p.bind(head)
	if err != nil {
		return err
	}
	workers := min(runtime.GOMAXPROCS(0), passWorkers)
	if p.step == 0 {
		p.step = passBlock
	}
	if p.inFlight == nil {
		workers = min(workers, 1+int(p.size/p.step))
	}
	o := newOrder(p, head, passAhead)
	var running sync.WaitGroup
	for range workers {
		w, err := p.worker(head, column, id)
		if err != nil {
			o.stop(err)
			break
		}
		running.Go(func() {
			for b := o.take(); b != nil; b = o.take() {
				w.do(b)
				o.give(b, w)
			}
		})
	}
	running.Wait()
	return cmp.Or(o.err, context.Cause(p.ctx))
}

// from returns a reader of the file from an offset on.
func (p *pass[T]) from(offset int64) io.Reader {
	if p.inFlight != nil {
		return &inFlightReader{p.inFlight, offset}
	}
	return io.NewSectionReader(p.r, offset, math.MaxInt64-offset)
}

// next returns where the block that begins at a place stops, or false at the
// end. Of a file that arrives, it waits for at least a line, and takes no more
// than is there.
func (p *pass[T]) next(at int64) (stop int64, ok bool) {
	stop = at + p.step
	if p.inFlight == nil {
		return stop, at < p.size
	}
	for seen := at; ; {
		have, done := p.inFlight.Available(seen)
		if done {
			return stop, at < have || p.inFlight.Failed()
		}
		if have >= stop+passBeyond {
			return stop, true
		}
		// A row may begin at the place, and its end is before the next block.
		if last := lastLine(p.inFlight, at+1, min(have, stop)); last > 0 {
			return last, true
		}
		seen = have
	}
}

// An inFlightReader reads on from an offset, and waits only where nothing is there.
type inFlightReader struct {
	f      *download.InFlight
	offset int64
}

func (r *inFlightReader) Read(p []byte) (int, error) {
	have, _ := r.f.Available(r.offset)
	n, err := r.f.ReadAt(p[:max(min(int64(len(p)), have-r.offset), min(1, int64(len(p))))], r.offset)
	r.offset += int64(n)
	return n, err
}

// lastLine returns where the last line end between from and limit is, or 0.
func lastLine(f *download.InFlight, from, limit int64) int64 {
	buf := make([]byte, 4<<10)
	for to := limit; to > from; to -= int64(len(buf)) {
		part := buf[:min(int64(len(buf)), to-from)]
		begin := to - int64(len(part))
		if n, _ := f.ReadAt(part, begin); n < len(part) {
			return 0 // who reads the block will say why
		}
		if nl := bytes.LastIndexByte(part, '\n'); nl >= 0 {
			return begin + int64(nl)
		}
	}
	return 0
}

// An order hands out the blocks of a pass, and takes them back in the file's
// order. That is done by the workers themselves: whoever gives back the block
// that is due also takes in those behind it, so that no worker waits for another
// unless it is far ahead.
type order[T any] struct {
	p *pass[T]

	dealing sync.Mutex // held over the next two
	begin   int64      // of the next block; a row begins at that of the first
	number  int        // of the next block

	mu     sync.Mutex
	freed  *sync.Cond
	free   []*block[T]
	given  []*block[T] // by number, for as many as there are blocks
	due    int         // number of the next block to be taken in
	taking bool        // somebody does
	err    error       // why no more is needed

	// Of the block that is due, for who takes it in.
	at, line int64
}

func newOrder[T any](p *pass[T], head *table, blocks int) *order[T] {
	o := &order[T]{p: p, begin: head.at(), at: head.at(), line: head.line, given: make([]*block[T], blocks)}
	o.freed = sync.NewCond(&o.mu)
	for range blocks {
		o.free = append(o.free, &block[T]{})
	}
	return o
}

// take returns the next block, or nil when there is none.
func (o *order[T]) take() *block[T] {
	o.dealing.Lock()
	defer o.dealing.Unlock()
	b := o.room()
	if b == nil {
		return nil
	}
	stop, ok := o.p.next(o.begin)
	if !ok {
		return nil
	}
	b.off, b.stop, b.exact, b.number = o.begin, stop, o.number == 0, o.number
	o.begin = stop
	o.number++
	return b
}

// room waits for a block that is free, and returns nil when no more is needed.
func (o *order[T]) room() *block[T] {
	o.mu.Lock()
	defer o.mu.Unlock()
	for len(o.free) == 0 && o.err == nil {
		o.freed.Wait()
	}
	if o.err != nil {
		return nil
	}
	b := o.free[len(o.free)-1]
	o.free = o.free[:len(o.free)-1]
	return b
}

// stop ends the pass before its end.
func (o *order[T]) stop(err error) {
	o.mu.Lock()
	o.err = cmp.Or(o.err, err)
	o.freed.Broadcast()
	o.mu.Unlock()
	if o.p.inFlight != nil {
		_ = giveUp(o.p.inFlight, err)
	}
}

// give takes back a block that w has looked at.
func (o *order[T]) give(b *block[T], w *worker[T]) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.given[b.number%len(o.given)] = b
	if o.taking {
		return
	}
	o.taking = true
	for o.err == nil {
		here := &o.given[o.due%len(o.given)]
		b := *here
		if b == nil {
			break
		}
		*here = nil
		o.due++
		o.mu.Unlock()
		if err := o.takeIn(b, w); err != nil {
			o.stop(err)
		}
		o.mu.Lock()
		o.free = append(o.free, b)
		o.freed.Signal()
	}
	o.taking = false
}

// takeIn tells of the block that is due. w does it again if need be.
func (o *order[T]) takeIn(b *block[T], w *worker[T]) error {
	if o.at > b.stop {
		return nil // a row that began before goes on behind it
	}
	if b.from != o.at {
		b.off, b.exact = o.at, true
		w.do(b)
	}
	if err := o.p.tell(b, o.line); err != nil {
		return err
	}
	if b.err != nil {
		return atLine(b.err, o.line)
	}
	if o.p.index != nil {
		o.p.index.add(o.at, o.line, &b.seen)
	}
	o.at = b.to
	o.line += b.lines
	return nil
}

// atLine counts the line of an error from the file's beginning.
func atLine(err error, line int64) error {
	var row *RowError
	if errors.As(err, &row) {
		return &RowError{row.File, row.Line + line, row.Err}
	}
	return err
}

// tell passes on what was found in a block that begins at a line.
func (p *pass[T]) tell(b *block[T], line int64) error {
	for i := range b.found {
		f := &b.found[i]
		f.place.line += line
		var err error
		if f.fault != nil {
			f.fault.Line += line
			err = p.bad(f.fault)
		} else {
			err = p.row(&f.row, f.place)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// A worker looks at one block after the other.
type worker[T any] struct {
	p     *pass[T]
	t     table
	v     visitor
	parse func(fields [][]byte) (T, bool, error)
	b     *block[T] // at hand
	gleaner
}

func (p *pass[T]) worker(head *table, column, id int) (*worker[T], error) {
	parse, err := p.parser(head)
	if err != nil {
		return nil, err
	}
	w := &worker[T]{p: p, parse: parse}
	w.t = table{ctx: p.ctx, file: p.file, header: head.header, buf: make([]byte, p.step+passBeyond+1)}
	w.v = visitor{column: column, id: id, row: w.row, bad: w.bad}
	w.v.want = func(value, _ []byte, _ int64) bool { return p.want(value) }
	if p.index != nil {
		w.gleaner = p.index.gleaner(p.want)
		w.photos = p.wantPhoto
		w.v.want = w.gleaner.want
		switch {
		case p.index.kind == labelIndex && id == 0 && column == 2:
			w.v.plain = func(block []byte, v *visitor) error { return w.gleaner.plain(&w.t, block, v) }
		case p.index.kind == photoIndex && column == 0 && p.wantPhoto != nil:
			w.v.plain = func(block []byte, v *visitor) error { return w.plainPhotos(&w.t, block, v) }
		}
	} else {
		w.v.id = -1
	}
	return w, nil
}

// do looks at a block.
func (w *worker[T]) do(b *block[T]) {
	w.b = b
	b.found, b.err = b.found[:0], nil
	w.reset(&b.seen, b.off)
	t := &w.t
	t.r = w.p.from(b.off)
	t.buf = t.buf[:w.p.step+passBeyond+1] // a long row has made it longer
	t.base, t.pos, t.end, t.line, t.stop = b.off, 0, 0, 0, b.stop
	t.eof, t.open = false, false
	if b.err = t.fill(); b.err != nil {
		return
	}
	if !b.exact {
		// Where there is no line end, the block before reaches behind this one.
		t.pos = 1 + bytes.IndexByte(t.buf[:t.end], '\n')
		if t.pos == 0 {
			t.pos = t.end
		}
	}
	b.from = t.at()
	b.err = t.scan(w.v)
	b.to, b.lines = t.at(), t.line
	w.finish()
}

func (w *worker[T]) row(fields [][]byte, p place) error {
	row, keep, err := w.parse(fields)
	if err != nil {
		w.b.found = append(w.b.found, found[T]{place: p, fault: &RowError{w.p.file, p.line, err}})
	} else if keep {
		w.b.found = append(w.b.found, found[T]{place: p, row: row})
	}
	return nil
}

func (w *worker[T]) bad(bad *RowError, p place, wanted bool) error {
	if !wanted && w.p.index != nil {
		w.noteLost(p.offset)
	}
	w.b.found = append(w.b.found, found[T]{place: p, fault: bad})
	return nil
}
