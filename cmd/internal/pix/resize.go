package pix

import (
	"math"
	"math/bits"
)

// Crop cuts the window of w by h pixels at x, y out of the stored picture,
// resizes it to size by size pixels and rotates it counter-clockwise by
// rotation, which is 0, 90, 180 or 270 degrees. The aspect ratio is not kept.
// It returns size*size*3 bytes, RGB row by row.
//
// On an axis of n input and m output pixels, output pixel i is
//
//   - shrinking (n > m): the mean of the input over [i*n/m, (i+1)*n/m), pixels
//     at the ends counting by the part that is covered, as OpenCV's INTER_AREA;
//   - otherwise: the linear interpolation at (i+0.5)*n/m - 0.5 between the two
//     nearest input pixels, the edge repeated outside, as INTER_LINEAR.
//
// All weights are whole numbers over a common denominator, so the sums are
// exact and the result is the exact value rounded to nearest, halves up.
//
// It panics if the window is not inside the picture, or for another rotation or
// a size below 1.
func Crop(p *Picture, x, y, w, h, rotation, size int) []byte {
	p.check(x, y, w, h)
	return orient(p.resize(x, y, w, h, size, size), size, orientationOf(rotation))
}

// coefficients are the resampling coefficients of one output pixel on an axis:
// input pixel first+k counts by weights[k].
type coefficients struct {
	first   int
	weights []uint32
}

// axisCoefficients returns the coefficients of an axis of n input and m output
// pixels; the weights of each output pixel add up to total.
func axisCoefficients(n, m int) (list []coefficients, total uint64) {
	list = make([]coefficients, m)
	if n > m {
		// In units of 1/m of an input pixel, input j is [j*m, (j+1)*m)
		// and output i is [i*n, (i+1)*n).
		for i := range list {
			first, last := i*n/m, ((i+1)*n-1)/m
			weights := make([]uint32, last-first+1)
			for k := range weights {
				j := first + k
				weights[k] = uint32(min((i+1)*n, (j+1)*m) - max(i*n, j*m))
			}
			list[i] = coefficients{first, weights}
		}
		return list, uint64(n)
	}
	// In units of 1/2m, output i looks at (2i+1)*n - m, which is at least
	// n - m > -2m.
	for i := range list {
		at := max(0, min((2*i+1)*n-m, 2*m*(n-1)))
		first, rest := at/(2*m), at%(2*m)
		if rest == 0 {
			list[i] = coefficients{first, []uint32{uint32(2 * m)}}
		} else {
			list[i] = coefficients{first, []uint32{uint32(2*m - rest), uint32(rest)}}
		}
	}
	return list, uint64(2 * m)
}

// resize returns a window of the picture as outW by outH pixels, RGB row by
// row. It is separable: input rows are resized across first, and then summed
// down.
func (p *Picture) resize(x, y, w, h, outW, outH int) []byte {
	across, totalX := axisCoefficients(w, outW)
	down, totalY := axisCoefficients(h, outH)
	total := totalX * totalY
	out := make([]byte, outW*outH*3)
	line := make([]byte, w*3)
	sums := make([]uint64, outW*3)
	// The last two input rows, resized across: adjacent output rows share
	// one or both.
	var rows [2][]uint32
	held := [2]int{-1, -1}
	for i := range rows {
		rows[i] = make([]uint32, outW*3)
	}
	for r, t := range down {
		clear(sums)
		for k, weight := range t.weights {
			j := t.first + k
			row := rows[j&1]
			if held[j&1] != j {
				p.row(line, x, y+j)
				resizeRow(row, line, across)
				held[j&1] = j
			}
			for i, v := range row {
				sums[i] += uint64(weight) * uint64(v)
			}
		}
		divide(out[r*outW*3:][:outW*3], sums, total)
	}
	return out
}

// divide divides sums of at most 255*total by total, rounding to nearest,
// halves up.
func divide(dst []byte, sums []uint64, total uint64) {
	if total >= 1<<28 {
		for i, v := range sums {
			dst[i] = byte((v + total/2) / total)
		}
		return
	}
	// With m the next whole number above 2^64/total, v*m/2^64 is above
	// v/total by less than v/2^64. As v < 256*total and total < 2^28, that
	// is less than 1/total and does not reach the next whole number.
	m := math.MaxUint64/total + 1
	for i, v := range sums {
		q, _ := bits.Mul64(v+total/2, m)
		dst[i] = byte(q)
	}
}

// resizeRow sums a line of RGB pixels by the weights of its axis. A sum is at
// most 255 times the larger of the axis's input and twice its output.
func resizeRow(dst []uint32, line []byte, across []coefficients) {
	for i, t := range across {
		var r, g, b uint32
		in := line[t.first*3:][:len(t.weights)*3]
		for k, weight := range t.weights {
			p := in[3*k:][:3]
			r += weight * uint32(p[0])
			g += weight * uint32(p[1])
			b += weight * uint32(p[2])
		}
		d := dst[3*i:][:3]
		d[0], d[1], d[2] = r, g, b
	}
}
