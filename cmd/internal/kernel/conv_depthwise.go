package kernel

// Depthwise is the shape of a convolution of each channel with a kernel of its
// own. Layouts, all C-contiguous:
//
//	x  [N][H][W][C]
//	w  [KH][KW][C]
//	b  [C]
//	y  [N][OH][OW][C], with OH, OW from OutHW(H, W)
//
// The operations panic if a slice does not fit the shape; call Check on shapes
// that come from outside.
//
// The terms of a result are the bias, then row by row the products of the
// window, without those of the padding.
type Depthwise struct {
	N, H, W, C int
	Window
}

// Check reports whether the shape can be computed.
func (d Depthwise) Check() error {
	if err := d.Window.check(d.H, d.W); err != nil {
		return err
	}
	oh, ow := d.OutHW(d.H, d.W)
	for _, dims := range [][]int{{d.N, d.H, d.W, d.C}, {d.N, oh, ow, d.C}, {d.KH, d.KW, d.C}} {
		if err := checkSize(dims...); err != nil {
			return err
		}
	}
	return nil
}

// Forward computes y = clip(x*w + b). b may be nil.
func (d Depthwise) Forward(ws *Workers, y, x, w, b []float32, clip Clip) {
	d.forward(ws, convOut{y: y, clip: clip}, x, w, b)
}

// forward takes x [N,H,W,C], w [KH,KW,C] and b [C], which may be nil, to out.
func (d Depthwise) forward(ws *Workers, out convOut, x, w, b []float32) {
	oh, ow := d.OutHW(d.H, d.W)
	mustLen("y", out.y, d.N*oh*ow*d.C)
	mustLen("x", x, d.N*d.H*d.W*d.C)
	mustLen("w", w, d.KH*d.KW*d.C)
	if optLen("b", b, d.C) == nil {
		b = grow(&ws.packed, d.C)
		clear(b)
	}
	j := &ws.depthwise
	*j = depthwiseJob{d: d, oh: oh, ow: ow, out: out, x: x, w: w, b: b, clip: out.clip}
	if j.finish = out.add != nil || out.act.Op != UnaryIdentity; j.finish {
		j.clip = Unclipped()
	}
	j.left, j.right = d.inside(ow)
	j.rowTiles = (oh + rowTile - 1) / rowTile
	ws.run(d.N*j.rowTiles, j)
}

// inside returns the output columns from, ..., to-1 whose windows see no
// padding.
func (d Depthwise) inside(ow int) (from, to int) {
	from = min(ow, (d.PadLeft+d.StrideW-1)/d.StrideW)
	if last := d.W - 1 - (d.KW-1)*d.DilationW + d.PadLeft; last >= 0 {
		to = min(ow, last/d.StrideW+1)
	}
	return from, max(from, to)
}

// depthwiseJob computes a tile of rows of one image.
type depthwiseJob struct {
	d           Depthwise
	oh, ow      int
	left, right int // the columns that see no padding
	rowTiles    int
	x, w, b     []float32
	out         convOut
	clip        Clip // of the products
	finish      bool // whether more is to be done
}

func (j *depthwiseJob) task(i int, ws *Workers, _ *worker) {
	n, tile := i/j.rowTiles, i%j.rowTiles
	first, last := tile*rowTile, min((tile+1)*rowTile, j.oh)
	size := j.ow * j.d.C
	r := depthwiseRow{d: j.d, left: j.left, right: j.right, ow: j.ow, x: j.x[n*j.d.H*j.d.W*j.d.C:], w: j.w, b: j.b, clip: j.clip}
	for row := first; row < last; row++ {
		r.y = j.out.y[(n*j.oh+row)*size:][:size]
		r.compute(ws.backend, row)
	}
	if j.finish {
		j.out.finish(ws, (n*j.oh+first)*size, (n*j.oh+last)*size)
	}
}

// depthwiseRow computes rows of the output of a picture.
type depthwiseRow struct {
	d               Depthwise
	left, right, ow int       // as in depthwiseJob
	y               []float32 // the row
	x               []float32 // the picture, from row base on
	base            int
	w, b            []float32
	clip            Clip
}

func (r *depthwiseRow) compute(be *backend, row int) {
	for col := range r.left {
		r.columns(be, row, col, col+1)
	}
	// The same number of columns in each call, if possible.
	tiles := (r.right - r.left + depthwiseColumns - 1) / depthwiseColumns
	for t := range tiles {
		r.columns(be, row, r.left+t*(r.right-r.left)/tiles, r.left+(t+1)*(r.right-r.left)/tiles)
	}
	for col := r.right; col < r.ow; col++ {
		r.columns(be, row, col, col+1)
	}
}

// taps returns the elements first, ..., last-1 of a kernel of k that meet an
// input of n values, if element 0 meets value at.
func taps(at, k, dilation, n int) (first, last int) {
	if at < 0 {
		first = min(k, (-at+dilation-1)/dilation)
	}
	if n > at {
		last = min(k, (n-1-at)/dilation+1)
	}
	return first, max(first, last)
}

// columns computes the columns from, ..., to-1, which see as much padding as
// the first one.
func (r *depthwiseRow) columns(be *backend, row, from, to int) {
	d := r.d
	top, left := row*d.StrideH-d.PadTop, from*d.StrideW-d.PadLeft
	y0, y1 := taps(top, d.KH, d.DilationH, d.H)
	x0, x1 := taps(left, d.KW, d.DilationW, d.W)
	a := depthwiseArgs{
		dst: r.y[from*d.C:], dstStride: d.C,
		init: r.b, n: to - from, channels: d.C, clip: r.clip,
	}
	if y0 < y1 && x0 < x1 {
		a.x = r.x[((top+y0*d.DilationH-r.base)*d.W+left+x0*d.DilationW)*d.C:]
		a.pixStride, a.rowStride, a.step = d.StrideW*d.C, d.DilationH*d.W*d.C, d.DilationW*d.C
		a.w, a.wStride, a.wRow = r.w[(y0*d.KW+x0)*d.C:], d.C, d.KW*d.C
		a.rows, a.run = y1-y0, x1-x0
	}
	be.depthwise(a)
}

// depthwiseColumns is the most columns of a call of depthwise.
const depthwiseColumns = 14

// depthwiseArgs are the arguments of depthwise: for p < n, at most
// depthwiseColumns, and l < channels
//
//	dst[p*dstStride+l] = clip(init[l] + sum over r < rows, j < run of
//	    x[p*pixStride+r*rowStride+j*step+l] * w[r*wRow+j*wStride+l])
type depthwiseArgs struct {
	dst       []float32
	dstStride int
	init      []float32

	x                          []float32
	pixStride, rowStride, step int

	w             []float32
	wStride, wRow int

	rows, run, n, channels int
	clip                   Clip
}

// from is what remains to do without the first channels.
func (a depthwiseArgs) from(channel int) depthwiseArgs {
	a.dst, a.init, a.channels = a.dst[channel:], a.init[channel:], a.channels-channel
	if a.rows > 0 {
		a.x, a.w = a.x[channel:], a.w[channel:]
	}
	return a
}

func depthwiseRef(a depthwiseArgs) {
	for p := range a.n {
		dst := a.dst[p*a.dstStride:][:a.channels]
		copy(dst, a.init)
		for r := range a.rows {
			for j := range a.run {
				x := a.x[p*a.pixStride+r*a.rowStride+j*a.step:][:len(dst)]
				w := a.w[r*a.wRow+j*a.wStride:][:len(dst)]
				for l := range dst {
					dst[l] += x[l] * w[l]
				}
			}
		}
		clipRef(dst, dst, a.clip.Lo, a.clip.Hi)
	}
}
