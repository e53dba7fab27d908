package logreg

import (
	"sync"

	"github.com/opensandwich/oi/cmd/internal/threadpool"
)

// blocks is the number of blocks of a size that n things fill.
func blocks(n, size int) int { return (n + size - 1) / size }

// startThreads starts as many threads; below 1 means 1.
func startThreads(n int) *threadpool.Pool { return threadpool.New(max(n, 1)) }

// parallel carries out tasks 0..n-1 and returns when all are done; worker is
// the thread that does a task. The error is that of the first task that has one.
func parallel(pool *threadpool.Pool, n int, task func(worker, i int) error) error {
	p := &attempts{task: task, at: n}
	pool.Run(n, p)
	return p.err
}

// attempts is a phase of tasks that may fail.
type attempts struct {
	task func(worker, i int) error
	mu   sync.Mutex
	at   int // of the first failure
	err  error
}

func (a *attempts) Do(worker, i int) {
	if err := a.task(worker, i); err != nil {
		a.mu.Lock()
		defer a.mu.Unlock()
		if i < a.at {
			a.at, a.err = i, err
		}
	}
}
