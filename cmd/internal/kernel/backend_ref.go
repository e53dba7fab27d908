package kernel

// The reference inner loops. They are what every platform without assembly
// runs, so they are blocked for the registers of a scalar machine.
//
// x*y+z is left to the compiler: on amd64 it rounds twice, on arm64 and others
// it becomes a fused multiply-add, as in the assembly. Where a result must be
// the same everywhere, a conversion forbids fusing.

// gemmRef computes n rows of 16 lanes. For p < n and l < 16:
//
//	dst[p*dstStride+l] = init[p*initStride+l] + sum over r < rows, j < run of
//	    x[p*pixStride+r*rowStride+j*step] * w[(r*run+j)*wStride+l]
//
// dst and init may be the same.
func gemmRef(a gemmArgs) {
	var sum [8]float32
	for p := 0; p < a.n; p += 2 {
		second := min(1, a.n-1-p) // a lone last row is computed twice, stored once
		x0, x1 := a.x[p*a.pixStride:], a.x[(p+second)*a.pixStride:]
		for l := 0; l < lanes; l += 4 {
			copy(sum[:4], a.init[p*a.initStride+l:])
			copy(sum[4:], a.init[(p+second)*a.initStride+l:])
			for r := range a.rows {
				madd2x4(&sum, x0[r*a.rowStride:], x1[r*a.rowStride:], a.step, a.w[r*a.run*a.wStride+l:], a.wStride, a.run)
			}
			copy(a.dst[p*a.dstStride+l:][:4], sum[:4])
			if second > 0 {
				copy(a.dst[(p+1)*a.dstStride+l:][:4], sum[4:])
			}
		}
	}
}

// madd2x4 adds n products of two inputs and four weights. It is a function of
// its own, with few enough variables for the compiler to keep them in
// registers.
func madd2x4(sum *[8]float32, x0, x1 []float32, step int, w []float32, wStride, n int) {
	a0, a1, a2, a3 := sum[0], sum[1], sum[2], sum[3]
	b0, b1, b2, b3 := sum[4], sum[5], sum[6], sum[7]
	x1 = x1[:min(len(x0), len(x1))]
	x0 = x0[:len(x1)]
	from, at := 0, 0
	for range n {
		u, v := x0[from], x1[from]
		k := w[at : at+4 : at+4]
		a0 += u * k[0]
		b0 += v * k[0]
		a1 += u * k[1]
		b1 += v * k[1]
		a2 += u * k[2]
		b2 += v * k[2]
		a3 += u * k[3]
		b3 += v * k[3]
		from += step
		at += wStride
	}
	sum[0], sum[1], sum[2], sum[3] = a0, a1, a2, a3
	sum[4], sum[5], sum[6], sum[7] = b0, b1, b2, b3
}

// spmmRef adds sparse sums. List l has counts[l] entries at l*capacity, each a
// value and an offset into src. For each list in turn and i < run:
//
//	dst[l*dstStride+i] += sum over its entries k of vals[k] * src[offs[k]+i]
//
// The destinations of two lists may overlap.
func spmmRef(dst []float32, dstStride int, vals []float32, offs, counts []int32, capacity int, src []float32, run int) {
	for l, n := range counts {
		vals, offs := vals[l*capacity:][:n], offs[l*capacity:][:n]
		to := dst[l*dstStride:][:run]
		i := 0
		for ; i+8 <= run; i += 8 {
			d := (*[8]float32)(to[i:])
			d0, d1, d2, d3, d4, d5, d6, d7 := d[0], d[1], d[2], d[3], d[4], d[5], d[6], d[7]
			for k, v := range vals {
				s := (*[8]float32)(src[int(offs[k])+i:])
				d0 += v * s[0]
				d1 += v * s[1]
				d2 += v * s[2]
				d3 += v * s[3]
				d4 += v * s[4]
				d5 += v * s[5]
				d6 += v * s[6]
				d7 += v * s[7]
			}
			d[0], d[1], d[2], d[3], d[4], d[5], d[6], d[7] = d0, d1, d2, d3, d4, d5, d6, d7
		}
		for ; i < run; i++ {
			d := to[i]
			for k, v := range vals {
				d += v * src[int(offs[k])+i]
			}
			to[i] = d
		}
	}
}

// compactWindowsRef sorts the gradients of one row of pooling windows into
// lists by position in the convolution's output. dy and idx are
// [windows][channels]. The entry (dy, c*wStep) of channel c of window q goes to
// list 2q+dx of the upper row of windows if idx is dx, and to list
// 2*windows+2q+dx if idx is 2+dx. Closed windows (idx 4) and zeros go nowhere.
// counts has 4*windows elements and is overwritten; capacity must be at least
// channels rounded up to 8, plus 8, since vals and offs beyond the counts may
// be written.
func compactWindowsRef(vals []float32, offs, counts []int32, capacity int, dy []float32, idx []uint8, channels, windows, wStep int) {
	clear(counts)
	for q := range windows {
		dy, idx := dy[q*channels:][:channels], idx[q*channels:][:channels]
		for c, v := range dy {
			i := int(idx[c])
			if i > 3 || v == 0 {
				continue
			}
			l := (i>>1)*2*windows + 2*q + i&1
			at := l*capacity + int(counts[l])
			vals[at], offs[at] = v, int32(c*wStep)
			counts[l]++
		}
	}
}

// compactChannelsRef appends gradients to lists, one for each element of
// counts. Of list l, candidate q < n is dy and idx at l*listStride+q*stride;
// its entry is (dy, base + q*step + delta[idx]). Closed windows (idx 4) and
// zeros are left out. vals and offs may be written one element beyond the
// counts.
func compactChannelsRef(vals []float32, offs, counts []int32, capacity int, dy []float32, idx []uint8, listStride, stride, n, base, step int, delta *[8]int32) {
	for l := range counts {
		k := int(counts[l])
		vals, offs := vals[l*capacity:][:capacity], offs[l*capacity:][:capacity]
		at, from := l*listStride, base
		for range n {
			v, i := dy[at], idx[at]
			if i < 4 && v != 0 {
				vals[k], offs[k] = v, int32(from)+delta[i]
				k++
			}
			at += stride
			from += step
		}
		counts[l] = int32(k)
	}
}

// poolRowRef applies ReLU and 2x2 max pooling to two rows of a convolution's
// output, given as [2*windows][16], of which n lanes count. For each window and
// lane, y (at window*stride+lane) is the largest value, or 0 if none is
// positive, or NaN if one is NaN, and idx says which: 0 and 1 for the top row,
// 2 and 3 for the bottom row, the first of equals, 4 for none and for NaN.
func poolRowRef(y []float32, idx []uint8, stride int, top, bottom []float32, windows, n int) {
	for q := range windows {
		t, b := top[q*2*lanes:][:2*lanes], bottom[q*2*lanes:][:2*lanes]
		y, idx := y[q*stride:][:n], idx[q*stride:][:n]
		for l := range n {
			y[l], idx[l] = poolOne(t[l], t[lanes+l], b[l], b[lanes+l])
		}
	}
}

// poolOne is ReLU and max pooling of one window.
func poolOne(v0, v1, v2, v3 float32) (float32, uint8) {
	m, i := largest(v0, v1, v2, v3)
	switch {
	case m != m:
		i = 4
	case !(m > 0):
		m, i = 0, 4
	}
	return m, i
}

// biasRowRef adds the gradients of the open windows to db[:n]. dy and idx are
// [windows][stride].
func biasRowRef(db, dy []float32, idx []uint8, stride, windows, n int) {
	db = db[:n]
	for q := range windows {
		dy, idx := dy[q*stride:][:n], idx[q*stride:][:n]
		for c := range db {
			if idx[c] < 4 {
				db[c] += dy[c]
			}
		}
	}
}

// scaleRef sets dst to src*factor.
func scaleRef(dst []float32, src []uint8, factor float32) {
	for i, v := range src {
		dst[i] = float32(v) * factor
	}
}

// reluRef sets y to max(x, 0); NaN stays NaN, and -0 becomes +0.
func reluRef(y, x []float32) {
	for i, v := range x {
		if v <= 0 {
			v = 0
		}
		y[i] = v
	}
}

// reluGradRef sets dx to dy where y is not at most zero, else to 0.
func reluGradRef(dx, dy, y []float32) {
	dy, y = dy[:len(dx)], y[:len(dx)]
	for i, v := range dy {
		if y[i] <= 0 {
			v = 0
		}
		dx[i] = v
	}
}

// addRef sets y to a+b.
func addRef(y, a, b []float32) {
	a, b = a[:len(y)], b[:len(y)]
	for i, v := range a {
		y[i] = v + b[i]
	}
}

// addReLURef sets y to max(y+x, 0); NaN stays NaN, and -0 becomes +0.
func addReLURef(y, x []float32) {
	for i, v := range x[:len(y)] {
		v += y[i]
		if v <= 0 {
			v = 0
		}
		y[i] = v
	}
}

// transposeRef sets dst[c*dstStride+r] to src[r*srcStride+c] for r < rows and
// c < cols.
func transposeRef(dst []float32, dstStride int, src []float32, srcStride, rows, cols int) {
	const side = 16 // of a square that stays in the cache
	for top := 0; top < rows; top += side {
		height := min(side, rows-top)
		for c := range cols {
			d := dst[c*dstStride+top:][:height]
			for r := range d {
				d[r] = src[(top+r)*srcStride+c]
			}
		}
	}
}
