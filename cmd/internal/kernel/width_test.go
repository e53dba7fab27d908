package kernel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

// TestWidths: whole operations give the same bits with vectors of 16 lanes as
// with vectors of 8.
func TestWidths(t *testing.T) {
	wide, ok := NewWorkersOn("avx512", 2)
	if !ok {
		t.Skip("this machine has no AVX-512; .ci/avx512 runs the test in an emulator")
	}
	defer wide.Close()
	narrow, _ := NewWorkersOn("avx2", 2)
	defer narrow.Close()

	// compare runs an operation, which returns what it wrote, on both.
	compare := func(t *testing.T, op func(ws *Workers, rng *rand.Rand) [][]float32) {
		t.Helper()
		got, want := op(wide, newRand(t)), op(narrow, newRand(t))
		for i := range want {
			checkBits(t, i, got[i], want[i])
		}
	}
	shapes := append([]Conv{
		{N: 2, H: 14, W: 60, Cin: 3, Cout: 48, K: 3, Stride: 1},
		{N: 1, H: 8, W: 8, Cin: 64, Cout: 128, K: 3, Stride: 1, Pad: 1},
		{N: 1, H: 5, W: 7, Cin: 37, Cout: 41, K: 3, Stride: 1, Pad: 1},
		{N: 1, H: 3, W: 101, Cin: 2, Cout: 17, K: 3, Stride: 1, Pad: 1},
		{N: 2, H: 7, W: 9, Cin: 24, Cout: 40, K: 3, Stride: 1, Pad: 1}, // in tiles, of half a vector too
	}, convShapes...)
	for _, c := range shapes {
		t.Run(c.String(), func(t *testing.T) {
			in := newConvCase(t, c)
			for i := range in.dy { // a third of them zero, of either sign
				if i%3 == 0 {
					in.dy[i] = float32(math.Copysign(0, float64(in.dy[i])))
				}
			}
			in.x[len(in.x)/2] = float32(math.NaN())
			compare(t, func(ws *Workers, _ *rand.Rand) [][]float32 {
				y, dx, dw, db := make([]float32, len(in.dy)), make([]float32, len(in.x)), make([]float32, len(in.w)), make([]float32, c.Cout)
				c.Forward(ws, y, in.x, in.w, in.b)
				c.Backward(ws, dx, dw, db, in.dy, in.x, in.w)
				sum, relu, grad := make([]float32, len(y)), make([]float32, len(y)), make([]float32, len(y))
				c.ForwardReLU(ws, sum, in.x, in.w, in.b, in.dy)
				c.ForwardReLU(ws, relu, in.x, in.w, in.b, nil)
				ReLUBackward(ws, grad, in.dy, sum)
				return [][]float32{y, dx, dw, db, sum, relu, grad}
			})
			compare(t, func(ws *Workers, _ *rand.Rand) [][]float32 {
				y, idx := make([]float32, len(in.dyPooled)), make([]uint8, len(in.dyPooled))
				c.ForwardReLUPool(ws, y, idx, in.x, in.w, in.b)
				pixels := make([]float32, len(idx))
				for i, v := range idx {
					pixels[i] = float32(v)
				}
				dx, dw, db := make([]float32, len(in.x)), make([]float32, len(in.w)), make([]float32, c.Cout)
				c.BackwardReLUPool(ws, dx, dw, db, in.dyPooled, idx, in.x, in.w)
				return [][]float32{y, pixels, dx, dw, db}
			})
		})
	}
	for _, d := range denseShapes {
		compare(t, func(ws *Workers, rng *rand.Rand) [][]float32 {
			x, w, b, dy := values(rng, d.N*d.In), values(rng, d.In*d.Out), values(rng, d.Out), values(rng, d.N*d.Out)
			y, dx, dw, db := make([]float32, len(dy)), make([]float32, len(x)), make([]float32, len(w)), make([]float32, d.Out)
			d.Forward(ws, y, x, w, b)
			d.Backward(ws, dx, dw, db, dy, x, w)
			a, dx2 := make([]float32, len(w)), make([]float32, len(x))
			for range 2 {
				d.BackwardUpdate(ws, dx2, nil, dy, x, w, a, RMSProp{LR: 1e-3, Rho: 0.9, Eps: 1e-7})
			}
			return [][]float32{y, dx, dw, db, dx2, w, a}
		})
	}
	for _, n := range []int{1, 7, 8, 15, 16, 17, 31, 100, elementChunk + 29} {
		compare(t, func(ws *Workers, rng *rand.Rand) [][]float32 {
			w, a, g, bytes := values(rng, n), make([]float32, n), values(rng, n), make([]uint8, n)
			for i := range bytes {
				bytes[i] = uint8(rng.IntN(256))
				if rng.IntN(4) == 0 {
					g[i] = special[rng.IntN(len(special))]
				}
			}
			scaled, relu := make([]float32, n), make([]float32, n)
			Scale(ws, scaled, bytes, 1.0/255)
			ReLU(ws, relu, g)
			for range 2 {
				RMSProp{LR: 1e-3, Rho: 0.9, Eps: 1e-7}.Update(ws, w, a, g)
			}
			w2, m, v, avg, sum := values(rng, n), make([]float32, n), make([]float32, n), values(rng, n), make([]float32, n)
			for step := range uint64(3) {
				Adam{LR: 1e-3, Beta1: 0.9, Beta2: 0.999, Eps: 1e-8, WeightDecay: 0.05}.Update(ws, w2, m, v, g, step+1)
				EMA(ws, avg, w2, 0.9)
			}
			Add(ws, sum, w2, g)
			return [][]float32{scaled, relu, w, a, w2, m, v, avg, sum}
		})
	}
	for _, o := range []Muon{{Rows: 1, Cols: 1}, {Rows: 27, Cols: 16}, {Rows: 45, Cols: 33}, {Rows: 5, Cols: 9}} {
		o.LR, o.Momentum, o.WeightDecay = 0.01, 0.9, 0.05
		compare(t, func(ws *Workers, rng *rand.Rand) [][]float32 {
			n := o.Rows * o.Cols
			w, m := values(rng, n), make([]float32, n)
			for range 3 {
				o.Update(ws, w, m, values(rng, n))
			}
			return [][]float32{w, m}
		})
	}
	for _, s := range []WeightStandardization{{1, 1}, {9, 16}, {27, 33}, {150, 20}} {
		compare(t, func(ws *Workers, rng *rand.Rand) [][]float32 {
			n := s.FanIn * s.Out
			v, gain, dw := values(rng, n), values(rng, s.Out), values(rng, n)
			w, dv, dgain, stats := make([]float32, n), make([]float32, n), make([]float32, s.Out), make([]float64, s.Stats())
			s.Forward(ws, w, v, gain, stats)
			s.Backward(ws, dv, dgain, dw, v, gain, stats)
			return [][]float32{w, dv, dgain}
		})
	}
	compare(t, func(ws *Workers, _ *rand.Rand) [][]float32 { // all together, for a few steps
		r := newRefNet(t, ws, 3, 30, 34)
		r.train(3)
		return append(r.w[:], r.b[:]...)
	})
}

// checkBits is stricter than checkSame: zeros have signs. One NaN is as good as
// another.
func checkBits(t *testing.T, which int, got, want []float32) {
	t.Helper()
	checkSame(t, fmt.Sprint("result ", which), got, want)
	for i := range want {
		if math.Signbit(float64(got[i])) != math.Signbit(float64(want[i])) && want[i] == 0 {
			t.Fatalf("result %d, value %d: %g, want %g", which, i, got[i], want[i])
		}
	}
}
