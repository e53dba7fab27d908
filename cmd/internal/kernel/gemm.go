package kernel

// gemmArgs are the arguments of gemm, a product of matrices with 16 columns,
// whose left side may be the windows of a convolution, read in place:
//
//	dst [n][16] = init [n][16] + x [n][rows*run] * w [rows*run][16]
//
// Value r*run+j of row p of the left side is x[p*pixStride+r*rowStride+j*step].
// In a convolution p counts columns of an output row, r rows of the kernel
// (or of an output, in the weight gradient), and j the values of such a row. An
// initStride of 0 starts every row from the same values.
//
// It is passed by value: a pointer through a function value would escape.
type gemmArgs struct {
	dst        []float32
	dstStride  int
	init       []float32
	initStride int

	x                          []float32
	pixStride, rowStride, step int

	w       []float32
	wStride int

	rows, run, n int

	gemmEnd
}

// gemmEnd is what is done with the results of gemm before they are stored; the
// zero value means nothing.
type gemmEnd struct {
	add     []float32 // unless nil, add[p*dstStride+l] is added
	clipped bool      // whether they are then clipped
	clip    Clip
	unused  int // of the 16 lanes, the last ones, which dst and add lack
}

// gemmRef computes n rows of 16 lanes. For p < n and l < 16:
//
//	dst[p*dstStride+l] = init[p*initStride+l] + sum over r < rows, j < run of
//	    x[p*pixStride+r*rowStride+j*step] * w[(r*run+j)*wStride+l]
//
// or what gemmEnd makes of it. dst and init may be the same.
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
			a.store(p, l, sum[:4])
			if second > 0 {
				a.store(p+1, l, sum[4:])
			}
		}
	}
}

// store finishes the results of row p from lane l on.
func (a *gemmArgs) store(p, l int, sum []float32) {
	n := lanes - a.unused - l
	if n <= 0 {
		return
	}
	sum = sum[:min(n, len(sum))]
	at := p*a.dstStride + l
	if a.add != nil {
		addRef(sum, sum, a.add[at:])
	}
	if a.clipped {
		clipRef(sum, sum, a.clip.Lo, a.clip.Hi)
	}
	copy(a.dst[at:], sum)
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
