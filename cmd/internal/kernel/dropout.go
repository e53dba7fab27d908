package kernel

import (
	"math"

	"github.com/opensandwich/oi/cmd/internal/rng"
)

// Dropout sets y[i] to x[i]/(1-rate) with probability 1-rate, else to x[i]*0
// (so that a NaN is not hidden): inverted dropout. The choice is a function of
// seed, step and i alone, so the gradient is the same call on dy with the same
// numbers, and no mask need be kept. rate must be in [0, 1). y and x may be the
// same slice.
func Dropout(ws *Workers, y, x []float32, rate float64, seed, step uint64) {
	mustLen("x", x, len(y))
	ws.elementwise(elementJob{kind: elementDropout, dst: y, a: x, dropout: newDropout(rate, seed, step)})
}

// DropoutMask sets mask[i] to the factor that Dropout multiplies x[i] with.
func DropoutMask(mask []float32, rate float64, seed, step uint64) {
	d := newDropout(rate, seed, step)
	for i := range mask {
		mask[i] = d.factor(uint64(i))
	}
}

type dropoutConst struct {
	key  uint64
	drop uint64 // of 2^32
	keep float32
}

func newDropout(rate float64, seed, step uint64) dropoutConst {
	return dropoutConst{
		key:  rng.Mix(rng.At(seed, 1) ^ (step+1)*rng.Gamma),
		drop: uint64(math.Round(rate * (1 << 32))),
		keep: float32(1 / (1 - rate)),
	}
}

func (d dropoutConst) factor(i uint64) float32 {
	if rng.At(d.key, i)>>32 < d.drop {
		return 0
	}
	return d.keep
}

func (d dropoutConst) apply(y, x []float32, first uint64) {
	x = x[:len(y)]
	for i, v := range x {
		y[i] = v * d.factor(first+uint64(i))
	}
}
