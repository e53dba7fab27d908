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
//
// Each thread has a share of the tasks, as many neighbours as the others, and
// takes over from the others when it is done with its own. So, as long as tasks
// come in the order of what they work on, a thread finds in its cache what it
// left there in the phase before.
type Pool struct {
	helpers []helper
	exited  sync.WaitGroup
	closed  bool

	// The phase under way: set by Run, and read by whoever got a task of it.
	phase  Phase
	shares []share      // of the threads
	begun  atomic.Int64 // phases
	looks  int          // for work, before a thread sleeps

	_          [64]byte      // what threads look at is off the cache line of what they change
	unfinished atomic.Int64  // tasks that are not done
	waiting    atomic.Bool   // Run sleeps until the last one is
	finished   chan struct{} // wakes it
}

// share is the tasks that one thread does first.
type share struct {
	unclaimed atomic.Int64 // tasks that nobody has begun; below 0 after some came for none
	end       int64        // the number after the last
	_         [48]byte     // keep shares off each other's cache lines
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
	p := &Pool{helpers: make([]helper, threads-1), shares: make([]share, threads), finished: make(chan struct{}, 1)}
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
	seen := int64(0) // phases
	begun := func() bool { return p.begun.Load() != seen }
	for {
		seen = p.begun.Load()
		p.drain(i + 1)
		if p.spin(begun) {
			continue
		}
		h.asleep.Store(true)
		if begun() && h.asleep.CompareAndSwap(true, false) {
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

// drain does tasks until none is left, those of the thread's own share first.
func (p *Pool) drain(thread int) {
	done := int64(0)
	for k := range p.shares {
		s := &p.shares[(thread+k)%len(p.shares)]
		for s.unclaimed.Load() > 0 {
			left := s.unclaimed.Add(-1)
			if left < 0 {
				break
			}
			p.phase.Do(thread, int(s.end-1-left))
			done++
		}
	}
	if done > 0 && p.unfinished.Add(-done) == 0 && p.waiting.CompareAndSwap(true, false) {
		p.finished <- struct{}{}
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
	p.phase = phase
	p.unfinished.Store(int64(n))
	for i := range p.shares[:helpers+1] {
		s := &p.shares[i]
		first, end := n*i/(helpers+1), n*(i+1)/(helpers+1)
		s.end = int64(end)
		s.unclaimed.Store(int64(end - first)) // from here on someone may take them
	}
	p.begun.Add(1)
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
