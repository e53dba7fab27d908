// Package threadpool divides work of a fraction of a millisecond among threads
// that wait for it.
package threadpool

import (
	"runtime"
	"sync"
	"sync/atomic"
)

// looks is how often a thread that has nothing to do looks for work before it
// sleeps, some 100 microseconds long. To wake a sleeping one takes the system 10,
// and in a virtual machine 200; the phases of a computation follow each other
// sooner.
const looks = 250_000

// A Phase is a number of independent tasks, numbered from 0. Which thread does
// a task, and when, must not influence any result.
type Phase interface {
	// Do does task i. No two calls at a time have the same thread, which is
	// below [Pool.Threads].
	Do(thread, i int)
}

// Pool is the threads. They carry out one phase at a time: no two goroutines
// may use a Pool at once.
type Pool struct {
	helpers []helper
	exited  sync.WaitGroup
	closed  bool

	// The phase under way: set by Run, and read by whoever got a task of it.
	phase      Phase
	tasks      int64
	unclaimed  atomic.Int64  // tasks that nobody has begun; below 0 after some came for none
	unfinished atomic.Int64  // tasks that are not done
	waiting    atomic.Bool   // Run sleeps until the last one is
	finished   chan struct{} // wakes it
	looks      int           // for work, before a thread sleeps
}

// helper is a thread beside the caller's.
type helper struct {
	asleep atomic.Bool
	wake   chan struct{} // if it sleeps
}

// New starts the given number of threads, the caller's included; a number below
// 1 means one for each available CPU. Close ends them.
func New(threads int) *Pool { return newPool(threads, looks) }

func newPool(threads, looks int) *Pool {
	if threads < 1 {
		threads = runtime.GOMAXPROCS(0)
	}
	p := &Pool{helpers: make([]helper, threads-1), finished: make(chan struct{}, 1)}
	if threads <= runtime.GOMAXPROCS(0) { // else one that looks keeps another from its work
		p.looks = looks
	}
	for i := range p.helpers {
		p.helpers[i].wake = make(chan struct{}, 1)
		p.exited.Go(func() { p.serve(i) })
	}
	return p
}

// Threads returns the number of threads, the caller's included.
func (p *Pool) Threads() int { return len(p.helpers) + 1 }

// Close ends the threads and waits for them. A closed Pool must not be used
// again, except that Close may be repeated.
func (p *Pool) Close() {
	if p.closed {
		return
	}
	p.closed = true
	for i := range p.helpers {
		close(p.helpers[i].wake)
	}
	p.exited.Wait()
}

// serve takes part in every phase until wake is closed.
func (p *Pool) serve(i int) {
	h := &p.helpers[i]
	work := func() bool { return p.unclaimed.Load() > 0 }
	for {
		p.drain(i + 1)
		if p.spin(work) {
			continue
		}
		h.asleep.Store(true)
		if work() && h.asleep.CompareAndSwap(true, false) {
			continue // it came in between, and nobody saw it asleep
		}
		if _, open := <-h.wake; !open {
			return
		}
	}
}

// spin waits for a moment until it comes, and reports whether it did.
func (p *Pool) spin(come func() bool) bool {
	for range p.looks {
		if come() {
			return true
		}
	}
	return false
}

// drain does tasks until none is left.
func (p *Pool) drain(thread int) {
	for {
		left := p.unclaimed.Add(-1)
		if left < 0 {
			return
		}
		p.phase.Do(thread, int(p.tasks-1-left))
		if p.unfinished.Add(-1) == 0 && p.waiting.CompareAndSwap(true, false) {
			p.finished <- struct{}{}
		}
	}
}

// Run carries out tasks 0..n-1 and returns when all are done. It does not wait
// for threads that come too late for a task.
func (p *Pool) Run(n int, phase Phase) {
	helpers := min(n-1, len(p.helpers))
	if helpers < 1 {
		for i := range n {
			phase.Do(0, i)
		}
		return
	}
	p.phase, p.tasks = phase, int64(n)
	p.unfinished.Store(p.tasks)
	p.unclaimed.Store(p.tasks)
	for i := range p.helpers[:helpers] {
		if h := &p.helpers[i]; h.asleep.CompareAndSwap(true, false) {
			h.wake <- struct{}{}
		}
	}
	p.drain(0)
	done := func() bool { return p.unfinished.Load() == 0 }
	for !p.spin(done) {
		p.waiting.Store(true)
		if done() && p.waiting.CompareAndSwap(true, false) {
			break
		}
		<-p.finished // or of the phase before, from a thread that was slow to say it
	}
	p.phase = nil
}
