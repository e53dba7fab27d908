package kernel

// A 3x3 convolution with stride 1 and many channels is computed by Winograd's
// minimal filtering F(2x2, 3x3), as in A. Lavin and S. Gray, "Fast algorithms
// for convolutional neural networks", CVPR 2016, section 4.1. For each tile of
// 2x2 outputs, which see 4x4 inputs d, and 3x3 weights g,
//
//	Y = A^T [(G g G^T) * (B^T d B)] A
//
// with * element by element, summed over the input channels. That is 16
// products in place of 36. B and A hold only 0, 1 and -1.
//
//	      1  0 -1  0          1   0   0
//	B^T = 0  1  1  0     G = 1/2 1/2 1/2     A^T = 1 1  1  0
//	      0 -1  1  0         1/2 -1/2 1/2          0 1 -1 -1
//	      0  1  0 -1          0   0   1
//
// A tile is just a pooling window, so that nothing is lost to a pooling that
// follows.
//
// # Order
//
// Tiles are independent of each other, and the terms of each are added in one
// order: that of winograd_ref.go in the transforms, channel after channel in
// the products. How the tiles are spread over tasks changes no result.
//
// # Errors
//
// The transforms cancel, but the sums are 9 times shorter than those of the
// textbook algorithm, which weighs more: the largest error, relative to the
// largest output, is 2e-7, 3e-7 and 7e-7 with 16, 64 and 256 input channels,
// against 3e-7, 8e-7 and 1.5e-6 of the direct sums (TestWinogradError). F(4x4,
// 3x3) would save up to another 1.8 times of the products, but multiplies by
// numbers up to 8 in its transforms, and is much less accurate.
//
// A NaN among the inputs makes each output that sees it NaN, and may do so to
// all outputs of the up to four tiles that see it: inputs are added up before
// weights are applied. So does an infinity, except that an output that sees it
// may be infinite. Sums of four inputs, or of nine weights, must not overflow.

// planes is the number of products of a tile.
const planes = 16

// biasPlane is the product that enters all four outputs with a plus sign. A sum
// that starts with the bias there adds it to each of them.
const biasPlane = 5

// winograd reports whether the convolution is computed in tiles, which is where
// that is faster: fewer channels pay too little for the transforms, single rows
// fill half of their tiles, and channels that fill no vector are slow to
// transform. The answer must depend on nothing but the shape of an image, and
// be the same on all backends, since the two ways differ in the last bits.
func (c Conv) winograd() bool {
	if c.K != 3 || c.Stride != 1 || c.Cin < 16 || c.Cin%8 != 0 || c.Cout < 16 {
		return false
	}
	oh, ow := c.OutHW()
	return oh > 1 && ow > 1
}

// mostTiles is the number of tiles that a task handles at a time: so many share
// one reading of the weights, which are 16/9 of the untransformed ones. Fewer
// are slower from 256 channels on, though their inputs fit a smaller cache.
const mostTiles = 48

// convWinograd computes consecutive tiles, which may reach over rows and
// images. x is [N,H,W,Cin]; transformed it is v [16][tiles,Cin], and the
// products are m [16][tiles,16 channels], one matrix for each of the 16 planes.
type convWinograd struct {
	c            Conv
	g            geometry
	out          convOut
	x            []float32
	u            []float32 // transformed weights [blocks][planes][Cin+1][lanes]
	b            []float32 // [blocks+1][lanes], the last zero
	th, tw       int       // tiles of an image
	tilesPerTask int       // tiles of a task

	vPlane, mPlane, uPlane int // values from one plane to the next
}

// A gap between planes keeps them off the same cache sets.
const planeGap = lanes

func (c Conv) forwardWinograd(ws *Workers, g geometry, out convOut, x, w, b []float32) {
	packed := grow(&ws.packed, g.packedWinograd(c))
	c.packWinograd(ws, g, packed, w, b)
	c.computeWinograd(ws, g, out, x, packed)
}

// uPlane is the distance of the planes of the transformed weights of a block.
func (c Conv) uPlane() int { return c.Cin*lanes + planeGap }

// packedWinograd is the number of values of transformed weights and biases.
func (g geometry) packedWinograd(c Conv) int {
	return g.blocks*planes*c.uPlane() + (g.blocks+1)*lanes
}

// packWinograd transforms w [3,3,Cin,Cout] and packs b [Cout], which may be
// nil.
func (c Conv) packWinograd(ws *Workers, g geometry, packed, w, b []float32) {
	at := g.blocks * planes * c.uPlane()
	clear(packed[at:])
	copy(packed[at:], b)
	ws.winogradWeights = winogradWeights{c: c, u: packed[:at], w: w, plane: c.uPlane()}
	ws.run(g.blocks, &ws.winogradWeights)
}

// computeWinograd is the convolution with transformed weights.
func (c Conv) computeWinograd(ws *Workers, g geometry, out convOut, x, packed []float32) {
	j := &ws.convWinograd
	*j = convWinograd{c: c, g: g, out: out, x: x, th: g.ph, tw: g.pw}
	if out.idx == nil {
		j.th, j.tw = (g.oh+1)/2, (g.ow+1)/2
	}
	// Multiples of 12 suit the GEMM micro-kernels of all backends; each
	// thread should have a task.
	share := c.N * j.th * j.tw / len(ws.workers)
	j.tilesPerTask = max(12, min(mostTiles, (share+11)/12*12))
	j.vPlane, j.mPlane, j.uPlane = j.tilesPerTask*c.Cin+planeGap, j.tilesPerTask*lanes+planeGap, c.uPlane()
	j.u, j.b = packed[:g.blocks*planes*j.uPlane], packed[g.blocks*planes*j.uPlane:]
	ws.reserve(scratch{buf: planes*(j.vPlane+j.mPlane) + 4*j.tilesPerTask*lanes + 8*(j.tilesPerTask+1)*c.Cin})
	ws.run((c.N*j.th*j.tw+j.tilesPerTask-1)/j.tilesPerTask, j)
}

// winogradWeights transforms the weights of a block of output channels.
type winogradWeights struct {
	c     Conv
	u, w  []float32
	plane int
}

func (j *winogradWeights) task(blk int, ws *Workers, _ *worker) {
	cin, cout := j.c.Cin, j.c.Cout
	u, n := j.u[blk*planes*j.plane:], min(lanes, cout-blk*lanes)
	if n < lanes {
		clear(u[:planes*j.plane])
	}
	ws.backend.winogradWeights(u, j.plane, j.w[blk*lanes:], cin*cout, cout, cin, n)
}

func (j *convWinograd) task(i int, ws *Workers, w *worker) {
	cin, first := j.c.Cin, i*j.tilesPerTask
	last := min(first+j.tilesPerTask, j.c.N*j.th*j.tw)
	n := last - first
	v, buf := w.buf[:planes*j.vPlane], w.buf[planes*j.vPlane:]
	m, buf := buf[:planes*j.mPlane], buf[planes*j.mPlane:]
	rows, patch := buf[:4*j.tilesPerTask*lanes], buf[4*j.tilesPerTask*lanes:]

	for t := first; t < last; {
		s := j.segment(t, last)
		j.input(ws, v[(t-first)*cin:], s, patch)
		t += s.n
	}
	for blk := range j.g.blocks {
		for k := range planes {
			init := j.b[j.g.blocks*lanes:]
			if k == biasPlane {
				init = j.b[blk*lanes:]
			}
			// m[k] [n,16] = v[k] [n,Cin] * u[k] [Cin,16], for plane
			// k of 16
			ws.backend.gemm(gemmArgs{
				dst: m[k*j.mPlane:], dstStride: lanes,
				init: init,
				x:    v[k*j.vPlane:], pixStride: cin, step: 1,
				w: j.u[(blk*planes+k)*j.uPlane:], wStride: lanes,
				rows: 1, run: cin, n: n,
			})
		}
		for t := first; t < last; {
			s := j.segment(t, last)
			j.output(ws, m[(t-first)*lanes:], s, blk, rows)
			t += s.n
		}
	}
	for t := first; !j.out.plain() && t < last; {
		s := j.segment(t, last)
		j.finish(ws, s)
		t += s.n
	}
}

// finish completes the outputs of a segment when all their channels are there.
func (j *convWinograd) finish(ws *Workers, s segment) {
	oh, ow, cout := j.g.oh, j.g.ow, j.c.Cout
	for row := 2 * s.row; row < min(2*s.row+2, oh); row++ {
		at := ((s.img*oh+row)*ow + 2*s.col) * cout
		j.out.finish(ws, at, at+min(2*s.n, ow-2*s.col)*cout)
	}
}

// segment is n tiles side by side.
type segment struct{ img, row, col, n int }

// segment returns the longest one that starts at tile t and ends before last.
func (j *convWinograd) segment(t, last int) segment {
	s := segment{img: t / j.tw / j.th, row: t / j.tw % j.th, col: t % j.tw}
	s.n = min(last-t, j.tw-s.col)
	return s
}

// input transforms the inputs of a segment.
func (j *convWinograd) input(ws *Workers, v []float32, s segment, patch []float32) {
	h, w, cin, pad := j.c.H, j.c.W, j.c.Cin, j.c.Pad
	top := 2*s.row - pad
	// Tiles from lo to hi see no padding on their left and right.
	lo, hi := (pad+1)/2, (w+pad-2)/2
	if top < 0 || top+4 > h {
		lo, hi = j.tw, j.tw
	}
	for s.n > 0 {
		n, left := s.n, 2*s.col-pad
		switch {
		case s.col >= lo && s.col < hi:
			n = min(n, hi-s.col)
			x := j.x[((s.img*h+top)*w+left)*cin:]
			ws.backend.winogradInput(v, j.vPlane, cin, x, w*cin, cin, cin, n)
		default:
			if s.col < lo {
				n = min(n, lo-s.col)
			}
			width := (2*n + 2) * cin
			clear(patch[:4*width])
			from, to := max(left, 0), min(left+2*n+2, w)
			for r := range 4 {
				if y := top + r; y >= 0 && y < h && from < to {
					copy(patch[r*width+(from-left)*cin:], j.x[((s.img*h+y)*w+from)*cin:][:(to-from)*cin])
				}
			}
			ws.backend.winogradInput(v, j.vPlane, cin, patch, width, cin, cin, n)
		}
		v = v[n*cin:]
		s.col += n
		s.n -= n
	}
}

// output transforms the products of a segment to a block of channels of y.
func (j *convWinograd) output(ws *Workers, m []float32, s segment, blk int, rows []float32) {
	cout, first := j.c.Cout, blk*lanes
	n, width := min(lanes, cout-first), 2*s.n*lanes
	if j.out.idx != nil {
		ws.backend.winogradOutput(rows, width, lanes, m, j.mPlane, s.n)
		at := ((s.img*j.th+s.row)*j.tw+s.col)*cout + first
		ws.backend.poolRow(j.out.y[at:], j.out.idx[at:], cout, rows, rows[width:], s.n, n)
		return
	}
	oh, ow := j.g.oh, j.g.ow
	y := j.out.y[((s.img*oh+2*s.row)*ow+2*s.col)*cout+first:]
	high, wide := min(2, oh-2*s.row), min(2*s.n, ow-2*s.col)
	if n == lanes && high == 2 && wide == 2*s.n {
		ws.backend.winogradOutput(y, ow*cout, cout, m, j.mPlane, s.n)
		return
	}
	ws.backend.winogradOutput(rows, width, lanes, m, j.mPlane, s.n)
	for r := range high {
		for q := range wide {
			copy(y[(r*ow+q)*cout:][:n], rows[r*width+q*lanes:])
		}
	}
}
