package kernel

import "github.com/opensandwich/oi/cmd/internal/threadpool"

// Workers are threads with the scratch memory that the operations of this
// package need, and the backend that computes the inner loops: assembly or Go.
//
// They carry out one operation at a time: a Workers must not be used by two
// goroutines at once. Scratch memory grows to the largest shape seen and is
// kept, so that a repeated step allocates nothing.
type Workers struct {
	backend *backend
	threads *threadpool.Pool
	workers []worker // of each thread
	job     job      // the phase under way

	// Shared scratch: written before the tasks of a phase start, or by
	// tasks in disjoint parts.
	padded, packed, transposed, partial []float32
	orthogonal                          []float32 // of Muon
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
	features      featuresJob
	squares       squaresJob
	each          eachJob

	winogradWeights       winogradWeights
	avgPool               avgPoolJob
	weightStandardization weightStandardizationJob
}

// job is one parallel phase: n independent tasks, numbered from 0. Which
// worker runs a task, and when, must not influence any result.
type job interface {
	task(i int, ws *Workers, w *worker)
}

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
	return newWorkers(threads, available()[0])
}

// NewWorkersOn is NewWorkers on the named backend, one of [Backends]; it is for
// tests and comparisons. It reports false if this machine lacks the backend.
func NewWorkersOn(backend string, threads int) (*Workers, bool) {
	for _, be := range available() {
		if be.name == backend {
			return newWorkers(threads, be), true
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

func newWorkers(threads int, be *backend) *Workers {
	pool := threadpool.New(threads)
	return &Workers{backend: be, threads: pool, workers: make([]worker, pool.Threads()), one: [1]float32{1}}
}

// Backend names the implementation in use, such as "avx512", "avx2" or "go".
func (ws *Workers) Backend() string { return ws.backend.name }

// Threads returns the number of threads, the caller's included.
func (ws *Workers) Threads() int { return len(ws.workers) }

// Close stops the threads and waits for them. Closed Workers must not be used
// again, except that Close may be repeated.
func (ws *Workers) Close() { ws.threads.Close() }

// run carries out tasks 0..n-1 of j and returns when all are done.
func (ws *Workers) run(n int, j job) {
	ws.job = j
	ws.threads.Run(n, (*phase)(ws))
	ws.job = nil
}

// Each calls do for 0..n-1, for several at a time, with Workers of one thread
// that are for this number alone. So it is no matter of chance which of them need
// how much scratch memory. It is for operations that are too small to be divided.
func (ws *Workers) Each(n int, do func(i int, alone *Workers)) {
	for len(ws.each.alone) < n {
		ws.each.alone = append(ws.each.alone, newWorkers(1, ws.backend))
	}
	ws.each.do = do
	ws.run(n, &ws.each)
	ws.each.do = nil
}

type eachJob struct {
	alone []*Workers
	do    func(i int, alone *Workers)
}

func (j *eachJob) task(i int, _ *Workers, _ *worker) { j.do(i, j.alone[i]) }

// phase is the job under way as the pool sees it.
type phase Workers

// Do implements threadpool.Phase.
func (p *phase) Do(thread, i int) {
	ws := (*Workers)(p)
	ws.job.task(i, ws, &ws.workers[thread])
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
