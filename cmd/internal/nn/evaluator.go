package nn

import (
	"errors"
	"fmt"
	"slices"

	"github.com/opensandwich/oi/cmd/internal/graph"
	"github.com/opensandwich/oi/cmd/internal/kernel"
	"github.com/opensandwich/oi/cmd/internal/lower"
	"github.com/opensandwich/oi/cmd/internal/steps"
)

// EvaluatorOptions are those of an [Evaluator]; a zero takes the default.
type EvaluatorOptions struct {
	Batch   int // pictures at a time, default 16; the answers do not depend on it
	Threads int // default: all CPUs; the answers do not depend on it
}

// Evaluator computes the outputs of a graph for pictures. It is for one
// goroutine at a time.
//
// Each thread takes pictures of its own through the whole graph, on a lane:
// then nobody waits at the end of a step. All threads share the work of each
// step where there are fewer pictures than threads.
type Evaluator struct {
	graph   *graph.Graph
	batch   int             // the most pictures at a time
	fixed   bool            // the graph takes exactly batch pictures
	workers *kernel.Workers // all threads
	lanes   []*lane
	whole   *stepGraph // for batch pictures, or nil if not made yet
}

// NewEvaluator prepares a graph that [graph.Graph.Simplify] has simplified. The
// graph is not changed, and must not be until Close, which releases the
// threads.
func NewEvaluator(g *graph.Graph, o EvaluatorOptions) (*Evaluator, error) {
	if o.Batch == 0 {
		o.Batch = 16
	}
	if o.Batch < 1 || o.Batch > maxBatch {
		return nil, fmt.Errorf("evaluate: batch of %d: must be from 1 to %d", o.Batch, maxBatch)
	}
	e := &Evaluator{graph: g, batch: o.Batch}
	if n, ok := fixedBatch(g); ok {
		e.batch, e.fixed = n, true
	}
	program, err := lower.Plan(g, e.batch)
	if err != nil {
		return nil, fmt.Errorf("evaluate: %w", err)
	}
	// The answers do not depend on the batch, so a large network works on
	// fewer pictures at once.
	if !e.fixed {
		e.batch = program.Batch
	}
	e.workers = kernel.NewWorkers(o.Threads)
	if err := e.prepare(program); err != nil {
		e.Close()
		return nil, fmt.Errorf("evaluate: %w", err)
	}
	return e, nil
}

// prepare makes the lanes. Together they need no more memory than the batch.
func (e *Evaluator) prepare(program *lower.Program) error {
	lanes := 1
	if e.separate() {
		lanes = min(e.batch, e.workers.Threads())
		if err := program.Shrink((e.batch + lanes - 1) / lanes); err != nil {
			return err
		}
	}
	packed := steps.Packs{}
	for range lanes {
		workers := e.workers
		if lanes > 1 {
			workers = kernel.NewWorkers(1)
		}
		l := &lane{workers: workers}
		e.lanes = append(e.lanes, l)
		var err error
		if l.steps, err = newStepGraph(steps.New(workers, program, make([]float32, program.Memory), steps.Parameters{}, packed)); err != nil {
			return err
		}
	}
	if program.Batch == e.batch {
		e.whole = e.lanes[0].steps
	}
	return nil
}

// fixedBatch is the number of pictures that a graph takes, if it is not free.
func fixedBatch(g *graph.Graph) (int, bool) {
	for _, v := range g.Inputs {
		if slices.ContainsFunc(v.Shape, func(d graph.Dim) bool { return !d.Fixed() }) {
			return 0, false
		}
	}
	if len(g.Inputs) == 0 || len(g.Inputs[0].Shape) == 0 {
		return 1, true
	}
	return g.Inputs[0].Shape[0].Const, true
}

// Close stops the threads.
func (e *Evaluator) Close() {
	for _, l := range e.lanes {
		l.workers.Close()
	}
	e.workers.Close()
}

// Run computes the outputs for pictures of the bytes that the inputs, which
// must be uint8, take: [H,W,C] or [C,H,W] as in the graph, and of several inputs
// one view of a picture after the other. Any number of pictures is allowed.
// Result i is output i of the graph for all of them, one after the other. A
// picture's answer does not depend on the others.
func (e *Evaluator) Run(images [][]byte) ([][]float32, error) {
	sizes, err := e.views(graph.Uint8)
	if err != nil {
		return nil, fmt.Errorf("evaluate: %w", err)
	}
	all := 0
	for _, size := range sizes {
		all += size
	}
	for i, image := range images {
		if len(image) != all {
			return nil, fmt.Errorf("evaluate: picture %d has %d bytes, the graph takes %d", i+1, len(image), all)
		}
	}
	return e.run(len(images), func(l *lane, first, n int) {
		batch := l.input(e.size(n) * all)
		inputs, at := make([][]byte, len(sizes)), 0
		for v, size := range sizes {
			inputs[v], batch = batch[:e.size(n)*size], batch[e.size(n)*size:]
			for i := range n {
				copy(inputs[v][i*size:], images[first+i][at:][:size])
			}
			clear(inputs[v][n*size:])
			at += size
		}
		l.steps.SetBytes(inputs...)
	})
}

// RunFloats is Run for n pictures of floats, for a graph whose only input is
// float32: x is [n,...] with the axes of the input.
func (e *Evaluator) RunFloats(x []float32, n int) ([][]float32, error) {
	size, err := e.picture(graph.Float32)
	if err == nil && (n < 0 || len(x) != n*size) {
		err = fmt.Errorf("%d numbers for %d pictures, the graph takes %d for each", len(x), n, size)
	}
	if err != nil {
		return nil, fmt.Errorf("evaluate: %w", err)
	}
	return e.run(n, func(l *lane, first, n int) {
		pictures := x[first*size : (first+n)*size]
		if e.size(n) > n {
			pictures = make([]float32, e.size(n)*size)
			copy(pictures, x[first*size:])
		}
		l.steps.SetInputs([]*graph.Tensor{graph.FloatTensor(pictures, shapeFor(e.graph.Inputs[0], e.size(n))...)})
	})
}

// size is the number of pictures that the graph is run for if n are wanted.
func (e *Evaluator) size(n int) int {
	if e.fixed {
		return e.batch
	}
	return n
}

// separate reports whether Run and RunFloats may take pictures in any portions.
func (e *Evaluator) separate() bool {
	if e.fixed || len(e.graph.Inputs) == 0 {
		return false
	}
	t := e.graph.Inputs[0].Type
	_, err := e.views(t)
	return err == nil && (t == graph.Uint8 || len(e.graph.Inputs) == 1)
}

// picture is the size of a picture, for a graph of one input of the type, whose
// outputs have a row of floats for each picture.
func (e *Evaluator) picture(t graph.Type) (int, error) {
	if len(e.graph.Inputs) != 1 {
		return 0, fmt.Errorf("the graph has %d inputs, one was expected", len(e.graph.Inputs))
	}
	sizes, err := e.views(t)
	if err != nil {
		return 0, err
	}
	return sizes[0], nil
}

// views are the sizes of the views of a picture, for a graph whose inputs are all
// of the type, and whose outputs have a row of floats for each picture.
func (e *Evaluator) views(t graph.Type) ([]int, error) {
	if len(e.graph.Inputs) == 0 {
		return nil, errors.New("the graph has no input")
	}
	for _, in := range e.graph.Inputs {
		if in.Type != t {
			return nil, fmt.Errorf("input %q is %v, not %v", in.Name, in.Type, t)
		}
	}
	for _, out := range e.graph.Outputs {
		if out.Type != graph.Float32 || out.Const != nil {
			return nil, fmt.Errorf("output %q is %v, not float32", out.Name, out.Type)
		}
	}
	for _, v := range slices.Concat(e.graph.Outputs, e.graph.Inputs) {
		if len(v.Shape) == 0 || v.Shape[0].Of(e.batch) != e.batch || v.Shape[0].Fixed() != e.fixed ||
			slices.ContainsFunc(v.Shape[1:], func(d graph.Dim) bool { return !d.Fixed() }) {
			return nil, fmt.Errorf("%q of shape %s has not one row for each picture", v.Name, graph.ShapeString(v.Shape))
		}
	}
	sizes := make([]int, len(e.graph.Inputs))
	for i, in := range e.graph.Inputs {
		sizes[i] = row(in)
	}
	return sizes, nil
}

// row is the number of elements of a value for each picture.
func row(v *graph.Value) int {
	size := 1
	for _, d := range v.Shape[1:] {
		size *= d.Const
	}
	return size
}

// shapeFor is the shape of a value for a batch of n.
func shapeFor(v *graph.Value, n int) []int {
	shape := make([]int, len(v.Shape))
	for i, d := range v.Shape {
		shape[i] = d.Of(n)
	}
	return shape
}

// Evaluate computes the outputs of a graph with any inputs, by their names, as
// [graph.Graph.Evaluate] does. The batch, up to that of the options, is that of
// the inputs.
func (e *Evaluator) Evaluate(inputs map[string]*graph.Tensor) (map[string]*graph.Tensor, error) {
	list := make([]*graph.Tensor, len(e.graph.Inputs))
	for i, v := range e.graph.Inputs {
		if list[i] = inputs[v.Name]; list[i] == nil {
			return nil, fmt.Errorf("evaluate: input %q is not given", v.Name)
		}
	}
	n, err := e.batchOf(list)
	if err != nil {
		return nil, fmt.Errorf("evaluate: %w", err)
	}
	if e.whole == nil {
		program, err := lower.Plan(e.graph, e.batch)
		if err != nil {
			return nil, fmt.Errorf("evaluate: %w", err)
		}
		if e.whole, err = newStepGraph(steps.New(e.workers, program, make([]float32, program.Memory), steps.Parameters{}, steps.Packs{})); err != nil {
			return nil, fmt.Errorf("evaluate: %w", err)
		}
	}
	e.whole.Workers = e.workers
	e.whole.SetInputs(list)
	if err := e.whole.run(n); err != nil {
		return nil, fmt.Errorf("evaluate: %w", err)
	}
	results := map[string]*graph.Tensor{}
	for i, v := range e.whole.Program.Outputs {
		t := e.whole.Tensor(v, n)
		t.Floats, t.Ints = slices.Clone(t.Floats), slices.Clone(t.Ints)
		results[e.graph.Outputs[i].Name] = t
	}
	return results, nil
}

// batchOf finds the batch for which the inputs have their shapes.
func (e *Evaluator) batchOf(inputs []*graph.Tensor) (int, error) {
	n := e.batch
	for i, v := range e.graph.Inputs {
		for k, d := range v.Shape {
			if !d.Fixed() && k < len(inputs[i].Shape) {
				n = (inputs[i].Shape[k] - d.Const) / d.Batch
			}
		}
	}
	if n < 1 || n > e.batch {
		return 0, fmt.Errorf("a batch of %d: from 1 to %d were expected", n, e.batch)
	}
	for i, v := range e.graph.Inputs {
		t := inputs[i]
		if t.Type != v.Type || !slices.Equal(t.Shape, shapeFor(v, n)) {
			return 0, fmt.Errorf("input %q is %v %v, the graph takes %v %s", v.Name, t.Type, t.Shape, v.Type, graph.ShapeString(v.Shape))
		}
	}
	return n, nil
}
