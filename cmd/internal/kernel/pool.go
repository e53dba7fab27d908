package kernel

import (
	"runtime"
	"sync"
	"sync/atomic"
)

// A Pool is a set of worker threads with the scratch memory that the
// operations of this package need, and the choice between assembly and Go.
//
// A Pool carries out one operation at a time: it must not be used by two
// goroutines at once. Scratch memory grows to the largest shape seen and is
// kept, so that a repeated step allocates nothing.
type Pool struct {
	micro   *micro
	workers []worker
	wake    []chan struct{}
	idle    sync.WaitGroup
	gone    sync.WaitGroup
	closed  bool

	job   job
	tasks int64
	next  atomic.Int64

	// Shared scratch: written before the tasks of a phase start, or by
	// tasks in disjoint parts.
	padded, packed, turned, partial []float32
	one                             [1]float32     // an input for which tile adds up weights
	zeros                           [lanes]float32 // sums to start from

	// State of the operation under way; here so that a call needs no memory.
	convForward  convForward
	convWinograd convWinograd
	convGradW    convGradW
	convGradX    convGradX
	convDenseW   convDenseW
	convStridedX convStridedX
	denseForward denseForward
	denseGrad    denseGrad
	padding      padJob
	pack         packJob
	turn         turnJob
	reduce       reduceJob
	element      elementJob
	maxPool      maxPoolJob

	winogradWeights winogradWeights
	avgPool         avgPoolJob
	standardise     standardiseJob
}

// job is one parallel phase: n independent tasks, numbered from 0. Which
// worker runs a task, and when, must not influence any result.
type job interface {
	task(i int, p *Pool, w *worker)
}

// worker is the private scratch memory of one thread.
type worker struct {
	tile, vals, quads []float32
	offs, counts      []int32
	sums              [2 * lanes]float64
	columns           columns
	_                 [64]byte // keep workers off each other's cache lines
}

// New starts a pool of the given number of threads, the caller's included; a
// number below 1 means one for each available CPU. It uses the fastest path
// of this machine. Close releases it.
func New(threads int) *Pool {
	return newPool(threads, available()[0])
}

// NewOn is New on the named path, one of Paths; it is for tests and
// comparisons. It reports false if this machine lacks the path.
func NewOn(path string, threads int) (*Pool, bool) {
	for _, m := range available() {
		if m.name == path {
			return newPool(threads, m), true
		}
	}
	return nil, false
}

// Paths lists the names of the paths that this machine can take, fastest first.
// The last is always "go".
func Paths() []string {
	var names []string
	for _, m := range available() {
		names = append(names, m.name)
	}
	return names
}

func newPool(threads int, m *micro) *Pool {
	if threads < 1 {
		threads = runtime.GOMAXPROCS(0)
	}
	p := &Pool{micro: m, workers: make([]worker, threads), one: [1]float32{1}}
	for i := 1; i < threads; i++ {
		wake := make(chan struct{}, 1)
		p.wake = append(p.wake, wake)
		p.gone.Add(1)
		go p.serve(wake, &p.workers[i])
	}
	return p
}

// Path names the implementation in use, such as "avx512", "avx2" or "go".
func (p *Pool) Path() string { return p.micro.name }

// Threads returns the number of threads, the caller's included.
func (p *Pool) Threads() int { return len(p.workers) }

// Close stops the workers and waits for them. A closed pool must not be used
// again, except that Close may be repeated.
func (p *Pool) Close() {
	if p.closed {
		return
	}
	p.closed = true
	for _, wake := range p.wake {
		close(wake)
	}
	p.gone.Wait()
}

func (p *Pool) serve(wake <-chan struct{}, w *worker) {
	defer p.gone.Done()
	for range wake {
		p.drain(w)
		p.idle.Done()
	}
}

func (p *Pool) drain(w *worker) {
	for {
		i := p.next.Add(1) - 1
		if i >= p.tasks {
			return
		}
		p.job.task(int(i), p, w)
	}
}

// run carries out tasks 0..n-1 of j and returns when all are done.
func (p *Pool) run(n int, j job) {
	helpers := min(n, len(p.workers)) - 1
	if helpers < 1 {
		for i := range n {
			j.task(i, p, &p.workers[0])
		}
		return
	}
	p.job, p.tasks = j, int64(n)
	p.next.Store(0)
	p.idle.Add(helpers)
	for _, wake := range p.wake[:helpers] {
		wake <- struct{}{}
	}
	p.drain(&p.workers[0])
	p.idle.Wait()
	p.job = nil
}

// scratch says how much private memory a task needs, in values.
type scratch struct{ tile, entries, counts, quads int }

// reserve gives every worker the memory for a phase. All of them, since it is a
// matter of chance which worker gets how many tasks.
func (p *Pool) reserve(s scratch) {
	for i := range p.workers {
		w := &p.workers[i]
		grow(&w.tile, s.tile)
		grow(&w.vals, s.entries)
		grow(&w.offs, s.entries)
		grow(&w.counts, s.counts)
		grow(&w.quads, s.quads)
	}
}

// grow returns the first n values of *buf, replacing the buffer if it is too
// short. The contents are undefined.
func grow[T any](buf *[]T, n int) []T {
	if cap(*buf) < n {
		*buf = make([]T, n)
	}
	return (*buf)[:n]
}
