package kernel

// pointwisePixels is the number of pixels of a task of a 1x1 convolution. It is
// a multiple of the rows that the GEMM micro-kernels of all backends take at
// once: rows of a picture are often narrower, and would leave registers empty.
const pointwisePixels = 96

// pointwise reports that pixels are independent of each other, so that rows and
// images need not be told apart.
func (c Conv) pointwise() bool { return c.K == 1 && c.Stride == 1 && c.Pad == 0 }

// convPointwise computes y [P,Cout] = x [P,Cin] * w [Cin,Cout] + b for some of
// the P = N*H*W pixels. The terms of a result are in the order of convForward.
type convPointwise struct {
	c      Conv
	out    convOut
	parts  parts // of the blocks
	pixels int
	x      []float32
	w, b   []float32 // packed, as in convForward
}

func (j *convPointwise) task(i int, ws *Workers, _ *worker) {
	cin, cout := j.c.Cin, j.c.Cout
	first := i / j.parts.count * pointwisePixels
	n := min(pointwisePixels, j.pixels-first)
	from, to := j.parts.of(i % j.parts.count)
	j.out.rows(ws.backend, gemmRows{x: j.x[first*cin:], w: j.w, b: j.b, at: first * cout, n: n, cin: cin, cout: cout, from: from, to: to})
}

// gemmRows is n rows of a product y [n][cout] = x [n][cin] * w [cin][cout] + b,
// with w packed [blocks][cin][lanes] and b [blocks][lanes], for the blocks
// from, ..., to-1. y begins with value at of the output.
type gemmRows struct {
	x, w, b          []float32
	at, n, cin, cout int
	from, to         int
}

// rows computes rows of the output.
func (o convOut) rows(be *backend, g gemmRows) {
	for blk := g.from; blk < g.to; blk++ {
		at := g.at + blk*lanes
		// y [n,16] = b [16] + x [n,cin] * w [cin,16]
		be.gemm(gemmArgs{
			dst: o.y[at:], dstStride: g.cout,
			init: g.b[blk*lanes:],
			x:    g.x, pixStride: g.cin, step: 1,
			w: g.w[blk*g.cin*lanes:][:g.cin*lanes], wStride: lanes,
			rows: 1, run: g.cin, n: g.n,
			gemmEnd: o.end(at, g.cout-blk*lanes),
		})
	}
	o.activate(be, g.at, g.n, g.cout, g.from*lanes, min(g.to*lanes, g.cout))
}
