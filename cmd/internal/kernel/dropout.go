package kernel

import "math"

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
		key:  mix64(mix64(seed+golden64) ^ (step+1)*golden64),
		drop: uint64(math.Round(rate * (1 << 32))),
		keep: float32(1 / (1 - rate)),
	}
}

func (d dropoutConst) factor(i uint64) float32 {
	if mix64(d.key+i*golden64)>>32 < d.drop {
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

// golden64 is 2^64 divided by the golden ratio, the step of SplitMix64.
const golden64 = 0x9e3779b97f4a7c15

// mix64 is the output function of SplitMix64 (Steele, Lea, Flood, "Fast
// splittable pseudorandom number generators", 2014), which makes a counter into
// random bits.
func mix64(z uint64) uint64 {
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}
