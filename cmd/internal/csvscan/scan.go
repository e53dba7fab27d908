package csvscan

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"io"
	"math"
	"runtime"
	"sync"
)

const (
	// scanBlock is what one core looks at at a time. With what belongs to
	// it, it stays in the core's second-level cache.
	scanBlock = 256 << 10
	// scanBeyond is read after a block, to have the end of its last row.
	scanBeyond = 4 << 10
	// scanWorkers is the most cores of a scan: fewer saturate the memory.
	scanWorkers = 8
	// scanAhead is how many blocks there are, so that the workers go on
	// while one of them is busy with what the blocks before came to. Where
	// every row is wanted, a block takes twice its size in memory.
	scanAhead = 16
)

// ErrChanged is the error of a file that was written to while it was read.
var ErrChanged = errors.New("the file changed while it was read; run this again when nobody writes to it")

// A scan goes through the rows of a file once, block by block on several cores,
// and yields those that its request asks for in the order of the file.
//
// A block is looked at before it is known where its first row begins: after its
// first line end, unless that is within quotes. That is compared with where the
// block before ended, and a block that began wrongly is done again.
type scan[T any] struct {
	*Request[T]
	kind Kind // of the index that it may make
	ctx  context.Context
	r    io.ReaderAt
	size int64
	step int64 // bytes of a block, 0 for scanBlock
	// index, if set, takes in every row.
	index  *indexWriter
	ranges []Range // still to be read, of a request with ranges
	// growing, if set, is the file while it is being downloaded. The scan
	// keeps up with it, and gives it up if it ends early.
	growing Growing
}

// A block is what a worker made of a stretch of the file.
type block[T any] struct {
	off, stop int64 // its first row begins after off, its last at most at stop
	exact     bool  // its first row begins at off
	from, to  int64 // where the first row does begin, and the one after the last
	lines     int64
	rows      []Row[T]
	seen      blockEntries
	err       error
	number    int
}

// run goes through the file.
func (p *scan[T]) run(yield func([]Row[T]) bool) error {
	head, err := newReader(p.ctx, p.from(0, 0), p.File)
	if err != nil {
		return err
	}
	column, id, err := p.Bind(head.header)
	if err != nil {
		return err
	}
	workers := min(runtime.GOMAXPROCS(0), scanWorkers)
	if p.step == 0 {
		p.step = scanBlock
	}
	if p.growing == nil {
		workers = min(workers, 1+int(p.size/p.step))
		p.step = min(p.step, p.size+1)
	}
	if p.index != nil && p.Packing != nil && isPlain(column, id) && p.Packing.Packer(head.header, column) != nil {
		p.index.form, p.index.packs = p.Packing.Form, true
	}
	o := newQueue(p, head, scanAhead)
	// What waits for a download is to end too.
	defer context.AfterFunc(p.ctx, func() { o.stop(context.Cause(p.ctx)) })()
	var running sync.WaitGroup
	var spare *worker[T] // for blocks that have to be looked at again
	for range workers + 1 {
		w, err := p.worker(head, column, id)
		if err != nil {
			o.stop(err)
			break
		}
		if spare == nil {
			spare = w
			continue
		}
		running.Go(func() {
			for b := o.next(); b != nil; b = o.next() {
				w.do(b)
				o.submit(b)
			}
		})
	}
	for b := o.take(); b != nil; b = o.take() {
		if err := o.commit(b, spare, yield); err != nil {
			o.stop(err)
		}
		o.release(b)
	}
	running.Wait()
	return cmp.Or(o.stopped(), context.Cause(p.ctx))
}

// from returns a reader of the file from an offset on. first is what it reads
// at the most at once, in bytes, 0 for no bound.
func (p *scan[T]) from(offset, first int64) io.Reader {
	if p.growing != nil {
		return &growingReader{p.growing, offset}
	}
	r := io.NewSectionReader(p.r, offset, math.MaxInt64-offset)
	if first == 0 {
		return r
	}
	return &shortReader{r, first}
}

// A shortReader reads little at once.
type shortReader struct {
	io.Reader
	most int64
}

func (r *shortReader) Read(p []byte) (int, error) {
	return r.Reader.Read(p[:min(int64(len(p)), r.most)])
}

// nearRanges is how near two ranges are that are read in one go, in bytes.
const nearRanges = 8 << 10

// nextRange returns the next ranges that are near each other as one.
func (p *scan[T]) nextRange() (r Range, ok bool) {
	if len(p.ranges) == 0 {
		return Range{}, false
	}
	r, p.ranges = p.ranges[0], p.ranges[1:]
	for len(p.ranges) > 0 && p.ranges[0].From <= r.To+nearRanges && p.ranges[0].To-r.From < p.step {
		r.To = max(r.To, p.ranges[0].To)
		p.ranges = p.ranges[1:]
	}
	return r, true
}

// next returns where the block that begins at a place stops, or false at the
// end. Of a file that arrives, it waits for at least a line, and takes no more
// than is there.
func (p *scan[T]) next(at int64) (stop int64, ok bool) {
	stop = at + p.step
	if p.growing == nil {
		return stop, at < p.size
	}
	for seen := at; ; {
		have, done := p.growing.Available(seen)
		if done {
			return stop, at < have || p.growing.Failed()
		}
		if have >= stop+scanBeyond {
			return stop, true
		}
		// A row may begin at the place, and its end is before the next
		// block.
		if last := lastLine(p.growing, at+1, min(have, stop)); last > 0 {
			return last, true
		}
		seen = have
	}
}

// A growingReader reads on from an offset, and waits only where nothing is
// there.
type growingReader struct {
	f      Growing
	offset int64
}

func (r *growingReader) Read(p []byte) (int, error) {
	have, _ := r.f.Available(r.offset)
	n, err := r.f.ReadAt(p[:max(min(int64(len(p)), have-r.offset), min(1, int64(len(p))))], r.offset)
	r.offset += int64(n)
	return n, err
}

// lastLine returns where the last line end between from and limit is, or 0.
func lastLine(f Growing, from, limit int64) int64 {
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

// A worker looks at one block after the other.
type worker[T any] struct {
	p     *scan[T]
	t     csvReader
	v     rowHandler
	parse func(fields [][]byte) (T, bool, error)
	b     *block[T] // at hand
	blockBuilder
}

func (p *scan[T]) worker(head *csvReader, column, id int) (*worker[T], error) {
	parse, err := p.Parser(head.header)
	if err != nil {
		return nil, err
	}
	w := &worker[T]{p: p, parse: parse}
	w.t = csvReader{ctx: p.ctx, file: p.File, header: head.header, buf: make([]byte, p.step+scanBeyond+1)}
	w.v = rowHandler{column: column, id: id, row: w.row, bad: w.bad}
	w.v.want = func(value, _ []byte, _ int64) bool { return p.Want(value) }
	if p.index != nil {
		w.blockBuilder = p.index.blockBuilder(p.Want)
		w.v.want = w.blockBuilder.want
		w.blockBuilder.column = column
		if p.index.packs {
			w.pack = p.Packing.Packer(head.header, column)
		}
		switch {
		case p.index.kind == ByValue && isPlain(column, id):
			w.v.plain = func(block []byte, v *rowHandler) error { return w.blockBuilder.plain(&w.t, block, v) }
		case p.index.kind == ByKey && column == 0:
			if p.Sound != nil {
				w.sound = p.Sound(head.header)
			}
			w.v.plain = func(block []byte, v *rowHandler) error { return w.plainKeys(&w.t, block, v) }
		}
	} else {
		w.v.id = -1
	}
	return w, nil
}

// do looks at a block.
func (w *worker[T]) do(b *block[T]) {
	w.b = b
	b.rows, b.err = b.rows[:0], nil
	w.reset(&b.seen, b.off)
	t := &w.t
	first := int64(0)
	if w.p.Ranges != nil {
		first = b.stop - b.off + scanBeyond
	}
	t.r = w.p.from(b.off, first)
	t.buf = t.buf[:w.p.step+scanBeyond+1] // a long row has made it longer
	t.base, t.pos, t.end, t.line, t.stop = b.off, 0, 0, 0, b.stop
	t.eof, t.open = false, false
	if b.err = t.fill(); b.err != nil {
		return
	}
	if !b.exact {
		// Where there is no line end, the block before reaches into
		// this one.
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

// ofKeys reports whether the scan makes an index of keys, for which it tells
// sound rows from broken ones, and yields none.
func (p *scan[T]) ofKeys() bool { return p.index != nil && p.index.kind == ByKey }

func (w *worker[T]) row(fields [][]byte, p Position) error {
	row, keep, err := w.parse(fields)
	if w.p.ofKeys() {
		if err != nil {
			w.noteBroken(p.Offset)
		}
		return nil
	}
	if err != nil {
		w.b.rows = append(w.b.rows, Row[T]{At: p, Fault: &RowError{w.p.File, p.Line, err}})
	} else if keep {
		w.b.rows = append(w.b.rows, Row[T]{At: p, Value: row})
	}
	return nil
}

func (w *worker[T]) bad(bad *RowError, p Position, wanted bool) error {
	if !wanted && w.p.index != nil {
		w.noteKeyless(p.Offset)
	}
	if w.p.ofKeys() {
		if wanted {
			w.noteBroken(p.Offset)
		}
		return nil
	}
	w.b.rows = append(w.b.rows, Row[T]{At: p, Fault: bad})
	return nil
}
