package kernel

import (
	"fmt"
	"math"
	"slices"
)

// Transpose reorders the axes of a tensor: axis i of the result is axis perm[i]
// of the input.
type Transpose struct {
	shape []int
	size  int

	// Axes that stay neighbours are one. The axes of the result, the last
	// first, with the distance of neighbours in the input.
	dims, strides []int
	// The axis of the result (an index into dims) along which the input is
	// contiguous: 0 if rows are copied, else rows are transposed.
	fast int
	// What is not rows and columns: dims and strides of the input, of y.
	outer, outerX, outerY []int
	count                 int // of matrices, or of rows copied
	step                  int // distance in the result of neighbours of the input
}

// NewTranspose returns the reordering for an input of a shape.
func NewTranspose(shape, perm []int) (*Transpose, error) {
	n := len(shape)
	t := &Transpose{size: 1}
	strides, seen := make([]int, n), make([]bool, n)
	for i := n - 1; i >= 0; i-- {
		if shape[i] < 1 || shape[i] > math.MaxInt32/t.size {
			return nil, fmt.Errorf("transposition of the shape %v", shape)
		}
		strides[i] = t.size
		t.size *= shape[i]
	}
	if len(perm) != n {
		return nil, fmt.Errorf("transposition of %d axes to the order %v", n, perm)
	}
	for _, p := range perm {
		if p < 0 || p >= n || seen[p] {
			return nil, fmt.Errorf("transposition of %d axes to the order %v", n, perm)
		}
		seen[p] = true
		t.shape = append(t.shape, shape[p])
	}
	for i := n - 1; i >= 0; i-- {
		size, stride := shape[perm[i]], strides[perm[i]]
		if size == 1 {
			continue
		}
		if last := len(t.dims) - 1; last >= 0 && stride == t.strides[last]*t.dims[last] {
			t.dims[last] *= size
		} else {
			t.dims, t.strides = append(t.dims, size), append(t.strides, stride)
		}
	}
	if len(t.dims) == 0 {
		t.dims, t.strides = []int{1}, []int{1}
	}
	t.fast = max(0, slices.Index(t.strides, 1))
	t.count, t.step = 1, 1
	at := 1
	for i, d := range t.dims {
		if i == t.fast {
			t.step = at
		}
		if i != t.fast && i != 0 {
			t.outer, t.outerX, t.outerY = append(t.outer, d), append(t.outerX, t.strides[i]), append(t.outerY, at)
			t.count *= d
		}
		at *= d
	}
	return t, nil
}

// Shape is that of the result.
func (t *Transpose) Shape() []int { return t.shape }

// Forward sets y to x with its axes reordered; not the same memory.
func (t *Transpose) Forward(ws *Workers, y, x []float32) {
	mustLen("y", y, t.size)
	mustLen("x", x, t.size)
	j := &ws.permuting
	*j = permuteJob{t: t, y: y, x: x}
	size := t.dims[0]
	if t.fast > 0 {
		size *= t.dims[t.fast]
	}
	j.perTask = max(1, elementChunk/size)
	j.pieces = 1
	if j.perTask == 1 { // a large matrix in pieces, by columns of the input
		j.pieces = (t.dims[t.fast] + transposeCols - 1) / transposeCols
		if t.fast == 0 {
			j.pieces = (size + elementChunk - 1) / elementChunk
		}
	}
	ws.run((t.count+j.perTask-1)/j.perTask*j.pieces, j)
}

// permuteJob moves some of the matrices, or a piece of one.
type permuteJob struct {
	t               *Transpose
	y, x            []float32
	perTask, pieces int
}

func (j *permuteJob) task(i int, ws *Workers, _ *worker) {
	t, first, piece := j.t, i/j.pieces*j.perTask, i%j.pieces
	for m := first; m < min(first+j.perTask, t.count); m++ {
		x, y, rest := 0, 0, m
		for d, size := range t.outer {
			k := rest % size
			rest /= size
			x += k * t.outerX[d]
			y += k * t.outerY[d]
		}
		if t.fast == 0 {
			from, to := 0, t.dims[0]
			if j.pieces > 1 {
				from, to = piece*elementChunk, min((piece+1)*elementChunk, to)
			}
			copy(j.y[y+from:y+to], j.x[x+from:])
			continue
		}
		// rows of the input are t.dims[0] values apart in y by 1,
		// columns by t.step
		from, to := 0, t.dims[t.fast]
		if j.pieces > 1 {
			from, to = piece*transposeCols, min((piece+1)*transposeCols, to)
		}
		ws.backend.transpose(j.y[y+from*t.step:], t.step, j.x[x+from:], t.strides[0], t.dims[0], to-from)
	}
}
