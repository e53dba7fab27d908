package kernel

// transposeJob transposes count matrices, [rows][cols] to [cols][rows], and may
// reverse their order.
type transposeJob struct {
	dst, src          []float32
	rows, cols, count int
	reverse           bool
}

// transposeCols is the number of columns of a transposing task.
const transposeCols = 32

func (j *transposeJob) tasks() int { return j.count * ((j.cols + transposeCols - 1) / transposeCols) }

func (j *transposeJob) task(i int, ws *Workers, _ *worker) {
	from, first := i%j.count, i/j.count*transposeCols
	to := from
	if j.reverse {
		to = j.count - 1 - from
	}
	size := j.rows * j.cols
	ws.backend.transpose(j.dst[to*size+first*j.rows:], j.rows, j.src[from*size+first:], j.cols, j.rows, min(transposeCols, j.cols-first))
}

// transposeRef sets dst[c*dstStride+r] to src[r*srcStride+c] for r < rows and
// c < cols.
func transposeRef(dst []float32, dstStride int, src []float32, srcStride, rows, cols int) {
	const side = 16 // of a square that stays in the cache
	for top := 0; top < rows; top += side {
		height := min(side, rows-top)
		for c := range cols {
			d := dst[c*dstStride+top:][:height]
			for r := range d {
				d[r] = src[(top+r)*srcStride+c]
			}
		}
	}
}
