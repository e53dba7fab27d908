package kernel

import (
	"fmt"
	"math"
	"testing"
)

// muonNaive is Muon from the definition, in float64, on matrices by rows.
func muonNaive(o Muon, w, m, g []float64) {
	u, norm := make([]float64, len(w)), 0.0
	for i, d := range g {
		m[i] = o.Momentum*m[i] + d
		u[i] = o.Momentum*m[i] + d
		norm += u[i] * u[i]
	}
	if norm > 0 {
		for i := range u {
			u[i] /= math.Sqrt(norm)
		}
	}
	for range 5 {
		s := product64(transposed64(u, o.Rows, o.Cols), u, o.Cols, o.Rows, o.Cols)
		square := product64(s, s, o.Cols, o.Cols, o.Cols)
		for i := range s {
			s[i] = -4.7750*s[i] + 2.0315*square[i]
		}
		for i, v := range product64(u, s, o.Rows, o.Cols, o.Cols) {
			u[i] = 3.4445*u[i] + v
		}
	}
	for i, v := range u {
		w[i] -= o.LR*o.WeightDecay*w[i] + o.LR*0.2*math.Sqrt(float64(max(o.Rows, o.Cols)))*v
	}
}

func transposed64(x []float64, rows, cols int) []float64 {
	y := make([]float64, len(x))
	for i, v := range x {
		y[i%cols*rows+i/cols] = v
	}
	return y
}

// product64 is a [m][k] times b [k][n].
func product64(a, b []float64, m, k, n int) []float64 {
	y := make([]float64, m*n)
	for i := range y {
		for l := range k {
			y[i] += a[i/n*k+l] * b[l*n+i%n]
		}
	}
	return y
}

func TestMuon(t *testing.T) {
	for _, o := range []Muon{
		{Rows: 1, Cols: 1, LR: 0.1}, {Rows: 27, Cols: 16, LR: 0.01, Momentum: 0.95, WeightDecay: 0.05},
		{Rows: 90, Cols: 33, LR: 0.003, Momentum: 0.9}, {Rows: 5, Cols: 12, LR: 0.1, Momentum: 0.5, WeightDecay: 1},
	} {
		n := o.Rows * o.Cols
		rng := newRand(t)
		start, gradients := values(rng, n), [][]float32{values(rng, n), make([]float32, n), values(rng, n)}
		for i := range gradients[2] { // of rank one, nearly: what is small has to grow
			gradients[2][i] = float32(i/o.Cols+1)*float32(i%o.Cols+1) + 0.01*gradients[2][i]
		}
		onEveryBackend(t, func(t *testing.T, ws *Workers) {
			w, m := append([]float32(nil), start...), make([]float32, n)
			want, momentum := wide(w), make([]float64, n)
			for step, g := range gradients {
				o.Update(ws, w, m, g)
				muonNaive(o, want, momentum, wide(g))
				for i, v := range w {
					if math.Abs(float64(v)-want[i]) > 2e-4*o.LR*math.Sqrt(float64(max(o.Rows, o.Cols)))+1e-6 {
						t.Fatalf("%+v, step %d: weight %d is %g, want %g", o, step+1, i, v, want[i])
					}
				}
			}
		})
	}
}

// TestMuonLength: every singular value of a step is near 1 times the rate, also
// where those of the gradient span two orders of magnitude; nothing moves for a
// gradient of zero, and a NaN is not hidden.
func TestMuonLength(t *testing.T) {
	onEveryBackend(t, func(t *testing.T, ws *Workers) {
		const n = 8
		for _, scale := range []float32{1e-9, 1, 1e6} {
			w, m, g := make([]float32, 2*n*n), make([]float32, 2*n*n), make([]float32, 2*n*n)
			for i := range n { // diagonal, so that these are the singular values
				g[i*n+i] = scale / float32(1+i*i)
			}
			o := Muon{Rows: 2 * n, Cols: n, LR: 1}
			o.Update(ws, w, m, g)
			for i, v := range w {
				length := -float64(v) / (0.2 * math.Sqrt(2*n))
				if on := i%n == i/n; on && !(length > 0.6 && length < 1.3) || !on && math.Abs(length) > 1e-3 {
					t.Errorf("scale %g: weight %d moved by %g times the rate", scale, i, length)
				}
			}
		}
		w, m, g := []float32{1, 2}, make([]float32, 2), make([]float32, 2)
		o := Muon{Rows: 2, Cols: 1, LR: 1, Momentum: 0.9}
		if o.Update(ws, w, m, g); w[0] != 1 || w[1] != 2 {
			t.Errorf("a gradient of zero moves weights to %v", w)
		}
		g[1] = float32(math.NaN())
		if o.Update(ws, w, m, g); w[1] == w[1] {
			t.Errorf("a gradient that is no number gives the weights %v", w)
		}
	})
}

func TestMuonThreads(t *testing.T) {
	o := Muon{Rows: 150, Cols: 40, LR: 0.1, Momentum: 0.9}
	rng := newRand(t)
	start, g := values(rng, o.Rows*o.Cols), values(rng, o.Rows*o.Cols)
	var want []float32
	for threads := 1; threads <= 4; threads++ {
		ws := NewWorkers(threads)
		w, m := append([]float32(nil), start...), make([]float32, len(start))
		o.Update(ws, w, m, g)
		ws.Close()
		if want == nil {
			want = w
		}
		checkSame(t, fmt.Sprint(threads, " threads"), w, want)
	}
}

func BenchmarkMuon(b *testing.B) {
	for _, backend := range Backends() {
		ws, _ := NewWorkersOn(backend, 1)
		defer ws.Close()
		for _, o := range []Muon{{Rows: 27, Cols: 16}, {Rows: 288, Cols: 32}, {Rows: 576, Cols: 64}, {Rows: 1152, Cols: 128}} {
			rng := newRand(b)
			w, m, g := values(rng, o.Rows*o.Cols), make([]float32, o.Rows*o.Cols), values(rng, o.Rows*o.Cols)
			b.Run(fmt.Sprintf("%s/%dx%d", backend, o.Rows, o.Cols), func(b *testing.B) {
				for b.Loop() {
					o.Update(ws, w, m, g)
				}
				operations := 4*o.Rows*o.Cols*o.Cols + 2*17*o.Cols*o.Cols*o.Cols
				b.ReportMetric(float64(operations)*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOP/s")
			})
		}
	}
}
