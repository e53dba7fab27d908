package logreg

import (
	"sync"
	"sync/atomic"
)

// blocks is the number of blocks of a size that n things fill.
func blocks(n, size int) int { return (n + size - 1) / size }

// parallel carries out tasks 0..n-1 in up to the given number of goroutines,
// the caller's included, and returns when all are done; worker is which of them
// runs a task. The error is that of the first task that has one.
func parallel(threads, n int, task func(worker, i int) error) error {
	var (
		next  atomic.Int64
		group sync.WaitGroup
		mu    sync.Mutex
		at    = n
		first error
	)
	work := func(worker int) {
		for {
			i := int(next.Add(1)) - 1
			if i >= n {
				return
			}
			if err := task(worker, i); err != nil {
				mu.Lock()
				if i < at {
					at, first = i, err
				}
				mu.Unlock()
			}
		}
	}
	for worker := 1; worker < min(threads, n); worker++ {
		group.Go(func() { work(worker) })
	}
	work(0)
	group.Wait()
	return first
}
