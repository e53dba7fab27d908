package csvscan

import (
	"cmp"
	"errors"
	"sync"
)

// A queue hands out the blocks of a scan to workers, and takes them back in the
// order of the file.
type queue[T any] struct {
	p *scan[T]

	handing sync.Mutex // held over the next two
	begin   int64      // of the next block; a row begins at that of the first
	number  int        // of the next block

	mu        sync.Mutex
	freed     *sync.Cond // a block has been released
	arrived   *sync.Cond // one has been submitted, or there are no more
	free      []*block[T]
	submitted []*block[T] // by number, for as many as there are blocks
	due       int         // number of the next block to be taken
	last      bool        // all blocks have been handed out
	out       int         // blocks that have been handed out, with those submitted
	err       error       // why no more is needed

	// Of the block that is due, for commit.
	at, line int64
}

func newQueue[T any](p *scan[T], head *csvReader, blocks int) *queue[T] {
	o := &queue[T]{p: p, begin: head.at(), at: head.at(), line: head.line, submitted: make([]*block[T], blocks)}
	o.freed, o.arrived = sync.NewCond(&o.mu), sync.NewCond(&o.mu)
	for range blocks {
		o.free = append(o.free, &block[T]{})
	}
	return o
}

// next returns the next block, or nil when there is none.
func (o *queue[T]) next() *block[T] {
	o.handing.Lock()
	defer o.handing.Unlock()
	b := o.room()
	if b == nil {
		return nil
	}
	if !o.place(b) {
		o.mu.Lock()
		o.out--
		o.last = true
		o.arrived.Signal()
		o.mu.Unlock()
		return nil
	}
	b.number = o.number
	o.number++
	return b
}

// place says which part of the file a block is, or false at the end.
func (o *queue[T]) place(b *block[T]) bool {
	if o.p.Ranges != nil {
		r, ok := o.p.nextRange()
		b.off, b.stop, b.exact = r.From, r.To, true
		return ok
	}
	stop, ok := o.p.next(o.begin)
	b.off, b.stop, b.exact = o.begin, stop, o.number == 0
	o.begin = stop
	return ok
}

// room waits for a block that is free, and returns nil when no more is needed.
func (o *queue[T]) room() *block[T] {
	o.mu.Lock()
	defer o.mu.Unlock()
	for len(o.free) == 0 && o.err == nil && !o.last {
		o.freed.Wait()
	}
	if o.err != nil || o.last {
		return nil
	}
	b := o.free[len(o.free)-1]
	o.free = o.free[:len(o.free)-1]
	o.out++
	return b
}

// stop ends the scan before its end.
func (o *queue[T]) stop(err error) {
	o.mu.Lock()
	o.err = cmp.Or(o.err, err)
	o.freed.Broadcast()
	o.arrived.Broadcast()
	o.mu.Unlock()
	if o.p.growing != nil {
		_ = giveUp(o.p.growing, err)
	}
}

// stopped returns why the scan was stopped, nil if it was not. Its context may
// end at the same time.
func (o *queue[T]) stopped() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.err
}

// submit gives back a block that a worker has looked at.
func (o *queue[T]) submit(b *block[T]) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.submitted[b.number%len(o.submitted)] = b
	o.arrived.Signal()
}

// take waits for the block that is due, and returns nil after the last one, or
// when no more is needed.
func (o *queue[T]) take() *block[T] {
	o.mu.Lock()
	defer o.mu.Unlock()
	here := &o.submitted[o.due%len(o.submitted)]
	for *here == nil && o.err == nil && (!o.last || o.out > 0) {
		o.arrived.Wait()
	}
	if o.err != nil || *here == nil {
		return nil
	}
	b := *here
	*here = nil
	o.due++
	return b
}

// release takes back a block that was taken.
func (o *queue[T]) release(b *block[T]) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.free = append(o.free, b)
	o.out--
	o.freed.Signal()
}

// commit passes on the block that is due. w looks at it again if need be.
func (o *queue[T]) commit(b *block[T], w *worker[T], yield func([]Row[T]) bool) error {
	if o.p.Ranges != nil {
		return o.commitRange(b, yield)
	}
	if o.at > b.stop {
		return nil // a row that began before goes on after it
	}
	if b.from != o.at {
		b.off, b.exact = o.at, true
		w.do(b)
	}
	for i := range b.rows {
		b.rows[i].At.Line += o.line
		if fault := b.rows[i].Fault; fault != nil {
			fault.Line += o.line
		}
	}
	if len(b.rows) > 0 && !yield(b.rows) {
		return errLeft
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

// commitRange passes on a block that stands alone. Nobody has counted the lines
// before it.
func (o *queue[T]) commitRange(b *block[T], yield func([]Row[T]) bool) error {
	rows := b.rows[:0]
	for _, row := range b.rows {
		if row.Fault == nil {
			row.At.Line = 0
			rows = append(rows, row)
		}
	}
	if len(rows) > 0 && !yield(rows) {
		return errLeft
	}
	return b.err
}

// atLine counts the line of an error from the file's beginning.
func atLine(err error, line int64) error {
	var row *RowError
	if errors.As(err, &row) {
		return &RowError{row.File, row.Line + line, row.Err}
	}
	return err
}
