package kernel

import (
	"math"
	"slices"
	"testing"
)

// TestMixedLabels compares with the loss heads, of which it is a mean by share,
// and sees that a share of 0 changes nothing.
func TestMixedLabels(t *testing.T) {
	rng := newRand(t)
	const n = 6
	for _, outputs := range []int{1, 2, 3, 16} {
		for _, weights := range [][]float32{nil, {1, 0, 2, 0.5, 1, 3}} {
			for _, smoothing := range []float64{0, 0.1, 0.9} {
				head := func(dz, z []float32, labels []int) float64 {
					if outputs == 1 {
						loss, _ := SigmoidCE(dz, nil, z, labels, weights, smoothing)
						return loss
					}
					loss, _ := SoftmaxCE(dz, nil, z, outputs, labels, weights, smoothing)
					return loss
				}
				z := values(rng, n*outputs)
				for i := range z {
					z[i] *= 4
				}
				if outputs == 1 {
					z[4], z[5] = 40, -40 // where the probability is clipped
				}
				labels, seconds, shares := make([]int, n), make([]int, n), []float32{0.5, 0.25, 0, 1, 0.1, 0.7}
				for i := range n {
					labels[i], seconds[i] = rng.IntN(max(outputs, 2)), rng.IntN(max(outputs, 2))
				}
				got := make([]float32, len(z))
				loss := MixedLabels(got, z, outputs, labels, seconds, shares, weights, smoothing, head(got, z, labels))

				var want float64
				gradient := make([]float32, len(z))
				for i := range n { // one picture at a time has another label
					swapped := slices.Clone(labels)
					swapped[i] = seconds[i]
					first, second := make([]float32, len(z)), make([]float32, len(z))
					lossFirst, lossSecond := head(first, z, labels), head(second, z, swapped)
					if i == 0 {
						want = lossFirst
					}
					share := float64(shares[i])
					want += share * (lossSecond - lossFirst)
					for k := i * outputs; k < (i+1)*outputs; k++ {
						gradient[k] = float32((1-share)*float64(first[k]) + share*float64(second[k]))
					}
				}
				if math.Abs(loss-want) > 1e-9*(1+want) {
					t.Errorf("%d outputs, smoothing %g: loss %g, want %g", outputs, smoothing, loss, want)
				}
				for i, d := range got {
					if math.Abs(float64(d-gradient[i])) > 1e-6 {
						t.Errorf("%d outputs, smoothing %g: dz[%d] = %g, want %g", outputs, smoothing, i, d, gradient[i])
					}
				}

				alone, none := make([]float32, len(z)), make([]float32, len(z))
				before := head(alone, z, labels)
				head(none, z, labels)
				if after := MixedLabels(none, z, outputs, labels, seconds, make([]float32, n), weights, smoothing, before); after != before || !slices.Equal(none, alone) {
					t.Errorf("%d outputs: shares of 0 change the loss from %g to %g", outputs, before, after)
				}
			}
		}
	}
}
