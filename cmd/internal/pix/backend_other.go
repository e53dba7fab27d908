//go:build !amd64 || noasm

package pix

// addRow adds weight times each value of row to sums, which are as many.
func addRow(sums []int32, row []byte, weight int32) { addRowGo(sums, row, weight) }

// acrossReduced makes a row of sums with reducedBits fractional bits, of which
// the first are of input pixel left, an output row.
func acrossReduced(dst []byte, sums []int32, a *axis, left int) { acrossReducedGo(dst, sums, a, left) }

// acrossExact makes the sums of a row, of which the first are of input pixel
// left, across: three of four numbers for each pixel.
func acrossExact(dst []uint64, sums []int32, a *axis, left int) { acrossExactGo(dst, sums, a, left) }

// vector reports that there are no vectors to warp with.
func (b *Warper) vector(walk, []byte, []byte, int, int, int) bool { return false }
