package jpegfile

import "image"

// A plane has the samples of one component, of the MCUs that are wanted.
type plane struct {
	component
	perMCU image.Point // its blocks in an MCU across and down
	nx, ny int         // the points of its transform
	terms  terms
	pix    []byte
	stride int
	// blocks is where the plane lies in the component, in blocks.
	blocks  image.Rectangle
	columns mapping // of the picture to those of the component
	rows    mapping
	// Of a progressive picture: see progressiveBlock. Each has an element for
	// every block of the component, or the sums of one for every block of
	// the band.
	nonzero  []uint64
	band     image.Rectangle // part of blocks
	negative []uint64
	sums     []int32
	latched  bool // terms are those of the first scan
}

// put transforms a block, given its place in the plane, and clears it.
func (p *plane) put(x, y int, b *coefficients) {
	dst := p.pix[y*p.ny*p.stride+x*p.nx:]
	switch {
	case p.nx*p.ny == 64:
		inverse8x8(b, dst, p.stride)
	case p.nx == 4 && p.ny == 4:
		inverse4x4(b, dst, p.stride)
	default:
		inverse(b, p.nx, p.ny, dst, p.stride)
	}
}

// A mapping is from the columns or rows of the picture to those of a component,
// at the scale of each.
type mapping struct {
	num, den int // half the samples for each pixel
	last     int // the last sample
}

// at returns the sample in which the middle of pixel x lies.
func (m mapping) at(x int) int { return min((2*x+1)*m.num/m.den, m.last) }

// repeats returns how many pixels there are for each sample, or 0 where that is
// no whole number.
func (m mapping) repeats() int {
	if m.num != 1 || m.den%2 != 0 {
		return 0
	}
	return m.den / 2
}

// grow returns a slice of n elements, of unknown values, in the memory of s if
// that is large enough.
func grow[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n)
	}
	return s[:n]
}
