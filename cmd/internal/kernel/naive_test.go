package kernel

import (
	"math"
	"math/rand/v2"
	"testing"
)

// The yardstick: the textbook loops in float64, with nothing clever in them.

func (c Conv) naiveForward(x, w, b []float32) []float64 {
	oh, ow := c.OutHW()
	y := make([]float64, c.N*oh*ow*c.Cout)
	c.each(func(yi, xi, wi, co int) { y[yi] += float64(x[xi]) * float64(w[wi]) })
	if b != nil {
		for i := range y {
			y[i] += float64(b[i%c.Cout])
		}
	}
	return y
}

func (c Conv) naiveBackward(dy []float64, x, w []float32) (dx, dw, db []float64) {
	dx, dw, db = make([]float64, len(x)), make([]float64, len(w)), make([]float64, c.Cout)
	c.each(func(yi, xi, wi, co int) {
		dx[xi] += dy[yi] * float64(w[wi])
		dw[wi] += dy[yi] * float64(x[xi])
	})
	for i, v := range dy {
		db[i%c.Cout] += v
	}
	return dx, dw, db
}

// each calls f with the indices of every product of the convolution.
func (c Conv) each(f func(yi, xi, wi, co int)) {
	oh, ow := c.OutHW()
	for n := range c.N {
		for oy := range oh {
			for ox := range ow {
				for ky := range c.K {
					for kx := range c.K {
						iy, ix := oy*c.Stride+ky-c.Pad, ox*c.Stride+kx-c.Pad
						if iy < 0 || ix < 0 || iy >= c.H || ix >= c.W {
							continue
						}
						for ci := range c.Cin {
							for co := range c.Cout {
								f(((n*oh+oy)*ow+ox)*c.Cout+co, ((n*c.H+iy)*c.W+ix)*c.Cin+ci, ((ky*c.K+kx)*c.Cin+ci)*c.Cout+co, co)
							}
						}
					}
				}
			}
		}
	}
}

// place returns the index in the convolution's output [N][OH][OW][Cout] of
// place k (0..3) of the window at index i of the pooled output.
func (c Conv) place(i, k int) int {
	oh, ow := c.OutHW()
	ph, pw := c.PoolHW()
	co, q, r, n := i%c.Cout, i/c.Cout%pw, i/c.Cout/pw%ph, i/c.Cout/pw/ph
	return ((n*oh+2*r+k/2)*ow+2*q+k%2)*c.Cout + co
}

// spread undoes pooling: the gradient of the convolution's output.
func (c Conv) spread(dy []float32, idx []uint8) []float64 {
	oh, ow := c.OutHW()
	full := make([]float64, c.N*oh*ow*c.Cout)
	for i, v := range dy {
		if idx[i] < 4 {
			full[c.place(i, int(idx[i]))] = float64(v)
		}
	}
	return full
}

func values(rng *rand.Rand, n int) []float32 {
	s := make([]float32, n)
	for i := range s {
		s[i] = float32(rng.NormFloat64())
	}
	return s
}

func newRand(t testing.TB) *rand.Rand {
	var h uint64 = 14695981039346656037
	for _, c := range []byte(t.Name()) {
		h = (h ^ uint64(c)) * 1099511628211
	}
	return rand.New(rand.NewPCG(h, 1))
}

// checkClose fails if got differs from want by more than tol times the largest
// of want (the error of a sum is relative to its terms, not to itself).
func checkClose(t *testing.T, name string, got []float32, want []float64, tol float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: %d values, want %d", name, len(got), len(want))
	}
	scale := 1e-30
	for _, v := range want {
		scale = max(scale, math.Abs(v))
	}
	for i := range want {
		if d := math.Abs(float64(got[i]) - want[i]); !(d <= tol*scale) {
			t.Fatalf("%s[%d] = %g, want %g (scale %g)", name, i, got[i], want[i], scale)
		}
	}
}

func checkSame[T float32 | uint8 | int32](t *testing.T, name string, got, want []T) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: %d values, want %d", name, len(got), len(want))
	}
	for i := range want {
		if got[i] != want[i] && (got[i] == got[i] || want[i] == want[i]) {
			t.Fatalf("%s[%d] = %v, want %v", name, i, got[i], want[i])
		}
	}
}

// onEveryBackend runs f on each backend of this machine.
func onEveryBackend(t *testing.T, f func(t *testing.T, ws *Workers)) {
	for _, backend := range Backends() {
		t.Run(backend, func(t *testing.T) {
			ws, ok := NewWorkersOn(backend, 2)
			if !ok {
				t.Fatalf("no backend %q", backend)
			}
			defer ws.Close()
			f(t, ws)
		})
	}
}
