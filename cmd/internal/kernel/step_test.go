package kernel

import (
	"fmt"
	"math"
	"testing"
)

// TestThreads trains a small network for some steps: the weights must not
// depend on the number of threads.
func TestThreads(t *testing.T) {
	for _, backend := range Backends() {
		t.Run(backend, func(t *testing.T) {
			for _, batch := range []int{1, 5, 16} {
				var want *refNet
				for _, threads := range []int{1, 2, 3, 8} {
					ws, _ := NewWorkersOn(backend, threads)
					r := newRefNet(t, ws, batch, 37, 34)
					r.train(3)
					ws.Close()
					if want == nil {
						want = r
						continue
					}
					for i := range r.w {
						name := fmt.Sprintf("batch %d, %d threads, layer %d", batch, threads, i)
						checkSame(t, name, r.w[i], want.w[i])
						checkSame(t, name, r.b[i], want.b[i])
					}
				}
			}
		})
	}
}

// TestBackendsAgree compares one step's gradients between the backends.
func TestBackendsAgree(t *testing.T) {
	var want *refNet
	for _, backend := range Backends() {
		ws, _ := NewWorkersOn(backend, 2)
		r := newRefNet(t, ws, 4, 46, 38)
		loss := r.train(1)
		ws.Close()
		if math.IsNaN(loss) || loss <= 0 {
			t.Fatalf("%s: loss %g", backend, loss)
		}
		if want == nil {
			want = r
			continue
		}
		for i := range r.dw {
			if i != 3 { // never stored
				checkClose(t, "dw", r.dw[i], wide(want.dw[i]), 1e-5)
			}
			checkClose(t, "db", r.db[i], wide(want.db[i]), 1e-5)
		}
		checkClose(t, "average", r.aw[3], wide(want.aw[3]), 2e-5)
	}
}

func wide(s []float32) []float64 {
	w := make([]float64, len(s))
	for i, v := range s {
		w[i] = float64(v)
	}
	return w
}

func TestLearns(t *testing.T) {
	onEveryBackend(t, func(t *testing.T, ws *Workers) {
		r := newRefNet(t, ws, 4, 30, 30)
		r.opt.LR, r.rate = 2e-3, 0
		first := r.train(1)
		if last := r.train(30); !(last < first/2) {
			t.Errorf("loss went from %g to %g in 30 steps on one batch", first, last)
		}
	})
}

func TestNoAllocation(t *testing.T) {
	onEveryBackend(t, func(t *testing.T, ws *Workers) {
		r := newRefNet(t, ws, 5, 30, 30)
		var loss float64
		parts := r.parts(&loss)
		step := func() {
			for _, part := range parts {
				part.run()
			}
		}
		step()
		if n := testing.AllocsPerRun(3, step); n != 0 {
			t.Errorf("%g allocations in a step", n)
		}
	})
}

// TestNaNReachesLoss puts one NaN or infinity at the input or in a weight.
func TestNaNReachesLoss(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	for _, bad := range []float32{nan, inf, -inf} {
		onEveryBackend(t, func(t *testing.T, ws *Workers) {
			for layer := range 5 {
				r := newRefNet(t, ws, 3, 30, 30)
				r.rate = 0
				r.w[layer][len(r.w[layer])/2] = bad
				loss := r.train(1)
				if bad != bad && !math.IsNaN(loss) {
					t.Errorf("NaN in layer %d: loss %g", layer, loss)
				}
				if FirstNonFinite(r.w[layer]) < 0 {
					t.Errorf("%g in layer %d disappeared from the weights", bad, layer)
				}
			}
		})
	}
	for _, at := range []int{0, 1, 1023, 1024, 5000} {
		for _, bad := range []float32{nan, inf, -inf} {
			x := make([]float32, 5001)
			x[17] = math.MaxFloat32
			if got := FirstNonFinite(x); got != -1 {
				t.Fatalf("FirstNonFinite of finite values = %d", got)
			}
			x[at] = bad
			if got := FirstNonFinite(x); got != at {
				t.Errorf("FirstNonFinite = %d, want %d", got, at)
			}
		}
	}
}

func TestWorkersClose(t *testing.T) {
	ws := NewWorkers(3)
	if ws.Threads() != 3 || ws.Backend() != Backends()[0] {
		t.Errorf("%d threads on %q", ws.Threads(), ws.Backend())
	}
	ws.Close()
	ws.Close()
	if _, ok := NewWorkersOn("abacus", 1); ok {
		t.Error("NewWorkersOn accepts an unknown backend")
	}
}
