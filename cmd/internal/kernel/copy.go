package kernel

// Copy is the shape of a copy of rows between tensors with rows of other
// lengths: Rows rows of Cols values, whose first values are DstStride and
// SrcStride apart. Concatenations and splits on the last axis are such copies,
// one for each part; on another axis a row is all that lies inside of it.
type Copy struct{ Rows, Cols, DstStride, SrcStride int }

// Forward sets dst[r*DstStride+i] to src[r*SrcStride+i] for r < Rows, i < Cols.
// dst and src begin at the first values, and must not overlap.
func (c Copy) Forward(ws *Workers, dst, src []float32) {
	if c.Rows < 1 || c.Cols < 1 {
		return
	}
	if c.DstStride == c.Cols && c.SrcStride == c.Cols {
		c = Copy{Rows: 1, Cols: c.Rows * c.Cols}
	}
	j := &ws.copying
	*j = copyJob{c: c, dst: dst[:(c.Rows-1)*c.DstStride+c.Cols], src: src[:(c.Rows-1)*c.SrcStride+c.Cols]}
	if c.Rows == 1 {
		ws.run((c.Cols+elementChunk-1)/elementChunk, j)
		return
	}
	j.perTask = max(1, elementChunk/c.Cols)
	ws.run((c.Rows+j.perTask-1)/j.perTask, j)
}

// copyJob copies some rows, or a piece of the only one.
type copyJob struct {
	c        Copy
	dst, src []float32
	perTask  int
}

func (j *copyJob) task(i int, _ *Workers, _ *worker) {
	c := j.c
	if c.Rows == 1 {
		from, to := i*elementChunk, min((i+1)*elementChunk, c.Cols)
		copy(j.dst[from:to], j.src[from:to])
		return
	}
	for r := i * j.perTask; r < min((i+1)*j.perTask, c.Rows); r++ {
		copy(j.dst[r*c.DstStride:][:c.Cols], j.src[r*c.SrcStride:])
	}
}
