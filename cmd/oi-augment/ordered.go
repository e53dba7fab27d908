package main

import (
	"context"
	"iter"
	"sync"

	"github.com/opensandwich/oi/cmd/internal/pix"
	"github.com/opensandwich/oi/record"
)

// A task is a record on its way to the output.
type task struct {
	record record.Record // written as it is, unless make is set
	make   func(*worker) (*record.Item, error)
	err    error // in place of both

	encoded []byte        // what make returned, as it is written
	made    record.Digest // of it, for the account
	done    chan struct{}
}

// A worker makes items, and keeps its memory from one to the next.
type worker struct {
	maker   pix.Maker
	pixels  []byte // an item may have them until it is encoded
	encoder *record.Encoder
}

// room returns the worker's memory for n bytes of pixels.
func (w *worker) room(n int) []byte {
	if cap(w.pixels) < n {
		w.pixels = make([]byte, n)
	}
	return w.pixels[:n]
}

// perWorker is how many tasks may wait for their turn to be written, for each
// worker.
const perWorker = 4

// inOrder does the tasks in parallel and writes their records in order; wrote
// is called after each. Items are encoded by the worker that made them.
func (r *run) inOrder(ctx context.Context, tasks iter.Seq[*task], wrote func(*task)) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	jobs := r.options.stream.Workers()
	work := make(chan *task, jobs)
	ordered := make(chan *task, perWorker*jobs)
	spare := make(chan []byte, (perWorker+1)*jobs+1) // memory of what is written

	var workers sync.WaitGroup
	defer workers.Wait()
	defer cancel() // before waiting: standard output may be closed
	for range jobs {
		workers.Go(func() {
			w := &worker{encoder: r.out.NewEncoder()}
			for t := range work {
				var memory []byte
				select {
				case memory = <-spare:
				default:
				}
				var item *record.Item
				if item, t.err = t.make(w); t.err == nil {
					t.made = record.DigestOf(item)
					t.encoded, t.err = w.encoder.Append(memory[:0], item)
				}
				close(t.done)
			}
		})
	}
	workers.Go(func() {
		defer close(ordered)
		defer close(work)
		for t := range tasks {
			to := []chan *task{ordered, work}
			if t.done = make(chan struct{}); t.make == nil {
				close(t.done)
				to = to[:1]
			}
			for _, to := range to {
				select {
				case to <- t:
				case <-ctx.Done():
					return
				}
			}
		}
	})
	for t := range ordered {
		select {
		case <-t.done:
		case <-ctx.Done():
		}
		if ctx.Err() != nil {
			break
		}
		if err := r.writeTask(t); err != nil {
			return err
		}
		wrote(t)
		if t.encoded != nil {
			select {
			case spare <- t.encoded:
			default:
			}
		}
	}
	return context.Cause(ctx)
}

func (r *run) writeTask(t *task) error {
	switch {
	case t.err != nil:
		return t.err
	case t.make != nil:
		return r.out.WriteEncoded(t.encoded)
	}
	return r.out.Write(t.record)
}
