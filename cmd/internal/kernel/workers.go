package kernel

import (
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

// Workers are threads with the scratch memory that the operations of this
// package need, and the backend that computes the inner loops: assembly or Go.
//
// They carry out one operation at a time: a Workers must not be used by two
// goroutines at once. Scratch memory grows to the largest shape seen and is
// kept, so that a repeated step allocates nothing.
type Workers struct {
	backend *backend
	workers []worker
	helpers []helper
	exited  sync.WaitGroup
	closed  bool

	// The phase under way: set by run, and read by whoever got a task of it.
	job        job
	tasks      int64
	unclaimed  atomic.Int64  // tasks that nobody has begun; below 0 after some came for none
	unfinished atomic.Int64  // tasks that are not done
	waiting    atomic.Bool   // run sleeps until the last one is
	finished   chan struct{} // wakes it
	patience   time.Duration // how long a thread looks for work before it sleeps

	// Shared scratch: written before the tasks of a phase start, or by
	// tasks in disjoint parts.
	padded, packed, transposed, partial []float32
	unfolding                           unfolding
	one                                 [1]float32     // an input for which gemm adds up weights
	zeros                               [lanes]float32 // sums to start from

	// State of the operation under way; here so that a call needs no
	// memory.
	convForward   convForward
	convWinograd  convWinograd
	depthwise     depthwiseJob
	convGrouped   convGrouped
	packGroups    packGroups
	convIm2col    convIm2col
	separable     separableJob
	convPointwise convPointwise
	convGradW     convGradW
	convGradX     convGradX
	convDenseW    convDenseW
	convStridedX  convStridedX
	denseForward  denseForward
	denseGrad     denseGrad
	padding       padJob
	pack          packJob
	transposing   transposeJob
	reduce        reduceJob
	element       elementJob
	maxPool       maxPoolJob
	pool          poolJob
	binary        binaryJob
	copying       copyJob
	permuting     permuteJob
	matMul        matMulJob
	softmax       softmaxJob
	layerNorm     layerNormJob
	bytes         bytesJob

	winogradWeights       winogradWeights
	avgPool               avgPoolJob
	weightStandardization weightStandardizationJob
}

// job is one parallel phase: n independent tasks, numbered from 0. Which
// worker runs a task, and when, must not influence any result.
type job interface {
	task(i int, ws *Workers, w *worker)
}

// helper is a thread beside the caller's.
type helper struct {
	asleep atomic.Bool
	wake   chan struct{} // if it sleeps
}

// spinning is how long a thread that has nothing to do looks for work. To wake
// a sleeping one takes the system 10 microseconds, and in a virtual machine
// 200; most phases of a step follow each other sooner.
const spinning = 100 * time.Microsecond

// worker is the private scratch memory of one thread.
type worker struct {
	buf, vals, gathered []float32
	offs, counts        []int32
	sums                [2 * lanes]float64
	columns             columns
	_                   [64]byte // keep workers off each other's cache lines
}

// NewWorkers starts the given number of threads, the caller's included; a
// number below 1 means one for each available CPU. It uses the fastest backend
// of this machine. Close releases it.
func NewWorkers(threads int) *Workers {
	return newWorkers(threads, available()[0], spinning)
}

// NewWorkersOn is NewWorkers on the named backend, one of [Backends]; it is for
// tests and comparisons. It reports false if this machine lacks the backend.
func NewWorkersOn(backend string, threads int) (*Workers, bool) {
	for _, be := range available() {
		if be.name == backend {
			return newWorkers(threads, be, spinning), true
		}
	}
	return nil, false
}

// Backends lists the names of the backends that this machine can take, fastest
// first. The last is always "go".
func Backends() []string {
	var names []string
	for _, be := range available() {
		names = append(names, be.name)
	}
	return names
}

func newWorkers(threads int, be *backend, patience time.Duration) *Workers {
	if threads < 1 {
		threads = runtime.GOMAXPROCS(0)
	}
	ws := &Workers{
		backend: be, workers: make([]worker, threads), helpers: make([]helper, threads-1),
		finished: make(chan struct{}, 1), one: [1]float32{1},
	}
	if threads <= runtime.GOMAXPROCS(0) { // else one that spins keeps another from its work
		ws.patience = patience
	}
	for i := range ws.helpers {
		ws.helpers[i].wake = make(chan struct{}, 1)
		ws.exited.Add(1)
		go ws.serve(&ws.helpers[i], &ws.workers[i+1])
	}
	return ws
}

// Backend names the implementation in use, such as "avx512", "avx2" or "go".
func (ws *Workers) Backend() string { return ws.backend.name }

// Threads returns the number of threads, the caller's included.
func (ws *Workers) Threads() int { return len(ws.workers) }

// Close stops the threads and waits for them. Closed Workers must not be used
// again, except that Close may be repeated.
func (ws *Workers) Close() {
	if ws.closed {
		return
	}
	ws.closed = true
	for i := range ws.helpers {
		close(ws.helpers[i].wake)
	}
	ws.exited.Wait()
}

// serve takes part in every phase until wake is closed.
func (ws *Workers) serve(h *helper, w *worker) {
	defer ws.exited.Done()
	work := func() bool { return ws.unclaimed.Load() > 0 }
	for {
		ws.drain(w)
		if ws.spin(work) {
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
func (ws *Workers) spin(come func() bool) bool {
	for start := time.Now(); ; {
		for range 64 {
			if come() {
				return true
			}
		}
		if time.Since(start) >= ws.patience {
			return false
		}
	}
}

// drain does tasks until none is left.
func (ws *Workers) drain(w *worker) {
	for {
		left := ws.unclaimed.Add(-1)
		if left < 0 {
			return
		}
		ws.job.task(int(ws.tasks-1-left), ws, w)
		if ws.unfinished.Add(-1) == 0 && ws.waiting.CompareAndSwap(true, false) {
			ws.finished <- struct{}{}
		}
	}
}

// run carries out tasks 0..n-1 of j and returns when all are done. It does not
// wait for helpers that come too late for a task.
func (ws *Workers) run(n int, j job) {
	helpers := min(n-1, len(ws.helpers))
	if helpers < 1 {
		for i := range n {
			j.task(i, ws, &ws.workers[0])
		}
		return
	}
	ws.job, ws.tasks = j, int64(n)
	ws.unfinished.Store(ws.tasks)
	ws.unclaimed.Store(ws.tasks)
	for i := range ws.helpers[:helpers] {
		if h := &ws.helpers[i]; h.asleep.CompareAndSwap(true, false) {
			h.wake <- struct{}{}
		}
	}
	ws.drain(&ws.workers[0])
	done := func() bool { return ws.unfinished.Load() == 0 }
	for !ws.spin(done) {
		ws.waiting.Store(true)
		if done() && ws.waiting.CompareAndSwap(true, false) {
			break
		}
		<-ws.finished // or of the phase before, from a thread that was slow to say it
	}
	ws.job = nil
}

// sparseRows returns rows in the worker's memory, to be filled.
func (w *worker) sparseRows(rows, capacity int) sparseRows {
	return sparseRows{vals: w.vals[:rows*capacity], offs: w.offs[:rows*capacity], counts: w.counts[:rows], capacity: capacity}
}

// scratch says how much private memory a task needs, in values.
type scratch struct{ buf, entries, counts, gathered int }

// reserve gives every worker the memory for a phase. All of them, since it is a
// matter of chance which worker gets how many tasks.
func (ws *Workers) reserve(s scratch) {
	for i := range ws.workers {
		w := &ws.workers[i]
		grow(&w.buf, s.buf)
		grow(&w.vals, s.entries)
		grow(&w.offs, s.entries)
		grow(&w.counts, s.counts)
		grow(&w.gathered, s.gathered)
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
