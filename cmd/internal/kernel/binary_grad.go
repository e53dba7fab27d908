package kernel

import "fmt"

// HasGradient reports whether Backward can compute the gradient.
func (op BinaryOp) HasGradient() bool {
	switch op {
	case BinaryAdd, BinarySub, BinaryMul, BinaryDiv, BinaryMin, BinaryMax:
		return true
	}
	return false
}

// Backward sets da and db, like a and b, to the gradients of Forward from that
// of its output, dy; each may be nil: it is not wanted. Where an operand is
// repeated, those of its repetitions are added up in order. The gradient of a
// minimum or maximum of two that are the same is that of b. The results are the
// same on every backend. It panics for a function of which HasGradient says that
// it has none.
func (f *Binary) Backward(ws *Workers, da, db, dy, a, b []float32) {
	mustLen("dy", dy, f.inner*f.rows)
	mustLen("a", a, f.sizeA)
	mustLen("b", b, f.sizeB)
	optLen("da", da, f.sizeA)
	optLen("db", db, f.sizeB)
	if !f.op.HasGradient() {
		panic(fmt.Sprintf("kernel: no gradient of function %d", f.op))
	}
	clear(da)
	clear(db)
	j := &binaryGradJob{f: f, da: da, db: db, dy: dy, a: a, b: b, tasks: 1}
	// Each task has a part of the outermost axis, unless all of that goes to
	// one place.
	last := len(f.dims) - 1
	if (da == nil || f.strideA[last] != 0) && (db == nil || f.strideB[last] != 0) {
		j.tasks = f.dims[last]
		if last == 0 {
			j.tasks = (f.inner + elementChunk - 1) / elementChunk
		}
	}
	ws.run(j.tasks, j)
}

type binaryGradJob struct {
	f                *Binary
	da, db, dy, a, b []float32
	tasks            int
}

func (j *binaryGradJob) task(i int, _ *Workers, _ *worker) {
	f := j.f
	if len(f.dims) == 1 {
		from, to := 0, f.inner
		if j.tasks > 1 {
			from, to = i*elementChunk, min((i+1)*elementChunk, f.inner)
		}
		j.row(j.dy, 0, 0, from, to)
		return
	}
	for r := i * f.rows / j.tasks; r < (i+1)*f.rows/j.tasks; r++ {
		atA, atB := f.at(r)
		j.row(j.dy[r*f.inner:], atA, atB, 0, f.inner)
	}
}

// row takes in the values from, ..., to-1 of a row of dy. Every product is
// rounded before it is added.
func (j *binaryGradJob) row(dy []float32, atA, atB, from, to int) {
	f := j.f
	sa, sb := f.strideA[0], f.strideB[0]
	if j.da != nil {
		for i := from; i < to; i++ {
			v, b := dy[i], j.b[atB+i*sb]
			switch f.op {
			case BinaryMul:
				v = float32(v * b)
			case BinaryDiv:
				v = float32(v / b)
			case BinaryMin:
				if !(j.a[atA+i*sa] < b) {
					v = 0
				}
			case BinaryMax:
				if !(j.a[atA+i*sa] > b) {
					v = 0
				}
			}
			j.da[atA+i*sa] += v
		}
	}
	if j.db != nil {
		for i := from; i < to; i++ {
			v, a := dy[i], j.a[atA+i*sa]
			b := j.b[atB+i*sb]
			switch f.op {
			case BinarySub:
				v = -v
			case BinaryMul:
				v = float32(v * a)
			case BinaryDiv:
				v = -float32(float32(v*a) / float32(b*b))
			case BinaryMin:
				if a < b {
					v = 0
				}
			case BinaryMax:
				if a > b {
					v = 0
				}
			}
			j.db[atB+i*sb] += v
		}
	}
}
