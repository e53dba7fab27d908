package fetch

import (
	"math/bits"
	"sync"

	"golang.org/x/sync/semaphore"
)

// A room is the memory that photos are held in: so many bytes at a time. What
// is given back is used again, which spares clearing it and collecting it.
type room struct {
	free  *semaphore.Weighted
	pools [4 * 64]sync.Pool // of *[]byte, by class
}

func newRoom(bytes int64) *room { return &room{free: semaphore.NewWeighted(bytes)} }

// take returns n bytes of any content, or nil if there is no room for them.
func (r *room) take(n int64) []byte {
	if !r.free.TryAcquire(n) {
		return nil
	}
	class, size := classOf(n)
	if p, ok := r.pools[class].Get().(*[]byte); ok {
		return (*p)[:n]
	}
	return make([]byte, n, size)
}

// give takes back what take returned.
func (r *room) give(data []byte) {
	r.free.Release(int64(len(data)))
	class, _ := classOf(int64(len(data)))
	r.pools[class].Put(&data)
}

// classOf divides lengths into four classes for each power of two, so that
// less than a quarter is wasted, and returns the size that serves all of one.
func classOf(n int64) (class int, size int64) {
	const least = 4 << 10
	n = max(n, least)
	exponent := bits.Len64(uint64(n-1)) - 1 // 2^exponent < n <= 2^(exponent+1)
	step := int64(1) << exponent / 4
	quarter := (n - 1 - int64(1)<<exponent) / step
	return 4*exponent + int(quarter), int64(1)<<exponent + (quarter+1)*step
}
