//go:build amd64 && !noasm

package pix

import (
	"slices"

	"golang.org/x/sys/cpu"
)

//go:generate go run -C ../tools/avo ./pix -out ../../pix/kernels_amd64.s -stubs ../../pix/kernels_amd64.go -pkg pix

// addRow adds weight times each value of row to sums, which are as many.
func addRow(sums []int32, row []byte, weight int32) {
	n := 0
	if cpu.X86.HasAVX2 {
		if n = min(len(sums), len(row)) &^ 15; n > 0 {
			addRowAVX2(sums, row, weight, n)
		}
	}
	addRowGo(sums[n:], row[n:], weight)
}

// acrossReduced makes a row of sums with reducedBits fractional bits, of which
// the first are of input pixel left, an output row. There is room for one
// number after the sums.
func acrossReduced(dst []byte, sums []int32, a *axis, left int) {
	last := len(a.firsts) - 1
	if !cpu.X86.HasAVX2 || last < 1 {
		acrossReducedGo(dst, sums, a, left)
		return
	}
	a.inside(sums, left)
	_ = dst[3*last]
	acrossReducedAVX2(dst, sums, a.firsts[:last], a.counts, a.weights, left)
	tail := axis{firsts: a.firsts[last:], counts: a.counts[last:], weights: a.weights[len(a.weights)-a.counts[last]:]}
	acrossReducedGo(dst[3*last:], sums, &tail, left)
}

// acrossExact makes the sums of a row, of which the first are of input pixel
// left, across: three of four numbers for each pixel. There is room for one
// number after the sums.
func acrossExact(dst []uint64, sums []int32, a *axis, left int) {
	if !cpu.X86.HasAVX2 {
		acrossExactGo(dst, sums, a, left)
		return
	}
	a.inside(sums, left)
	_ = dst[4*len(a.firsts)-1]
	acrossExactAVX2(dst, sums, a.firsts, a.counts, a.weights, left)
}

// inside panics unless the sums have all input pixels and room for one number
// more.
func (a *axis) inside(sums []int32, left int) {
	first, end := a.inputs()
	if first < left || 3*(end-left) > len(sums) || len(sums) == cap(sums) {
		panic("pix: sums of other pixels than the axis has")
	}
}

// vector is Apply by vectors. It reports whether there are any for pictures of
// this shape.
func (b *Warper) vector(k walk, dst, src []byte, h, w, channels int) bool {
	// Offsets into the picture are 32 bits.
	if !cpu.X86.HasAVX2 || channels != 3 || w < warpLanes || len(src) > 1<<30 {
		return false
	}
	stride := 3 * w
	// A pixel of the last row reads the row after it, eight bytes of it
	// and its right neighbour, with weight 0.
	b.pixels = slices.Grow(b.pixels[:0], len(src)+stride+8)[:len(src)+stride+8]
	copy(b.pixels, src)
	for r := range h {
		p, q, stepP, stepQ := k.row(r)
		warpRowAVX2(dst[r*stride:(r+1)*stride], b.pixels, p, q, stepP, stepQ, h-1, w-1)
	}
	return true
}

// warpLanes is how many pixels warpRowAVX2 makes at once.
const warpLanes = 8
