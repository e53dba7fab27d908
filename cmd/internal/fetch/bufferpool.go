package fetch

import (
	"math/bits"
	"sync"

	"golang.org/x/sync/semaphore"
)

// A bufferPool is the memory that photos are held in, within a budget of bytes.
// Released buffers are used again, which spares clearing and collecting them.
type bufferPool struct {
	budget *semaphore.Weighted
	pools  [4 * 64]sync.Pool // of *[]byte, by size class
	blocks sync.Pool         // of *[blockSize]byte
}

func newBufferPool(budget int64) *bufferPool {
	return &bufferPool{budget: semaphore.NewWeighted(budget)}
}

// acquire returns n bytes of any content, or nil if the budget is used up.
func (b *bufferPool) acquire(n int64) []byte {
	if !b.reserve(n) {
		return nil
	}
	class, size := sizeClass(n)
	if p, ok := b.pools[class].Get().(*[]byte); ok {
		return (*p)[:n]
	}
	return make([]byte, n, size)
}

// release takes back what acquire returned.
func (b *bufferPool) release(data []byte) {
	b.unreserve(int64(len(data)))
	class, _ := sizeClass(int64(len(data)))
	b.pools[class].Put(&data)
}

// reserve takes n bytes of the budget for a buffer of somebody else's, if they
// are left.
func (b *bufferPool) reserve(n int64) bool { return b.budget.TryAcquire(n) }

// unreserve gives n bytes of the budget back.
func (b *bufferPool) unreserve(n int64) { b.budget.Release(n) }

// sizeClass divides lengths into four classes for each power of two, so that
// less than a quarter is wasted, and returns the size that serves all of one.
func sizeClass(n int64) (class int, size int64) {
	const smallest = 4 << 10
	n = max(n, smallest)
	exponent := bits.Len64(uint64(n-1)) - 1 // 2^exponent < n <= 2^(exponent+1)
	step := int64(1) << exponent / 4
	quarter := (n - 1 - int64(1)<<exponent) / step
	return 4*exponent + int(quarter), int64(1)<<exponent + (quarter+1)*step
}

// blockSize is how many bytes of a body are read at a time into a file.
const blockSize = 64 << 10

// block returns a buffer to read into. It is not part of the budget, as a
// transfer holds one at a time.
func (b *bufferPool) block() *[blockSize]byte {
	if p, ok := b.blocks.Get().(*[blockSize]byte); ok {
		return p
	}
	return new([blockSize]byte)
}

func (b *bufferPool) releaseBlock(p *[blockSize]byte) { b.blocks.Put(p) }
