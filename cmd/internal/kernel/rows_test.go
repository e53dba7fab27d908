package kernel

import "testing"

// TestRowKernels: reductions and functions of rows have the bits of the
// reference, for rows of any length.
func TestRowKernels(t *testing.T) {
	rng := newRand(t)
	for _, be := range available() {
		for n := range 70 {
			for _, x := range [][]float32{values(rng, n), someSpecial(rng, n)} {
				checkSame(t, "largest", []float32{be.largest(x)}, []float32{largestRef(x)})
				checkBits(t, n, []float32{be.total(x)}, []float32{totalRef(x)})
				checkBits(t, n, []float32{be.squares(x, 0.25)}, []float32{squaresRef(x, 0.25)})
				want, got := make([]float32, n), append([]float32(nil), x...)
				addScalarRef(want, x, 0.3)
				be.addScalar(got, x, 0.3)
				checkBits(t, n, got, want)
				divScalarRef(want, x, 0.3)
				be.divScalar(got, x, 0.3)
				checkBits(t, n, got, want)
				gamma, beta := values(rng, n), values(rng, n)
				layerNormRef(want, x, gamma, beta, 0.3, 1.7)
				be.layerNorm(got, x, gamma, beta, 0.3, 1.7)
				checkBits(t, n, got, want)
			}
		}
	}
}
