package pix

import (
	"crypto/sha256"
	"encoding/binary"

	"github.com/opensandwich/oi/cmd/internal/rng"
)

// A Rand is a stream of random numbers that depends only on what it was made
// for, never on which item came before or which worker runs it. It is not safe
// for concurrent use.
type Rand struct{ rng.Source }

// NewRand returns the numbers of one item in one run: the same arguments give
// the same numbers on every platform. Key is the item's key; epoch and copy
// tell apart the variants that are drawn from it.
func NewRand(seed uint64, key string, epoch, copy int) *Rand {
	b := make([]byte, 0, 32+len(key))
	b = append(b, "oi-rand1"...)
	b = binary.BigEndian.AppendUint64(b, seed)
	b = binary.BigEndian.AppendUint64(b, uint64(int64(epoch)))
	b = binary.BigEndian.AppendUint64(b, uint64(int64(copy)))
	b = append(b, key...)
	sum := sha256.Sum256(b)
	return &Rand{rng.Source(binary.BigEndian.Uint64(sum[:]))}
}

// Float64 returns a number in [0, 1), a multiple of 2^-53.
func (r *Rand) Float64() float64 {
	return rng.Float64(r.Uint64())
}

// Uniform returns a number in [lo, hi).
func (r *Rand) Uniform(lo, hi float64) float64 {
	// The conversion keeps the compiler from fusing product and sum, which
	// would give other bits on machines that can.
	return lo + float64((hi-lo)*r.Float64())
}

// IntN returns a number in [0, n) without bias. It panics if n < 1.
func (r *Rand) IntN(n int) int {
	if n < 1 {
		panic("pix: IntN of a number below 1")
	}
	return int(rng.Below(r.Uint64, uint64(n)))
}
