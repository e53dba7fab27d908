package kernel

import (
	"math"
	"testing"
)

// TestFusedIsPlain: the fused operation is the three plain ones, bit for bit.
func TestFusedIsPlain(t *testing.T) {
	for _, c := range convShapes {
		t.Run(c.String(), func(t *testing.T) {
			in := newConvCase(t, c)
			onEveryBackend(t, func(t *testing.T, ws *Workers) {
				y, idx := make([]float32, len(in.dyPooled)), make([]uint8, len(in.dyPooled))
				c.ForwardReLUPool(ws, y, idx, in.x, in.w, in.b)

				oh, ow := c.OutHW()
				m := MaxPool{N: c.N, H: oh, W: ow, C: c.Cout}
				full, wantY, wantIdx := make([]float32, len(in.dy)), make([]float32, len(y)), make([]uint8, len(idx))
				c.Forward(ws, full, in.x, in.w, in.b)
				ReLU(ws, full, full)
				m.Forward(ws, wantY, wantIdx, full)
				checkSame(t, "y", y, wantY)
				for i := range idx {
					if y[i] > 0 && idx[i] != wantIdx[i] || y[i] == 0 && idx[i] != 4 {
						t.Fatalf("idx[%d] = %d, want %d for y = %g", i, idx[i], wantIdx[i], y[i])
					}
				}
				dFull := make([]float32, len(full))
				m.Backward(ws, dFull, in.dyPooled, wantIdx)
				ReLUBackward(ws, dFull, dFull, full)
				checkClose(t, "spread", dFull, c.spread(in.dyPooled, idx), 0)
			})
		})
	}
}

var denseShapes = []Dense{
	{1, 1, 1}, {1, 300, 64}, {2, 97, 16}, {5, 193, 17}, {16, 2500, 64}, {17, 64, 1}, {33, 31, 48}, {12, 4100, 3},
}

func TestDenseAgainstFloat64(t *testing.T) {
	for _, d := range denseShapes {
		if err := d.Check(); err != nil {
			t.Fatal(err)
		}
		rng := newRand(t)
		x, w, b, dy := values(rng, d.N*d.In), values(rng, d.In*d.Out), values(rng, d.Out), values(rng, d.N*d.Out)
		wantY, wantDX, wantDW, wantDB := make([]float64, len(dy)), make([]float64, len(x)), make([]float64, len(w)), make([]float64, d.Out)
		for n := range d.N {
			for o := range d.Out {
				g := float64(dy[n*d.Out+o])
				wantDB[o] += g
				wantY[n*d.Out+o] += float64(b[o])
				for i := range d.In {
					wantY[n*d.Out+o] += float64(x[n*d.In+i]) * float64(w[i*d.Out+o])
					wantDX[n*d.In+i] += g * float64(w[i*d.Out+o])
					wantDW[i*d.Out+o] += g * float64(x[n*d.In+i])
				}
			}
		}
		onEveryBackend(t, func(t *testing.T, ws *Workers) {
			y, dx, dw, db := values(rng, len(dy)), values(rng, len(x)), values(rng, len(w)), values(rng, d.Out)
			d.Forward(ws, y, x, w, b)
			checkClose(t, "y", y, wantY, tol)
			d.Backward(ws, dx, dw, db, dy, x, w)
			checkClose(t, "dx", dx, wantDX, tol)
			checkClose(t, "dw", dw, wantDW, tol)
			checkClose(t, "db", db, wantDB, tol)

			opt := RMSProp{LR: 1e-3, Rho: 0.9, Eps: 1e-7}
			w1, a1 := append([]float32(nil), w...), make([]float32, len(w))
			w2, a2 := append([]float32(nil), w...), make([]float32, len(w))
			opt.Update(ws, w1, a1, dw)
			dx2 := make([]float32, len(dx))
			d.BackwardUpdate(ws, dx2, nil, dy, x, w2, a2, opt)
			checkSame(t, "fused w", w2, w1)
			checkSame(t, "fused a", a2, a1)
			checkSame(t, "fused dx", dx2, dx)
		})
	}
}

func TestRMSProp(t *testing.T) {
	rng := newRand(t)
	const n = 8*5 + 3
	start, g := values(rng, n), values(rng, n)
	g[0], g[1], g[2], g[9] = 0, 1e-20, 1e-40, -1e-4
	opt := RMSProp{LR: 5e-4, Rho: 0.9, Eps: 1e-7}
	var first []float32
	for _, backend := range Backends() {
		ws, _ := NewWorkersOn(backend, 1)
		defer ws.Close()
		w, a := append([]float32(nil), start...), make([]float32, n)
		for range 3 {
			opt.Update(ws, w, a, g)
		}
		for i := range w {
			want, avg := float64(start[i]), 0.0
			for range 3 {
				avg = 0.9*avg + 0.1*float64(g[i])*float64(g[i])
				want -= 5e-4 * float64(g[i]) / (math.Sqrt(avg) + 1e-7)
			}
			if math.Abs(float64(w[i])-want) > 3e-7*max(1, math.Abs(want)) {
				t.Errorf("%s: w[%d] = %g, want %g", backend, i, w[i], want)
			}
		}
		// Gradients that vanish must not leave denormal averages.
		clear(g[20:])
		for range 2000 {
			opt.Update(ws, w, a, g)
		}
		for i, v := range a {
			if !(v > 1e-37) {
				t.Errorf("%s: a[%d] decayed to %g", backend, i, v)
			}
		}
		copy(g[20:], start[20:])
		if first == nil {
			first = w
		}
		g[5] = float32(math.NaN())
		opt.Update(ws, w, a, g)
		if a[5] == a[5] || w[5] == w[5] {
			t.Errorf("%s: NaN gradient gives w %g, a %g", backend, w[5], a[5])
		}
		g[5] = start[5]
	}
}

func TestElementwise(t *testing.T) {
	rng := newRand(t)
	const n = 2*elementChunk + 13
	x, bytes := values(rng, n), make([]uint8, n)
	copy(x[n-8:], special)
	for i := range bytes {
		bytes[i] = uint8(i)
	}
	onEveryBackend(t, func(t *testing.T, ws *Workers) {
		y := make([]float32, n)
		Scale(ws, y, bytes, 1.0/255)
		for i, v := range bytes {
			if y[i] != float32(v)*float32(1.0/255) {
				t.Fatalf("Scale(%d) = %g", v, y[i])
			}
		}
		ReLU(ws, y, x)
		dx := make([]float32, n)
		ReLUBackward(ws, dx, x, y)
		for i, v := range x {
			want, grad := v, v
			if v <= 0 {
				want, grad = 0, 0
			}
			checkSame(t, "relu", y[i:i+1], []float32{want})
			checkSame(t, "gradient", dx[i:i+1], []float32{grad})
		}
	})
}

func TestDropout(t *testing.T) {
	ws := NewWorkers(2)
	defer ws.Close()
	const n = 3*elementChunk + 5
	x, y, mask := make([]float32, n), make([]float32, n), make([]float32, n)
	for i := range x {
		x[i] = 1
	}
	for _, rate := range []float64{0, 0.25, 0.5, 0.9} {
		Dropout(ws, y, x, rate, 42, 7)
		DropoutMask(mask, rate, 42, 7)
		checkSame(t, "mask", y, mask)
		var kept, both float64
		Dropout(ws, y, x, rate, 42, 8)
		for i, v := range mask {
			if v != 0 {
				kept++
				if v != float32(1/(1-rate)) {
					t.Fatalf("kept value scaled by %g at rate %g", v, rate)
				}
				if y[i] != 0 {
					both++
				}
			}
		}
		// Five standard deviations of a binomial count.
		for _, c := range []struct{ got, p float64 }{{kept, 1 - rate}, {both, (1 - rate) * (1 - rate)}} {
			if math.Abs(c.got-n*c.p) > 5*math.Sqrt(n*c.p*(1-c.p)) {
				t.Errorf("rate %g: %g of %d kept, want about %g", rate, c.got, n, n*c.p)
			}
		}
	}
	DropoutMask(mask[:8], 0.5, 1, 2)
	checkSame(t, "fixed numbers", mask[:8], dropoutGolden)
}

func TestCheck(t *testing.T) {
	ok := Conv{N: 1, H: 8, W: 8, Cin: 3, Cout: 4, K: 3, Stride: 1}
	if err := ok.Check(); err != nil {
		t.Error(err)
	}
	for name, change := range map[string]func(*Conv){
		"batch":   func(c *Conv) { c.N = 0 },
		"small":   func(c *Conv) { c.H = 2 },
		"stride":  func(c *Conv) { c.Stride = 0 },
		"padding": func(c *Conv) { c.Pad = -1 },
		"huge":    func(c *Conv) { c.H, c.W = 1<<20, 1<<20 },
		"kernel":  func(c *Conv) { c.K = 1 << 30 },
	} {
		c := ok
		change(&c)
		if c.Check() == nil {
			t.Errorf("%s: %+v accepted", name, c)
		}
	}
	for _, d := range []Dense{{0, 1, 1}, {1, 0, 1}, {1, 1, 0}, {1, 1 << 20, 1 << 20}, {1 << 20, 1 << 20, 1}} {
		if d.Check() == nil {
			t.Errorf("%+v accepted", d)
		}
	}
	defer func() {
		if recover() == nil {
			t.Error("a slice of the wrong length got past Forward")
		}
	}()
	ws := NewWorkers(1)
	defer ws.Close()
	ok.Forward(ws, make([]float32, 3), nil, nil, nil)
}

// dropoutGolden fixes the generator: a resumed run must see the same masks.
var dropoutGolden = []float32{0, 2, 2, 2, 2, 0, 0, 0}
