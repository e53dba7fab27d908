package kernel

import (
	"fmt"
	"math"
	"testing"
)

// vanishing makes gradients among which are zeros, denormals, and values whose
// squares are none.
func vanishing(t *testing.T, n int) []float32 {
	g := values(newRand(t), n)
	copy(g, []float32{0, 1e-20, 1e-40, -1e-4, float32(math.Copysign(0, -1)), -1e-30, 1e-15, 1e10})
	return g
}

// checkUpdates runs an optimiser on every backend: the weights must be close to
// those of want in float64, and the same bits everywhere.
func checkUpdates(t *testing.T, slots int, tolerance float64, update func(ws *Workers, w []float32, slots [][]float32, g []float32, step uint64),
	want func(w, g float64, slots []float64, step int) float64) {
	t.Helper()
	const steps = 20
	for _, n := range []int{1, 7, 8, 8*5 + 3, elementChunk + 9} {
		start := values(newRand(t), n)
		g := make([]float32, max(n, 8))
		copy(g, vanishing(t, len(g)))
		g = g[:n]
		var first []float32
		for _, backend := range Backends() {
			ws, _ := NewWorkersOn(backend, 2)
			defer ws.Close()
			w, state := append([]float32(nil), start...), make([][]float32, slots)
			for i := range state {
				state[i] = make([]float32, n)
			}
			turn := func(v float32, i, step int) float32 { return v * float32(1+(i+step)%3) }
			now := make([]float32, n)
			for step := 1; step <= steps; step++ {
				for i, v := range g {
					now[i] = turn(v, i, step)
				}
				update(ws, w, state, now, uint64(step))
			}
			for i, v := range w {
				exact, s := float64(start[i]), make([]float64, slots)
				for step := 1; step <= steps; step++ {
					exact = want(exact, float64(turn(g[i], i, step)), s, step)
				}
				if !(math.Abs(float64(v)-exact) <= tolerance*max(1, math.Abs(exact))) {
					t.Errorf("%s, %d weights: w[%d] = %g, want %g", backend, n, i, v, exact)
				}
			}
			if first == nil {
				first = append([]float32(nil), w...)
			}
			checkSame(t, backend, w, first)
			// Gradients that vanish must not leave denormal
			// numbers.
			clear(now)
			for step := steps; step < 3000; step += 1 + step/1000*20 {
				update(ws, w, state, now, uint64(step))
			}
			for k := range state {
				for i, v := range state[k] {
					if v != 0 && math.Abs(float64(v)) < 1e-37 {
						t.Errorf("%s: slot %d of weight %d decayed to %g", backend, k, i, v)
					}
				}
			}
			now[n-1] = float32(math.NaN())
			update(ws, w, state, now, 3000)
			if w[n-1] == w[n-1] || state[0][n-1] == state[0][n-1] {
				t.Errorf("%s: a NaN gradient gives w %g, m %g", backend, w[n-1], state[0][n-1])
			}
		}
	}
}

func TestAdam(t *testing.T) {
	for _, o := range []Adam{{LR: 1e-3, Beta1: 0.9, Beta2: 0.999, Eps: 1e-8}, {LR: 0.02, Beta1: 0.8, Beta2: 0.95, Eps: 1e-6, WeightDecay: 0.05}} {
		checkUpdates(t, 2, 1e-5, func(ws *Workers, w []float32, s [][]float32, g []float32, step uint64) {
			o.Update(ws, w, s[0], s[1], g, step)
		}, func(w, g float64, s []float64, step int) float64 {
			s[0] = o.Beta1*s[0] + (1-o.Beta1)*g
			s[1] = o.Beta2*s[1] + (1-o.Beta2)*g*g
			m, v := s[0]/(1-math.Pow(o.Beta1, float64(step))), s[1]/(1-math.Pow(o.Beta2, float64(step)))
			return w - o.LR*o.WeightDecay*w - o.LR*m/(math.Sqrt(v)+o.Eps)
		})
	}
}

// TestAdamFirstStep: the first step of any gradient is the learning rate, by
// the correction of the bias.
func TestAdamFirstStep(t *testing.T) {
	onEveryBackend(t, func(t *testing.T, ws *Workers) {
		for _, g := range []float32{1e-3, -7, 400} {
			w, m, v := []float32{0}, []float32{0}, []float32{0}
			Adam{LR: 0.25, Beta1: 0.9, Beta2: 0.999, Eps: 1e-8}.Update(ws, w, m, v, []float32{g}, 1)
			if want := -0.25 * math.Copysign(1, float64(g)); math.Abs(float64(w[0])-want) > 1e-4 {
				t.Errorf("gradient %g: %g, want %g", g, w[0], want)
			}
		}
	})
}

func TestPower(t *testing.T) {
	for _, x := range []float64{0.9, 0.999, 0.5, 0} {
		for _, n := range []uint64{0, 1, 2, 3, 10, 999, 12345, math.MaxUint64} {
			if got, want := power(x, n), math.Pow(x, float64(n)); math.Abs(got-want) > 1e-12*want {
				t.Errorf("%g^%d = %g, want %g", x, n, got, want)
			}
		}
	}
}

func TestSGD(t *testing.T) {
	for _, o := range []SGD{{LR: 0.1}, {LR: 0.05, Momentum: 0.9, WeightDecay: 0.01}} {
		checkUpdates(t, 1, 1e-5, func(ws *Workers, w []float32, s [][]float32, g []float32, _ uint64) {
			o.Update(ws, w, s[0], g)
		}, func(w, g float64, s []float64, _ int) float64 {
			s[0] = o.Momentum*s[0] + g
			return w - o.LR*o.WeightDecay*w - o.LR*(o.Momentum*s[0]+g)
		})
	}
}

func TestEMA(t *testing.T) {
	for _, n := range []int{1, 8, 21, elementChunk + 5} {
		start, w := values(newRand(t), n), vanishing(t, max(n, 8))[:n]
		onEveryBackend(t, func(t *testing.T, ws *Workers) {
			for _, decay := range []float64{0, 2. / 11, 0.999} {
				avg := append([]float32(nil), start...)
				EMA(ws, avg, w, decay)
				want := make([]float64, n)
				for i := range want {
					want[i] = decay*float64(start[i]) + (1-decay)*float64(w[i])
				}
				checkClose(t, "average", avg, want, 2e-7)
				exact := append([]float32(nil), start...)
				emaRef(exact, w, float32(1-decay))
				checkSame(t, "reference", avg, exact)
			}
			avg := append([]float32(nil), w...)
			EMA(ws, avg, w, 0.9)
			checkSame(t, "average of equals", avg, w)
		})
	}
}

func TestAdd(t *testing.T) {
	const n = elementChunk + 11
	a, b := values(newRand(t), n), values(newRand(t), n)
	copy(a[3:], special)
	onEveryBackend(t, func(t *testing.T, ws *Workers) {
		y := make([]float32, n)
		Add(ws, y, a, b)
		for i := range y {
			checkSame(t, "sum", y[i:i+1], []float32{a[i] + b[i]})
		}
		copy(y, a)
		Add(ws, y, y, b)
		want := make([]float32, n)
		Add(ws, want, a, b)
		checkSame(t, "in place", y, want)
	})
}

func TestGlobalAvgPool(t *testing.T) {
	for _, g := range []GlobalAvgPool{{1, 1, 1, 1}, {2, 3, 5, 7}, {3, 8, 8, 256}, {5, 1, 9, 17}, {1, 4, 4, 33}} {
		rng := newRand(t)
		x, dy := values(rng, g.N*g.H*g.W*g.C), values(rng, g.N*g.C)
		wantY, wantDX := make([]float64, len(dy)), make([]float64, len(x))
		for i, v := range x {
			at := i/(g.H*g.W*g.C)*g.C + i%g.C
			wantY[at] += float64(v) / float64(g.H*g.W)
			wantDX[i] = float64(dy[at]) / float64(g.H*g.W)
		}
		onEveryBackend(t, func(t *testing.T, ws *Workers) {
			y, dx := values(rng, len(dy)), values(rng, len(x))
			g.Forward(ws, y, x)
			checkClose(t, "y", y, wantY, 1e-7)
			g.Backward(ws, dx, dy)
			checkClose(t, "dx", dx, wantDX, 1e-7)
			bad := append([]float32(nil), x...)
			bad[len(bad)-1] = float32(math.NaN())
			g.Forward(ws, y, bad)
			if y[len(y)-1] == y[len(y)-1] || FirstNonFinite(y) != len(y)-1 {
				t.Errorf("NaN in the last channel gives %v", y)
			}
		})
	}
}

// standardized is WeightStandardization in float64, from the definition.
func standardised(s WeightStandardization, v, gain []float64) []float64 {
	w := make([]float64, len(v))
	for o := range s.Out {
		var mean, variance float64
		for k := range s.FanIn {
			mean += v[k*s.Out+o] / float64(s.FanIn)
		}
		for k := range s.FanIn {
			d := v[k*s.Out+o] - mean
			variance += d * d / float64(s.FanIn)
		}
		for k := range s.FanIn {
			w[k*s.Out+o] = gain[o] * math.Sqrt2 * (v[k*s.Out+o] - mean) / math.Sqrt(variance*float64(s.FanIn)+1e-4)
		}
	}
	return w
}

func TestWeightStandardization(t *testing.T) {
	for _, s := range []WeightStandardization{{27, 32}, {1, 3}, {9 * 5, 17}, {99, 64}, {12, 1}, {50, 40}} {
		rng := newRand(t)
		size := s.FanIn * s.Out
		v, gain, dw := values(rng, size), values(rng, s.Out), values(rng, size)
		gain[0] = 0
		for i := range v { // a mean that is not small
			v[i] = v[i]/4 + float32(i%s.Out)/10
		}
		var first [][]float32
		onEveryBackend(t, func(t *testing.T, ws *Workers) {
			w, dv, dgain, stats := values(rng, size), values(rng, size), values(rng, s.Out), make([]float64, s.Stats())
			s.Forward(ws, w, v, gain, stats)
			checkClose(t, "w", w, standardised(s, wide(v), wide(gain)), 2e-6)
			folded := values(rng, size)
			s.Forward(ws, folded, v, gain, nil)
			checkSame(t, "without stats", folded, w)
			s.Backward(ws, dv, dgain, dw, v, gain, stats)
			if first == nil {
				first = [][]float32{append([]float32(nil), w...), dv, dgain}
			}
			for i, got := range [][]float32{w, dv, dgain} {
				checkSame(t, fmt.Sprint("bits of result ", i), got, first[i])
			}

			value := func(v, gain []float64) (sum float64) {
				for i, w := range standardised(s, v, gain) {
					sum += w * float64(dw[i])
				}
				return sum
			}
			const h = 1e-5
			for name, of := range map[string]struct {
				at   []float64
				grad []float32
			}{"v": {wide(v), dv}, "gain": {wide(gain), dgain}} {
				want := make([]float64, len(of.at))
				for i, x := range of.at {
					slope := func(to float64) float64 {
						of.at[i] = to
						if name == "v" {
							return value(of.at, wide(gain))
						}
						return value(wide(v), of.at)
					}
					if i%7 == 0 || len(of.at) < 60 {
						want[i] = (slope(x+h) - slope(x-h)) / (2 * h)
					} else {
						want[i] = float64(of.grad[i])
					}
					of.at[i] = x
				}
				checkClose(t, "gradient of "+name, of.grad, want, 1e-5)
			}

			bad := append([]float32(nil), v...)
			bad[size-1] = float32(math.NaN())
			s.Forward(ws, w, bad, gain, stats)
			if w[size-1] == w[size-1] {
				t.Error("a NaN is hidden")
			}
			// Equal weights are no division by zero.
			for i := range bad {
				bad[i] = 0.3
			}
			s.Forward(ws, w, bad, gain, stats)
			if FirstNonFinite(w) >= 0 {
				t.Error("equal weights give no number")
			}
		})
	}
}

// TestTrainingThreads: none of the operations depends on the number of threads.
func TestTrainingThreads(t *testing.T) {
	s, g := WeightStandardization{45, 70}, GlobalAvgPool{5, 3, 4, 70}
	rng := newRand(t)
	v, dw, gain := values(rng, 45*70), values(rng, 45*70), values(rng, 70)
	x := values(rng, 5*12*70)
	var want [][]float32
	for _, threads := range []int{1, 2, 3, 16} {
		ws := NewWorkers(threads)
		w, dv, dgain, stats := make([]float32, len(v)), make([]float32, len(v)), make([]float32, 70), make([]float64, s.Stats())
		s.Forward(ws, w, v, gain, stats)
		s.Backward(ws, dv, dgain, dw, v, gain, stats)
		y, dx := make([]float32, 5*70), make([]float32, len(x))
		g.Forward(ws, y, x)
		g.Backward(ws, dx, y)
		ws.Close()
		got := [][]float32{w, dv, dgain, y, dx}
		if want == nil {
			want = got
		}
		for i := range got {
			checkSame(t, fmt.Sprint(threads, " threads, result ", i), got[i], want[i])
		}
	}
}

func TestTrainingAllocatesNothing(t *testing.T) {
	onEveryBackend(t, func(t *testing.T, ws *Workers) {
		s, g := WeightStandardization{20, 40}, GlobalAvgPool{2, 2, 5, 40}
		x, y, z, slot, gain, stats := make([]float32, 800), make([]float32, 800), make([]float32, 800), make([]float32, 800), make([]float32, 40), make([]float64, s.Stats())
		if n := testing.AllocsPerRun(3, func() {
			s.Forward(ws, y, x, gain, stats)
			s.Backward(ws, z, gain, y, x, gain, stats)
			g.Forward(ws, y[:80], x)
			g.Backward(ws, x, y[:80])
			Adam{LR: 1e-3, Beta1: 0.9, Beta2: 0.999, Eps: 1e-8}.Update(ws, x, slot, z, y, 3)
			SGD{LR: 1e-3}.Update(ws, x, slot, y)
			Muon{Rows: 40, Cols: 20, LR: 1e-3}.Update(ws, x, slot, y)
			EMA(ws, x, y, 0.9)
			Add(ws, x, y, z)
			ReLUBackward(ws, x, y, z)
		}); n != 0 {
			t.Errorf("%g allocations", n)
		}
	})
}

func BenchmarkTraining(b *testing.B) {
	const n = 9 * 256 * 256
	s := WeightStandardization{9 * 256, 256}
	rng := newRand(b)
	w, v, m, a, g, gain := values(rng, n), values(rng, n), values(rng, n), make([]float32, n), values(rng, n), values(rng, 256)
	dgain, stats := make([]float32, 256), make([]float64, s.Stats())
	adam := Adam{LR: 1e-9, Beta1: 0.9, Beta2: 0.999, Eps: 1e-8, WeightDecay: 0.01}
	for _, backend := range Backends() {
		ws, _ := NewWorkersOn(backend, 1)
		defer ws.Close()
		for _, of := range []struct {
			name string
			run  func()
		}{
			{"standardise", func() { s.Forward(ws, w, v, gain, stats) }},
			{"standardise-gradient", func() { s.Backward(ws, w, dgain, g, v, gain, stats) }},
			{"adam", func() { adam.Update(ws, v, m, a, g, 100) }},
			{"average", func() { EMA(ws, w, v, 0.99) }},
			{"add", func() { Add(ws, w, v, g) }},
			{"relu-gradient", func() { ReLUBackward(ws, w, v, g) }},
		} {
			b.Run(backend+"/"+of.name, func(b *testing.B) {
				b.SetBytes(4 * n)
				for b.Loop() {
					of.run()
				}
			})
		}
	}
}
