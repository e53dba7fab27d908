package kernel

// convStridedX computes the input gradient of a convolution with any stride and
// padding, one image a task.
//
// The input places at a distance of Stride from each other, a phase, meet the
// same elements of the kernel: in each direction those whose number is
// the phase plus a multiple of Stride. So the gradient of a phase is a
// convolution with stride 1 of dy with these kernel elements, transposed. With
// f = (i+Pad) mod Stride, q = (i+Pad) div Stride:
//
//	dx[i] = sum over t of dy[q-t] * w[f+t*Stride]
type convStridedX struct {
	c      Conv
	dx     []float32
	dy     []float32 // with a margin of zeros
	margin int
	row    int       // values of a row of dy
	image  int       // values of an image of dy
	w      []float32 // packed [blocks of Cin][kernel elements, phase by phase][Cout][lanes]
	blocks int
}

func (c Conv) gradXStrided(ws *Workers, g geometry, dx, dy, w []float32) {
	beyond := func(in, out int) int { return (in-1+c.Pad)/c.Stride - (out - 1) }
	wide := Conv{N: c.N, H: g.oh, W: g.ow, Cin: c.Cout, Cout: c.Cin, K: 1, Stride: 1}
	wide.Pad = max(c.phaseElems(0)-1, beyond(c.H, g.oh), beyond(c.W, g.ow))
	wg := wide.geometry()

	transposed := grow(&ws.transposed, len(w))
	size := c.Cin * c.Cout
	for ky := range c.K {
		for kx := range c.K {
			// The last kernel element of a phase comes first.
			fy, fx := ky%c.Stride, kx%c.Stride
			ny, nx := c.phaseElems(fy), c.phaseElems(fx)
			at := c.phaseStart(fy, fx) + (ny-1-ky/c.Stride)*nx + nx - 1 - kx/c.Stride
			ws.backend.transpose(transposed[at*size:], c.Cin, w[(ky*c.K+kx)*size:], c.Cout, c.Cin, c.Cout)
		}
	}
	j := &ws.convStridedX
	*j = convStridedX{
		c: c, dx: dx, dy: wide.padInput(ws, wg, dy), margin: wide.Pad, row: wg.row, image: wg.image,
		w: grow(&ws.packed, wg.blocks*c.K*c.K*c.Cout*lanes), blocks: wg.blocks,
	}
	ws.pack = packJob{dst: j.w, src: transposed, rows: c.K * c.K * c.Cout, cols: c.Cin}
	ws.run(ws.pack.tasks(), &ws.pack)
	ws.reserve(scratch{buf: c.W * lanes})
	ws.run(c.N, j)
}

// phaseElems is the number of kernel elements, in one direction, of phase f.
func (c Conv) phaseElems(f int) int { return (c.K - f + c.Stride - 1) / c.Stride }

// phaseStart is the number of kernel elements of the phases before (fy, fx).
func (c Conv) phaseStart(fy, fx int) int {
	before := func(f int) (n int) {
		for i := range f {
			n += c.phaseElems(i)
		}
		return n
	}
	return before(fy)*c.K + c.phaseElems(fy)*before(fx)
}

func (j *convStridedX) task(n int, ws *Workers, w *worker) {
	c := j.c
	size := c.W * c.Cin
	dx := j.dx[n*c.H*size:][:c.H*size]
	if c.Stride > c.K {
		clear(dx) // some phases have no kernel elements
	}
	for blk := range j.blocks {
		for fy := range min(c.Stride, c.K) {
			for fx := range min(c.Stride, c.K) {
				j.phase(ws, w, dx, j.dy[n*j.image:][:j.image], blk, fy, fx)
			}
		}
	}
}

// phase computes one phase of an image for one block of input channels.
func (j *convStridedX) phase(ws *Workers, w *worker, dx, dy []float32, blk, fy, fx int) {
	c := j.c
	ny, nx := c.phaseElems(fy), c.phaseElems(fx)
	weights := j.w[(blk*c.K*c.K+c.phaseStart(fy, fx))*c.Cout*lanes:]
	left := c.phaseFirst(fx)
	if left >= c.W {
		return
	}
	cols, first := (c.W-left+c.Stride-1)/c.Stride, blk*lanes
	wide := min(lanes, c.Cin-first)
	for y := c.phaseFirst(fy); y < c.H; y += c.Stride {
		src := dy[((y+c.Pad)/c.Stride-ny+1+j.margin)*j.row+((left+c.Pad)/c.Stride-nx+1+j.margin)*c.Cout:]
		dst := dx[(y*c.W+left)*c.Cin+first:]
		// dx [cols,16] = windows(dy) [cols,ny*nx*Cout] * w
		// [ny*nx*Cout,16], of every Stride-th column
		if wide == lanes {
			ws.backend.gemm(gemmArgs{
				dst: dst, dstStride: c.Stride * c.Cin,
				init: ws.zeros[:],
				x:    src, pixStride: c.Cout, rowStride: j.row, step: 1,
				w: weights, wStride: lanes,
				rows: ny, run: nx * c.Cout, n: cols,
			})
			continue
		}
		tile := w.buf[:cols*lanes]
		ws.backend.gemm(gemmArgs{
			dst: tile, dstStride: lanes,
			init: ws.zeros[:],
			x:    src, pixStride: c.Cout, rowStride: j.row, step: 1,
			w: weights, wStride: lanes,
			rows: ny, run: nx * c.Cout, n: cols,
		})
		for q := range cols {
			copy(dst[q*c.Stride*c.Cin:][:wide], tile[q*lanes:])
		}
	}
}

// phaseFirst is the first input row or column of phase f.
func (c Conv) phaseFirst(f int) int { return ((f-c.Pad)%c.Stride + c.Stride) % c.Stride }
