package nn

import (
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/opensandwich/oi/cmd/internal/kernel"
)

// lane is a thread, and what it computes pictures with.
type lane struct {
	workers *kernel.Workers // of one thread, or all where there is one lane
	steps   *stepGraph
	bytes   []byte // the input, if it is bytes
}

// input is memory for n bytes.
func (l *lane) input(n int) []byte {
	if cap(l.bytes) < n {
		l.bytes = make([]byte, n)
	}
	return l.bytes[:n]
}

// run runs the graph over n pictures; load gives a lane n of them from the
// first on. A graph that takes a fixed number gets fewer than these at the end.
// Result i is output i for all pictures.
func (e *Evaluator) run(n int, load func(l *lane, first, n int)) ([][]float32, error) {
	results := make([][]float32, len(e.graph.Outputs))
	for i, v := range e.graph.Outputs {
		results[i] = make([]float32, n*row(v))
	}
	// portion computes the pictures from the first on.
	portion := func(l *lane, first, n int) error {
		load(l, first, n)
		if err := l.steps.run(e.size(n)); err != nil {
			return err
		}
		for i, v := range l.steps.Program.Outputs {
			size := row(e.graph.Outputs[i])
			copy(results[i][first*size:][:n*size], l.steps.Floats(v, e.size(n)))
		}
		return nil
	}
	lanes := e.lanes
	if n < len(lanes) {
		lanes = lanes[:1]
		lanes[0].steps.Workers = e.workers
	} else {
		lanes[0].steps.Workers = lanes[0].workers
	}
	if err := inPortions(n, lanes, portion); err != nil {
		return nil, fmt.Errorf("evaluate: %w", err)
	}
	return results, nil
}

// inPortions gives each lane portions of n pictures, of about one size, as many
// to each if they take the same time. After an error no lane begins another
// portion; of several, it returns that of the first pictures.
func inPortions(n int, lanes []*lane, run func(l *lane, first, n int) error) error {
	if n == 0 {
		return nil
	}
	most := lanes[0].steps.Program.Batch
	rounds := (n + len(lanes)*most - 1) / (len(lanes) * most)
	count := min(n, rounds*len(lanes)) // of portions
	errs := make([]error, count)
	var next atomic.Int64
	var failed atomic.Bool
	serve := func(l *lane) {
		for !failed.Load() {
			i := int(next.Add(1)) - 1
			if i >= count {
				return
			}
			first := i * n / count
			if errs[i] = run(l, first, (i+1)*n/count-first); errs[i] != nil {
				failed.Store(true)
			}
		}
	}
	var group sync.WaitGroup
	for _, l := range lanes[1:] {
		group.Go(func() { serve(l) })
	}
	serve(lanes[0])
	group.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
