package kernel

import "fmt"

// Backward sets dx to the gradient of Forward from that of its output, dy, its
// input x and its output y: dy*f'(x). All have the same length; dx and dy may be
// the same slice. Where f has a corner, f' is 0 at the ends of a range that x is
// limited to, and that from above elsewhere. The results are the same on every
// backend. It panics for a function of which HasGradient says that it has none.
func (u Unary) Backward(ws *Workers, dx, dy, x, y []float32) {
	mustLen("dy", dy, len(dx))
	mustLen("x", x, len(dx))
	mustLen("y", y, len(dx))
	if !u.HasGradient() {
		panic(fmt.Sprintf("kernel: no gradient of function %d", u.Op))
	}
	if u.Op == UnaryReLU {
		ReLUBackward(ws, dx, dy, y)
		return
	}
	ws.run((len(dx)+elementChunk-1)/elementChunk, &unaryGradJob{u, dx, dy, x, y})
}

// HasGradient reports whether Backward can compute the gradient.
func (u Unary) HasGradient() bool {
	switch u.Op {
	case UnaryIdentity, UnaryClip, UnaryReLU, UnaryLeakyReLU, UnaryAbs, UnaryNeg, UnarySqrt, UnaryHardSigmoid, UnaryHardSwish,
		UnaryExp, UnaryLog, UnarySigmoid, UnarySiLU, UnaryTanh:
		return true
	}
	return false
}

type unaryGradJob struct {
	u            Unary
	dx, dy, x, y []float32
}

func (j *unaryGradJob) task(i int, ws *Workers, _ *worker) {
	first, last := i*elementChunk, min((i+1)*elementChunk, len(j.dx))
	dx, dy, x, y := j.dx[first:last], j.dy[first:last], j.x[first:last], j.y[first:last]
	switch j.u.Op {
	case UnaryClip:
		ws.backend.clipGrad(dx, dy, y, j.u.Alpha, j.u.Beta)
		return
	case UnarySiLU:
		s := make([]float32, len(x))
		ws.backend.apply(Unary{Op: UnarySigmoid}, s, x)
		y = s
	}
	j.u.gradient(dx, dy, x, y)
}

// gradient sets dx to dy*f'(x). y is f(x), of SiLU the sigmoid. Every product is
// rounded before it is added.
func (u Unary) gradient(dx, dy, x, y []float32) {
	dy, x, y = dy[:len(dx)], x[:len(dx)], y[:len(dx)]
	switch u.Op {
	case UnaryIdentity:
		copy(dx, dy)
	case UnaryLeakyReLU:
		for i, v := range dy {
			if x[i] < 0 {
				v *= u.Alpha
			}
			dx[i] = v
		}
	case UnaryAbs:
		for i, v := range dy {
			if x[i] < 0 {
				v = -v
			}
			dx[i] = v
		}
	case UnaryNeg:
		for i, v := range dy {
			dx[i] = -v
		}
	case UnarySqrt:
		for i, v := range dy {
			dx[i] = v / float32(2*y[i])
		}
	case UnaryHardSigmoid:
		for i, v := range dy {
			if y[i] > 0 && y[i] < 1 {
				dx[i] = v * u.Alpha
			} else {
				dx[i] = 0
			}
		}
	case UnaryHardSwish:
		for i, v := range dy {
			switch {
			case x[i] <= -3:
				dx[i] = 0
			case x[i] >= 3:
				dx[i] = v
			default: // x * (x/6 + 1/2)
				dx[i] = v * (float32(x[i]*(1.0/3)) + 0.5)
			}
		}
	case UnaryExp:
		for i, v := range dy {
			dx[i] = v * y[i]
		}
	case UnaryLog:
		for i, v := range dy {
			dx[i] = v / x[i]
		}
	case UnarySigmoid:
		for i, v := range dy {
			dx[i] = v * float32(y[i]*(1-y[i]))
		}
	case UnarySiLU: // s + x*s*(1-s)
		for i, v := range dy {
			s := y[i]
			dx[i] = v * (s + float32(float32(x[i]*s)*(1-s)))
		}
	case UnaryTanh:
		for i, v := range dy {
			dx[i] = v * (1 - float32(y[i]*y[i]))
		}
	}
}
