package kernel

import (
	"errors"
	"fmt"
	"math"
)

// Which way a convolution is computed depends on its shape alone.
//
//	forward, 3x3 of many channels   Winograd's F(2x2,3x3): winograd.go
//	forward, others                 implicit GEMM, im2col without the copy of the
//	                                windows: forwardDirect
//	input gradient, stride 1        a convolution of dy with the transposed
//	                                weights, by either way: gradXDense
//	input gradient, other strides   the same for each phase of the input:
//	                                conv_grad_strided.go
//	weight gradient                 GEMM, inputs against dy: conv_grad_dense.go
//	both gradients, after pooling   sparse products of the outputs that pooling
//	                                chose: conv_grad_sparse.go
//	weight gradient, after pooling  of a 3x3 kernel of three channels: gathered
//	                                2x2 windows, conv_grad_gather.go
//	forward, 1x1                    one GEMM of all pixels: conv_pointwise.go
//	forward, any window or groups   conv_grouped.go, implicit GEMM too
//	forward, short rows             windows copied to fill registers:
//	                                conv_im2col.go
//	forward, depthwise and 1x1      together, a few rows at a time: separable.go
//	forward, one input channel each conv_depthwise.go

// Conv is the shape of a two-dimensional convolution (cross-correlation, as in
// every deep-learning library) with square kernels.
//
// Layouts, all C-contiguous:
//
//	x  [N][H][W][Cin]
//	w  [K][K][Cin][Cout]
//	b  [Cout]
//	y  [N][OH][OW][Cout], with OH, OW from OutHW
//
// Pad is the number of zero rows and columns added on each side. N may change
// from call to call. The operations panic if a slice does not fit the shape;
// call Check on shapes that come from outside.
type Conv struct{ N, H, W, Cin, Cout, K, Stride, Pad int }

// Check reports whether the shape can be computed: all sizes positive (Pad may
// be 0), at least one output, and fewer than 2^31 values in every tensor.
func (c Conv) Check() error {
	for _, f := range []struct {
		name string
		v    int
	}{
		{"batch size", c.N}, {"height", c.H}, {"width", c.W}, {"input channels", c.Cin},
		{"output channels", c.Cout}, {"kernel size", c.K}, {"stride", c.Stride}, {"padding", c.Pad + 1},
	} {
		if f.v < 1 || f.v > math.MaxInt32 {
			return fmt.Errorf("convolution: bad %s %d", f.name, f.v)
		}
	}
	if c.Pad > 1<<16 || c.K > 1<<16 {
		return errors.New("convolution: kernel or padding too large")
	}
	g := c.geometry()
	if c.H+2*c.Pad < c.K || c.W+2*c.Pad < c.K {
		return fmt.Errorf("convolution: a %dx%d input with padding %d is smaller than the %dx%d kernel", c.H, c.W, c.Pad, c.K, c.K)
	}
	for _, dims := range [][]int{
		{c.N, g.hp, g.wp, c.Cin}, {c.N, g.oh, g.ow, c.Cout}, {c.K, c.K, c.Cin, c.Cout + lanes},
	} {
		size := int64(1)
		for _, d := range dims {
			if size *= int64(d); size > math.MaxInt32 {
				return fmt.Errorf("convolution: a tensor of shape %v is too large", dims)
			}
		}
	}
	return nil
}

// OutHW returns the height and width of the output: (H+2*Pad-K)/Stride + 1.
func (c Conv) OutHW() (h, w int) {
	return (c.H+2*c.Pad-c.K)/c.Stride + 1, (c.W+2*c.Pad-c.K)/c.Stride + 1
}

// grouped is the same convolution in a more general form.
func (c Conv) grouped() GroupedConv {
	return GroupedConv{c.N, c.H, c.W, c.Cin, c.Cout, 1, square(c.K, c.Stride, c.Pad)}
}

// PoolHW returns the height and width after 2x2 max pooling of the output: half
// of OutHW, rounded down.
func (c Conv) PoolHW() (h, w int) {
	h, w = c.OutHW()
	return h / 2, w / 2
}

// geometry holds what follows from a shape.
type geometry struct {
	hp, wp  int // padded input
	oh, ow  int // output
	ph, pw  int // pooled output
	row     int // values in a row of the padded input
	run     int // values of a row that one row of the kernel covers
	elems   int // weights of one output channel
	blocks  int // blocks of lanes output channels
	image   int // values in a padded image
	groups  int // parts of the batch with a gradient sum of their own
	strideX int // values of the input from one output column to the next
	strideY int // values of the input from one output row to the next
}

// gradGroups is the number of parts into which a batch is cut for the weight
// gradients. It is a constant because the order of additions depends on it.
const gradGroups = 8

func (c Conv) geometry() geometry {
	g := geometry{hp: c.H + 2*c.Pad, wp: c.W + 2*c.Pad}
	g.oh, g.ow = c.OutHW()
	g.ph, g.pw = g.oh/2, g.ow/2
	g.row = g.wp * c.Cin
	g.run = c.K * c.Cin
	g.elems = c.K * g.run
	g.blocks = (c.Cout + lanes - 1) / lanes
	g.image = g.hp * g.row
	g.groups = min(c.N, gradGroups)
	g.strideX = c.Stride * c.Cin
	g.strideY = c.Stride * g.row
	return g
}

// Forward computes y = x*w + b. b may be nil.
func (c Conv) Forward(ws *Workers, y, x, w, b []float32) {
	g := c.geometry()
	mustLen("y", y, c.N*g.oh*g.ow*c.Cout)
	c.forward(ws, g, convOut{y: y, clip: Unclipped()}, x, w, b)
}

// ForwardReLU computes y = relu(x*w + b + add). b and add may be nil; add is
// like y, but not the same memory.
func (c Conv) ForwardReLU(ws *Workers, y, x, w, b, add []float32) {
	g := c.geometry()
	mustLen("y", y, c.N*g.oh*g.ow*c.Cout)
	optLen("add", add, len(y))
	c.forward(ws, g, convOut{y: y, add: add, clip: Rectified()}, x, w, b)
}

// ForwardReLUPool computes y = maxpool2x2(relu(x*w + b)) without storing what
// is between. b may be nil. y and idx are [N][PH][PW][Cout], with PH, PW from
// PoolHW; an odd last row or column of the convolution is dropped, and never
// computed. idx says which of its window's values y is: 0 and 1 are the upper
// row, 2 and 3 the lower, 4 means that none was positive (y is 0). If a window
// holds a NaN, y is NaN and idx is 4.
func (c Conv) ForwardReLUPool(ws *Workers, y []float32, idx []uint8, x, w, b []float32) {
	g := c.geometry()
	mustLen("y", y, c.N*g.ph*g.pw*c.Cout)
	mustLen("idx", idx, len(y))
	c.forward(ws, g, convOut{y: y, idx: idx}, x, w, b)
}

// convOut says what becomes of a convolution: y = act(clip(x*w + b + add)), or
// pooling.
type convOut struct {
	y    []float32 // [N,OH,OW,Cout], or [N,PH,PW,Cout] after pooling
	idx  []uint8   // not nil: ReLU and max pooling; like y
	add  []float32 // like y; may be nil
	clip Clip
	act  Unary
}

// activated is the output y = act(x*w + b + add).
func activated(y, add []float32, act Unary) convOut {
	out := convOut{y: y, add: optLen("add", add, len(y)), clip: Unclipped(), act: act}
	if clip, only := act.Limits(); only {
		out.clip, out.act = clip, Unary{}
	}
	return out
}

// plain reports that nothing is left to finish.
func (o convOut) plain() bool {
	return o.idx != nil || o.add == nil && o.clip == Unclipped() && o.act.Op == UnaryIdentity
}

// end is what gemm does with a block of results whose first value is y[at], of
// which the layer has so many channels more.
func (o convOut) end(at, channels int) gemmEnd {
	e := gemmEnd{clipped: o.clip != Unclipped(), clip: o.clip, unused: max(0, lanes-channels)}
	if o.add != nil {
		e.add = o.add[at:]
	}
	return e
}

// activate applies what gemm does not to a tile of rows of the output, which
// are cout values apart, from a channel to another.
func (o convOut) activate(be *backend, at, rows, cout, from, to int) {
	if o.act.Op == UnaryIdentity {
		return
	}
	if to-from == cout {
		rows, cout, to = 1, 0, from+rows*cout
	}
	for r := range rows {
		y := o.y[at+r*cout+from : at+r*cout+to]
		be.apply(o.act, y, y)
	}
}

// finish adds and clips the outputs from, ..., to-1.
func (o convOut) finish(ws *Workers, from, to int) {
	y, rectify := o.y[from:to], o.clip == Rectified()
	switch {
	case rectify && o.add == nil:
		ws.backend.relu(y, y)
		return
	case rectify:
		ws.backend.addReLU(y, o.add[from:to])
		return
	case o.add != nil:
		ws.backend.add(y, y, o.add[from:to])
	}
	if o.clip != Unclipped() {
		ws.backend.clip(y, y, o.clip.Lo, o.clip.Hi)
	}
	if o.act.Op != UnaryIdentity {
		ws.backend.apply(o.act, y, y)
	}
}

// rowTile is the number of output rows (pooled rows) of a forward task.
const rowTile = 8

// convForward computes a tile of rows of one image. It walks block by block
// so that the weights of a block stay in the cache.
//
// With P = OH*OW pixels of an image and E = K*K*Cin kernel elements it is the
// product y [P,Cout] = windows(x) [P,E] * w [E,Cout] + b [Cout], of which each
// call of gemm computes OW rows and one block of 16 columns. The windows are
// read in place: a row of the kernel covers K*Cin consecutive values of x.
type convForward struct {
	c        Conv
	g        geometry
	out      convOut
	x        []float32
	w        []float32 // packed [blocks][kernel elements][lanes]
	b        []float32 // packed [blocks][lanes]
	rows     int       // rows of y in an image
	rowTiles int
	parts    parts // of the blocks
}

// parts is how the blocks of output channels are divided among tasks, where
// there are too few others.
type parts struct{ blocks, count int }

// divide divides blocks such that there are several tasks for each thread.
func (ws *Workers) divide(blocks, tasks int) parts {
	p := parts{blocks, 1}
	if threads := len(ws.workers); threads > 1 && tasks > 0 && tasks < 4*threads {
		p.count = min(blocks, (4*threads+tasks-1)/tasks)
	}
	return p
}

// of returns the blocks of part i.
func (p parts) of(i int) (from, to int) {
	return i * p.blocks / p.count, (i + 1) * p.blocks / p.count
}

// forward takes x [N,H,W,Cin], w [K,K,Cin,Cout] and b [Cout] to out.
func (c Conv) forward(ws *Workers, g geometry, out convOut, x, w, b []float32) {
	mustLen("x", x, c.N*c.H*c.W*c.Cin)
	mustLen("w", w, g.elems*c.Cout)
	optLen("b", b, c.Cout)
	if c.winograd() {
		c.forwardWinograd(ws, g, out, x, w, b)
	} else {
		c.forwardDirect(ws, g, out, x, w, b)
	}
}

// forwardDirect is an implicit GEMM.
func (c Conv) forwardDirect(ws *Workers, g geometry, out convOut, x, w, b []float32) {
	packed := grow(&ws.packed, g.packedDirect())
	c.packDirect(ws, g, packed, w, b)
	c.computeDirect(ws, g, out, x, packed)
}

// packedDirect is the number of values of packed weights and biases:
// [blocks][kernel elements][lanes] and [blocks][lanes].
func (g geometry) packedDirect() int { return g.blocks * (g.elems + 1) * lanes }

// packDirect packs w [K,K,Cin,Cout] and b [Cout], which may be nil.
func (c Conv) packDirect(ws *Workers, g geometry, packed, w, b []float32) {
	at := g.blocks * g.elems * lanes
	ws.pack = packJob{dst: packed[:at], src: w, rows: g.elems, cols: c.Cout}
	ws.run(ws.pack.tasks(), &ws.pack)
	clear(packed[at:])
	copy(packed[at:], b)
}

// computeDirect is the convolution with packed weights.
func (c Conv) computeDirect(ws *Workers, g geometry, out convOut, x, packed []float32) {
	if d := c.grouped(); out.idx == nil && !c.pointwise() && d.im2col() {
		d.computeIm2col(ws, out, x, packed)
		return
	}
	x = c.padInput(ws, g, x)
	rows := g.oh
	if out.idx != nil {
		rows = g.ph
	}
	j := &ws.convForward
	*j = convForward{c: c, g: g, out: out, x: x, rows: rows, rowTiles: (rows + rowTile - 1) / rowTile}
	j.w, j.b = packed[:g.blocks*g.elems*lanes], packed[g.blocks*g.elems*lanes:]
	if out.idx == nil && c.pointwise() {
		p := &ws.convPointwise
		*p = convPointwise{c: c, out: out, pixels: c.N * g.oh * g.ow, x: x, w: j.w, b: j.b}
		tiles := (p.pixels + pointwisePixels - 1) / pointwisePixels
		p.parts = ws.divide(g.blocks, tiles)
		ws.run(tiles*p.parts.count, p)
		return
	}
	j.parts = ws.divide(g.blocks, c.N*j.rowTiles)
	ws.reserve(scratch{buf: 2 * g.ow * lanes})
	ws.run(c.N*j.rowTiles*j.parts.count, j)
}

func (j *convForward) task(i int, ws *Workers, w *worker) {
	tile := i / j.parts.count
	n, tile := tile/j.rowTiles, tile%j.rowTiles
	first, last := tile*rowTile, min((tile+1)*rowTile, j.rows)
	x := j.x[n*j.g.image:][:j.g.image]
	from, to := j.parts.of(i % j.parts.count)
	for blk := from; blk < to; blk++ {
		for row := first; row < last; row++ {
			if j.out.idx == nil {
				j.plain(ws, x, n, blk, row)
			} else {
				j.pooled(ws, w, x, n, blk, row)
			}
		}
	}
	if j.out.idx == nil {
		ow, cout := j.g.ow, j.c.Cout
		j.out.activate(ws.backend, (n*j.rows+first)*ow*cout, (last-first)*ow, cout, from*lanes, min(to*lanes, cout))
	}
}

// conv computes one row of the convolution for one block of channels:
// dst [cols,16] = b [16] + windows(x) [cols,K*K*Cin] * w [K*K*Cin,16].
func (j *convForward) conv(ws *Workers, dst []float32, stride int, x []float32, blk, row, cols int, end gemmEnd) {
	size := j.g.elems * lanes
	ws.backend.gemm(gemmArgs{
		dst: dst, dstStride: stride,
		init: j.b[blk*lanes:],
		x:    x[row*j.g.strideY:], pixStride: j.g.strideX, rowStride: j.g.row, step: 1,
		w: j.w[blk*size:][:size], wStride: lanes,
		rows: j.c.K, run: j.g.run, n: cols,
		gemmEnd: end,
	})
}

// plain computes a row of y [N,OH,OW,Cout] for one block of channels.
func (j *convForward) plain(ws *Workers, x []float32, n, blk, row int) {
	cout := j.c.Cout
	at := (n*j.g.oh+row)*j.g.ow*cout + blk*lanes
	j.conv(ws, j.out.y[at:], cout, x, blk, row, j.g.ow, j.out.end(at, cout-blk*lanes))
}

// pooled computes a row of the pooled y [N,PH,PW,Cout] for one block of
// channels.
func (j *convForward) pooled(ws *Workers, w *worker, x []float32, n, blk, row int) {
	cout, cols := j.c.Cout, 2*j.g.pw
	if cols == 0 {
		return
	}
	tile := w.buf[:2*cols*lanes]
	top, bottom := tile[:cols*lanes], tile[cols*lanes:]
	j.conv(ws, top, lanes, x, blk, 2*row, cols, gemmEnd{})
	j.conv(ws, bottom, lanes, x, blk, 2*row+1, cols, gemmEnd{})
	at := (n*j.g.ph+row)*j.g.pw*cout + blk*lanes
	ws.backend.poolRow(j.out.y[at:], j.out.idx[at:], cout, top, bottom, j.g.pw, min(lanes, cout-blk*lanes))
}

// padInput returns x, or a copy of it with zeros around each image.
func (c Conv) padInput(ws *Workers, g geometry, x []float32) []float32 {
	if c.Pad == 0 {
		return x
	}
	return padInput(ws, x, c.N, c.H, c.W*c.Cin, square(c.K, c.Stride, c.Pad), c.Cin)
}

// padInput copies n images of h rows of width values, with zeros around each.
func padInput(ws *Workers, x []float32, n, h, width int, v Window, channels int) []float32 {
	j := &ws.padding
	*j = padJob{src: x, h: h, width: width, top: v.PadTop, side: v.PadLeft * channels}
	j.row = width + (v.PadLeft+v.PadRight)*channels
	j.image = (h + v.PadTop + v.PadBottom) * j.row
	j.dst = grow(&ws.padded, n*j.image)
	ws.run(n, j)
	return j.dst
}

// padJob copies an image into a larger one of zeros.
type padJob struct {
	dst, src   []float32
	image, row int // values of the larger image, and of its rows
	h, width   int // rows of the image, and their values
	top, side  int // where it goes: rows, values
}

func (j *padJob) task(n int, _ *Workers, _ *worker) {
	dst := j.dst[n*j.image:][:j.image]
	at := 0 // end of the last row copied
	for h := range j.h {
		from := (h+j.top)*j.row + j.side
		clear(dst[at:from])
		at = from + copy(dst[from:], j.src[(n*j.h+h)*j.width:][:j.width])
	}
	clear(dst[at:])
}

// packJob cuts a [rows][cols] matrix into blocks of lanes columns,
// [blocks][rows][lanes], with zeros for missing columns.
type packJob struct {
	dst, src   []float32
	rows, cols int
}

// packRows is the number of rows of a packing task.
const packRows = 64

func (j *packJob) tasks() int { return (j.rows + packRows - 1) / packRows }

func (j *packJob) task(i int, _ *Workers, _ *worker) {
	whole := j.cols / lanes * lanes
	for r := i * packRows; r < min((i+1)*packRows, j.rows); r++ {
		src := j.src[r*j.cols:][:j.cols]
		for first := 0; first < whole; first += lanes {
			v := [lanes]float32(src[first:]) // of its own, or the compiler fears that they overlap
			*(*[lanes]float32)(j.dst[first*j.rows+r*lanes:]) = v
		}
		if whole < j.cols {
			d := j.dst[whole*j.rows+r*lanes:][:lanes]
			clear(d[copy(d, src[whole:]):])
		}
	}
}
