package kernel

import "math"

// Softmax is the shape of a softmax over the last axis: x and y are
// [Rows][Cols].
type Softmax struct{ Rows, Cols int }

// Forward sets y to the softmax of each row of x: e^(x-max) divided by the sum
// of these. They may be the same slice. A row with a NaN, or with +Inf, or of
// -Inf only, is NaN. All backends give the same bits.
func (s Softmax) Forward(ws *Workers, y, x []float32) {
	mustLen("y", y, s.Rows*s.Cols)
	mustLen("x", x, s.Rows*s.Cols)
	j := &ws.softmax
	*j = softmaxJob{s: s, y: y, x: x}
	j.perTask = max(1, softmaxValues/max(1, s.Cols))
	ws.run((s.Rows+j.perTask-1)/j.perTask, j)
}

// softmaxValues is about the number of values of a task: they should stay in
// the first-level cache.
const softmaxValues = 4096

type softmaxJob struct {
	s       Softmax
	y, x    []float32
	perTask int
}

func (j *softmaxJob) task(i int, ws *Workers, _ *worker) {
	cols, first := j.s.Cols, i*j.perTask
	n := min(j.perTask, j.s.Rows-first)
	x, y := j.x[first*cols:][:n*cols], j.y[first*cols:][:n*cols]
	for r := range n {
		from, to := r*cols, (r+1)*cols
		ws.backend.addScalar(y[from:to], x[from:to], -ws.backend.largest(x[from:to]))
	}
	ws.backend.unary(Unary{Op: UnaryExp}, y, y)
	for r := range n {
		row := y[r*cols:][:cols]
		ws.backend.divScalar(row, row, ws.backend.total(row))
	}
}

// largestRef is the largest value of x, NaN if there is one, -Inf for none.
func largestRef(x []float32) float32 {
	most := float32(math.Inf(-1))
	for _, v := range x {
		if v > most || v != v {
			most = v
		}
	}
	return most
}

// totalRef is the sum of x: 16 sums, of each 16th value, which are added in
// halves: 8 of them to the 8 before, then 4 to 4, 2 to 2 and 1 to 1.
func totalRef(x []float32) float32 {
	var sums [lanes]float32
	for len(x) >= lanes {
		for l, v := range x[:lanes] {
			sums[l] += v
		}
		x = x[lanes:]
	}
	return fold(&sums, x)
}

// fold adds fewer than 16 values to the sums of those before, and adds these.
func fold(sums *[lanes]float32, rest []float32) float32 {
	for l, v := range rest {
		sums[l] += v
	}
	for half := lanes / 2; half > 0; half /= 2 {
		for l := range half {
			sums[l] += sums[half+l]
		}
	}
	return sums[0]
}

// addScalarRef sets y to x+v.
func addScalarRef(y, x []float32, v float32) {
	for i, u := range x[:len(y)] {
		y[i] = u + v
	}
}

// divScalarRef sets y to x/v.
func divScalarRef(y, x []float32, v float32) {
	for i, u := range x[:len(y)] {
		y[i] = u / v
	}
}
