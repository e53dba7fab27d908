package dataset

import (
	"errors"
	"math"
)

// hashes keeps two pictures of each item, outside of what the garbage collector
// looks at.
type hashes struct {
	memory arena
	n      int32
}

const (
	pictureSize = len(Picture{})
	perBlock    = blockSize / (2 * pictureSize)
)

var errNoMemory = errors.New("the system gives no more memory")

// add keeps two pictures and returns their number.
func (h *hashes) add(picture, pixels Picture) (int32, error) {
	if h.memory.keep(append(picture[:], pixels[:]...), math.MaxInt64) == nil {
		return 0, errNoMemory
	}
	h.n++
	return h.n - 1, nil
}

// at returns the pictures of a number.
func (h *hashes) at(i int32) (picture, pixels Picture) {
	pair := h.memory.blocks[int(i)/perBlock][int(i)%perBlock*2*pictureSize:]
	return Picture(pair), Picture(pair[pictureSize:])
}
