package kernel

import (
	"fmt"
	"math"
	"testing"
)

func TestMatMulAgainstFloat64(t *testing.T) {
	for _, m := range []MatMul{
		{Batch: 1, M: 1, K: 1, N: 1},
		{Batch: 3, M: 5, K: 7, N: 19},
		{Batch: 2, M: 50, K: 64, N: 50, TransposedB: true},
		{Batch: 2, M: 197, K: 33, N: 48},
		{Batch: 4, M: 13, K: 20, N: 31, SharedB: true},
		{Batch: 2, M: 9, K: 3, N: 8, SharedB: true, TransposedB: true},
	} {
		if err := m.Check(); err != nil {
			t.Fatal(err)
		}
		rng := newRand(t)
		matrices := m.Batch
		if m.SharedB {
			matrices = 1
		}
		a, b := values(rng, m.Batch*m.M*m.K), values(rng, matrices*m.K*m.N)
		want := make([]float64, m.Batch*m.M*m.N)
		for i := range want {
			col, row, at := i%m.N, i/m.N, i/m.N/m.M%matrices*m.K*m.N
			for k := range m.K {
				v := at + k*m.N + col
				if m.TransposedB {
					v = at + col*m.K + k
				}
				want[i] += float64(a[row*m.K+k]) * float64(b[v])
			}
		}
		var same []float32
		onEveryBackend(t, func(t *testing.T, ws *Workers) {
			y := values(newRand(t), len(want))
			m.Forward(ws, y, a, b)
			checkClose(t, fmt.Sprint(m), y, want, tol)
			noAllocation(t, m, func() { m.Forward(ws, y, a, b) })
			if ws.Backend() == "go" {
				return
			}
			if same == nil {
				same = y
			}
			checkSame(t, fmt.Sprint(m), y, same)
		})
	}
	for _, m := range []MatMul{{}, {Batch: 1, M: -1, K: 1, N: 1}, {Batch: 1 << 20, M: 1 << 10, K: 2, N: 2}} {
		if m.Check() == nil {
			t.Errorf("%+v passes", m)
		}
	}
}

// rowShapes are rows and columns of Softmax and LayerNorm.
var rowShapes = [][2]int{{1, 1}, {3, 2}, {5, 15}, {7, 16}, {4, 17}, {40, 197}, {3, 1000}, {2, 9001}}

func TestSoftmaxAgainstFloat64(t *testing.T) {
	for _, s := range rowShapes {
		x := values(newRand(t), s[0]*s[1])
		for i := range x {
			x[i] = 20*x[i] + 100
		}
		want := make([]float64, len(x))
		for r := range s[0] {
			var sum float64
			most := math.Inf(-1)
			for _, v := range x[r*s[1]:][:s[1]] {
				most = max(most, float64(v))
			}
			for i, v := range x[r*s[1]:][:s[1]] {
				want[r*s[1]+i] = math.Exp(float64(v) - most)
				sum += want[r*s[1]+i]
			}
			for i := range s[1] {
				want[r*s[1]+i] /= sum
			}
		}
		var same []float32
		onEveryBackend(t, func(t *testing.T, ws *Workers) {
			y := append([]float32(nil), x...)
			Softmax{s[0], s[1]}.Forward(ws, y, y)
			checkClose(t, fmt.Sprint(s), y, want, 1e-6)
			if same == nil {
				same = append([]float32(nil), y...)
			}
			checkSame(t, fmt.Sprint(s), y, same)
			noAllocation(t, s, func() { Softmax{s[0], s[1]}.Forward(ws, y, x) })
		})
	}
}

func TestSoftmaxNonFinite(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	onEveryBackend(t, func(t *testing.T, ws *Workers) {
		for _, spoil := range []float32{nan, inf} {
			for at := range 40 {
				x := make([]float32, 80)
				x[at] = spoil
				Softmax{2, 40}.Forward(ws, x, x)
				if x[at] == x[at] || x[40] != 1.0/40 {
					t.Fatalf("%g at %d: %v", spoil, at, x)
				}
			}
		}
		x := make([]float32, 20)
		for i := range x {
			x[i] = -inf
		}
		x[3] = 1 // as with a mask
		Softmax{1, 20}.Forward(ws, x, x)
		if x[3] != 1 || x[4] != 0 {
			t.Error(x)
		}
	})
}

func TestLayerNormAgainstFloat64(t *testing.T) {
	for _, s := range rowShapes {
		rng := newRand(t)
		x, gamma, beta := values(rng, s[0]*s[1]), values(rng, s[1]), values(rng, s[1])
		for i := range x {
			x[i] += 3
		}
		norm := LayerNorm{s[0], s[1], 1e-5}
		for _, c := range [][2][]float32{{gamma, beta}, {nil, beta}, {gamma, nil}, {nil, nil}} {
			want := make([]float64, len(x))
			for r := range s[0] {
				var mean, variance float64
				row := x[r*s[1]:][:s[1]]
				for _, v := range row {
					mean += float64(v) / float64(s[1])
				}
				for _, v := range row {
					variance += (float64(v) - mean) * (float64(v) - mean) / float64(s[1])
				}
				for i, v := range row {
					y := (float64(v) - mean) / math.Sqrt(variance+1e-5)
					if c[0] != nil {
						y *= float64(gamma[i])
					}
					if c[1] != nil {
						y += float64(beta[i])
					}
					want[r*s[1]+i] = y
				}
			}
			var same []float32
			onEveryBackend(t, func(t *testing.T, ws *Workers) {
				y := append([]float32(nil), x...)
				norm.Forward(ws, y, y, c[0], c[1])
				if s[1] > 2 { // two values are mean ± deviation: all is lost to rounding
					checkClose(t, fmt.Sprint(s), y, want, 2e-5)
				}
				if same == nil {
					same = append([]float32(nil), y...)
				}
				checkSame(t, fmt.Sprint(s), y, same)
				noAllocation(t, s, func() { norm.Forward(ws, y, x, c[0], c[1]) })
			})
		}
	}
}
