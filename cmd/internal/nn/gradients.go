package nn

import (
	"errors"
	"fmt"
	"slices"

	"github.com/opensandwich/oi/cmd/internal/kernel"
	"github.com/opensandwich/oi/cmd/internal/lower"
	"github.com/opensandwich/oi/cmd/internal/rng"
)

// trainedStep is a step that is computed in both directions, for a fixed number
// of pictures.
type trainedStep struct {
	inputs  []*lower.Value // nil where an optional one is absent
	output  *lower.Value
	forward func() error

	// backward computes the gradient of each input from that of the output.
	// It is nil where nobody wants one, and where passes is set: there it
	// is that of the output itself.
	backward func(d [][]float32, dy []float32)
	passes   []bool // or nil: none

	// own is memory for the gradients of inputs that backward computes,
	// wanted or not; nil where it does not.
	own [][]float32
}

// errNoGradient says of an operator that it may stand only before all that is
// trained.
func errNoGradient(operator string) error {
	return fmt.Errorf("%s has no gradient: it may only stand before what is trained", operator)
}

// trained compiles a step with its gradient.
func (t *trainingGraph) trained(step lower.Step) (*trainedStep, error) {
	if s, err := t.summand(step); s != nil || err != nil {
		return s, err
	}
	switch s := step.(type) {
	case *lower.Conv:
		return t.conv(s)
	case *lower.Dense:
		return t.dense(s)
	case *lower.Pool:
		return t.maxPool(s)
	case *lower.Reduce:
		return t.mean(s)
	case *lower.Unary:
		return t.relu(s)
	case *lower.Binary:
		return t.add(s)
	case *lower.Dropout:
		return t.dropout(s), nil
	case *lower.WeightStandardization:
		return t.standardize(s), nil
	case *lower.Scale:
		return nil, errNoGradient("Cast")
	case *lower.Separable:
		return nil, errNoGradient("Conv of each channel")
	case *lower.MatMul:
		return nil, errNoGradient("MatMul")
	case *lower.Softmax:
		return nil, errNoGradient("Softmax")
	case *lower.LayerNorm:
		return nil, errNoGradient("LayerNormalization")
	case *lower.Copy:
		return t.turn(s)
	case *lower.Reference:
		return nil, errNoGradient(s.Node.Op.Kind())
	}
	return nil, errors.New("a step that this package does not know")
}

// of is the memory of a value that may be nil.
func (t *trainingGraph) of(v *lower.Value) []float32 { return t.steps.Optional(v, t.n) }

// rectified reports whether an activation is ReLU, if it is one that has a
// gradient.
func rectified(a lower.Activation) (bool, error) {
	switch a.Name {
	case "":
		return false, nil
	case "Relu":
		return true, nil
	}
	return false, errNoGradient(a.Name)
}

// linear makes the gradient of y = relu(f(x, w, b) + add), in which the last
// summand and ReLU are optional, from that of f.
func (t *trainingGraph) linear(s *trainedStep, relu bool, backward func(dx, dw, db, dy []float32)) *trainedStep {
	if !relu {
		// The gradient of a summand is that of the sum.
		s.passes = []bool{false, false, false, true}
		s.backward = func(d [][]float32, dy []float32) { backward(d[0], d[1], d[2], dy) }
		return s
	}
	// Before ReLU it is that of all summands.
	y := t.of(s.output)
	dz := t.arena.floats(len(y))
	s.own = [][]float32{nil, nil, nil, dz}
	s.backward = func(d [][]float32, dy []float32) {
		kernel.ReLUBackward(t.workers, dz, dy, y)
		backward(d[0], d[1], d[2], dz)
	}
	return s
}

// summand compiles a step in which nothing but the summand of a convolution or
// a product depends on parameters; it is nil for others.
func (t *trainingGraph) summand(step lower.Step) (*trainedStep, error) {
	var add, y *lower.Value
	var act lower.Activation
	switch s := step.(type) {
	case *lower.Conv:
		add, y, act = s.Add, s.Y, s.Act
	case *lower.Dense:
		add, y, act = s.Add, s.Y, s.Act
	case *lower.Separable:
		add, y, act = s.Add, s.Y, s.Depthwise.Act
		if s.Project != nil {
			act = s.Project.Act
		}
	}
	for _, v := range lower.Reads(step) {
		if add == nil || t.needs[v.Buffer] && v != add {
			return nil, nil
		}
	}
	relu, err := rectified(act)
	if err != nil {
		return nil, err
	}
	run, err := t.steps.Compile(step)
	if err != nil {
		return nil, err
	}
	s := &trainedStep{inputs: slices.Clone(lower.Reads(step)), output: y, forward: func() error { return run(t.n) }}
	place := slices.Index(s.inputs, add)
	if !relu {
		s.passes = make([]bool, len(s.inputs))
		s.passes[place] = true
		return s, nil
	}
	s.backward = func(d [][]float32, dy []float32) { kernel.ReLUBackward(t.workers, d[place], dy, t.of(y)) }
	return s, nil
}

// turn compiles a change of the order of axes.
func (t *trainingGraph) turn(s *lower.Copy) (*trainedStep, error) {
	perm := s.Permutation()
	if perm == nil {
		return nil, errNoGradient("what takes parts of values or puts them together (Concat, Slice, Pad and others)")
	}
	back := make([]int, len(perm))
	for to, from := range perm {
		back[from] = to
	}
	x, y := s.Parts[0].X, s.Y
	there, err := kernel.NewTranspose(x.Memory(t.n), perm)
	if err != nil {
		return nil, err
	}
	backwards, err := kernel.NewTranspose(y.Memory(t.n), back)
	if err != nil {
		return nil, err
	}
	return &trainedStep{
		inputs: []*lower.Value{x}, output: y,
		forward:  func() error { there.Forward(t.workers, t.of(y), t.of(x)); return nil },
		backward: func(d [][]float32, dy []float32) { backwards.Forward(t.workers, d[0], dy) },
	}, nil
}

func (t *trainingGraph) conv(s *lower.Conv) (*trainedStep, error) {
	x, filters := s.X.Dims(t.n), s.Filters()
	c := kernel.Conv{
		N: x[0], H: x[2], W: x[3], Cin: x[1], Cout: filters[0], K: s.KH, Stride: s.StrideH, Pad: s.PadTop,
	}
	plain := lower.Window{
		KH: c.K, KW: c.K, StrideH: c.Stride, StrideW: c.Stride, DilationH: 1, DilationW: 1, PadTop: c.Pad, PadLeft: c.Pad, PadBottom: c.Pad, PadRight: c.Pad,
	}
	if s.Groups != 1 || s.Window != plain {
		return nil, errNoGradient("Conv that has groups or dilations, or is not the same along both axes,")
	}
	if err := c.Check(); err != nil {
		return nil, err
	}
	relu, err := rectified(s.Act)
	if err != nil {
		return nil, err
	}
	if s.Weights != nil {
		return nil, errNoGradient("Conv of constant weights")
	}
	in, y, w, b, add := t.of(s.X), t.of(s.Y), t.of(s.W), t.of(s.B), t.of(s.Add)
	step := &trainedStep{inputs: []*lower.Value{s.X, s.W, s.B, s.Add}, output: s.Y}
	if s.Pool {
		idx := make([]uint8, len(y))
		step.forward = func() error { c.ForwardReLUPool(t.workers, y, idx, in, w, b); return nil }
		step.backward = func(d [][]float32, dy []float32) {
			c.BackwardReLUPool(t.workers, d[0], d[1], d[2], dy, idx, in, w)
		}
		return step, nil
	}
	step.forward = func() error {
		if relu {
			c.ForwardReLU(t.workers, y, in, w, b, add)
			return nil
		}
		c.Forward(t.workers, y, in, w, b)
		if add != nil {
			kernel.Add(t.workers, y, y, add)
		}
		return nil
	}
	return t.linear(step, relu, func(dx, dw, db, dy []float32) { c.Backward(t.workers, dx, dw, db, dy, in, w) }), nil
}

func (t *trainingGraph) dense(s *lower.Dense) (*trainedStep, error) {
	x, y, add := t.of(s.X), t.of(s.Y), t.of(s.Add)
	d := kernel.Dense{N: len(y) / s.Out, In: s.In, Out: s.Out}
	if err := d.Check(); err != nil {
		return nil, err
	}
	relu, err := rectified(s.Act)
	if err != nil {
		return nil, err
	}
	if s.Weights != nil {
		return nil, errNoGradient("Gemm of constant weights")
	}
	w, b := t.of(s.W), t.of(s.B)
	step := &trainedStep{inputs: []*lower.Value{s.X, s.W, s.B, s.Add}, output: s.Y}
	step.forward = func() error {
		d.Forward(t.workers, y, x, w, b)
		if add != nil {
			kernel.Add(t.workers, y, y, add)
		}
		if relu {
			kernel.ReLU(t.workers, y, y)
		}
		return nil
	}
	return t.linear(step, relu, func(dx, dw, db, dy []float32) { d.Backward(t.workers, dx, dw, db, dy, x, w) }), nil
}

func (t *trainingGraph) maxPool(s *lower.Pool) (*trainedStep, error) {
	halves := lower.Window{KH: 2, KW: 2, StrideH: 2, StrideW: 2, DilationH: 1, DilationW: 1}
	switch {
	case s.Mean:
		return nil, errNoGradient("AveragePool")
	case s.Window != halves:
		return nil, errNoGradient("MaxPool that does not halve a picture")
	}
	d := s.X.Dims(t.n)
	m := kernel.MaxPool{N: d[0], H: d[2], W: d[3], C: d[1]}
	x, y := t.of(s.X), t.of(s.Y)
	idx := make([]uint8, len(y))
	return &trainedStep{
		inputs: []*lower.Value{s.X}, output: s.Y,
		forward:  func() error { m.Forward(t.workers, y, idx, x); return nil },
		backward: func(d [][]float32, dy []float32) { m.Backward(t.workers, d[0], dy, idx) },
	}, nil
}

func (t *trainingGraph) mean(s *lower.Reduce) (*trainedStep, error) {
	if !s.Mean {
		return nil, errNoGradient("ReduceMax")
	}
	x, y := t.of(s.X), t.of(s.Y)
	g := kernel.GlobalAvgPool{N: len(y) / s.Inner, H: s.Count, W: 1, C: s.Inner}
	return &trainedStep{
		inputs: []*lower.Value{s.X}, output: s.Y,
		forward:  func() error { g.Forward(t.workers, y, x); return nil },
		backward: func(d [][]float32, dy []float32) { g.Backward(t.workers, d[0], dy) },
	}, nil
}

func (t *trainingGraph) relu(s *lower.Unary) (*trainedStep, error) {
	if relu, err := rectified(s.Act); err != nil {
		return nil, err
	} else if !relu {
		return nil, errNoGradient("Identity")
	}
	x, y := t.of(s.X), t.of(s.Y)
	return &trainedStep{
		inputs: []*lower.Value{s.X}, output: s.Y,
		forward:  func() error { kernel.ReLU(t.workers, y, x); return nil },
		backward: func(d [][]float32, dy []float32) { kernel.ReLUBackward(t.workers, d[0], dy, y) },
	}, nil
}

func (t *trainingGraph) add(s *lower.Binary) (*trainedStep, error) {
	if s.Op != "Add" {
		return nil, errNoGradient(s.Op)
	}
	for _, v := range []*lower.Value{s.A, s.B} {
		if !slices.Equal(v.Memory(t.n), s.Y.Memory(t.n)) {
			return nil, errNoGradient("Add of different shapes")
		}
	}
	a, b, y := t.of(s.A), t.of(s.B), t.of(s.Y)
	return &trainedStep{
		inputs: []*lower.Value{s.A, s.B}, output: s.Y, passes: []bool{true, true},
		forward: func() error { kernel.Add(t.workers, y, a, b); return nil },
	}, nil
}

// dropout draws from the run's seed, the stream of the step and the number of
// the batch.
func (t *trainingGraph) dropout(s *lower.Dropout) *trainedStep {
	x, y := t.of(s.X), t.of(s.Y)
	seed := rng.At(t.state.seed, s.Stream)
	return &trainedStep{
		inputs: []*lower.Value{s.X}, output: s.Y,
		forward: func() error { kernel.Dropout(t.workers, y, x, s.Rate, seed, t.state.step); return nil },
		backward: func(d [][]float32, dy []float32) {
			kernel.Dropout(t.workers, d[0], dy, s.Rate, seed, t.state.step)
		},
	}
}

func (t *trainingGraph) standardize(s *lower.WeightStandardization) *trainedStep {
	k := kernel.WeightStandardization{FanIn: s.FanIn, Out: s.Out}
	raw, gain, y := t.of(s.X), t.of(s.Gain), t.of(s.Y)
	stats := make([]float64, k.Stats())
	return &trainedStep{
		inputs: []*lower.Value{s.X, s.Gain}, output: s.Y,
		forward: func() error { k.Forward(t.workers, y, raw, gain, stats); return nil },
		own:     [][]float32{t.arena.floats(len(raw)), t.arena.floats(len(gain))},
		backward: func(d [][]float32, dy []float32) {
			k.Backward(t.workers, d[0], d[1], dy, raw, gain, stats)
		},
	}
}
