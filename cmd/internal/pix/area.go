package pix

import (
	"fmt"
	"math"
	"math/bits"
)

// Crop cuts the window of w by h pixels at x, y out of the stored picture,
// scales it to size by size pixels and turns it counter-clockwise by rotation,
// which is 0, 90, 180 or 270 degrees. The proportions are not kept. It returns
// size*size*3 bytes, RGB row by row.
//
// On an axis of n input and m output pixels, output pixel i is
//
//   - shrinking (n > m): the mean of the input over [i*n/m, (i+1)*n/m), pixels
//     at the ends counting by the part that is covered, as OpenCV's INTER_AREA;
//   - otherwise: the value at (i+0.5)*n/m - 0.5 on the straight line between
//     the two nearest input pixels, the edge going on outside, as INTER_LINEAR.
//
// All weights are whole numbers over a common denominator, so the sums are
// exact and the result is the exact value rounded to nearest, halves up.
//
// It panics if the window is not inside the picture, or for another rotation or
// a size below 1.
func Crop(p *Picture, x, y, w, h, rotation, size int) []byte {
	p.check(x, y, w, h)
	orientation := map[int]int{0: 1, 90: 8, 180: 3, 270: 6}[rotation]
	if orientation == 0 {
		panic(fmt.Sprintf("pix: cannot turn by %d degrees", rotation))
	}
	return arrange(p.scale(x, y, w, h, size, size), size, orientation)
}

// A tap is one output pixel's share in the input of an axis: input pixel
// first+k counts by weights[k].
type tap struct {
	first   int
	weights []uint32
}

// taps returns the weights of an axis of n input and m output pixels; those of
// one output pixel add up to total.
func taps(n, m int) (list []tap, total uint64) {
	list = make([]tap, m)
	if n > m {
		// In units of 1/m of an input pixel, input j is [j*m, (j+1)*m) and
		// output i is [i*n, (i+1)*n).
		for i := range list {
			first, last := i*n/m, ((i+1)*n-1)/m
			weights := make([]uint32, last-first+1)
			for k := range weights {
				j := first + k
				weights[k] = uint32(min((i+1)*n, (j+1)*m) - max(i*n, j*m))
			}
			list[i] = tap{first, weights}
		}
		return list, uint64(n)
	}
	// In units of 1/2m, output i looks at (2i+1)*n - m, which is at least
	// n - m > -2m.
	for i := range list {
		at := max(0, min((2*i+1)*n-m, 2*m*(n-1)))
		first, rest := at/(2*m), at%(2*m)
		if rest == 0 {
			list[i] = tap{first, []uint32{uint32(2 * m)}}
		} else {
			list[i] = tap{first, []uint32{uint32(2*m - rest), uint32(rest)}}
		}
	}
	return list, uint64(2 * m)
}

// scale returns a window of the picture as outW by outH pixels.
func (p *Picture) scale(x, y, w, h, outW, outH int) []byte {
	across, totalX := taps(w, outW)
	down, totalY := taps(h, outH)
	total := totalX * totalY
	out := make([]byte, outW*outH*3)
	line := make([]byte, w*3)
	sums := make([]uint64, outW*3)
	// The last two input rows, scaled across: neighbouring output rows share
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
				scaleRow(row, line, across)
				held[j&1] = j
			}
			for i, v := range row {
				sums[i] += uint64(weight) * uint64(v)
			}
		}
		quotients(out[r*outW*3:][:outW*3], sums, total)
	}
	return out
}

// quotients divides sums of at most 255*total by total, rounding to nearest,
// halves up.
func quotients(dst []byte, sums []uint64, total uint64) {
	if total >= 1<<28 {
		for i, v := range sums {
			dst[i] = byte((v + total/2) / total)
		}
		return
	}
	// With m the next whole number above 2^64/total, v*m/2^64 is above
	// v/total by less than v/2^64. As v < 256*total and total < 2^28, that is
	// less than 1/total and does not reach the next whole number.
	m := math.MaxUint64/total + 1
	for i, v := range sums {
		q, _ := bits.Mul64(v+total/2, m)
		dst[i] = byte(q)
	}
}

// scaleRow sums a line of RGB pixels by the weights of its axis. A sum is at
// most 255 times the larger of the axis's input and twice its output.
func scaleRow(dst []uint32, line []byte, across []tap) {
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
