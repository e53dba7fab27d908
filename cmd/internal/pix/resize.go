package pix

import (
	"math"
	"math/bits"
)

// An axis has the resampling coefficients of the output pixels on it. Those of
// an output pixel add up to total.
//
// Of output i, input pixel firsts[i]+k counts by the weight k places after
// those of the outputs before, for k below counts[i].
type axis struct {
	firsts, counts []int
	weights        []int32
	total          uint64
}

// newAxis returns an axis of m output pixels without any yet, with room for n
// weights.
func newAxis(m, n int, total uint64) axis {
	return axis{firsts: make([]int, 0, m), counts: make([]int, 0, m), weights: make([]int32, 0, n), total: total}
}

// add adds an output pixel.
func (a *axis) add(first int, weights ...int32) {
	a.firsts = append(a.firsts, first)
	a.counts = append(a.counts, len(weights))
	a.weights = append(a.weights, weights...)
}

// inputs returns the first input pixel and the one after the last.
func (a *axis) inputs() (first, end int) {
	last := len(a.firsts) - 1
	return a.firsts[0], a.firsts[last] + a.counts[last]
}

// area returns the coefficients of m output pixels for the n pixels from number
// from on, where n > m.
func area(from, n, m int) axis {
	// In units of 1/m of a pixel, input j is [j*m, (j+1)*m) and output i is
	// [from*m + i*n, from*m + (i+1)*n).
	a := newAxis(m, n+m, uint64(n))
	var weights []int32
	for i := range m {
		begin := from*m + i*n
		end := begin + n
		weights = weights[:0]
		for j := begin / m; j*m < end; j++ {
			weights = append(weights, int32(min(end, (j+1)*m)-max(begin, j*m)))
		}
		a.add(begin/m, weights...)
	}
	return a
}

// linear looks at the two nearest pixels, for any n and m.
func linear(from, n, m int) axis {
	// In units of 1/2m, output i looks at (2i+1)*n - m.
	a := newAxis(m, 2*m, uint64(2*m))
	for i := range m {
		at := max(0, min((2*i+1)*n-m, 2*m*(n-1)))
		first, rest := from+at/(2*m), int32(at%(2*m))
		if rest == 0 {
			a.add(first, int32(2*m))
		} else {
			a.add(first, int32(2*m)-rest, rest)
		}
	}
	return a
}

// nearest looks at the pixel in which the centre of an output pixel is. As in
// Pillow's ImagingScaleAffine, the step is added up in doubles, which decides
// where a centre lies between two pixels.
func nearest(from, n, m int) axis {
	a := newAxis(m, m, 1)
	step := float64(n) / float64(m)
	at := float64(step * 0.5)
	for range m {
		a.add(from+min(int(at), n-1), 1)
		at += step
	}
	return a
}

// reducedBits are the fractional bits of the weights of a reduced picture.
const reducedBits = 14

// reduced is area where an input pixel stands for scale pixels of the photo,
// and the picture has those from lo to hi.
//
// A pixel whose value is v and whose neighbours' are u and w is taken for the
// line v + (w-u)/2 * t, with t from -1/2 to 1/2, which has the mean v. The part
// of it from t0 to t1 is then (t1-t0) * (v + (w-u)/2 * (t0+t1)/2).
func reduced(from, n, m, scale, lo, hi int) axis {
	unit := scale * m // a pixel, in units of 1/m of a pixel of the photo
	total := 4 * int64(unit) * int64(n)
	a := newAxis(m, n/scale+4*m, 1<<reducedBits)
	var exact []int64
	var weights []int32
	for i := range m {
		begin := from*m + i*n
		end := begin + n
		first, last := begin/unit, (end-1)/unit
		left := max(lo, first-1)
		exact = append(exact[:0], make([]int64, min(hi, last+2)-left)...)
		for j := first; j <= last; j++ {
			t0, t1 := max(begin-j*unit, 0), min(end-j*unit, unit)
			slope := int64(t1-t0) * int64(t0+t1-unit)
			exact[j-left] += 4 * int64(unit) * int64(t1-t0)
			exact[max(lo, j-1)-left] -= slope
			exact[min(hi-1, j+1)-left] += slope
		}
		// Sums are rounded, so that they end with the total. Two more
		// keep what is divided from being negative.
		weights = weights[:0]
		var sum, before int64
		for _, w := range exact {
			sum += w
			rounded := (2*sum<<reducedBits+5*total)/(2*total) - 2
			weights = append(weights, int32(rounded-before))
			before = rounded
		}
		a.add(left, weights...)
	}
	return a
}

// resize returns a window of the photo as outW by outH pixels, RGB row by row.
// It is separable: input rows are summed down first, and then resized across.
func (p *Picture) resize(x, y, w, h, outW, outH int, f Filter) []byte {
	if f == Lanczos {
		return p.lanczos(x, y, w, h, outW, outH)
	}
	filter := func(from, n, m, lo, hi int) axis {
		switch {
		case f == Nearest:
			return nearest(from, n, m)
		case f == Bilinear:
			return linear(from, n, m)
		case p.scale > 1:
			return reduced(from, n, m, p.scale, lo, hi)
		case n > m:
			return area(from, n, m)
		}
		return linear(from, n, m)
	}
	across := filter(x, w, outW, p.bounds.Min.X, p.bounds.Max.X)
	down := filter(y, h, outH, p.bounds.Min.Y, p.bounds.Max.Y)
	left, end := across.inputs()
	size := 3 * (end - left)
	out := make([]byte, 3*outW*outH)
	sums := make([]int32, size, size+1) // the vector code reads one more
	// An output row and the next one share four input rows at most: two
	// parts of one, and its neighbours.
	var rows [4][]byte
	held := [4]int{-1, -1, -1, -1}
	all := make([]byte, 4*size)
	for i := range rows {
		rows[i] = all[i*size:][:size]
	}
	totals := make([]uint64, 4*outW)
	weights := down.weights
	for r, first := range down.firsts {
		clear(sums)
		for k, weight := range weights[:down.counts[r]] {
			j := first + k
			row := rows[j&3]
			if held[j&3] != j {
				p.row(row, left, j)
				held[j&3] = j
			}
			addRow(sums, row, weight)
		}
		weights = weights[down.counts[r]:]
		to := out[3*r*outW:][:3*outW]
		if p.scale > 1 {
			acrossReduced(to, sums, &across, left)
		} else {
			across.exact(to, sums, left, down.total, totals)
		}
	}
	return out
}

// addRowGo adds weight times each value of row to sums, which are as many.
func addRowGo(sums []int32, row []byte, weight int32) {
	row = row[:len(sums)]
	for i, v := range row {
		sums[i] += weight * int32(v)
	}
}

// exact makes an output row of sums whose weights have the given total: the
// first of them are of input pixel left. totals has room for four numbers a
// pixel.
func (a *axis) exact(dst []byte, sums []int32, left int, total uint64, totals []uint64) {
	total *= a.total
	// With m the next whole number above 2^64/total, v*m/2^64 is above
	// v/total by less than v/2^64. As v < 256*total and total < 2^28, that
	// is less than 1/total and does not reach the next whole number.
	m := uint64(0)
	if total < 1<<28 {
		m = math.MaxUint64/total + 1
	}
	acrossExact(totals, sums, a, left)
	for i := range a.firsts {
		d, v := dst[3*i:][:3], totals[4*i:][:3]
		d[0], d[1], d[2] = divide(v[0]+total/2, total, m), divide(v[1]+total/2, total, m), divide(v[2]+total/2, total, m)
	}
}

// acrossExactGo makes the sums of the pixels across, three of four numbers for
// each.
func acrossExactGo(dst []uint64, sums []int32, a *axis, left int) {
	weights := a.weights
	for i, first := range a.firsts {
		n := a.counts[i]
		var r, g, b uint64
		in := sums[3*(first-left):][:3*n]
		for _, w := range weights[:n] {
			r += uint64(w) * uint64(in[0])
			g += uint64(w) * uint64(in[1])
			b += uint64(w) * uint64(in[2])
			in = in[3:]
		}
		weights = weights[n:]
		d := dst[4*i:][:3]
		d[0], d[1], d[2] = r, g, b
	}
}

// divide divides v, to which half of total was added, by total, of which m is
// the inverse, see exact.
func divide(v, total, m uint64) byte {
	if m == 0 {
		return byte(v / total)
	}
	q, _ := bits.Mul64(v, m)
	return byte(q)
}

// Of a sum down the rows of a reduced picture so many fractional bits are left
// out.
const droppedBits = 7

// acrossReducedGo makes an output row of sums with reducedBits fractional bits:
// the first of them are of input pixel left.
func acrossReducedGo(dst []byte, sums []int32, a *axis, left int) {
	const fraction = 2*reducedBits - droppedBits
	weights := a.weights
	for i, first := range a.firsts {
		n := a.counts[i]
		var r, g, b int32 = 1 << (fraction - 1), 1 << (fraction - 1), 1 << (fraction - 1)
		in := sums[3*(first-left):][:3*n]
		for _, w := range weights[:n] {
			r += w * ((in[0] + 1<<(droppedBits-1)) >> droppedBits)
			g += w * ((in[1] + 1<<(droppedBits-1)) >> droppedBits)
			b += w * ((in[2] + 1<<(droppedBits-1)) >> droppedBits)
			in = in[3:]
		}
		weights = weights[n:]
		d := dst[3*i:][:3]
		d[0], d[1], d[2] = limit(r>>fraction), limit(g>>fraction), limit(b>>fraction)
	}
}

// limit limits a number to the range of a byte.
func limit(v int32) byte { return byte(max(0, min(v, 255))) }
