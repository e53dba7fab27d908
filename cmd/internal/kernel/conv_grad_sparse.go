package kernel

// The gradients of a convolution that is followed by 2x2 max pooling are sparse
// matrix products (SpMM): of the outputs at most one in four has a gradient
// that is not zero, and the other three are never looked at. The result is
// exact all the same.

// Backward computes the gradients of Forward for the gradient dy of its output.
// Each of dx, dw and db may be nil if it is not needed. Values already in them
// are overwritten. Weight gradients are sums over the batch (a mean loss has
// the factor 1/N in dy).
func (c Conv) Backward(ws *Workers, dx, dw, db, dy, x, w []float32) {
	g := c.geometry()
	mustLen("dy", dy, c.N*g.oh*g.ow*c.Cout)
	c.checkGrad(g, dx, dw, db, x, w)
	if dw != nil || db != nil {
		c.gradWDense(ws, g, dw, db, dy, x)
	}
	switch {
	case dx == nil:
	case c.Stride == 1 && c.Pad < c.K:
		c.gradXDense(ws, g, dx, dy, w)
	default:
		c.gradXStrided(ws, g, dx, dy, w)
	}
}

// BackwardReLUPool computes the gradients of ForwardReLUPool, from the gradient
// dy of its output and its idx. dx, dw and db are as for Backward.
func (c Conv) BackwardReLUPool(ws *Workers, dx, dw, db, dy []float32, idx []uint8, x, w []float32) {
	g := c.geometry()
	mustLen("dy", dy, c.N*g.ph*g.pw*c.Cout)
	mustLen("idx", idx, len(dy))
	c.checkGrad(g, dx, dw, db, x, w)
	src := newGradSource(c, g, dy, idx)
	if dw != nil || db != nil {
		c.gradW(ws, g, dw, db, src, c.padInput(ws, g, x))
	}
	if dx != nil {
		c.gradX(ws, g, dx, src, w)
	}
}

func (c Conv) checkGrad(g geometry, dx, dw, db, x, w []float32) {
	mustLen("x", x, c.N*c.H*c.W*c.Cin)
	mustLen("w", w, g.elems*c.Cout)
	optLen("dx", dx, len(x))
	optLen("dw", dw, len(w))
	optLen("db", db, c.Cout)
}

// gradSource is the gradient [N][rows][cols][Cout] of a pooled output together
// with the place of each value in the input of the convolution.
type gradSource struct {
	dy         []float32
	idx        []uint8
	rows, cols int
	down       int      // values in the input from one row of windows to the next
	right      int      // values in the input from one window to the next
	delta      [8]int32 // values in the input from the window to place idx of it
}

func newGradSource(c Conv, g geometry, dy []float32, idx []uint8) gradSource {
	return gradSource{
		dy: dy, idx: idx, rows: g.ph, cols: g.pw, down: 2 * g.strideY, right: 2 * g.strideX,
		delta: [8]int32{0, int32(g.strideX), int32(g.strideY), int32(g.strideY + g.strideX)},
	}
}

// rowTileBytes is the part of the input that the entries of one row tile refer
// to. It should fit the first-level cache.
const rowTileBytes = 28 << 10

// rowTileWindows is the number of windows of a row tile even if they don't fit:
// a sparse row should have a few entries at least.
const rowTileWindows = 16

// convGradW computes the weight and bias gradients of one group of images for
// one block of channels, into the group's own memory.
type convGradW struct {
	c       Conv
	g       geometry
	src     gradSource
	x       []float32
	part    []float32 // [groups][Cout][K*K*Cin], or [groups][K*K*Cin][Cout] if gather
	bias    []float32 // [groups][Cout]
	weight  bool      // weight gradient wanted
	gather  bool
	wide    int // channels of a task
	blocks  int // tasks of a group
	rowTile int // rows of the source that are compacted together
}

func (c Conv) gradW(ws *Workers, g geometry, dw, db []float32, src gradSource, x []float32) {
	part := grow(&ws.partial, g.groups*c.Cout*(g.elems+1))
	j := &ws.convGradW
	*j = convGradW{c: c, g: g, src: src, x: x, weight: dw != nil, wide: lanes}
	j.part, j.bias = part[:g.groups*c.Cout*g.elems], part[g.groups*c.Cout*g.elems:]
	if ws.backend.gradW2x2 != nil && c.K == 3 && c.Cin == 3 && c.Stride == 1 && c.Cout%8 == 0 {
		j.gather, j.wide = true, 2*lanes
	}
	j.blocks = (c.Cout + j.wide - 1) / j.wide
	// A row tile of s rows refers to (s-1)*down + K+1 rows.
	j.rowTile = max(1, (rowTileBytes/4-(c.K+1)*g.row)/src.down+1, rowTileWindows/max(1, src.cols))
	j.rowTile = min(j.rowTile, src.rows)
	if j.gather {
		ws.reserve(scratch{gathered: 16 * g.row})
	} else {
		ws.reserve(scratch{entries: min(j.wide, c.Cout) * j.capacity(), counts: j.wide})
	}
	ws.run(g.groups*j.blocks, j)

	if db != nil {
		clear(db)
		for at := range g.groups {
			for i, v := range j.bias[at*c.Cout:][:c.Cout] {
				db[i] += v
			}
		}
	}
	if dw != nil {
		ws.reduce = reduceJob{dst: dw, part: j.part, groups: g.groups, elems: g.elems, cout: c.Cout, transposed: !j.gather}
		ws.run(ws.reduce.tasks(), &ws.reduce)
	}
}

func (j *convGradW) task(i int, ws *Workers, w *worker) {
	group, blk := i/j.blocks, i%j.blocks
	c0 := blk * j.wide
	n := min(j.wide, j.c.Cout-c0)
	bias := j.bias[group*j.c.Cout+c0:][:n]
	clear(bias)
	cout, elems := j.c.Cout, j.g.elems
	part := j.part[group*cout*elems:][:cout*elems]
	if j.gather {
		part = part[c0:]
		for r := range elems {
			clear(part[r*cout:][:n])
		}
	} else {
		part = part[c0*elems:][:n*elems]
		clear(part)
	}
	size := j.src.rows * j.src.cols * cout
	for img := group * j.c.N / j.g.groups; img < (group+1)*j.c.N/j.g.groups; img++ {
		dy, idx := j.src.dy[img*size:][:size], j.src.idx[img*size:][:size]
		if size == 0 {
			continue
		}
		ws.backend.biasRow(bias, dy[c0:], idx[c0:], cout, j.src.rows*j.src.cols, n)
		x := j.x[img*j.g.image:][:j.g.image]
		switch {
		case !j.weight:
		case j.gather:
			j.gatheredImage(ws, w, part, dy[c0:], idx[c0:], x, n)
		default:
			j.sparseImage(ws, w, part, dy[c0:], idx[c0:], x, n)
		}
	}
}

// capacity is the room for the sparse row of one channel.
func (j *convGradW) capacity() int { return j.rowTile*j.src.cols + 8 }

// sparseImage adds the weight gradient of one image for n channels to part,
// [n][kernel elements].
func (j *convGradW) sparseImage(ws *Workers, w *worker, part, dy []float32, idx []uint8, x []float32, n int) {
	s := w.sparseRows(n, j.capacity())
	for top := 0; top < j.src.rows; top += j.rowTile {
		clear(s.counts)
		for r := top; r < min(top+j.rowTile, j.src.rows); r++ {
			at := r * j.src.cols * j.c.Cout
			ws.backend.compactChannels(s, dy[at:], idx[at:], j.c.Cout, j.src.cols, (r-top)*j.src.down, j.src.right, &j.src.delta)
		}
		for ky := range j.c.K {
			// part [n,K*Cin] += dy [n,windows] * x [windows,K*Cin],
			// dy sparse
			ws.backend.spmm(part[ky*j.g.run:], j.g.elems, s, x[top*j.src.down+ky*j.g.row:], j.g.run)
		}
	}
}

// convGradX computes the input gradient of one image.
type convGradX struct {
	c   Conv
	g   geometry
	src gradSource
	dx  []float32
	w   []float32 // [K][Cout][run]

	sparseRows, capacity int // of a row of windows, and room in each
}

func (c Conv) gradX(ws *Workers, g geometry, dx []float32, src gradSource, w []float32) {
	packed := grow(&ws.packed, g.elems*c.Cout)
	ws.transposing = transposeJob{dst: packed, src: w, rows: g.run, cols: c.Cout, count: c.K}
	ws.run(ws.transposing.tasks(), &ws.transposing)
	j := &ws.convGradX
	*j = convGradX{c: c, g: g, src: src, dx: dx, w: packed, sparseRows: 4 * src.cols, capacity: (c.Cout+7)/8*8 + 8}
	need := scratch{entries: j.sparseRows * j.capacity, counts: j.sparseRows}
	if c.Pad > 0 {
		need.buf = g.image
	}
	ws.reserve(need)
	ws.run(c.N, j)
}

func (j *convGradX) task(n int, ws *Workers, w *worker) {
	size := j.c.H * j.c.W * j.c.Cin
	out := j.dx[n*size:][:size]
	if j.c.Pad == 0 {
		j.image(n, ws, w, out)
		return
	}
	padded := w.buf[:j.g.image]
	j.image(n, ws, w, padded)
	width := j.c.W * j.c.Cin
	for h := range j.c.H {
		copy(out[h*width:][:width], padded[(h+j.c.Pad)*j.g.row+j.c.Pad*j.c.Cin:])
	}
}

// image computes the gradient of image n, with its padding.
func (j *convGradX) image(n int, ws *Workers, w *worker, dx []float32) {
	clear(dx)
	cout := j.c.Cout
	size := j.src.cols * cout
	cols := j.sparseRows / 2
	s := w.sparseRows(j.sparseRows, j.capacity)
	slice := cout * j.g.run
	for r := range j.src.rows {
		at := (n*j.src.rows + r) * size
		dy, idx := j.src.dy[at:][:size], j.src.idx[at:][:size]
		ws.backend.compactWindows(s, dy, idx, cout, j.src.cols, j.g.run)
		for half := range 2 {
			for ky := range j.c.K {
				// dx [cols,K*Cin] += dy [cols,Cout] * w
				// [Cout,K*Cin], dy sparse, the rows of dx
				// overlapping
				ws.backend.spmm(dx[r*j.src.down+half*j.g.strideY+ky*j.g.row:], j.g.strideX,
					s.from(half*cols, cols), j.w[ky*slice:][:slice], j.g.run)
			}
		}
	}
}

// reduceJob adds the groups' weight gradients, one after the other, into
// [kernel elements][Cout].
type reduceJob struct {
	dst, part           []float32
	groups, elems, cout int
	transposed          bool // part is [groups][Cout][kernel elements]
}

// reduceChannels is the number of channels of a reduce task.
const reduceChannels = 16

func (j *reduceJob) tasks() int { return (j.cout + reduceChannels - 1) / reduceChannels }

func (j *reduceJob) task(i int, ws *Workers, _ *worker) {
	first, n := i*reduceChannels, min(reduceChannels, j.cout-i*reduceChannels)
	sum := j.part[first*j.elems:][:n*j.elems]
	for g := 1; g < j.groups; g++ {
		ws.backend.add(sum, sum, j.part[(g*j.cout+first)*j.elems:][:len(sum)])
	}
	if j.transposed {
		ws.backend.transpose(j.dst[first:], j.cout, sum, j.elems, n, j.elems)
	} else {
		copy(j.dst[first*j.elems:], sum)
	}
}
