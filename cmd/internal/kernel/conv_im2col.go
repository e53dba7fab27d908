package kernel

// Rows of a picture that are shorter than the tiles of the GEMM micro-kernel
// leave registers empty. There the windows of as many pixels as fill tiles are
// copied next to each other, of one row of the kernel at a time, whatever rows
// and pictures the pixels are of. The terms of a result have the same order.

// shortRows reports whether rows of n values leave more than a fifth of the
// time unused. It counts a tile of fewer than 8 values as one of 8, since it
// waits as long for its multiply-adds.
func shortRows(n int) bool {
	used := 0
	for left := n; left > 0; {
		tile := 1
		for _, t := range []int{24, 16, 12, 8, 6, 4, 2} {
			if t <= left {
				tile = t
				break
			}
		}
		used += max(tile, 8)
		left -= tile
	}
	return 5*n < 4*used
}

// im2col reports whether the windows are copied. The copy must be cheap next to
// the products, and an incomplete block of channels cannot be added to.
func (c GroupedConv) im2col() bool {
	_, ow := c.OutHW(c.H, c.W)
	return c.Groups == 1 && c.Cout >= 2*lanes && c.Cout%lanes == 0 && shortRows(ow)
}

// convIm2col computes pixels of the output [N*OH*OW,Cout].
type convIm2col struct {
	c      GroupedConv
	out    convOut
	x      []float32
	w, b   []float32 // packed, as in convForward
	oh, ow int
	pixels int
	parts  parts // of the blocks
}

// computeIm2col is the convolution with weights packed by packDirect.
func (c GroupedConv) computeIm2col(ws *Workers, out convOut, x, packed []float32) {
	blocks, elems := c.blocks()
	j := &ws.convIm2col
	*j = convIm2col{c: c, out: out, x: x, w: packed[:blocks*elems*lanes], b: packed[blocks*elems*lanes:]}
	j.oh, j.ow = c.OutHW(c.H, c.W)
	j.pixels = c.N * j.oh * j.ow
	tiles := (j.pixels + pointwisePixels - 1) / pointwisePixels
	j.parts = ws.divide(blocks, 2*tiles) // each part copies again
	ws.reserve(scratch{buf: pointwisePixels * c.KW * c.Cin})
	ws.run(tiles*j.parts.count, j)
}

func (j *convIm2col) task(i int, ws *Workers, w *worker) {
	c, run := j.c, j.c.KW*j.c.Cin
	first := i / j.parts.count * pointwisePixels
	n := min(pointwisePixels, j.pixels-first)
	from, to := j.parts.of(i % j.parts.count)
	windows := w.buf[:n*run]
	for ky := range c.KH {
		j.copy(windows, first, ky)
		for blk := from; blk < to; blk++ {
			at := first*c.Cout + blk*lanes
			// y [n,16] = init + windows [n,KW*Cin] * w [KW*Cin,16]
			a := gemmArgs{
				dst: j.out.y[at:], dstStride: c.Cout,
				init: j.out.y[at:], initStride: c.Cout,
				x: windows, pixStride: run, step: 1,
				w: j.w[(blk*c.KH+ky)*run*lanes:][:run*lanes], wStride: lanes,
				rows: 1, run: run, n: n,
			}
			if ky == 0 {
				a.init, a.initStride = j.b[blk*lanes:], 0
			}
			if ky == c.KH-1 {
				a.gemmEnd = j.out.end(at, lanes)
			}
			ws.backend.gemm(a)
		}
	}
	j.out.activate(ws.backend, first*c.Cout, n, c.Cout, from*lanes, to*lanes)
}

// copy copies row ky of the windows of pixels.
func (j *convIm2col) copy(dst []float32, first, ky int) {
	c := j.c
	for run := c.KW * c.Cin; len(dst) > 0; first++ {
		window := dst[:run]
		dst = dst[run:]
		col, row, n := first%j.ow, first/j.ow%j.oh, first/j.ow/j.oh
		y, x := row*c.StrideH-c.PadTop+ky*c.DilationH, col*c.StrideW-c.PadLeft
		if y < 0 || y >= c.H {
			clear(window)
			continue
		}
		line := j.x[(n*c.H+y)*c.W*c.Cin:][:c.W*c.Cin]
		x0, x1 := taps(x, c.KW, c.DilationW, c.W)
		clear(window[:x0*c.Cin])
		clear(window[x1*c.Cin:])
		if c.DilationW == 1 {
			copy(window[x0*c.Cin:x1*c.Cin], line[(x+x0)*c.Cin:])
			continue
		}
		for kx := x0; kx < x1; kx++ {
			copy(window[kx*c.Cin:][:c.Cin], line[(x+kx*c.DilationW)*c.Cin:])
		}
	}
}
