package kernel

import (
	"fmt"
	"math"
	"slices"
)

// BinaryOp names a function of two numbers.
type BinaryOp uint8

// The functions. A NaN gives NaN, apart from x^0 and 1^x.
const (
	BinaryAdd   BinaryOp = iota // a + b
	BinarySub                   // a - b
	BinaryMul                   // a * b
	BinaryDiv                   // a / b
	BinaryMin                   // the smaller
	BinaryMax                   // the larger
	BinaryPow                   // a^b, by math.Pow
	BinaryPReLU                 // a, or a*b where a is below 0
	binaryOps
)

// Binary is an elementwise function of two tensors, of which each may be
// repeated along axes on which it has size 1, as in numpy and ONNX.
type Binary struct {
	op    BinaryOp
	shape []int
	sizeA int
	sizeB int

	// Neighbouring axes along which both tensors go on in the same way are
	// one. A stride is the distance of neighbours in values, or 0 where a
	// tensor is repeated.
	dims, strideA, strideB []int
	inner, rows            int
}

// NewBinary returns the function for tensors of the shapes a and b, which are
// aligned at the last axis. All backends give the same bits.
func NewBinary(op BinaryOp, a, b []int) (*Binary, error) {
	if op >= binaryOps {
		return nil, fmt.Errorf("unknown elementwise function %d", op)
	}
	n := max(len(a), len(b))
	f := &Binary{op: op, sizeA: 1, sizeB: 1}
	axis := func(shape []int, i int) int {
		if i -= n - len(shape); i >= 0 {
			return shape[i]
		}
		return 1
	}
	total := 1
	for i := n - 1; i >= 0; i-- { // from the last axis
		p, q := axis(a, i), axis(b, i)
		if p < 1 || q < 1 || p != q && p != 1 && q != 1 || max(p, q) > math.MaxInt32/total {
			return nil, fmt.Errorf("elementwise function of the shapes %v and %v", a, b)
		}
		size := max(p, q)
		total *= size
		f.shape = append(f.shape, size)
		if size > 1 {
			sa, sb := f.sizeA, f.sizeB
			if p == 1 {
				sa = 0
			}
			if q == 1 {
				sb = 0
			}
			last := len(f.dims) - 1
			if last >= 0 && sa == f.strideA[last]*f.dims[last] && sb == f.strideB[last]*f.dims[last] {
				f.dims[last] *= size
			} else {
				f.dims, f.strideA, f.strideB = append(f.dims, size), append(f.strideA, sa), append(f.strideB, sb)
			}
		}
		f.sizeA, f.sizeB = f.sizeA*p, f.sizeB*q
	}
	slices.Reverse(f.shape)
	if len(f.dims) == 0 {
		f.dims, f.strideA, f.strideB = []int{1}, []int{1}, []int{1}
	}
	f.inner, f.rows = f.dims[0], total/f.dims[0]
	return f, nil
}

// Shape is that of the result.
func (f *Binary) Shape() []int { return f.shape }

// binarySpan is the most values of a row that are computed at once: so many
// copies are made of a value that is repeated along a row.
const binarySpan = 2048

// Forward sets y to f(a, b). y may be the same slice as an operand that has its
// size.
func (f *Binary) Forward(ws *Workers, y, a, b []float32) {
	mustLen("y", y, f.inner*f.rows)
	mustLen("a", a, f.sizeA)
	mustLen("b", b, f.sizeB)
	j := &ws.binary
	*j = binaryJob{f: f, y: y, a: a, b: b}
	j.perTask = max(1, elementChunk/f.inner)
	j.segments = 1
	if f.rows == 1 {
		j.segments = (f.inner + elementChunk - 1) / elementChunk
	}
	ws.reserve(scratch{buf: min(f.inner, binarySpan)})
	ws.run((f.rows+j.perTask-1)/j.perTask*j.segments, j)
}

// binaryJob computes some rows, or a segment of the only one.
type binaryJob struct {
	f                 *Binary
	y, a, b           []float32
	perTask, segments int
}

func (j *binaryJob) task(i int, ws *Workers, w *worker) {
	f := j.f
	if j.segments > 1 {
		from := i * elementChunk
		j.row(ws, w, j.y, 0, 0, from, min(from+elementChunk, f.inner))
		return
	}
	first := i * j.perTask
	for r := first; r < min(first+j.perTask, f.rows); r++ {
		atA, atB := f.at(r)
		j.row(ws, w, j.y[r*f.inner:], atA, atB, 0, f.inner)
	}
}

// at is where row r begins in both operands.
func (f *Binary) at(r int) (a, b int) {
	for d := 1; d < len(f.dims); d++ {
		k := r % f.dims[d]
		r /= f.dims[d]
		a += k * f.strideA[d]
		b += k * f.strideB[d]
	}
	return a, b
}

// row computes the values from, ..., to-1 of a row.
func (j *binaryJob) row(ws *Workers, w *worker, y []float32, atA, atB, from, to int) {
	sa, sb := j.f.strideA[0], j.f.strideB[0]
	for from < to {
		n := min(to-from, binarySpan)
		a, b := operand(w, j.a[atA:], sa, from, n), operand(w, j.b[atB:], sb, from, n)
		ws.backend.binary(j.f.op, y[from:from+n], a, b)
		from += n
	}
}

// operand is n values, or copies of one. Never both operands are copies.
func operand(w *worker, x []float32, stride, from, n int) []float32 {
	if stride != 0 {
		return x[from*stride:][:n]
	}
	s := w.buf[:n]
	for i := range s {
		s[i] = x[0]
	}
	return s
}

// binaryRef sets y to f(a, b).
func binaryRef(op BinaryOp, y, a, b []float32) {
	a, b = a[:len(y)], b[:len(y)]
	switch op {
	case BinaryAdd:
		for i, v := range a {
			y[i] = v + b[i]
		}
	case BinarySub:
		for i, v := range a {
			y[i] = v - b[i]
		}
	case BinaryMul:
		for i, v := range a {
			y[i] = v * b[i]
		}
	case BinaryDiv:
		for i, v := range a {
			y[i] = v / b[i]
		}
	case BinaryMin:
		for i, v := range a {
			if !(v < b[i] || v != v) {
				v = b[i]
			}
			y[i] = v
		}
	case BinaryMax:
		for i, v := range a {
			if !(v > b[i] || v != v) {
				v = b[i]
			}
			y[i] = v
		}
	case BinaryPow:
		for i, v := range a {
			y[i] = float32(math.Pow(float64(v), float64(b[i])))
		}
	case BinaryPReLU:
		for i, v := range a {
			if v < 0 {
				v *= b[i]
			}
			y[i] = v
		}
	}
}
