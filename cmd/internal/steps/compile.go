package steps

import (
	"errors"
	"fmt"
	"slices"

	"github.com/opensandwich/oi/cmd/internal/graph"
	"github.com/opensandwich/oi/cmd/internal/kernel"
	"github.com/opensandwich/oi/cmd/internal/lower"
)

// Compile gives the function that computes a step for n pictures. Dropout has
// none: it is of training.
func (r *Runner) Compile(step lower.Step) (func(n int) error, error) {
	// without is a function that cannot fail.
	without := func(run func(n int)) func(n int) error {
		return func(n int) error { run(n); return nil }
	}
	switch t := step.(type) {
	case *lower.Scale:
		return without(func(n int) { r.scale(t, n) }), nil
	case *lower.Conv:
		return r.conv(t)
	case *lower.Separable:
		return r.separable(t)
	case *lower.Dense:
		return r.dense(t)
	case *lower.Pool:
		return r.pool(t)
	case *lower.Reduce:
		return r.reduce(t), nil
	case *lower.Unary:
		act := Activation(t.Act)
		return without(func(n int) { act.Forward(r.Workers, r.Floats(t.Y, n), r.Floats(t.X, n)) }), nil
	case *lower.Binary:
		return r.binary(t)
	case *lower.MatMul:
		return func(n int) error { return r.matMul(t, n) }, nil
	case *lower.Softmax:
		return without(func(n int) {
			y := r.Floats(t.Y, n)
			kernel.Softmax{Rows: len(y) / t.Cols, Cols: t.Cols}.Forward(r.Workers, y, r.Floats(t.X, n))
		}), nil
	case *lower.LayerNorm:
		cols, epsilon := len(t.Scale), float32(t.Epsilon)
		return without(func(n int) {
			y := r.Floats(t.Y, n)
			kernel.LayerNorm{Rows: len(y) / cols, Cols: cols, Eps: epsilon}.Forward(r.Workers, y, r.Floats(t.X, n), t.Scale, t.Bias)
		}), nil
	case *lower.Copy:
		return r.copy(t), nil
	case *lower.WeightStandardization:
		return without(func(n int) {
			k := kernel.WeightStandardization{FanIn: t.FanIn, Out: t.Out}
			k.Forward(r.Workers, r.Floats(t.Y, n), r.Floats(t.X, n), r.Floats(t.Gain, n), nil)
		}), nil
	case *lower.Reference:
		return func(n int) error { return r.reference(t, n) }, nil
	}
	return nil, errors.New("a step that cannot be computed by itself")
}

// unaryOps are the activations of steps.
var unaryOps = map[string]kernel.UnaryOp{
	"": kernel.UnaryIdentity, "Clip": kernel.UnaryClip, "Relu": kernel.UnaryReLU, "LeakyRelu": kernel.UnaryLeakyReLU,
	"Abs": kernel.UnaryAbs, "Neg": kernel.UnaryNeg, "Floor": kernel.UnaryFloor, "Sqrt": kernel.UnarySqrt,
	"HardSigmoid": kernel.UnaryHardSigmoid, "HardSwish": kernel.UnaryHardSwish, "Exp": kernel.UnaryExp, "Log": kernel.UnaryLog,
	"Sigmoid": kernel.UnarySigmoid, "Silu": kernel.UnarySiLU, "Tanh": kernel.UnaryTanh, "Erf": kernel.UnaryErf,
	"Gelu": kernel.UnaryGelu, "GeluTanh": kernel.UnaryGeluTanh,
}

// Activation is the kernel of an activation.
func Activation(a lower.Activation) kernel.Unary {
	return kernel.Unary{Op: unaryOps[a.Name], Alpha: a.Alpha, Beta: a.Beta}
}

func (r *Runner) scale(t *lower.Scale, n int) {
	y, x := r.Floats(t.Y, n), r.input(t.X)
	if len(t.Factor) == 1 && t.Offset[0] == 0 {
		kernel.Scale(r.Workers, y, x, t.Factor[0])
		return
	}
	kernel.ScaleBytes(r.Workers, y, x, t.Factor, t.Offset)
}

// Pool is the kernel of a pool of n pictures.
func Pool(t *lower.Pool, n int) kernel.Pool {
	x := t.X.Shape
	return kernel.Pool{
		N: x[0].Of(n), H: x[2].Const, W: x[3].Const, C: x[1].Const, Window: kernel.Window(t.Window),
		Mean: t.Mean, CountPadding: t.CountPadding, UncountedBottom: t.UncountedBottom, UncountedRight: t.UncountedRight,
	}
}

func (r *Runner) pool(t *lower.Pool) (func(n int) error, error) {
	if err := Pool(t, r.Program.Batch).Check(); err != nil {
		return nil, err
	}
	return func(n int) error {
		Pool(t, n).Forward(r.Workers, r.Floats(t.Y, n), r.Floats(t.X, n))
		return nil
	}, nil
}

// reduce is a pool whose window is the whole picture, of Count pixels.
func (r *Runner) reduce(t *lower.Reduce) func(n int) error {
	return func(n int) error {
		y, x := r.Floats(t.Y, n), r.Floats(t.X, n)
		outer := len(y) / t.Inner
		if t.Mean {
			kernel.GlobalAvgPool{N: outer, H: t.Count, W: 1, C: t.Inner}.Forward(r.Workers, y, x)
			return nil
		}
		Largest(t, n).Forward(r.Workers, y, x)
		return nil
	}
}

// Largest is the kernel of a reduction of n pictures to the largest.
func Largest(t *lower.Reduce, n int) kernel.Pool {
	window := kernel.Window{KH: t.Count, KW: 1, StrideH: 1, StrideW: 1, DilationH: 1, DilationW: 1}
	return kernel.Pool{N: t.Y.Size(n) / t.Inner, H: t.Count, W: 1, C: t.Inner, Window: window}
}

var binaryOps = map[string]kernel.BinaryOp{
	"Add": kernel.BinaryAdd, "Sub": kernel.BinarySub, "Mul": kernel.BinaryMul, "Div": kernel.BinaryDiv,
	"Min": kernel.BinaryMin, "Max": kernel.BinaryMax, "Pow": kernel.BinaryPow, "PRelu": kernel.BinaryPReLU,
}

// BinaryOp is the kernel's name of the function of a step.
func BinaryOp(s *lower.Binary) kernel.BinaryOp { return binaryOps[s.Op] }

func (r *Runner) binary(t *lower.Binary) (func(n int) error, error) {
	made := func(n int) (*kernel.Binary, error) {
		return kernel.NewBinary(BinaryOp(t), t.A.Memory(n), t.B.Memory(n))
	}
	last := r.Program.Batch
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
		f.Forward(r.Workers, r.Floats(t.Y, n), r.Floats(t.A, n), r.Floats(t.B, n))
		return nil
	}, nil
}

func (r *Runner) matMul(t *lower.MatMul, n int) error {
	m := kernel.MatMul{M: t.M.Of(n), K: t.K.Of(n), N: t.N.Of(n), TransposedB: t.Transposed, SharedB: t.Shared}
	y := r.Floats(t.Y, n)
	m.Batch = len(y) / (m.M * m.N)
	if err := m.Check(); err != nil {
		return err
	}
	m.Forward(r.Workers, y, r.Floats(t.A, n), r.Floats(t.B, n))
	return nil
}

// reference computes a node as package graph does.
func (r *Runner) reference(t *lower.Reference, n int) error {
	in := make([]*graph.Tensor, len(t.In))
	for i, v := range t.In {
		if v != nil {
			in[i] = r.Tensor(v, n)
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
			copy(r.Floats(v, n), out[i].Floats)
		} else {
			r.tensors[v.Buffer] = out[i]
		}
	}
	return nil
}
