package nn

import (
	"errors"
	"fmt"
	"slices"

	"github.com/opensandwich/oi/cmd/internal/kernel"
	"github.com/opensandwich/oi/cmd/internal/lower"
	"github.com/opensandwich/oi/cmd/internal/rng"
	"github.com/opensandwich/oi/cmd/internal/steps"
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
		return t.pool(s)
	case *lower.Reduce:
		return t.reduce(s), nil
	case *lower.Unary:
		return t.unary(s)
	case *lower.Binary:
		return t.binary(s)
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
		return t.copy(s)
	case *lower.Reference:
		return nil, errNoGradient(s.Node.Op.Kind())
	}
	return nil, errors.New("a step that this package does not know")
}

// of is the memory of a value that may be nil.
func (t *trainingGraph) of(v *lower.Value) []float32 { return t.steps.Optional(v, t.n) }

// differentiable is the kernel of an activation, if that has a gradient.
func differentiable(a lower.Activation) (kernel.Unary, error) {
	u := steps.Activation(a)
	if !u.HasGradient() {
		return u, errNoGradient(a.Name)
	}
	return u, nil
}

// linear makes the gradient of y = act(z), z = f(x, w, b) + add, in which the
// last summand and the activation are optional, from that of f. z is nil if it
// is not kept.
func (t *trainingGraph) linear(s *trainedStep, act kernel.Unary, z []float32, backward func(dx, dw, db, dy []float32)) *trainedStep {
	if act.Op == kernel.UnaryIdentity {
		// The gradient of a summand is that of the sum.
		s.passes = []bool{false, false, false, true}
		s.backward = func(d [][]float32, dy []float32) { backward(d[0], d[1], d[2], dy) }
		return s
	}
	// Before the activation it is that of all summands.
	y := t.of(s.output)
	if z == nil {
		z = y
	}
	dz := t.arena.floats(len(y))
	s.own = [][]float32{nil, nil, nil, dz}
	s.backward = func(d [][]float32, dy []float32) {
		act.Backward(t.workers, dz, dy, z, y)
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
	u, err := differentiable(act)
	if err != nil {
		return nil, err
	}
	if _, only := u.Limits(); !only {
		return nil, errNoGradient(act.Name + " of a sum of which only one part is trained")
	}
	run, err := t.steps.Compile(step)
	if err != nil {
		return nil, err
	}
	s := &trainedStep{inputs: slices.Clone(lower.Reads(step)), output: y, forward: func() error { return run(t.n) }}
	place := slices.Index(s.inputs, add)
	if u.Op == kernel.UnaryIdentity {
		s.passes = make([]bool, len(s.inputs))
		s.passes[place] = true
		return s, nil
	}
	s.backward = func(d [][]float32, dy []float32) { u.Backward(t.workers, d[place], dy, t.of(y), t.of(y)) }
	return s, nil
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
