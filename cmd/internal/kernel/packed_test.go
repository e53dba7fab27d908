package kernel

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

// TestPackedConvSameBits: packed weights give the bits of Forward, for other
// batches too, and an activation those of a separate pass.
func TestPackedConvSameBits(t *testing.T) {
	shapes := append([]GroupedConv{
		{3, 7, 7, 24, 40, 1, square(1, 1, 0)},
		{2, 8, 8, 16, 16, 16, Window{3, 3, 2, 2, 1, 1, 0, 0, 1, 1}},
	}, groupedShapes...)
	for _, d := range convShapes {
		shapes = append(shapes, GroupedConv{d.N, d.H, d.W, d.Cin, d.Cout, 1, square(d.K, d.Stride, d.Pad)})
	}
	for _, c := range shapes {
		onEveryBackend(t, func(t *testing.T, ws *Workers) {
			_, _, w, b := c.values(newRand(t))
			for _, b := range [][]float32{b, nil} {
				packed := c.Pack(ws, w, b)
				for _, n := range []int{c.N, c.N + 2, 1} {
					c := c
					c.N = n
					rng := newRand(t)
					want, x, _, _ := c.values(rng)
					some, got := values(rng, len(want)), make([]float32, len(want))
					for _, add := range [][]float32{nil, some} {
						c.Forward(ws, want, x, w, b, add, Clip{-0.5, 2})
						c.ForwardPacked(ws, got, x, packed, add, Clip{-0.5, 2}.Limit())
						checkSame(t, fmt.Sprint(c, " clipped"), got, want)
						c.Forward(ws, want, x, w, b, add, Rectified())
						c.ForwardPacked(ws, got, x, packed, add, Unary{Op: UnaryReLU})
						checkSame(t, fmt.Sprint(c, " rectified"), got, want)
						c.Forward(ws, want, x, w, b, add, Unclipped())
						c.ForwardPacked(ws, got, x, packed, add, Unary{})
						checkSame(t, fmt.Sprint(c), got, want)
						Unary{Op: UnaryHardSwish}.Forward(ws, want, want)
						c.ForwardPacked(ws, got, x, packed, add, Unary{Op: UnaryHardSwish})
						checkSame(t, fmt.Sprint(c, " activated"), got, want)
					}
				}
			}
		})
	}
}

// TestPackedConvThreads: nor does the number of threads change a bit.
func TestPackedConvThreads(t *testing.T) {
	for _, c := range []GroupedConv{
		{1, 7, 7, 160, 320, 1, square(1, 1, 0)},
		{1, 9, 7, 32, 56, 1, square(3, 1, 1)},
		{1, 9, 7, 32, 56, 1, square(3, 2, 1)},
		{2, 7, 7, 96, 96, 96, square(3, 1, 1)},
		{1, 7, 8, 24, 88, 2, square(3, 1, 1)},
	} {
		var want []float32
		for _, threads := range []int{1, 2, 5, 16} {
			ws := NewWorkers(threads)
			y, x, w, b := c.values(newRand(t))
			add := values(newRand(t), len(y))
			c.ForwardPacked(ws, y, x, c.Pack(ws, w, b), add, Unary{Op: UnarySiLU})
			ws.Close()
			if want == nil {
				want = y
			}
			checkSame(t, fmt.Sprint(c, threads), y, want)
		}
	}
}

func TestPackedConvFits(t *testing.T) {
	ws := NewWorkers(1)
	defer ws.Close()
	c := GroupedConv{1, 8, 8, 16, 32, 1, square(3, 1, 1)}
	_, _, w, b := c.values(newRand(t))
	p := c.Pack(ws, w, b)
	for name, other := range map[string]GroupedConv{
		"channels": {1, 8, 8, 32, 16, 1, square(3, 1, 1)},
		"stride":   {1, 8, 8, 16, 32, 1, square(3, 2, 1)},
		"row":      {1, 1, 8, 16, 32, 1, square(3, 1, 1)}, // not by Winograd
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Error("no panic")
				}
			}()
			y, x, _, _ := other.values(newRand(t))
			other.ForwardPacked(ws, y, x, p, nil, Unary{})
		})
	}
}

func TestPackedDenseSameBits(t *testing.T) {
	for _, d := range []Dense{{1, 5, 3}, {7, 33, 40}, {200, 130, 16}, {3, 5000, 17}} {
		onEveryBackend(t, func(t *testing.T, ws *Workers) {
			rng := newRand(t)
			x, w, b := values(rng, d.N*d.In), values(rng, d.In*d.Out), values(rng, d.Out)
			add, want, got := values(rng, d.N*d.Out), make([]float32, d.N*d.Out), make([]float32, d.N*d.Out)
			turned := make([]float32, len(w))
			transposeRef(turned, d.In, w, d.Out, d.In, d.Out)
			for _, b := range [][]float32{b, nil} {
				d.Forward(ws, want, x, w, b)
				d.ForwardPacked(ws, got, x, d.Pack(ws, w, b, false), nil, Unary{})
				checkSame(t, fmt.Sprint(d), got, want)
				d.ForwardPacked(ws, got, x, d.Pack(ws, turned, b, true), nil, Unary{})
				checkSame(t, fmt.Sprint(d, " transposed"), got, want)
				Add(ws, want, want, add)
				ReLU(ws, want, want)
				d.ForwardPacked(ws, got, x, d.Pack(ws, w, b, false), add, Unary{Op: UnaryReLU})
				checkSame(t, fmt.Sprint(d, " with a sum"), got, want)
			}
		})
	}
}

func TestPackedNoAllocation(t *testing.T) {
	onEveryBackend(t, func(t *testing.T, ws *Workers) {
		for _, c := range groupedShapes {
			y, x, w, b := c.values(newRand(t))
			p := c.Pack(ws, w, b)
			noAllocation(t, c, func() { c.ForwardPacked(ws, y, x, p, nil, Unary{Op: UnarySiLU}) })
		}
		d := Dense{5, 20, 30}
		y, x, p := make([]float32, 150), make([]float32, 100), d.Pack(ws, make([]float32, 600), nil, false)
		noAllocation(t, d, func() { d.ForwardPacked(ws, y, x, p, nil, Unary{}) })
	})
}

// noAllocation fails if a step allocates once it has been done.
func noAllocation(t *testing.T, what any, step func()) {
	t.Helper()
	step()
	if n := testing.AllocsPerRun(2, step); n != 0 {
		t.Errorf("%v: %g allocations", what, n)
	}
}

// someSpecial are values with zeros of both signs, infinities and NaN.
func someSpecial(rng *rand.Rand, n int) []float32 {
	s := values(rng, n)
	for i := range s {
		if rng.IntN(8) == 0 {
			s[i] = special[rng.IntN(len(special))]
		}
	}
	return s
}

// TestPackedPoolSameBits: nor do packed weights change what pooling makes of a
// convolution, and weights that were packed in the place of others are those.
func TestPackedPoolSameBits(t *testing.T) {
	for _, c := range convShapes {
		onEveryBackend(t, func(t *testing.T, ws *Workers) {
			v, other := newConvCase(t, c), newConvCase(t, c)
			for i := range other.w {
				other.w[i] *= 3
			}
			ph, pw := c.PoolHW()
			y, idx := make([]float32, c.N*ph*pw*c.Cout), make([]uint8, c.N*ph*pw*c.Cout)
			want, wantIdx := make([]float32, len(y)), make([]uint8, len(idx))
			p := c.grouped().Pack(ws, other.w, other.b)
			for _, b := range [][]float32{v.b, nil} {
				c.ForwardReLUPool(ws, want, wantIdx, v.x, v.w, b)
				p.Repack(ws, v.w, b)
				c.grouped().ForwardPackedReLUPool(ws, y, idx, v.x, p)
				checkSame(t, c.String(), y, want)
				checkSame(t, c.String()+" places", idx, wantIdx)
			}
		})
	}
}

// TestRepackSameBits: weights of any kind that were packed in the place of
// others are those.
func TestRepackSameBits(t *testing.T) {
	for _, c := range groupedShapes {
		onEveryBackend(t, func(t *testing.T, ws *Workers) {
			_, _, w, b := c.values(newRand(t))
			p := c.Pack(ws, values(newRand(t), len(w)), b)
			p.Repack(ws, w, nil)
			checkSame(t, fmt.Sprint(c), p.data, c.Pack(ws, w, nil).data)
		})
	}
	onEveryBackend(t, func(t *testing.T, ws *Workers) {
		d := Dense{3, 33, 40}
		rng := newRand(t)
		w := values(rng, d.In*d.Out)
		for _, transposed := range []bool{false, true} {
			p := d.Pack(ws, values(rng, len(w)), values(rng, d.Out), !transposed)
			p.Repack(ws, w, nil, transposed)
			checkSame(t, fmt.Sprint(d), p.data, d.Pack(ws, w, nil, transposed).data)
		}
	})
}
