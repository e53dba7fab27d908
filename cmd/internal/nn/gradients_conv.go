package nn

import (
	"slices"

	"github.com/opensandwich/oi/cmd/internal/kernel"
	"github.com/opensandwich/oi/cmd/internal/lower"
	"github.com/opensandwich/oi/cmd/internal/steps"
)

// weightsOf are the weights [KH,KW,C/Groups,M] and biases [M] of a convolution:
// parameters, or constants, which have no gradient.
func (t *trainingGraph) weightsOf(s *lower.Conv) (w, b []float32, err error) {
	if s.Weights == nil {
		return t.of(s.W), t.of(s.B), nil
	}
	shape := s.Weights.Shape
	turn, err := kernel.NewTranspose([]int{shape[0], shape[1], shape[2] * shape[3]}, []int{2, 1, 0})
	if err != nil {
		return nil, nil, err
	}
	w = make([]float32, len(s.Weights.Floats))
	turn.Forward(t.workers, w, s.Weights.Floats)
	return w, s.Bias, nil
}

func (t *trainingGraph) conv(s *lower.Conv) (*trainedStep, error) {
	x, filters := s.X.Dims(t.n), s.Filters()
	c := kernel.GroupedConv{N: x[0], H: x[2], W: x[3], Cin: x[1], Cout: filters[0], Groups: s.Groups, Window: kernel.Window(s.Window)}
	if err := c.CheckBackward(); err != nil {
		return nil, err
	}
	act, err := differentiable(s.Act)
	if err != nil {
		return nil, err
	}
	w, b, err := t.weightsOf(s)
	if err != nil {
		return nil, err
	}
	in, y, add := t.of(s.X), t.of(s.Y), t.of(s.Add)
	step := &trainedStep{inputs: []*lower.Value{s.X, s.W, s.B, s.Add}, output: s.Y}
	if s.Pool {
		plain := kernel.Conv{N: c.N, H: c.H, W: c.W, Cin: c.Cin, Cout: c.Cout, K: s.KH, Stride: s.StrideH, Pad: s.PadTop}
		idx := make([]uint8, len(y))
		step.forward = func() error { plain.ForwardReLUPool(t.workers, y, idx, in, w, b); return nil }
		step.backward = func(d [][]float32, dy []float32) {
			plain.BackwardReLUPool(t.workers, d[0], d[1], d[2], dy, idx, in, w)
		}
		return step, nil
	}
	var z []float32 // before the activation, if its gradient does not follow from y
	if clip, only := act.Limits(); only {
		step.forward = func() error { c.Forward(t.workers, y, in, w, b, add, clip); return nil }
	} else {
		z = t.arena.floats(len(y))
		step.forward = func() error {
			c.Forward(t.workers, z, in, w, b, add, kernel.Unclipped())
			act.Forward(t.workers, y, z)
			return nil
		}
	}
	return t.linear(step, act, z, func(dx, dw, db, dy []float32) { c.Backward(t.workers, dx, dw, db, dy, in, w) }), nil
}

func (t *trainingGraph) dense(s *lower.Dense) (*trainedStep, error) {
	x, y, add := t.of(s.X), t.of(s.Y), t.of(s.Add)
	d := kernel.Dense{N: len(y) / s.Out, In: s.In, Out: s.Out}
	if err := d.Check(); err != nil {
		return nil, err
	}
	act, err := differentiable(s.Act)
	if err != nil {
		return nil, err
	}
	w, b := t.of(s.W), t.of(s.B)
	if s.Weights != nil { // they have no gradient
		w, b = s.Weights, s.Bias
		if s.Transposed {
			turn, err := kernel.NewTranspose([]int{s.Out, s.In}, []int{1, 0})
			if err != nil {
				return nil, err
			}
			w = make([]float32, len(s.Weights))
			turn.Forward(t.workers, w, s.Weights)
		}
	}
	step := &trainedStep{inputs: []*lower.Value{s.X, s.W, s.B, s.Add}, output: s.Y}
	z := y // before the activation
	if _, only := act.Limits(); !only {
		z = t.arena.floats(len(y))
	}
	step.forward = func() error {
		d.Forward(t.workers, z, x, w, b)
		if add != nil {
			kernel.Add(t.workers, z, z, add)
		}
		if act.Op != kernel.UnaryIdentity {
			act.Forward(t.workers, y, z)
		}
		return nil
	}
	return t.linear(step, act, z, func(dx, dw, db, dy []float32) { d.Backward(t.workers, dx, dw, db, dy, x, w) }), nil
}

func (t *trainingGraph) pool(s *lower.Pool) (*trainedStep, error) {
	x, y := t.of(s.X), t.of(s.Y)
	p := steps.Pool(s, t.n)
	if err := p.Check(); err != nil {
		return nil, err
	}
	halves := lower.Window{KH: 2, KW: 2, StrideH: 2, StrideW: 2, DilationH: 1, DilationW: 1}
	if !s.Mean && s.Window == halves {
		m := kernel.MaxPool{N: p.N, H: p.H, W: p.W, C: p.C}
		idx := make([]uint8, len(y))
		return &trainedStep{
			inputs: []*lower.Value{s.X}, output: s.Y,
			forward:  func() error { m.Forward(t.workers, y, idx, x); return nil },
			backward: func(d [][]float32, dy []float32) { m.Backward(t.workers, d[0], dy, idx) },
		}, nil
	}
	return t.pooled(p, s.X, s.Y), nil
}

// pooled is a step that pools.
func (t *trainingGraph) pooled(p kernel.Pool, from, to *lower.Value) *trainedStep {
	x, y := t.of(from), t.of(to)
	return &trainedStep{
		inputs: []*lower.Value{from}, output: to,
		forward:  func() error { p.Forward(t.workers, y, x); return nil },
		backward: func(d [][]float32, dy []float32) { p.Backward(t.workers, d[0], dy, x) },
	}
}

func (t *trainingGraph) reduce(s *lower.Reduce) *trainedStep {
	if !s.Mean {
		return t.pooled(steps.Largest(s, t.n), s.X, s.Y)
	}
	x, y := t.of(s.X), t.of(s.Y)
	g := kernel.GlobalAvgPool{N: len(y) / s.Inner, H: s.Count, W: 1, C: s.Inner}
	return &trainedStep{
		inputs: []*lower.Value{s.X}, output: s.Y,
		forward:  func() error { g.Forward(t.workers, y, x); return nil },
		backward: func(d [][]float32, dy []float32) { g.Backward(t.workers, d[0], dy) },
	}
}

func (t *trainingGraph) unary(s *lower.Unary) (*trainedStep, error) {
	act, err := differentiable(s.Act)
	if err != nil {
		return nil, err
	}
	x, y := t.of(s.X), t.of(s.Y)
	return &trainedStep{
		inputs: []*lower.Value{s.X}, output: s.Y,
		forward:  func() error { act.Forward(t.workers, y, x); return nil },
		backward: func(d [][]float32, dy []float32) { act.Backward(t.workers, d[0], dy, x, y) },
	}, nil
}

func (t *trainingGraph) binary(s *lower.Binary) (*trainedStep, error) {
	a, b, y := t.of(s.A), t.of(s.B), t.of(s.Y)
	whole := func(v *lower.Value) bool { return slices.Equal(v.Memory(t.n), s.Y.Memory(t.n)) }
	if s.Op == "Add" && whole(s.A) && whole(s.B) {
		return &trainedStep{
			inputs: []*lower.Value{s.A, s.B}, output: s.Y, passes: []bool{true, true},
			forward: func() error { kernel.Add(t.workers, y, a, b); return nil },
		}, nil
	}
	op := steps.BinaryOp(s)
	if !op.HasGradient() {
		return nil, errNoGradient(s.Op)
	}
	f, err := kernel.NewBinary(op, s.A.Memory(t.n), s.B.Memory(t.n))
	if err != nil {
		return nil, err
	}
	return &trainedStep{
		inputs: []*lower.Value{s.A, s.B}, output: s.Y,
		forward:  func() error { f.Forward(t.workers, y, a, b); return nil },
		backward: func(d [][]float32, dy []float32) { f.Backward(t.workers, d[0], d[1], dy, a, b) },
	}, nil
}

// copy compiles what puts parts of values together.
func (t *trainingGraph) copy(s *lower.Copy) (*trainedStep, error) {
	run, err := t.steps.Compile(s)
	if err != nil {
		return nil, err
	}
	step := &trainedStep{output: s.Y, forward: func() error { return run(t.n) }}
	for _, p := range s.Parts {
		step.inputs = append(step.inputs, p.X)
	}
	if perm := s.Permutation(); perm != nil {
		back := make([]int, len(perm))
		for to, from := range perm {
			back[from] = to
		}
		turn, err := kernel.NewTranspose(s.Y.Memory(t.n), back)
		if err != nil {
			return nil, err
		}
		step.backward = func(d [][]float32, dy []float32) { turn.Forward(t.workers, d[0], dy) }
		return step, nil
	}
	step.backward = func(d [][]float32, dy []float32) {
		for i, dx := range d {
			if dx != nil {
				clear(dx)
				steps.CopyGradient(s, i, t.n, dx, dy)
			}
		}
	}
	return step, nil
}
