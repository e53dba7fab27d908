package steps

import (
	"github.com/opensandwich/oi/cmd/internal/kernel"
	"github.com/opensandwich/oi/cmd/internal/lower"
)

// packed packs the weights of a convolution once, if they do not change. The
// convolution is for as many pictures as there may be.
func (r *Runner) packed(t *lower.Conv) (c kernel.GroupedConv, p *kernel.PackedConv, err error) {
	x, w := t.X.Shape, t.Filters()
	c = kernel.GroupedConv{
		N: x[0].Of(r.Program.Batch), H: x[2].Const, W: x[3].Const, Cin: x[1].Const, Cout: w[0], Groups: t.Groups, Window: kernel.Window(t.Window),
	}
	if err := c.Check(); err != nil {
		return c, nil, err
	}
	if t.Weights == nil {
		return c, c.NewPacked(), nil
	}
	if p, ok := r.packs[t].(*kernel.PackedConv); ok {
		return c, p, nil
	}
	// [M,C,KH*KW] to [KH*KW,C,M]
	turn, err := kernel.NewTranspose([]int{w[0], w[1], w[2] * w[3]}, []int{2, 1, 0})
	if err != nil {
		return c, nil, err
	}
	size := len(t.Weights.Floats)
	if len(r.turned) < size {
		r.turned = make([]float32, size)
	}
	turn.Forward(r.Workers, r.turned[:size], t.Weights.Floats)
	p = c.Pack(r.Workers, r.turned[:size], t.Bias)
	r.packs[t] = p
	return c, p, nil
}

func (r *Runner) conv(t *lower.Conv) (func(n int) error, error) {
	c, packed, err := r.packed(t)
	if err != nil {
		return nil, err
	}
	act := Activation(t.Act)
	pack := r.repacking(t.Parameters, packed.Repack)
	if t.Pool {
		r.places = make([]byte, max(len(r.places), t.Y.Size(r.Program.Batch)))
		return func(n int) error {
			pack(n)
			c := c
			c.N = t.X.Shape[0].Of(n)
			y := r.Floats(t.Y, n)
			c.ForwardPackedReLUPool(r.Workers, y, r.places[:len(y)], r.Floats(t.X, n), packed)
			return nil
		}, nil
	}
	return func(n int) error {
		pack(n)
		c := c
		c.N = t.X.Shape[0].Of(n)
		c.ForwardPacked(r.Workers, r.Floats(t.Y, n), r.Floats(t.X, n), packed, r.Optional(t.Add, n), act)
		return nil
	}, nil
}

// Optional is the memory of a value that may be nil.
func (r *Runner) Optional(v *lower.Value, n int) []float32 {
	if v == nil {
		return nil
	}
	return r.Floats(v, n)
}

func (r *Runner) separable(t *lower.Separable) (func(n int) error, error) {
	x := t.Depthwise.X.Shape
	k := kernel.Separable{N: x[0].Of(r.Program.Batch), H: x[2].Const, W: x[3].Const}
	for _, part := range []struct {
		conv  *lower.Conv
		stage *kernel.Stage
	}{{t.Expand, &k.Expand}, {t.Depthwise, &k.Depthwise}, {t.Project, &k.Project}} {
		if part.conv == nil {
			continue
		}
		_, packed, err := r.packed(part.conv)
		if err != nil {
			return nil, err
		}
		*part.stage = kernel.Stage{Weights: packed, Act: Activation(part.conv.Act)}
	}
	if err := k.Check(); err != nil {
		return nil, err
	}
	return func(n int) error {
		k := k
		k.N = x[0].Of(n)
		k.Forward(r.Workers, r.Floats(t.Y, n), r.Floats(t.X, n), r.Optional(t.Add, n))
		return nil
	}, nil
}

func (r *Runner) dense(t *lower.Dense) (func(n int) error, error) {
	d := kernel.Dense{N: max(1, t.Y.Size(r.Program.Batch)/t.Out), In: t.In, Out: t.Out}
	if err := d.Check(); err != nil {
		return nil, err
	}
	packed, ok := r.packs[t].(*kernel.PackedDense)
	if !ok {
		packed = d.NewPacked()
		if t.Weights != nil {
			packed.Repack(r.Workers, t.Weights, t.Bias, t.Transposed)
			r.packs[t] = packed
		}
	}
	act := Activation(t.Act)
	pack := r.repacking(t.Parameters, func(ws *kernel.Workers, w, b []float32) { packed.Repack(ws, w, b, false) })
	return func(n int) error {
		pack(n)
		y := r.Floats(t.Y, n)
		kernel.Dense{N: len(y) / t.Out, In: t.In, Out: t.Out}.ForwardPacked(r.Workers, y, r.Floats(t.X, n), packed, r.Optional(t.Add, n), act)
		return nil
	}, nil
}

// repacking gives a function that packs what stands in place of constants,
// before a step reads it, unless that was done and nothing has changed since.
func (r *Runner) repacking(p lower.Parameters, pack func(ws *kernel.Workers, w, b []float32)) func(n int) {
	if p.W == nil {
		return func(int) {}
	}
	given := r.parameters.Data[p.W.Buffer] != nil && (p.B == nil || r.parameters.Data[p.B.Buffer] != nil)
	done, version := false, uint64(0)
	return func(n int) {
		if given {
			if done && version == *r.parameters.Version {
				return
			}
			done, version = true, *r.parameters.Version
		}
		pack(r.Workers, r.Floats(p.W, n), r.Optional(p.B, n))
	}
}
