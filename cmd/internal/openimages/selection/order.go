package selection

import (
	"context"
	"iter"
	"runtime"
	"sync"
)

// maxWorkers is the most goroutines that batches are worked on.
const maxWorkers = 8

// seq yields values until an error, which is the last.
type seq[T any] = iter.Seq2[T, error]

// inOrder works on what in yields on several goroutines, and yields the results
// in the order of in. worker is called once on each of them. An error of either
// is the last that is yielded. in's context ends when no more is wanted.
func inOrder[A, B any](ctx context.Context, in func(context.Context) seq[A], worker func(context.Context) func(A) (B, error)) seq[B] {
	return func(yield func(B, error) bool) {
		type task struct {
			in   A
			out  B
			err  error
			done chan struct{}
		}
		ctx, cancel := context.WithCancel(ctx)
		var running sync.WaitGroup
		defer running.Wait()
		defer cancel()
		workers := min(runtime.GOMAXPROCS(0), maxWorkers)
		work, ordered := make(chan *task), make(chan *task, 2*workers)
		for range workers {
			running.Go(func() {
				do := worker(ctx)
				for t := range work {
					t.out, t.err = do(t.in)
					close(t.done)
				}
			})
		}
		running.Go(func() {
			defer close(ordered)
			defer close(work)
			for a, err := range in(ctx) {
				t := &task{in: a, err: err, done: make(chan struct{})}
				select {
				case ordered <- t:
				case <-ctx.Done():
					return
				}
				if err != nil {
					close(t.done)
					return
				}
				work <- t // a worker is there until work is closed
			}
		})
		for t := range ordered {
			<-t.done
			if !yield(t.out, t.err) || t.err != nil {
				return
			}
		}
		if err := context.Cause(ctx); err != nil {
			var none B
			yield(none, err)
		}
	}
}
