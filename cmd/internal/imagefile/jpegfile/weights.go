package jpegfile

import "math"

// A reduced picture has one pixel for each square of 2x2, 4x4 or 8x8 pixels:
// their mean, before it is limited to the range of a byte. It is computed from
// the coefficients, without the pixels. The mean of the cosine
// cos((2x+1)uπ/16) over the pixels of such a cell is a cosine of the smaller
// transform with N = 8/2, 8/4 or 8/8 points, times a factor: for two pixels
//
//	mean = cos(uπ/16) cos((2X+1)uπ/8),
//
// and as cos((2X+1)(8-u)π/8) = -cos((2X+1)uπ/8), coefficients u and 8-u fall
// on the same one, and coefficient 4 on none. So a block of 8x8 coefficients
// becomes one of NxN by adding each, times a weight, to one of these.
// Coefficients are added as they are read.

// coefficients are those of one block, row by row as many as its transform
// takes. The last ones are a place for what is not wanted.
type coefficients [128]int32

const nowhere = 127

// A term says where a coefficient is added, and how much it weighs.
type term struct {
	weight int32
	at     uint8
}

// terms are those of all coefficients, in zigzag order. Those from 64 on, after
// the last one, add nothing.
type terms [128]term

// zigzag has the place of each coefficient in its block, as row*8 + column
// (figure A.6).
var zigzag = [64]uint8{
	0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5,
	12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13, 6, 7, 14, 21, 28,
	35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51,
	58, 59, 52, 45, 38, 31, 39, 46, 53, 60, 61, 54, 47, 55, 62, 63,
}

// weightBits are the fractional bits of the weights of a reduced transform.
const weightBits = 10

// set makes the terms of a transform of nx by ny points. That of 8 by 8 points
// takes the coefficients as they are, times their quantization step, column by
// column.
func (t *terms) set(nx, ny int, steps *[64]int32) {
	for k := range t {
		t[k] = term{at: nowhere}
	}
	for k, place := range zigzag {
		if nx*ny == 64 {
			t[k] = term{steps[k], place&7*8 + place>>3}
			continue
		}
		ax, fx := reduction(nx, int(place&7))
		ay, fy := reduction(ny, int(place>>3))
		if w := math.Round(float64(steps[k]) * fx * fy * (1 << weightBits) / 8); w != 0 {
			t[k] = term{int32(w), uint8(ay*nx + ax)}
		}
	}
}

// reduction returns the coefficient of a transform of n points on which
// coefficient u of 8 falls, and its factor. It contains the scale of the
// cosines that inverse takes for 1: see there.
func reduction(n, u int) (at int, factor float64) {
	if u == 0 {
		return 0, 1
	}
	at, factor = u, math.Sqrt2
	for m := 8; m > n; m /= 2 {
		// From m points to m/2.
		factor *= math.Cos(float64(at) * math.Pi / float64(2*m))
		if at == m/2 {
			return 0, 0
		}
		if at > m/2 {
			at, factor = m-at, -factor
		}
	}
	switch {
	case 2*at == n: // cos π/4
		factor *= math.Sqrt2 / 2
	case n == 4, n == 8 && at&1 == 0: // cos π/8, of which the other is tan π/8
		factor *= math.Cos(math.Pi / 8)
	}
	return at, factor
}
