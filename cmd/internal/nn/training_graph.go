package nn

import (
	"fmt"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/opensandwich/oi/cmd/internal/graph"
	"github.com/opensandwich/oi/cmd/internal/kernel"
	"github.com/opensandwich/oi/cmd/internal/lower"
	"github.com/opensandwich/oi/cmd/internal/steps"
)

// trainingState is what a training step depends on besides its inputs.
type trainingState struct {
	seed      uint64 // of dropout
	step      uint64 // of the run, from 1
	smoothing float64
	teacher   Distillation
}

// trainingGraph is a Gorgonia graph of a training step, for batches of exactly n
// pictures, up to the gradients of all parameters. Each step of the program is
// an operation. Those before anything that is trained are computed as an
// Evaluator computes them; the others have an operation for their gradients.
type trainingGraph struct {
	n       int
	workers *kernel.Workers
	steps   *steps.Runner
	machine gorgonia.VM
	params  gorgonia.Nodes // in the order of the weights

	// Inputs, to be filled before a run.
	images  []uint8   // if the graph takes bytes
	numbers []float32 // if it takes float32
	labels  []int
	weights []float32
	seconds []int     // labels of what has been mixed in
	shares  []float32 // how much of each picture that is
	targets []float32 // [n, classes], the teacher's; nil: there is none
	hints   []float32 // the teacher's features; nil: there are none

	found    outcome   // of the last run
	logits   []float32 // [n, outputs], of the last run
	features []float32 // as many as hints, of the last run

	// While the graph is made.
	arena   arena
	state   *trainingState
	nodes   map[*lower.Buffer]*gorgonia.Node
	needs   map[*lower.Buffer]bool // a gradient: it depends on a parameter
	readers map[*lower.Buffer]int  // that want one
	forks   map[*lower.Buffer]*fork
}

// newTrainingGraph makes the graph for one whose inputs are pictures, bytes or
// float32, and the parameters of the weights, and whose output is logits
// [N,outputs]; a second output is features that are compared with hints.
func newTrainingGraph(workers *kernel.Workers, m *bufferPool, of *graph.Graph, w *weights, n int, state *trainingState) (*trainingGraph, error) {
	program, err := lower.PlanTraining(of, n)
	if err != nil {
		return nil, err
	}
	t := &trainingGraph{
		n: n, workers: workers, arena: arena{buffers: m}, state: state,
		labels: make([]int, n), weights: make([]float32, n), seconds: make([]int, n), shares: make([]float32, n),
		nodes: map[*lower.Buffer]*gorgonia.Node{}, needs: map[*lower.Buffer]bool{}, readers: map[*lower.Buffer]int{}, forks: map[*lower.Buffer]*fork{},
	}
	t.steps = steps.New(workers, program, t.arena.floats(program.Memory), newParameters(program, w), steps.Packs{})
	in := program.Inputs[0]
	if in.Type() == graph.Uint8 {
		t.images = make([]uint8, in.Size(n))
		t.steps.SetBytes(t.images)
	} else {
		t.numbers = make([]float32, in.Size(n))
		inputs := make([]*graph.Tensor, len(program.Inputs)) // the parameters have memory of their own
		inputs[0] = &graph.Tensor{Type: graph.Float32, Shape: in.Dims(n), Floats: t.numbers}
		t.steps.SetInputs(inputs)
	}
	if err := t.build(w); err != nil {
		return nil, err
	}
	t.nodes, t.needs, t.readers, t.forks = nil, nil, nil, nil
	return t, nil
}

// build makes the nodes of Gorgonia.
func (t *trainingGraph) build(w *weights) error {
	program := t.steps.Program
	g := gorgonia.NewGraph()
	for _, v := range program.Inputs[1:] {
		t.needs[v.Buffer] = true
	}
	trained, err := t.compileSteps()
	if err != nil {
		return err
	}
	for _, v := range program.Outputs {
		t.readers[v.Buffer]++
	}

	t.nodes[program.Inputs[0].Buffer] = t.input(g)
	for i, x := range w.tensors {
		p := gorgonia.NewTensor(g, tensor.Float32, x.Dims(), gorgonia.WithName(w.params[i].Name), gorgonia.WithShape(x.Shape()...), gorgonia.WithValue(x))
		t.params = append(t.params, p)
		if err := t.made(program.Inputs[1+i], w.params[i].Name, p, w.params[i].Data); err != nil {
			return err
		}
	}
	for i, step := range program.Steps {
		name := fmt.Sprintf("%d %s", i, step.Name())
		if trained[i] != nil {
			err = t.trainedOp(name, trained[i])
		} else {
			err = t.frozenOp(name, step)
		}
		if err != nil {
			return err
		}
	}
	loss, err := t.outputs(g)
	if err != nil {
		return err
	}
	if _, err := gorgonia.Grad(loss, t.params...); err != nil {
		return fmt.Errorf("differentiate: %w", err)
	}
	t.machine, err = newMachine(g)
	return err
}

// outputs makes what the outputs are compared with, and the loss.
func (t *trainingGraph) outputs(g *gorgonia.ExprGraph) (*gorgonia.Node, error) {
	integers := func(name string, data []int) *gorgonia.Node {
		value := tensor.New(tensor.WithShape(len(data)), tensor.WithBacking(data))
		return gorgonia.NewVector(g, tensor.Int, gorgonia.WithName(name), gorgonia.WithShape(len(data)), gorgonia.WithValue(value))
	}
	numbers := func(name string, data []float32) *gorgonia.Node {
		return gorgonia.NewVector(g, tensor.Float32, gorgonia.WithName(name), gorgonia.WithShape(len(data)), gorgonia.WithValue(flat(data)))
	}
	var compared gorgonia.Nodes
	for _, v := range t.steps.Program.Outputs {
		compared = append(compared, t.nodes[v.Buffer])
	}
	t.logits = t.steps.Floats(t.steps.Program.Outputs[0], t.n)
	given := gorgonia.Nodes{integers("labels", t.labels), numbers("weights", t.weights), integers("seconds", t.seconds), numbers("shares", t.shares)}
	if t.state.teacher.Share > 0 {
		t.targets = make([]float32, t.n*max(2, len(t.logits)/t.n))
	}
	if t.state.teacher.FeatureShare > 0 {
		t.features = t.steps.Floats(t.steps.Program.Outputs[1], t.n)
		t.hints = make([]float32, len(t.features))
	}
	return t.loss(compared, given)
}

// input makes the node of the pictures.
func (t *trainingGraph) input(g *gorgonia.ExprGraph) *gorgonia.Node {
	if t.numbers != nil {
		return gorgonia.NewVector(g, tensor.Float32, gorgonia.WithName("map"), gorgonia.WithShape(len(t.numbers)), gorgonia.WithValue(flat(t.numbers)))
	}
	return gorgonia.NewVector(g, tensor.Uint8, gorgonia.WithName("image"), gorgonia.WithShape(len(t.images)),
		gorgonia.WithValue(tensor.New(tensor.WithShape(len(t.images)), tensor.WithBacking(t.images))))
}

// compileSteps compiles those that depend on parameters with their gradients,
// and finds who reads what they make.
func (t *trainingGraph) compileSteps() ([]*trainedStep, error) {
	trained := make([]*trainedStep, len(t.steps.Program.Steps))
	for i, step := range t.steps.Program.Steps {
		depends := false
		for _, v := range lower.Reads(step) {
			depends = depends || t.needs[v.Buffer]
		}
		if !depends {
			continue
		}
		s, err := t.trained(step)
		if err != nil {
			return nil, fmt.Errorf("node %q: %w", step.Name(), err)
		}
		trained[i] = s
		t.needs[s.output.Buffer] = true
		for _, v := range s.inputs {
			if v != nil && t.needs[v.Buffer] {
				t.readers[v.Buffer]++
			}
		}
	}
	return trained, nil
}

// frozenOp adds a step that nobody wants a gradient of.
func (t *trainingGraph) frozenOp(name string, step lower.Step) error {
	run, err := t.frozen(step)
	if err != nil {
		return fmt.Errorf("node %q: %w", step.Name(), err)
	}
	var inputs gorgonia.Nodes
	for _, v := range lower.Reads(step) {
		if node := t.nodes[v.Buffer]; node != nil {
			inputs = append(inputs, node)
		}
	}
	if len(inputs) == 0 { // it reads constants
		inputs = gorgonia.Nodes{t.nodes[t.steps.Program.Inputs[0].Buffer]}
	}
	node, err := apply(&op{name: name, shape: tensor.Shape{1}, result: placeholder(), run: func(gorgonia.Value, []gorgonia.Value) error {
		return run(t.n)
	}}, inputs...)
	for _, v := range lower.Writes(step) {
		t.nodes[v.Buffer] = node
	}
	return err
}

// frozen compiles a step that nobody wants a gradient of.
func (t *trainingGraph) frozen(step lower.Step) (func(n int) error, error) {
	if d, ok := step.(*lower.Dropout); ok {
		forward := t.dropout(d).forward
		return func(int) error { return forward() }, nil
	}
	return t.steps.Compile(step)
}

// flat is memory as a vector.
func flat(data []float32) *tensor.Dense {
	return tensor.New(tensor.WithShape(len(data)), tensor.WithBacking(data))
}

// trainedOp adds a step with its gradient.
func (t *trainingGraph) trainedOp(name string, s *trainedStep) error {
	y := flat(t.of(s.output))
	o := &op{name: name, shape: y.Shape(), result: y, run: func(gorgonia.Value, []gorgonia.Value) error {
		return s.forward()
	}}
	var inputs gorgonia.Nodes
	var wanted []wantedGradient
	for i, v := range s.inputs {
		if v == nil || t.nodes[v.Buffer] == nil {
			continue
		}
		node := t.nodes[v.Buffer]
		inputs = append(inputs, node)
		if t.needs[v.Buffer] {
			f := t.forks[v.Buffer]
			wanted = append(wanted, wantedGradient{input: i, node: len(inputs) - 1, shape: node.Shape(), direct: f.first(), fork: f})
		}
		o.wrt = append(o.wrt, t.needs[v.Buffer])
	}
	o.diff = func(inputs gorgonia.Nodes, output, grad *gorgonia.Node) (gorgonia.Nodes, error) {
		for _, w := range wanted { // see fork
			o.wrt[w.node] = w.direct
		}
		return t.gradientOps(name+" gradient", s, wanted, len(inputs), output, grad)
	}
	node, err := apply(o, inputs...)
	if err != nil {
		return err
	}
	return t.made(s.output, name, node, y.Float32s())
}

// wantedGradient is that of an input of a step.
type wantedGradient struct {
	input, node int          // its place in the step, among the inputs of the operation
	shape       tensor.Shape // in Gorgonia
	direct      bool         // Gorgonia gets it, or the fork
	fork        *fork        // nil: there is one reader
}

// gradientOps adds the operation that computes the gradients of a step
// together. An operation has one result in Gorgonia: here the first of them; the
// others are kept next to it, and handed out by operations that depend on it.
func (t *trainingGraph) gradientOps(name string, s *trainedStep, wanted []wantedGradient, inputs int, output, grad *gorgonia.Node) (gorgonia.Nodes, error) {
	d := make([][]float32, len(s.inputs))
	copy(d, s.own)
	var main *gorgonia.Node
	nodes := make(gorgonia.Nodes, inputs)
	for _, want := range wanted {
		gradient := grad
		if s.passes == nil || !s.passes[want.input] {
			if d[want.input] == nil {
				d[want.input] = t.arena.floats(want.shape.TotalSize())
			}
			o := &op{
				name: fmt.Sprint(name, want.input), shape: want.shape.Clone(),
				result: tensor.New(tensor.WithShape(want.shape...), tensor.WithBacking(d[want.input])), run: noop,
			}
			var err error
			if main == nil {
				o.run = func(_ gorgonia.Value, in []gorgonia.Value) error {
					s.backward(d, floats(in[0]))
					return nil
				}
				main, err = apply(o, grad, output)
				gradient = main
			} else {
				gradient, err = apply(o, main)
			}
			if err != nil {
				return nil, err
			}
		}
		if want.direct {
			nodes[want.node] = gradient
		} else {
			want.fork.gradients = append(want.fork.gradients, gradient)
		}
	}
	return nodes, nil
}

// noop is the run of an op whose result is already there.
func noop(gorgonia.Value, []gorgonia.Value) error { return nil }

// fork is a value that several steps read. The gradients that come back must be
// added up. Gorgonia would do it with an operation that allocates in every
// step. Here all readers but the first leave their gradient with the fork, which
// adds what was left to what comes from the first. Gorgonia differentiates a
// node when all that reads it has been. Only then do these readers say that they
// have no gradient for the value: Gorgonia passes over a node that says so from
// the start, and over what depends on it alone.
type fork struct {
	taken     bool           // there is a first reader
	gradients gorgonia.Nodes // from the others
}

// first reports whether a reader is the first, or the only one.
func (f *fork) first() bool {
	if f == nil {
		return true
	}
	taken := f.taken
	f.taken = true
	return !taken
}

// made remembers the node of a value, whose memory is data, for its readers.
func (t *trainingGraph) made(v *lower.Value, name string, node *gorgonia.Node, data []float32) error {
	t.nodes[v.Buffer] = node
	if t.readers[v.Buffer] < 2 {
		return nil
	}
	f := &fork{}
	shape := node.Shape().Clone()
	o := &op{
		name: name + " fork", shape: shape, result: tensor.New(tensor.WithShape(shape...), tensor.WithBacking(data)), run: noop,
		wrt: []bool{true},
	}
	o.diff = func(_ gorgonia.Nodes, _, grad *gorgonia.Node) (gorgonia.Nodes, error) {
		total := grad
		for i, gradient := range f.gradients {
			sum := tensor.New(tensor.WithShape(shape...), tensor.WithBacking(t.arena.floats(len(data))))
			add := &op{name: fmt.Sprintf("%s gradient%d", name, i+1), shape: shape, result: sum, run: func(_ gorgonia.Value, in []gorgonia.Value) error {
				kernel.Add(t.workers, sum.Float32s(), floats(in[0]), floats(in[1]))
				return nil
			}}
			var err error
			if total, err = apply(add, total, gradient); err != nil {
				return nil, err
			}
		}
		return gorgonia.Nodes{total}, nil
	}
	forked, err := apply(o, node)
	t.nodes[v.Buffer], t.forks[v.Buffer] = forked, f
	return err
}

// run executes the graph on the inputs.
func (t *trainingGraph) run() error {
	t.machine.Reset()
	return t.machine.RunAll()
}

// nonFinite returns the first picture of the last run for which a logit is NaN
// or infinite, and the logit; or -1.
func (t *trainingGraph) nonFinite() (picture int, logit float64) {
	if i := kernel.FirstNonFinite(t.logits); i >= 0 {
		return i / (len(t.logits) / t.n), float64(t.logits[i])
	}
	return -1, 0
}

// load copies pictures into the batch.
func (t *trainingGraph) load(images [][]byte) {
	size := len(t.images) / t.n
	for i, image := range images {
		copy(t.images[i*size:(i+1)*size], image)
	}
}
