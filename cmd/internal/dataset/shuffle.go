package dataset

import (
	"crypto/sha256"
	"encoding/binary"
	"math/rand/v2"

	"github.com/opensandwich/oi/cmd/internal/rng"
)

// Permutation returns the numbers 0 to n-1 in the order of an epoch, which
// depends on the arguments alone. Every order is equally likely.
func Permutation(seed uint64, epoch, n int) []int {
	name := []byte("oi-permutation1")
	name = binary.BigEndian.AppendUint64(name, seed)
	name = binary.BigEndian.AppendUint64(name, uint64(int64(epoch)))
	sum := sha256.Sum256(name)
	source := rand.NewPCG(binary.BigEndian.Uint64(sum[:8]), binary.BigEndian.Uint64(sum[8:16]))

	order := make([]int, n)
	for i := range order {
		order[i] = i
	}
	rng.Shuffle(source.Uint64, order)
	return order
}

// Rank returns a number that puts items in a random order, which depends on the
// seed and on the item alone: those of the lowest ranks are a sample. Copy
// distinguishes variants of one item.
func Rank(seed uint64, key string, copy int) uint64 {
	name := []byte("oi-rank1")
	name = binary.BigEndian.AppendUint64(name, seed)
	name = binary.BigEndian.AppendUint64(name, uint64(int64(copy)))
	sum := sha256.Sum256(append(name, key...))
	return binary.BigEndian.Uint64(sum[:8])
}
