package selection

import (
	"container/heap"
	"math/bits"
	"slices"

	"github.com/opensandwich/oi/cmd/internal/csvscan"
)

// rank places a box in a seeded random order: the lowest ranks are sampled. It
// depends on the seed, the photo and the box alone, so that a sample does not
// favour photos by their id, is the same in any order, and grows without
// exchanging what it held.
func rank(seed uint64, m *match) uint64 {
	return csvscan.Mix(csvscan.Mix(csvscan.Mix(seed)^csvscan.Key64(m.id)) ^ m.sum)
}

// share divides total among takers as evenly as what they have allows: nobody
// gets more than he has, nobody who gets less than another could get more. What
// cannot be divided goes to the first.
func share(total int64, have []int64) []int64 {
	got := make([]int64, len(have))
	for total > 0 {
		hungry := int64(0)
		for i := range have {
			if got[i] < have[i] {
				hungry++
			}
		}
		if hungry == 0 {
			break
		}
		portion := max(total/hungry, 1)
		for i := range have {
			n := min(portion, have[i]-got[i], total)
			got[i] += n
			total -= n
		}
	}
	return got
}

// proportional divides total in proportion to weights, by largest remainder,
// the first among equals. Nobody gets more than most; what somebody cannot take
// is divided again among the others.
func proportional(total int64, weights, most []int64) []int64 {
	got := make([]int64, len(weights))
	weights = slices.Clone(weights)
	for total > 0 && slices.Max(weights) > 0 {
		left := int64(0)
		for i, n := range portions(total, weights) {
			if n >= most[i]-got[i] {
				weights[i] = 0
				left += n - (most[i] - got[i])
				n = most[i] - got[i]
			}
			got[i] += n
		}
		total = left
	}
	return got
}

// portions divides total in proportion to weights, of which one is not 0.
func portions(total int64, weights []int64) []int64 {
	sum := int64(0)
	for _, w := range weights {
		sum += w
	}
	got := make([]int64, len(weights))
	left := total
	remainders := make([]int64, len(weights))
	for i, w := range weights {
		high, low := bits.Mul64(uint64(total), uint64(w))
		quotient, remainder := bits.Div64(high, low, uint64(sum))
		got[i], remainders[i] = int64(quotient), int64(remainder)
		left -= got[i]
	}
	for ; left > 0; left-- {
		best := slices.Index(remainders, slices.Max(remainders))
		got[best]++
		remainders[best] = -1
	}
	return got
}

// ranked is an entry of a sample.
type ranked struct {
	rank   uint64
	offset int64 // in a spool, where that is needed
}

// lowest keeps the size entries of the lowest rank: 16 bytes each.
type lowest struct {
	size    int64
	entries rankHeap
}

// admits reports whether an entry of this rank would be kept.
func (l *lowest) admits(rank uint64) bool {
	return int64(len(l.entries)) < l.size || l.size > 0 && rank < l.entries[0].rank
}

// add keeps an entry that admits let in, and drops the highest beyond size.
func (l *lowest) add(e ranked) {
	heap.Push(&l.entries, e)
	if int64(len(l.entries)) > l.size {
		heap.Pop(&l.entries)
	}
}

// rankHeap is a heap.Interface with the highest rank on top.
type rankHeap []ranked

func (h rankHeap) Len() int           { return len(h) }
func (h rankHeap) Less(i, j int) bool { return h[i].rank > h[j].rank }
func (h rankHeap) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *rankHeap) Push(x any)        { *h = append(*h, x.(ranked)) }
func (h *rankHeap) Pop() any {
	last := len(*h) - 1
	x := (*h)[last]
	*h = (*h)[:last]
	return x
}
