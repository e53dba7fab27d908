package nearduplicate

import "math/bits"

// MaxDistance is in how many bits of 64 the hashes of two pictures may differ
// for them to be compared.
const MaxDistance = 7

// MinCorrelation is that of two pictures that are nearly the same. Of 6,741
// crops of real photos, ten pairs from two photos are within both bounds, with
// correlations from 0.87; by eye each shows one object, in one picture saved
// twice or two taken in the same moment.
const MinCorrelation = 0.85

const (
	blocks    = 4
	blockBits = 64 / blocks
)

// An Index finds hashes within MaxDistance of another one. If two hashes differ
// in at most 7 bits, one of their four blocks of 16 differs in at most one: an
// index has a table for each block, and looks for 17 values in each (multi-index
// hashing, Norouzi, Punjani and Fleet 2012). It takes 24 bytes a hash and 1 MiB.
type Index struct {
	hashes []uint64
	first  [blocks][]int32 // by the block's value, 1 more than a hash's number
	next   [blocks][]int32 // by the hash's number
	seen   []uint32        // in which query a hash was met
	query  uint32
}

// NewIndex returns an index without hashes.
func NewIndex() *Index {
	x := &Index{}
	for b := range x.first {
		x.first[b] = make([]int32, 1<<blockBits)
	}
	return x
}

// Add adds a hash, whose number is that of the hashes before it.
func (x *Index) Add(hash uint64) {
	number := int32(len(x.hashes))
	x.hashes, x.seen = append(x.hashes, hash), append(x.seen, 0)
	for b := range blocks {
		value := block(hash, b)
		x.next[b] = append(x.next[b], x.first[b][value])
		x.first[b][value] = number + 1
	}
}

// Near calls f with the number of each hash within MaxDistance, once, until f
// returns false.
func (x *Index) Near(hash uint64, f func(number, distance int) bool) {
	x.query++
	for b := range blocks {
		value := block(hash, b)
		for bit := -1; bit < blockBits; bit++ {
			probe := value
			if bit >= 0 {
				probe ^= 1 << bit
			}
			for n := x.first[b][probe]; n > 0; n = x.next[b][n-1] {
				at := int(n - 1)
				if x.seen[at] == x.query {
					continue
				}
				x.seen[at] = x.query
				if d := bits.OnesCount64(x.hashes[at] ^ hash); d <= MaxDistance && !f(at, d) {
					return
				}
			}
		}
	}
}

func block(hash uint64, b int) uint16 { return uint16(hash >> (b * blockBits)) }
