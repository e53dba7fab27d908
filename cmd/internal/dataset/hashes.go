package dataset

import "fmt"

// hashMemory is how many bytes of hashes stay in memory: less than blockSize, so
// that they lie in one block, one after the other.
const hashMemory = 8 << 20

// hashes keep two pictures of each item, one after the other. They are looked at
// once or twice only, so that most may be in a file.
type hashes struct{ kept store }

const (
	pictureSize = len(Picture{})
	pairSize    = 2 * pictureSize
)

// add keeps two pictures, of which at takes the number.
func (h *hashes) add(picture, pixels Picture) error {
	_, err := h.kept.add(append(picture[:], pixels[:]...))
	return err
}

// at returns the pictures of a number.
func (h *hashes) at(i int) (picture, pixels Picture, err error) {
	var pair [pairSize]byte
	at := place(int64(i) * int64(pairSize))
	if int64(at) >= h.kept.inside { // then in the file
		at = place(^(int64(at) - h.kept.inside))
	}
	if err := h.kept.read(pair[:], at, 0); err != nil {
		return picture, pixels, fmt.Errorf("read back the hashes of item %d: %w", i, err)
	}
	return Picture(pair[:pictureSize]), Picture(pair[pictureSize:]), nil
}
