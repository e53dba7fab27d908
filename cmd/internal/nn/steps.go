package nn

import (
	"errors"
	"fmt"
	"slices"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/opensandwich/oi/cmd/internal/graph"
	"github.com/opensandwich/oi/cmd/internal/kernel"
	"github.com/opensandwich/oi/cmd/internal/lower"
	"github.com/opensandwich/oi/cmd/internal/rng"
)

// stepGraph is a Gorgonia graph in which each step of a program is an
// operation.
type stepGraph struct {
	program *lower.Program
	workers *kernel.Workers
	machine gorgonia.VM
	steps   []func(n int) error // compute the steps of the program
	memory  []float32           // of the program

	// What operations compute that has no place in memory: integers. Inputs,
	// too.
	tensors map[*lower.Buffer]*graph.Tensor
	bytes   []byte // the only input, where it is bytes

	turned []float32 // weights of a convolution while it is compiled
	packs  packs

	parameters                // where inputs are such
	places     []byte         // of the largest in windows, which nobody reads
	training   *trainingState // or nil

	n   int   // pictures of the run under way
	err error // of the run under way, without what Gorgonia says of its own
}

// packs is the packed weights of a [*lower.Conv] or [*lower.Dense], if they do
// not change. Graphs of one program share them.
type packs map[lower.Step]any

// newStepGraph makes the graph. An operation depends on the one before it, too,
// so that they run in the order in which their memory was planned, which is
// memory. It takes packed weights from packed, and adds those that it packs.
func newStepGraph(workers *kernel.Workers, p *lower.Program, memory []float32, params parameters, packed packs) (*stepGraph, error) {
	s := &stepGraph{program: p, workers: workers, memory: memory, tensors: map[*lower.Buffer]*graph.Tensor{}, parameters: params, packs: packed}
	g := gorgonia.NewGraph()
	last := gorgonia.NewVector(g, tensor.Float32, gorgonia.WithName("input"), gorgonia.WithShape(1), gorgonia.WithValue(placeholder()))
	made := map[*lower.Buffer]*gorgonia.Node{}
	for i, step := range p.Steps {
		run, err := s.compile(step)
		if err != nil {
			return nil, fmt.Errorf("node %q: %w", step.Name(), err)
		}
		s.steps = append(s.steps, run)
		inputs := gorgonia.Nodes{last}
		for _, v := range lower.Reads(step) {
			if node := made[v.Buffer]; node != nil && !slices.Contains(inputs, node) {
				inputs = append(inputs, node)
			}
		}
		o := &op{name: fmt.Sprintf("%d %s", i, step.Name()), shape: tensor.Shape{1}, result: placeholder(), run: func(gorgonia.Value, []gorgonia.Value) error {
			s.err = s.steps[i](s.n)
			return s.err
		}}
		if last, err = apply(o, inputs...); err != nil {
			return nil, err
		}
		for _, v := range lower.Writes(step) {
			made[v.Buffer] = last
		}
	}
	s.turned = nil
	var err error
	s.machine, err = newMachine(g)
	return s, err
}

// placeholder is the value of operations in Gorgonia, which has no tensors
// without elements and whose shapes are fixed. What they compute lies in the
// memory of the program.
func placeholder() *tensor.Dense {
	return tensor.New(tensor.WithShape(1), tensor.WithBacking(make([]float32, 1)))
}

// floats is the memory of a value for n pictures.
func (s *stepGraph) floats(v *lower.Value, n int) []float32 {
	b := v.Buffer
	if b.Const != nil {
		return b.Const.Floats
	}
	if t := s.tensors[b]; t != nil {
		return t.Floats
	}
	if data := s.data[b]; data != nil {
		return data
	}
	size := v.Size(n)
	return s.memory[b.Offset:][:size:size]
}

// tensor is a value, whose axes are in their order in memory, as a tensor.
func (s *stepGraph) tensor(v *lower.Value, n int) *graph.Tensor {
	b := v.Buffer
	t := &graph.Tensor{Type: v.Type(), Shape: v.Dims(n)}
	switch {
	case b.ShapeOnly:
	case v.Type() == graph.Float32:
		t.Floats = s.floats(v, n)
	case b.Const != nil:
		t.Ints = b.Const.Ints
	case s.tensors[b] != nil:
		t.Ints = s.tensors[b].Ints
	default: // the only input
		t.Ints = make([]int64, len(s.bytes))
		for i, v := range s.bytes {
			t.Ints[i] = int64(v)
		}
	}
	return t
}

// input is the bytes of a value that is an input.
func (s *stepGraph) input(v *lower.Value) []byte {
	t := s.tensors[v.Buffer]
	if t == nil {
		return s.bytes
	}
	bytes := make([]byte, len(t.Ints))
	for i, v := range t.Ints {
		bytes[i] = byte(v)
	}
	return bytes
}

// run computes for n pictures what inputs and bytes lead to.
func (s *stepGraph) run(n int) error {
	s.n, s.err = n, nil
	s.machine.Reset()
	if err := s.machine.RunAll(); s.err != nil {
		return s.err
	} else if err != nil {
		return err
	}
	return nil
}

// setInputs takes the inputs of the next run.
func (s *stepGraph) setInputs(inputs []*graph.Tensor) {
	clear(s.tensors)
	s.bytes = nil
	for i, v := range s.program.Inputs {
		s.tensors[v.Buffer] = inputs[i]
	}
}

// setBytes takes the only input of the next run.
func (s *stepGraph) setBytes(bytes []byte) {
	clear(s.tensors)
	s.bytes = bytes
}

// compile gives the function that computes a step for n pictures.
func (s *stepGraph) compile(step lower.Step) (func(n int) error, error) {
	// without is a function that cannot fail.
	without := func(run func(n int)) func(n int) error {
		return func(n int) error { run(n); return nil }
	}
	switch t := step.(type) {
	case *lower.Scale:
		return without(func(n int) { s.scale(t, n) }), nil
	case *lower.Conv:
		return s.conv(t)
	case *lower.Separable:
		return s.separable(t)
	case *lower.Dense:
		return s.dense(t)
	case *lower.Pool:
		return s.pool(t)
	case *lower.Reduce:
		return s.reduce(t), nil
	case *lower.Unary:
		act := activation(t.Act)
		return without(func(n int) { act.Forward(s.workers, s.floats(t.Y, n), s.floats(t.X, n)) }), nil
	case *lower.Binary:
		return s.binary(t)
	case *lower.MatMul:
		return func(n int) error { return s.matMul(t, n) }, nil
	case *lower.Softmax:
		return without(func(n int) {
			y := s.floats(t.Y, n)
			kernel.Softmax{Rows: len(y) / t.Cols, Cols: t.Cols}.Forward(s.workers, y, s.floats(t.X, n))
		}), nil
	case *lower.LayerNorm:
		cols, epsilon := len(t.Scale), float32(t.Epsilon)
		return without(func(n int) {
			y := s.floats(t.Y, n)
			kernel.LayerNorm{Rows: len(y) / cols, Cols: cols, Eps: epsilon}.Forward(s.workers, y, s.floats(t.X, n), t.Scale, t.Bias)
		}), nil
	case *lower.Copy:
		return s.copy(t), nil
	case *lower.Dropout:
		if s.training == nil {
			return nil, errors.New("dropout outside of training")
		}
		return without(func(n int) {
			seed := rng.At(s.training.seed, t.Stream)
			kernel.Dropout(s.workers, s.floats(t.Y, n), s.floats(t.X, n), t.Rate, seed, s.training.step)
		}), nil
	case *lower.WeightStandardization:
		return without(func(n int) {
			k := kernel.WeightStandardization{FanIn: t.FanIn, Out: t.Out}
			k.Forward(s.workers, s.floats(t.Y, n), s.floats(t.X, n), s.floats(t.Gain, n), nil)
		}), nil
	case *lower.Reference:
		return func(n int) error { return s.reference(t, n) }, nil
	}
	return nil, errors.New("a step that this package does not know")
}

// unaryOps are the activations of steps.
var unaryOps = map[string]kernel.UnaryOp{
	"": kernel.UnaryIdentity, "Clip": kernel.UnaryClip, "Relu": kernel.UnaryReLU, "LeakyRelu": kernel.UnaryLeakyReLU,
	"Abs": kernel.UnaryAbs, "Neg": kernel.UnaryNeg, "Floor": kernel.UnaryFloor, "Sqrt": kernel.UnarySqrt,
	"HardSigmoid": kernel.UnaryHardSigmoid, "HardSwish": kernel.UnaryHardSwish, "Exp": kernel.UnaryExp, "Log": kernel.UnaryLog,
	"Sigmoid": kernel.UnarySigmoid, "Silu": kernel.UnarySiLU, "Tanh": kernel.UnaryTanh, "Erf": kernel.UnaryErf,
	"Gelu": kernel.UnaryGelu, "GeluTanh": kernel.UnaryGeluTanh,
}

func activation(a lower.Activation) kernel.Unary {
	return kernel.Unary{Op: unaryOps[a.Name], Alpha: a.Alpha, Beta: a.Beta}
}

func (s *stepGraph) scale(t *lower.Scale, n int) {
	y, x := s.floats(t.Y, n), s.input(t.X)
	if len(t.Factor) == 1 && t.Offset[0] == 0 {
		kernel.Scale(s.workers, y, x, t.Factor[0])
		return
	}
	kernel.ScaleBytes(s.workers, y, x, t.Factor, t.Offset)
}

// packed packs the weights of a convolution once, if they do not change. The
// convolution is for as many pictures as there may be.
func (s *stepGraph) packed(t *lower.Conv) (c kernel.GroupedConv, p *kernel.PackedConv, err error) {
	x, w := t.X.Shape, t.Filters()
	c = kernel.GroupedConv{
		N: x[0].Of(s.program.Batch), H: x[2].Const, W: x[3].Const, Cin: x[1].Const, Cout: w[0], Groups: t.Groups, Window: kernel.Window(t.Window),
	}
	if err := c.Check(); err != nil {
		return c, nil, err
	}
	if t.Weights == nil {
		return c, c.NewPacked(), nil
	}
	if p, ok := s.packs[t].(*kernel.PackedConv); ok {
		return c, p, nil
	}
	// [M,C,KH*KW] to [KH*KW,C,M]
	turn, err := kernel.NewTranspose([]int{w[0], w[1], w[2] * w[3]}, []int{2, 1, 0})
	if err != nil {
		return c, nil, err
	}
	size := len(t.Weights.Floats)
	if len(s.turned) < size {
		s.turned = make([]float32, size)
	}
	turn.Forward(s.workers, s.turned[:size], t.Weights.Floats)
	p = c.Pack(s.workers, s.turned[:size], t.Bias)
	s.packs[t] = p
	return c, p, nil
}

func (s *stepGraph) conv(t *lower.Conv) (func(n int) error, error) {
	c, packed, err := s.packed(t)
	if err != nil {
		return nil, err
	}
	act := activation(t.Act)
	pack := s.repacking(t.Parameters, packed.Repack)
	if t.Pool {
		s.places = make([]byte, max(len(s.places), t.Y.Size(s.program.Batch)))
		return func(n int) error {
			pack(n)
			c := c
			c.N = t.X.Shape[0].Of(n)
			y := s.floats(t.Y, n)
			c.ForwardPackedReLUPool(s.workers, y, s.places[:len(y)], s.floats(t.X, n), packed)
			return nil
		}, nil
	}
	return func(n int) error {
		pack(n)
		c := c
		c.N = t.X.Shape[0].Of(n)
		c.ForwardPacked(s.workers, s.floats(t.Y, n), s.floats(t.X, n), packed, s.optional(t.Add, n), act)
		return nil
	}, nil
}

// optional is the memory of a value that may be nil.
func (s *stepGraph) optional(v *lower.Value, n int) []float32 {
	if v == nil {
		return nil
	}
	return s.floats(v, n)
}

func (s *stepGraph) separable(t *lower.Separable) (func(n int) error, error) {
	x := t.Depthwise.X.Shape
	k := kernel.Separable{N: x[0].Of(s.program.Batch), H: x[2].Const, W: x[3].Const}
	for _, part := range []struct {
		conv  *lower.Conv
		stage *kernel.Stage
	}{{t.Expand, &k.Expand}, {t.Depthwise, &k.Depthwise}, {t.Project, &k.Project}} {
		if part.conv == nil {
			continue
		}
		_, packed, err := s.packed(part.conv)
		if err != nil {
			return nil, err
		}
		*part.stage = kernel.Stage{Weights: packed, Act: activation(part.conv.Act)}
	}
	if err := k.Check(); err != nil {
		return nil, err
	}
	return func(n int) error {
		k := k
		k.N = x[0].Of(n)
		k.Forward(s.workers, s.floats(t.Y, n), s.floats(t.X, n), s.optional(t.Add, n))
		return nil
	}, nil
}

func (s *stepGraph) dense(t *lower.Dense) (func(n int) error, error) {
	d := kernel.Dense{N: max(1, t.Y.Size(s.program.Batch)/t.Out), In: t.In, Out: t.Out}
	if err := d.Check(); err != nil {
		return nil, err
	}
	packed, ok := s.packs[t].(*kernel.PackedDense)
	if !ok {
		packed = d.NewPacked()
		if t.Weights != nil {
			packed.Repack(s.workers, t.Weights, t.Bias, t.Transposed)
			s.packs[t] = packed
		}
	}
	act := activation(t.Act)
	pack := s.repacking(t.Parameters, func(ws *kernel.Workers, w, b []float32) { packed.Repack(ws, w, b, false) })
	return func(n int) error {
		pack(n)
		y := s.floats(t.Y, n)
		kernel.Dense{N: len(y) / t.Out, In: t.In, Out: t.Out}.ForwardPacked(s.workers, y, s.floats(t.X, n), packed, s.optional(t.Add, n), act)
		return nil
	}, nil
}

func (s *stepGraph) pool(t *lower.Pool) (func(n int) error, error) {
	x := t.X.Shape
	p := kernel.Pool{
		N: x[0].Of(s.program.Batch), H: x[2].Const, W: x[3].Const, C: x[1].Const, Window: kernel.Window(t.Window),
		Mean: t.Mean, CountPadding: t.CountPadding, UncountedBottom: t.UncountedBottom, UncountedRight: t.UncountedRight,
	}
	if err := p.Check(); err != nil {
		return nil, err
	}
	return func(n int) error {
		p := p
		p.N = x[0].Of(n)
		p.Forward(s.workers, s.floats(t.Y, n), s.floats(t.X, n))
		return nil
	}, nil
}

// reduce is a pool whose window is the whole picture, of Count pixels.
func (s *stepGraph) reduce(t *lower.Reduce) func(n int) error {
	return func(n int) error {
		y, x := s.floats(t.Y, n), s.floats(t.X, n)
		outer := len(y) / t.Inner
		if t.Mean {
			kernel.GlobalAvgPool{N: outer, H: t.Count, W: 1, C: t.Inner}.Forward(s.workers, y, x)
			return nil
		}
		window := kernel.Window{KH: t.Count, KW: 1, StrideH: 1, StrideW: 1, DilationH: 1, DilationW: 1}
		kernel.Pool{N: outer, H: t.Count, W: 1, C: t.Inner, Window: window}.Forward(s.workers, y, x)
		return nil
	}
}

var binaryOps = map[string]kernel.BinaryOp{
	"Add": kernel.BinaryAdd, "Sub": kernel.BinarySub, "Mul": kernel.BinaryMul, "Div": kernel.BinaryDiv,
	"Min": kernel.BinaryMin, "Max": kernel.BinaryMax, "Pow": kernel.BinaryPow, "PRelu": kernel.BinaryPReLU,
}

func (s *stepGraph) binary(t *lower.Binary) (func(n int) error, error) {
	made := func(n int) (*kernel.Binary, error) {
		return kernel.NewBinary(binaryOps[t.Op], t.A.Memory(n), t.B.Memory(n))
	}
	last := s.program.Batch
	f, err := made(last)
	if err != nil {
		return nil, err
	}
	return func(n int) error {
		if n != last {
			if f, err = made(n); err != nil {
				return err
			}
			last = n
		}
		f.Forward(s.workers, s.floats(t.Y, n), s.floats(t.A, n), s.floats(t.B, n))
		return nil
	}, nil
}

func (s *stepGraph) matMul(t *lower.MatMul, n int) error {
	m := kernel.MatMul{M: t.M.Of(n), K: t.K.Of(n), N: t.N.Of(n), TransposedB: t.Transposed, SharedB: t.Shared}
	y := s.floats(t.Y, n)
	m.Batch = len(y) / (m.M * m.N)
	if err := m.Check(); err != nil {
		return err
	}
	m.Forward(s.workers, y, s.floats(t.A, n), s.floats(t.B, n))
	return nil
}

// reference computes a node as package graph does.
func (s *stepGraph) reference(t *lower.Reference, n int) error {
	in := make([]*graph.Tensor, len(t.In))
	for i, v := range t.In {
		if v != nil {
			in[i] = s.tensor(v, n)
		}
	}
	out, err := t.Node.Evaluate(in)
	if err != nil {
		return err
	}
	for i, v := range t.Out {
		if v == nil {
			continue
		}
		if want := v.Dims(n); !slices.Equal(out[i].Shape, want) {
			return fmt.Errorf("node %q gave shape %v, not %v", t.Node.Name, out[i].Shape, want)
		}
		if v.Type() == graph.Float32 {
			copy(s.floats(v, n), out[i].Floats)
		} else {
			s.tensors[v.Buffer] = out[i]
		}
	}
	return nil
}
