package kernel

import (
	"math"
	"slices"
	"testing"
)

// features64 is the distance from its definition.
func features64(f []float64, want, weights []float32, n int, share float64) float64 {
	d := len(f) / n
	var sum, count float64
	for i := range n {
		weight := 1.0
		if weights != nil {
			weight = float64(weights[i])
		}
		if weight != 0 {
			count++
		}
		var square, distance float64
		for _, v := range want[i*d:][:d] {
			square += float64(v) * float64(v) / float64(d)
		}
		for k, v := range want[i*d:][:d] {
			if square > 0 {
				distance += math.Pow(f[i*d+k]-float64(v)/math.Sqrt(square), 2) / float64(d)
			}
		}
		sum += weight * distance
	}
	return share * sum / max(count, 1)
}

// TestFeatures compares with the definition in float64, and the gradient with
// finite differences of that; threads change nothing, nor does the scale of a
// teacher.
func TestFeatures(t *testing.T) {
	rng := newRand(t)
	const n, h = 5, 1e-5
	for _, d := range []int{1, 7, 33} {
		for _, weights := range [][]float32{nil, {1, 0, 2, 0.5, 1}, {0, 0, 0, 0, 0}} {
			f, want := values(rng, n*d), values(rng, n*d)
			clear(want[d : 2*d]) // says nothing
			f64 := make([]float64, len(f))
			for i, v := range f {
				f64[i] = float64(v)
			}
			var first []float32
			for _, threads := range []int{1, 3} {
				ws := NewWorkers(threads)
				df := values(rng, len(f))
				got := Features(ws, df, f, want, n, weights, 0.5, 3)
				if want := 0.5 + features64(f64, want, weights, n, 3); math.Abs(got-want) > 1e-6 {
					t.Errorf("%d features, weights %v: %v, want %v", d, weights, got, want)
				}
				for i := range f64 {
					old := f64[i]
					f64[i] = old + h
					up := features64(f64, want, weights, n, 3)
					f64[i] = old - h
					down := features64(f64, want, weights, n, 3)
					f64[i] = old
					if want := (up - down) / (2 * h); math.Abs(float64(df[i])-want) > 1e-5 {
						t.Errorf("%d features, weights %v: gradient %d is %v, want %v", d, weights, i, df[i], want)
					}
				}
				if first == nil {
					first = df
				}
				if !slices.Equal(df, first) {
					t.Errorf("%d features: %d threads give other gradients", d, threads)
				}
				doubled := make([]float32, len(want))
				for i, v := range want {
					doubled[i] = 2 * v
				}
				if again := Features(ws, df, f, doubled, n, weights, 0.5, 3); math.Abs(again-got) > 1e-9 {
					t.Errorf("%d features: a teacher twice as loud gives %v, not %v", d, again, got)
				}
				ws.Close()
			}
		}
	}
}
