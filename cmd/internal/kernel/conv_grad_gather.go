package kernel

// With few input channels the K*Cin values that an entry of a sparse row is
// multiplied with are too few to fill vectors. Here the lanes are output
// channels instead, and each lane chooses among the four inputs that the four
// places of its pooling window would meet.
//
// A gathered window is those four inputs next to each other: for a row of the
// input as a flat sequence of values, gathered window k is (row[k], row[k+Cin],
// next[k], next[k+Cin]).

// gatheredImage adds the weight gradient of one image for n channels to part,
// [kernel elements][Cout]. The kernel is 3x3 with stride 1, the input has 3
// channels.
func (j *convGradW) gatheredImage(ws *Workers, w *worker, part, dy []float32, idx []uint8, x []float32, n int) {
	row, cin, cout := j.g.row, j.c.Cin, j.c.Cout
	width := 4 * row
	size := (2*j.src.cols + 1) * cin // gathered windows of a row that are used
	gathered := w.gathered[:4*width]
	for r := range j.src.rows {
		// Four rows of gathered windows in a ring: two are new, one is
		// kept.
		first := 0
		if r > 0 {
			first = 1
		}
		for k := first; k < 3; k++ {
			at := 2*r + k
			ws.backend.gather2x2(gathered[at%4*width:][:width], x[at*row:], x[(at+1)*row:], size, cin)
		}
		at := r * j.src.cols * cout
		for ky := range 3 {
			ws.backend.gradW2x2(part[ky*j.g.run*cout:], cout, gathered[(2*r+ky)%4*width:], dy[at:], idx[at:], cout, j.src.cols, n)
		}
	}
}
