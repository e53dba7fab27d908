package kernel

// The gradients of a convolution without pooling. Nothing is known to be zero, so
// both are products of dense matrices: that of the input is itself a convolution,
// of the output's gradient with the transposed weights; that of the weights multiplies
// the input, shifted by each tap, with the output's gradient.

// convDenseW computes the weight and bias gradients for one row of the kernel
// and one block of output channels: a slab. The GEMM micro-kernel has values of the input as
// rows (a row of the kernel covers a run of them), channels of dy as lanes, and sums over
// the places of an image, row by row. Groups of images have sums of their own,
// which are added in order.
type convDenseW struct {
	c       Conv
	g       geometry
	x       []float32 // padded
	dy      []float32
	place   int // values of dy from one place of an image to the next
	block   int // values of dy from one block of channels to the next
	dw, db  []float32
	part    []float32 // [groups][slabs][size], if each group is a task of its own
	size    int       // values of a slab: [run][lanes], and a row for the bias
	slabs   int
	strip   int // output rows that are summed in one go
	grouped bool
}

// panelBytes is the part of dy that meets all inputs before the next one does. It
// should leave half of the first-level cache to the inputs.
const panelBytes = 8 << 10

// packAbove is the number of channels above which the values of a block lie so far
// apart in dy that they crowd each other out of the cache.
const packAbove = 64

// manySlabs is the number of slabs from which on they are tasks enough. With fewer,
// each group is a task too, and its sums must be kept.
const manySlabs = 24

func (c Conv) gradWDense(ws *Workers, g geometry, dw, db, dy, x []float32) {
	j := &ws.convDenseW
	if dw != nil {
		x = c.padInput(ws, g, x)
	}
	*j = convDenseW{c: c, g: g, x: x, dy: dy, dw: dw, db: db, size: (g.run + 1) * lanes, slabs: g.blocks * c.K}
	j.place, j.block = c.Cout, lanes
	if c.Cout%lanes != 0 || c.Cout > packAbove {
		places := c.N * g.oh * g.ow
		j.place, j.block = lanes, places*lanes
		j.dy = grow(&ws.packed, g.blocks*j.block)
		ws.pack = packJob{dst: j.dy, src: dy, rows: places, cols: c.Cout}
		ws.run(ws.pack.tasks(), &ws.pack)
	}
	j.strip = max(1, panelBytes/(4*lanes*g.ow))
	if j.slabs < manySlabs {
		j.grouped = true
		j.part = grow(&ws.partial, g.groups*j.slabs*j.size)
		ws.run(g.groups*j.slabs, j)
		ws.run(j.slabs, (*reduceSlabs)(j))
		return
	}
	ws.reserve(scratch{buf: 2 * j.size})
	ws.run(j.slabs, j)
}

func (j *convDenseW) task(i int, ws *Workers, w *worker) {
	if j.grouped {
		group, slab := i/j.slabs, i%j.slabs
		j.group(ws, j.part[i*j.size:][:j.size], group, slab)
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

// reduceSlabs adds the groups, one after the other.
type reduceSlabs convDenseW

func (r *reduceSlabs) task(slab int, ws *Workers, _ *worker) {
	j := (*convDenseW)(r)
	sum := j.part[slab*j.size:][:j.size]
	for group := 1; group < j.g.groups; group++ {
		ws.backend.add(sum, sum, j.part[(group*j.slabs+slab)*j.size:][:j.size])
	}
	j.store(sum, slab)
}

// group computes a slab for one group of images.
func (j *convDenseW) group(ws *Workers, part []float32, group, slab int) {
	clear(part)
	blk, ky := slab/j.c.K, slab%j.c.K
	places := j.g.oh * j.g.ow
	for n := group * j.c.N / j.g.groups; n < (group+1)*j.c.N/j.g.groups; n++ {
		dy := j.dy[blk*j.block+n*places*j.place:]
		if bias := part[j.g.run*lanes:]; j.db != nil && ky == 0 {
			ws.backend.gemm(gemmArgs{
				dst: bias, dstStride: lanes,
				init: bias, initStride: lanes,
				x: ws.one[:],
				w: dy, wStride: j.place,
				rows: 1, run: places, n: 1,
			})
		}
		if j.dw == nil {
			continue
		}
		x := j.x[n*j.g.image:][:j.g.image]
		for top := 0; top < j.g.oh; top += j.strip {
			ws.backend.gemm(gemmArgs{
				dst: part, dstStride: lanes,
				init: part, initStride: lanes,
				x: x[top*j.g.vertical+ky*j.g.row:], pixStride: 1, rowStride: j.g.vertical, step: j.g.pixel,
				w: dy[top*j.g.ow*j.place:], wStride: j.place,
				rows: min(j.strip, j.g.oh-top), run: j.g.ow, n: j.g.run,
			})
		}
	}
}

// store puts a finished slab where it belongs.
func (j *convDenseW) store(sum []float32, slab int) {
	blk, ky := slab/j.c.K, slab%j.c.K
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

// gradXDense computes the input gradient of a convolution with stride 1 and
// Pad < K: dx is dy, padded by K-1-Pad, convolved with the weights rotated by half a
// turn and with their channels exchanged.
func (c Conv) gradXDense(ws *Workers, g geometry, dx, dy, w []float32) {
	turned := grow(&ws.turned, len(w))
	ws.turn = turnJob{dst: turned, src: w, rows: c.Cin, cols: c.Cout, count: c.K * c.K, reverse: true}
	ws.run(ws.turn.tasks(), &ws.turn)
	back := Conv{N: c.N, H: g.oh, W: g.ow, Cin: c.Cout, Cout: c.Cin, K: c.K, Stride: 1, Pad: c.K - 1 - c.Pad}
	back.forward(ws, back.geometry(), convOut{y: dx}, dy, turned, nil)
}
