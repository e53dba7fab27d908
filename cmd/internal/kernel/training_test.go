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

// checkUpdates runs an optimiser on every path: the weights must be close to those
// of want in float64, and the same bits everywhere.
func checkUpdates(t *testing.T, slots int, tolerance float64, update func(p *Pool, w []float32, slots [][]float32, g []float32, step uint64),
	want func(w, g float64, slots []float64, step int) float64) {
	t.Helper()
	const steps = 20
	for _, n := range []int{1, 7, 8, 8*5 + 3, elementChunk + 9} {
		start := values(newRand(t), n)
		g := make([]float32, max(n, 8))
		copy(g, vanishing(t, len(g)))
		g = g[:n]
		var first []float32
		for _, path := range Paths() {
			p, _ := NewOn(path, 2)
			defer p.Close()
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
				update(p, w, state, now, uint64(step))
			}
			for i, v := range w {
				exact, s := float64(start[i]), make([]float64, slots)
				for step := 1; step <= steps; step++ {
					exact = want(exact, float64(turn(g[i], i, step)), s, step)
				}
				if !(math.Abs(float64(v)-exact) <= tolerance*max(1, math.Abs(exact))) {
					t.Errorf("%s, %d weights: w[%d] = %g, want %g", path, n, i, v, exact)
				}
			}
			if first == nil {
				first = append([]float32(nil), w...)
			}
			checkSame(t, path, w, first)
			// Gradients that vanish must not leave denormal numbers.
			clear(now)
			for step := steps; step < 3000; step += 1 + step/1000*20 {
				update(p, w, state, now, uint64(step))
			}
			for k := range state {
				for i, v := range state[k] {
					if v != 0 && math.Abs(float64(v)) < 1e-37 {
						t.Errorf("%s: slot %d of weight %d decayed to %g", path, k, i, v)
					}
				}
			}
			now[n-1] = float32(math.NaN())
			update(p, w, state, now, 3000)
			if w[n-1] == w[n-1] || state[0][n-1] == state[0][n-1] {
				t.Errorf("%s: a NaN gradient gives w %g, m %g", path, w[n-1], state[0][n-1])
			}
		}
	}
}

func TestAdam(t *testing.T) {
	for _, o := range []Adam{{LR: 1e-3, Beta1: 0.9, Beta2: 0.999, Eps: 1e-8}, {LR: 0.02, Beta1: 0.8, Beta2: 0.95, Eps: 1e-6, WeightDecay: 0.05}} {
		checkUpdates(t, 2, 1e-5, func(p *Pool, w []float32, s [][]float32, g []float32, step uint64) {
			o.Update(p, w, s[0], s[1], g, step)
		}, func(w, g float64, s []float64, step int) float64 {
			s[0] = o.Beta1*s[0] + (1-o.Beta1)*g
			s[1] = o.Beta2*s[1] + (1-o.Beta2)*g*g
			m, v := s[0]/(1-math.Pow(o.Beta1, float64(step))), s[1]/(1-math.Pow(o.Beta2, float64(step)))
			return w - o.LR*o.WeightDecay*w - o.LR*m/(math.Sqrt(v)+o.Eps)
		})
	}
}

// TestAdamFirstStep: the first step of any gradient is the learning rate, by the
// correction of the bias.
func TestAdamFirstStep(t *testing.T) {
	onEveryPath(t, func(t *testing.T, p *Pool) {
		for _, g := range []float32{1e-3, -7, 400} {
			w, m, v := []float32{0}, []float32{0}, []float32{0}
			Adam{LR: 0.25, Beta1: 0.9, Beta2: 0.999, Eps: 1e-8}.Update(p, w, m, v, []float32{g}, 1)
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
		checkUpdates(t, 1, 1e-5, func(p *Pool, w []float32, s [][]float32, g []float32, _ uint64) {
			o.Update(p, w, s[0], g)
		}, func(w, g float64, s []float64, _ int) float64 {
			s[0] = o.Momentum*s[0] + g
			return w - o.LR*o.WeightDecay*w - o.LR*(o.Momentum*s[0]+g)
		})
	}
}

func TestAverage(t *testing.T) {
	for _, n := range []int{1, 8, 21, elementChunk + 5} {
		start, w := values(newRand(t), n), vanishing(t, max(n, 8))[:n]
		onEveryPath(t, func(t *testing.T, p *Pool) {
			for _, decay := range []float64{0, 2. / 11, 0.999} {
				avg := append([]float32(nil), start...)
				Average(p, avg, w, decay)
				want := make([]float64, n)
				for i := range want {
					want[i] = decay*float64(start[i]) + (1-decay)*float64(w[i])
				}
				checkClose(t, "average", avg, want, 2e-7)
				exact := append([]float32(nil), start...)
				averageRef(exact, w, float32(1-decay))
				checkSame(t, "reference", avg, exact)
			}
			avg := append([]float32(nil), w...)
			Average(p, avg, w, 0.9)
			checkSame(t, "average of equals", avg, w)
		})
	}
}

func TestAdd(t *testing.T) {
	const n = elementChunk + 11
	a, b := values(newRand(t), n), values(newRand(t), n)
	copy(a[3:], special)
	onEveryPath(t, func(t *testing.T, p *Pool) {
		y := make([]float32, n)
		Add(p, y, a, b)
		for i := range y {
			checkSame(t, "sum", y[i:i+1], []float32{a[i] + b[i]})
		}
		copy(y, a)
		Add(p, y, y, b)
		want := make([]float32, n)
		Add(p, want, a, b)
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
		onEveryPath(t, func(t *testing.T, p *Pool) {
			y, dx := values(rng, len(dy)), values(rng, len(x))
			g.Forward(p, y, x)
			checkClose(t, "y", y, wantY, 1e-7)
			g.Backward(p, dx, dy)
			checkClose(t, "dx", dx, wantDX, 1e-7)
			bad := append([]float32(nil), x...)
			bad[len(bad)-1] = float32(math.NaN())
			g.Forward(p, y, bad)
			if y[len(y)-1] == y[len(y)-1] || FirstNonFinite(y) != len(y)-1 {
				t.Errorf("NaN in the last channel gives %v", y)
			}
		})
	}
}

// standardised is Standardise in float64, from the definition.
func standardised(s Standardise, v, gain []float64) []float64 {
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

func TestStandardise(t *testing.T) {
	for _, s := range []Standardise{{27, 32}, {1, 3}, {9 * 5, 17}, {99, 64}, {12, 1}, {50, 40}} {
		rng := newRand(t)
		size := s.FanIn * s.Out
		v, gain, dw := values(rng, size), values(rng, s.Out), values(rng, size)
		gain[0] = 0
		for i := range v { // a mean that is not small
			v[i] = v[i]/4 + float32(i%s.Out)/10
		}
		var first [][]float32
		onEveryPath(t, func(t *testing.T, p *Pool) {
			w, dv, dgain, stats := values(rng, size), values(rng, size), values(rng, s.Out), make([]float64, s.Stats())
			s.Forward(p, w, v, gain, stats)
			checkClose(t, "w", w, standardised(s, wide(v), wide(gain)), 2e-6)
			folded := values(rng, size)
			s.Forward(p, folded, v, gain, nil)
			checkSame(t, "without stats", folded, w)
			s.Backward(p, dv, dgain, dw, v, gain, stats)
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
			s.Forward(p, w, bad, gain, stats)
			if w[size-1] == w[size-1] {
				t.Error("a NaN is hidden")
			}
			// Equal weights are no division by zero.
			for i := range bad {
				bad[i] = 0.3
			}
			s.Forward(p, w, bad, gain, stats)
			if FirstNonFinite(w) >= 0 {
				t.Error("equal weights give no number")
			}
		})
	}
}

// TestTrainingThreads: none of the operations depends on the number of threads.
func TestTrainingThreads(t *testing.T) {
	s, g := Standardise{45, 70}, GlobalAvgPool{5, 3, 4, 70}
	rng := newRand(t)
	v, dw, gain := values(rng, 45*70), values(rng, 45*70), values(rng, 70)
	x := values(rng, 5*12*70)
	var want [][]float32
	for _, threads := range []int{1, 2, 3, 16} {
		p := New(threads)
		w, dv, dgain, stats := make([]float32, len(v)), make([]float32, len(v)), make([]float32, 70), make([]float64, s.Stats())
		s.Forward(p, w, v, gain, stats)
		s.Backward(p, dv, dgain, dw, v, gain, stats)
		y, dx := make([]float32, 5*70), make([]float32, len(x))
		g.Forward(p, y, x)
		g.Backward(p, dx, y)
		p.Close()
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
	onEveryPath(t, func(t *testing.T, p *Pool) {
		s, g := Standardise{20, 40}, GlobalAvgPool{2, 2, 5, 40}
		x, y, z, slot, gain, stats := make([]float32, 800), make([]float32, 800), make([]float32, 800), make([]float32, 800), make([]float32, 40), make([]float64, s.Stats())
		if n := testing.AllocsPerRun(3, func() {
			s.Forward(p, y, x, gain, stats)
			s.Backward(p, z, gain, y, x, gain, stats)
			g.Forward(p, y[:80], x)
			g.Backward(p, x, y[:80])
			Adam{LR: 1e-3, Beta1: 0.9, Beta2: 0.999, Eps: 1e-8}.Update(p, x, slot, z, y, 3)
			SGD{LR: 1e-3}.Update(p, x, slot, y)
			Average(p, x, y, 0.9)
			Add(p, x, y, z)
			ReLUBackward(p, x, y, z)
		}); n != 0 {
			t.Errorf("%g allocations", n)
		}
	})
}

func BenchmarkTraining(b *testing.B) {
	const n = 9 * 256 * 256
	s := Standardise{9 * 256, 256}
	rng := newRand(b)
	w, v, m, a, g, gain := values(rng, n), values(rng, n), values(rng, n), make([]float32, n), values(rng, n), values(rng, 256)
	dgain, stats := make([]float32, 256), make([]float64, s.Stats())
	adam := Adam{LR: 1e-9, Beta1: 0.9, Beta2: 0.999, Eps: 1e-8, WeightDecay: 0.01}
	for _, path := range Paths() {
		p, _ := NewOn(path, 1)
		defer p.Close()
		for _, of := range []struct {
			name string
			run  func()
		}{
			{"standardise", func() { s.Forward(p, w, v, gain, stats) }},
			{"standardise-gradient", func() { s.Backward(p, w, dgain, g, v, gain, stats) }},
			{"adam", func() { adam.Update(p, v, m, a, g, 100) }},
			{"average", func() { Average(p, w, v, 0.99) }},
			{"add", func() { Add(p, w, v, g) }},
			{"relu-gradient", func() { ReLUBackward(p, w, v, g) }},
		} {
			b.Run(path+"/"+of.name, func(b *testing.B) {
				b.SetBytes(4 * n)
				for b.Loop() {
					of.run()
				}
			})
		}
	}
}
