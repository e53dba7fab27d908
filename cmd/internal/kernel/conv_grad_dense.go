package kernel

// The gradients of a convolution without pooling. Nothing is known to be zero,
// so both are products of dense matrices: that of the input is itself a
// convolution, of the output's gradient with the transposed weights; that of
// the weights multiplies the input, shifted by each kernel element, with the
// output's gradient.

// convDenseW computes the weight and bias gradients for one row of the kernel
// and one block of output channels. The GEMM micro-kernel has values
// of the input as rows (a row of the kernel covers a run of them), channels of
// dy as lanes, and sums over the places of an image, row by row; over those of
// all images at once where the kernel covers one. Groups of images have sums of
// their own, which are added in order.
type convDenseW struct {
	c           Conv
	g           geometry
	x           []float32 // padded
	dy          []float32
	pixelStride int // values of dy from one place of an image to the next
	blockStride int // values of dy from one block of channels to the next
	dw, db      []float32
	part        []float32 // [groups][blocks][size], if each group is a task of its own
	size        int       // values of a block: [run][lanes], and a row for the bias
	blocks      int
	grouped     bool
}

// packedPixels is how many places of a block of dy meet all inputs before the
// next ones do. Their 8 KiB should leave half of the first-level cache to the
// inputs.
const packedPixels = 128

// packAbove is the number of channels above which the values of a block lie so
// far apart in dy that they crowd each other out of the cache.
const packAbove = 64

// manyBlocks is the number of blocks from which on they are tasks enough. With
// fewer, each group is a task too, and its sums must be kept.
const manyBlocks = 24

func (c Conv) gradWDense(ws *Workers, g geometry, dw, db, dy, x []float32) {
	j := &ws.convDenseW
	if dw != nil {
		x = c.padInput(ws, g, x)
	}
	*j = convDenseW{c: c, g: g, x: x, dy: dy, dw: dw, db: db, size: (g.run + 1) * lanes, blocks: g.blocks * c.K}
	j.pixelStride, j.blockStride = c.Cout, lanes
	if c.Cout%lanes != 0 || c.Cout > packAbove {
		pixels := c.N * g.oh * g.ow
		j.pixelStride, j.blockStride = lanes, pixels*lanes
		j.dy = grow(&ws.packed, g.blocks*j.blockStride)
		ws.pack = packJob{dst: j.dy, src: dy, rows: pixels, cols: c.Cout}
		ws.run(ws.pack.tasks(), &ws.pack)
	}
	if j.blocks < manyBlocks {
		j.grouped = true
		j.part = grow(&ws.partial, g.groups*j.blocks*j.size)
		ws.run(g.groups*j.blocks, j)
		ws.run(j.blocks, (*reduceBlocks)(j))
		return
	}
	ws.reserve(scratch{buf: 2 * j.size})
	ws.run(j.blocks, j)
}

func (j *convDenseW) task(i int, ws *Workers, w *worker) {
	if j.grouped {
		group, block := i/j.blocks, i%j.blocks
		j.group(ws, j.part[i*j.size:][:j.size], group, block)
		return
	}
	sum, part := w.buf[:j.size], w.buf[j.size:2*j.size]
	j.group(ws, sum, 0, i)
	for group := 1; group < j.g.groups; group++ {
		j.group(ws, part, group, i)
		ws.backend.add(sum, sum, part)
	}
	j.store(sum, i)
}

// reduceBlocks adds the groups, one after the other.
type reduceBlocks convDenseW

func (r *reduceBlocks) task(block int, ws *Workers, _ *worker) {
	j := (*convDenseW)(r)
	sum := j.part[block*j.size:][:j.size]
	for group := 1; group < j.g.groups; group++ {
		ws.backend.add(sum, sum, j.part[(group*j.blocks+block)*j.size:][:j.size])
	}
	j.store(sum, block)
}

// group computes a block for one group of images.
func (j *convDenseW) group(ws *Workers, part []float32, group, block int) {
	clear(part)
	blk, ky := block/j.c.K, block%j.c.K
	first, last := group*j.c.N/j.g.groups, (group+1)*j.c.N/j.g.groups
	pixels := j.g.oh * j.g.ow
	dy := j.dy[blk*j.blockStride+first*pixels*j.pixelStride:]
	if bias := part[j.g.run*lanes:]; j.db != nil && ky == 0 {
		// db [1,16] += ones [1,P] * dy [P,16], of all pixels
		ws.backend.gemm(gemmArgs{
			dst: bias, dstStride: lanes,
			init: bias, initStride: lanes,
			x: ws.one[:],
			w: dy, wStride: j.pixelStride,
			rows: 1, run: (last - first) * pixels, n: 1,
		})
	}
	switch {
	case j.dw == nil:
	case j.c.pointwise():
		all := (last - first) * pixels
		for at := 0; at < all; at += packedPixels {
			j.sum(ws, part, j.x[first*j.g.image+at*j.c.Cin:], dy[at*j.pixelStride:], 1, min(packedPixels, all-at))
		}
	default:
		rowTile := max(1, packedPixels/j.g.ow)
		for n := first; n < last; n++ {
			for top := 0; top < j.g.oh; top += rowTile {
				j.sum(ws, part, j.x[n*j.g.image+top*j.g.strideY+ky*j.g.row:], dy[((n-first)*pixels+top*j.g.ow)*j.pixelStride:],
					min(rowTile, j.g.oh-top), j.g.ow)
			}
		}
	}
}

// sum adds the places of so many rows of an output: dw[ky] [K*Cin,16] += x^T
// [K*Cin,rows*cols] * dy [rows*cols,16].
func (j *convDenseW) sum(ws *Workers, dw, x, dy []float32, rows, cols int) {
	ws.backend.gemm(gemmArgs{
		dst: dw, dstStride: lanes,
		init: dw, initStride: lanes,
		x: x, pixStride: 1, rowStride: j.g.strideY, step: j.g.strideX,
		w: dy, wStride: j.pixelStride,
		rows: rows, run: cols, n: j.g.run,
	})
}

// store puts a finished block where it belongs.
func (j *convDenseW) store(sum []float32, block int) {
	blk, ky := block/j.c.K, block%j.c.K
	first := blk * lanes
	n := min(lanes, j.c.Cout-first)
	if j.db != nil && ky == 0 {
		copy(j.db[first:first+n], sum[j.g.run*lanes:])
	}
	if j.dw == nil {
		return
	}
	for r := range j.g.run {
		copy(j.dw[(ky*j.g.run+r)*j.c.Cout+first:][:n], sum[r*lanes:])
	}
}

// gradXDense computes the input gradient of a convolution with stride 1 and Pad
// < K: dx [N,H,W,Cin] is dy [N,OH,OW,Cout], padded by K-1-Pad, convolved with
// the weights rotated by 180 degrees and with their channels exchanged.
func (c Conv) gradXDense(ws *Workers, g geometry, dx, dy, w []float32) {
	transposed := grow(&ws.transposed, len(w))
	ws.transposing = transposeJob{dst: transposed, src: w, rows: c.Cin, cols: c.Cout, count: c.K * c.K, reverse: true}
	ws.run(ws.transposing.tasks(), &ws.transposing)
	back := Conv{N: c.N, H: g.oh, W: g.ow, Cin: c.Cout, Cout: c.Cin, K: c.K, Stride: 1, Pad: c.K - 1 - c.Pad}
	back.forward(ws, back.geometry(), convOut{y: dx, clip: Unclipped()}, dy, transposed, nil)
}
