package csvscan

import (
	"cmp"
	"errors"
	"sync"
)

// A queue hands out the blocks of a scan, and commits them in the order of the
// file. The workers themselves do that: the one that submits the block that is
// due also commits those after it, so that no worker waits for another unless it
// is far ahead.
type queue[T any] struct {
	p *scan[T]

	handing sync.Mutex // held over the next two
	begin   int64      // of the next block; a row begins at that of the first
	number  int        // of the next block

	mu         sync.Mutex
	freed      *sync.Cond
	free       []*block[T]
	submitted  []*block[T] // by number, for as many as there are blocks
	due        int         // number of the next block to be committed
	committing bool        // somebody does
	err        error       // why no more is needed

	// Of the block that is due, for the worker that commits it.
	at, line int64
}

func newQueue[T any](p *scan[T], head *csvReader, blocks int) *queue[T] {
	o := &queue[T]{p: p, begin: head.at(), at: head.at(), line: head.line, submitted: make([]*block[T], blocks)}
	o.freed = sync.NewCond(&o.mu)
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
func (o *queue[T]) room() *block[T] {
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

// stop ends the scan before its end.
func (o *queue[T]) stop(err error) {
	o.mu.Lock()
	o.err = cmp.Or(o.err, err)
	o.freed.Broadcast()
	o.mu.Unlock()
	if o.p.growing != nil {
		_ = giveUp(o.p.growing, err)
	}
}

// submit takes back a block that w has looked at.
func (o *queue[T]) submit(b *block[T], w *worker[T]) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.submitted[b.number%len(o.submitted)] = b
	if o.committing {
		return
	}
	o.committing = true
	for o.err == nil {
		here := &o.submitted[o.due%len(o.submitted)]
		b := *here
		if b == nil {
			break
		}
		*here = nil
		o.due++
		o.mu.Unlock()
		if err := o.commit(b, w); err != nil {
			o.stop(err)
		}
		o.mu.Lock()
		o.free = append(o.free, b)
		o.freed.Signal()
	}
	o.committing = false
}

// commit passes on the block that is due. w does it again if need be.
func (o *queue[T]) commit(b *block[T], w *worker[T]) error {
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
