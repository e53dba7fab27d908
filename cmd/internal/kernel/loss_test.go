package kernel

import (
	"math"
	"testing"
)

func TestSigmoidCE(t *testing.T) {
	z := []float32{0, 2, -3, 30, -30, 30}
	labels := []int{0, 1, 1, 1, 1, 0}
	weights := []float32{1, 2, 0.5, 1, 3, 0}
	dz, prob := make([]float32, len(z)), make([]float32, len(z))
	loss, correct := SigmoidCE(dz, prob, z, labels, weights, 0)
	sum := 0.0
	for i := range z {
		p := 1 / (1 + math.Exp(-float64(z[i])))
		if math.Abs(float64(prob[i])-p) > 1e-7 {
			t.Errorf("prob[%d] = %g, want %g", i, prob[i], p)
		}
		clipped := min(max(p, 1e-7), 1-1.1920929e-7)
		grad := p - float64(labels[i])
		if p < 1e-7 || p > 1-1.19e-7 {
			grad = 0
		}
		if want := grad * float64(weights[i]) / 5; math.Abs(float64(dz[i])-want) > 1e-7 {
			t.Errorf("dz[%d] = %g, want %g", i, dz[i], want)
		}
		if labels[i] == 0 {
			clipped = 1 - clipped
		}
		sum -= float64(weights[i]) * math.Log(clipped)
	}
	if math.Abs(loss-sum/5) > 1e-6 {
		t.Errorf("loss = %g, want %g", loss, sum/5)
	}
	if correct != 3 { // 0 is not above one half: class 0; 2 and 30 are class 1
		t.Errorf("%d correct, want 3", correct)
	}
	z[2] = float32(math.NaN())
	if loss, _ := SigmoidCE(dz, prob, z, labels, nil, 0); !math.IsNaN(loss) || dz[2] == dz[2] || prob[2] == prob[2] {
		t.Errorf("NaN logit: loss %g, dz %g, prob %g", loss, dz[2], prob[2])
	}
}

func TestLossGradients(t *testing.T) {
	rng := newRand(t)
	const n, classes, h = 6, 5, 1e-2
	labels := []int{0, 4, 2, 2, 1, 3}
	for name, head := range map[string]struct {
		size int
		f    func(dz, z []float32, weights []float32, smoothing float64) float64
	}{
		"softmax": {n * classes, func(dz, z, weights []float32, smoothing float64) float64 {
			loss, _ := SoftmaxCE(dz, nil, z, classes, labels, weights, smoothing)
			return loss
		}},
		"sigmoid": {n, func(dz, z, weights []float32, smoothing float64) float64 {
			loss, _ := SigmoidCE(dz, nil, z, []int{0, 1, 1, 0, 1, 0}, weights, smoothing)
			return loss
		}},
	} {
		for _, weights := range [][]float32{nil, {1, 2, 0, 0.5, 1, 1}} {
			for _, smoothing := range []float64{0, 0.1, 0.7} {
				z := values(rng, head.size)
				dz := make([]float32, head.size)
				head.f(dz, z, weights, smoothing)
				for i, v := range z {
					z[i] = v + h
					up := head.f(nil, z, weights, smoothing)
					z[i] = v - h
					down := head.f(nil, z, weights, smoothing)
					z[i] = v
					if d := (up - down) / (2 * h); math.Abs(d-float64(dz[i])) > 1e-5 {
						t.Errorf("%s, smoothing %g: dz[%d] = %g, differences give %g", name, smoothing, i, dz[i], d)
					}
				}
			}
		}
	}
}

// TestSmoothing compares with the definition: the mean of the cross-entropies
// for all labels, by their share of the target.
func TestSmoothing(t *testing.T) {
	const classes, s = 4, 0.2
	rng := newRand(t)
	z, labels := values(rng, 3*classes), []int{3, 0, 2}
	weights := []float32{1, 2, 0.5}
	loss, correct := SoftmaxCE(nil, nil, z, classes, labels, weights, s)
	sharp, want := SoftmaxCE(nil, nil, z, classes, labels, weights, 0)
	smoothed := (1 - s) * sharp
	for c := range classes {
		every, _ := SoftmaxCE(nil, nil, z, classes, []int{c, c, c}, weights, 0)
		smoothed += s / classes * every
	}
	if math.Abs(loss-smoothed) > 1e-12 || correct != want {
		t.Errorf("softmax: loss %g, %d correct; want %g, %d", loss, correct, smoothed, want)
	}
	z, labels = values(rng, 3), []int{0, 1, 1}
	loss, correct = SigmoidCE(nil, nil, z, labels, weights, s)
	sharp, want = SigmoidCE(nil, nil, z, labels, weights, 0)
	zeros, _ := SigmoidCE(nil, nil, z, []int{0, 0, 0}, weights, 0)
	ones, _ := SigmoidCE(nil, nil, z, []int{1, 1, 1}, weights, 0)
	if smoothed = (1-s)*sharp + s/2*(zeros+ones); math.Abs(loss-smoothed) > 1e-12 || correct != want {
		t.Errorf("sigmoid: loss %g, %d correct; want %g, %d", loss, correct, smoothed, want)
	}
}

func TestSoftmaxCE(t *testing.T) {
	z := []float32{0, 0, 0, 1000, 0, 999, -1, 5, 5}
	dz, prob := make([]float32, 9), make([]float32, 9)
	loss, correct := SoftmaxCE(dz, prob, z, 3, []int{2, 0, 1}, nil, 0)
	tail := math.Log(2 + math.Exp(-6))
	want := (math.Log(3) + math.Log(1+math.Exp(-1)) + tail) / 3
	if math.Abs(loss-want) > 1e-9 || correct != 2 {
		t.Errorf("loss %g, %d correct; want %g, 2", loss, correct, want)
	}
	for n := range 3 {
		if s := prob[3*n] + prob[3*n+1] + prob[3*n+2]; math.Abs(float64(s)-1) > 1e-6 {
			t.Errorf("probabilities of row %d add up to %g", n, s)
		}
	}
	for _, bad := range []float32{float32(math.NaN()), float32(math.Inf(1))} {
		z[4] = bad
		if loss, _ := SoftmaxCE(dz, prob, z, 3, []int{2, 0, 1}, nil, 0); !math.IsNaN(loss) || dz[3] == dz[3] {
			t.Errorf("logit %g: loss %g, dz %g", bad, loss, dz[3])
		}
	}
}

// TestConvDifferences checks the fused gradient by finite differences: the sum
// of r*y along random directions of x, w and b.
func TestConvDifferences(t *testing.T) {
	onEveryBackend(t, func(t *testing.T, ws *Workers) {
		for _, c := range convShapes {
			in := newConvCase(t, c)
			rng := newRand(t)
			n := len(in.dyPooled)
			if n == 0 {
				continue
			}
			y, idx := make([]float32, n), make([]uint8, n)
			value := func() (s float64) {
				c.ForwardReLUPool(ws, y, idx, in.x, in.w, in.b)
				for i, v := range y {
					s += float64(v) * float64(in.dyPooled[i])
				}
				return s
			}
			value()
			dx, dw, db := make([]float32, len(in.x)), make([]float32, len(in.w)), make([]float32, len(in.b))
			c.BackwardReLUPool(ws, dx, dw, db, in.dyPooled, idx, in.x, in.w)
			for _, g := range []struct {
				name    string
				x, grad []float32
			}{{"x", in.x, dx}, {"w", in.w, dw}, {"b", in.b, db}} {
				const h = 1e-4
				start, along := append([]float32(nil), g.x...), values(rng, len(g.x))
				var want, size float64
				move := func(h float32) float64 {
					for i := range g.x {
						g.x[i] = start[i] + h*along[i]
					}
					return value()
				}
				got := (move(h) - move(-h)) / (2 * h)
				copy(g.x, start)
				for i, v := range g.grad {
					want += float64(v) * float64(along[i])
					size += float64(v) * float64(v)
				}
				if math.Abs(got-want) > 0.03*math.Sqrt(size)+0.05 {
					t.Errorf("%v: along %s: differences %g, gradient %g (size %g)", c, g.name, got, want, math.Sqrt(size))
				}
			}
		}
	})
}
