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
	blocks int
	pixels int
	x      []float32
	w, b   []float32 // packed, as in convForward
}

func (j *convPointwise) task(i int, ws *Workers, w *worker) {
	cin, cout := j.c.Cin, j.c.Cout
	first := i * pointwisePixels
	n := min(pointwisePixels, j.pixels-first)
	for blk := range j.blocks {
		y, stride := j.out.y[first*cout+blk*lanes:], cout
		wide := min(lanes, cout-blk*lanes)
		dst := y
		if wide < lanes {
			dst, stride = w.buf[:n*lanes], lanes
		}
		// dst [n,16] = b [16] + x [n,Cin] * w [Cin,16]
		ws.backend.gemm(gemmArgs{
			dst: dst, dstStride: stride,
			init: j.b[blk*lanes:],
			x:    j.x[first*cin:], pixStride: cin, step: 1,
			w: j.w[blk*cin*lanes:][:cin*lanes], wStride: lanes,
			rows: 1, run: cin, n: n,
		})
		if wide < lanes {
			for p := range n {
				copy(y[p*cout:][:wide], dst[p*lanes:])
			}
		}
	}
	if !j.out.plain() {
		j.out.finish(ws, first*cout, (first+n)*cout)
	}
}
