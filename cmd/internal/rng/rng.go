// Package rng makes random numbers that are a function of a seed and a counter:
// SplitMix64, whose number i is a mix of seed + i*[Gamma] (Steele, Lea and
// Flood: Fast splittable pseudorandom number generators, OOPSLA 2014). So any
// number can be had alone, in any order, and is the same on every platform.
package rng

import "math/bits"

// Gamma is what the counter's steps are multiplied by: 2^64 divided by the
// golden ratio.
const Gamma = 0x9e3779b97f4a7c15

// Mix is the output function of SplitMix64, a bijection. It leaves 0 as it is.
//
// Package csvscan has this function and a step of the counter on its own: they
// are part of the format of its index, which must not change with a generator.
func Mix(z uint64) uint64 {
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// At returns number i of a seed, 64 random bits. A [Source] with that seed
// begins with number 1.
func At(seed, i uint64) uint64 { return Mix(seed + i*Gamma) }

// Float64 makes a number in [0, 1), a multiple of 2^-53, of 64 random bits.
func Float64(bits uint64) float64 { return float64(bits>>11) / (1 << 53) }

// A Source gives the numbers of a seed one after the other. Its value is all of
// its state; it is not safe for concurrent use.
type Source uint64

// Uint64 returns the next 64 random bits.
func (s *Source) Uint64() uint64 {
	*s += Gamma
	return Mix(uint64(*s))
}

// Below returns a number from 0 to n-1 without bias (D. Lemire: Fast random
// integer generation in an interval, 2019); n must be positive. next gives 64
// random bits. It is written out because how the standard library maps bits to
// a range may change, and with it every model.
func Below(next func() uint64, n uint64) uint64 {
	hi, lo := bits.Mul64(next(), n)
	for floor := -n % n; lo < floor; {
		hi, lo = bits.Mul64(next(), n)
	}
	return hi
}

// Shuffle puts numbers in an order, each as likely as any other (Fisher and
// Yates). next gives 64 random bits.
func Shuffle(next func() uint64, order []int) {
	for i := len(order) - 1; i > 0; i-- {
		k := Below(next, uint64(i)+1)
		order[i], order[k] = order[k], order[i]
	}
}
