package kernel

import (
	"fmt"
	"math"
)

// UnaryOp names a function of one number.
type UnaryOp uint8

// The functions. A NaN gives NaN. What is said of errors is the largest one
// found against float64, in units of the last place (ulp) of the result.
const (
	UnaryIdentity    UnaryOp = iota // x
	UnaryClip                       // x, not below Alpha and not above Beta
	UnaryReLU                       // max(x, 0)
	UnaryLeakyReLU                  // x, or Alpha*x below 0
	UnaryAbs                        // |x|
	UnaryNeg                        // -x
	UnaryFloor                      // the largest integer not above x
	UnarySqrt                       // correctly rounded
	UnaryHardSigmoid                // min(max(Alpha*x + Beta, 0), 1)
	UnaryHardSwish                  // x * min(max(x/6 + 1/2, 0), 1)
	UnaryExp                        // e^x; 1 ulp
	UnaryLog                        // natural logarithm; 1 ulp
	UnarySigmoid                    // 1/(1+e^-x); 2.2 ulp
	UnarySiLU                       // x * sigmoid(x), also called swish; 3.1 ulp
	UnaryTanh                       // 1.2 ulp
	UnaryErf                        // error function; 1.1 ulp
	UnaryGelu                       // x/2 * (1 + erf(x/√2)); error 1.1e-7 * |x|
	UnaryGeluTanh                   // x/2 * (1 + tanh(√(2/π)(x + 0.044715x³))); likewise
	unaryOps
)

// Unary is an elementwise function with its parameters. Its results are the
// same, bit for bit, on every backend, apart from UnaryLog, which uses
// [math.Log].
type Unary struct {
	Op          UnaryOp
	Alpha, Beta float32
}

// Limit is the function that limits numbers to a range.
func (c Clip) Limit() Unary {
	if c == Unclipped() {
		return Unary{}
	}
	return Unary{Op: UnaryClip, Alpha: c.Lo, Beta: c.Hi}
}

// Limits is the range that the function limits numbers to, if it does no more.
func (u Unary) Limits() (c Clip, only bool) {
	switch u.Op {
	case UnaryIdentity:
		return Unclipped(), true
	case UnaryReLU:
		return Rectified(), true
	case UnaryClip:
		return Clip{u.Alpha, u.Beta}, true
	}
	return Unclipped(), false
}

// Forward sets y to f(x). They have the same length, and may be the same slice.
func (u Unary) Forward(ws *Workers, y, x []float32) {
	mustLen("x", x, len(y))
	if u.Op >= unaryOps {
		panic(fmt.Sprintf("kernel: unknown function %d", u.Op))
	}
	ws.elementwise(elementJob{kind: elementUnary, dst: y, a: x, unary: u})
}

// apply sets y to f(x).
func (be *backend) apply(u Unary, y, x []float32) {
	switch u.Op {
	case UnaryClip:
		be.clip(y, x, u.Alpha, u.Beta)
	case UnaryReLU:
		be.relu(y, x)
	default:
		be.unary(u, y, x)
	}
}

// unaryRef sets y to f(x). Every product is rounded before it is added.
func unaryRef(u Unary, y, x []float32) {
	x = x[:len(y)]
	switch u.Op {
	case UnaryIdentity:
		copy(y, x)
	case UnaryClip:
		clipRef(y, x, u.Alpha, u.Beta)
	case UnaryReLU:
		reluRef(y, x)
	case UnaryLeakyReLU:
		for i, v := range x {
			if v < 0 {
				v *= u.Alpha
			}
			y[i] = v
		}
	case UnaryAbs:
		for i, v := range x {
			y[i] = abs32(v)
		}
	case UnaryNeg:
		for i, v := range x {
			y[i] = -v
		}
	case UnaryFloor:
		for i, v := range x {
			y[i] = float32(math.Floor(float64(v)))
		}
	case UnarySqrt:
		for i, v := range x {
			y[i] = float32(math.Sqrt(float64(v)))
		}
	case UnaryHardSigmoid:
		for i, v := range x {
			y[i] = hardSigmoid32(v, u.Alpha, u.Beta)
		}
	case UnaryHardSwish:
		for i, v := range x {
			y[i] = v * hardSigmoid32(v, 1.0/6, 0.5)
		}
	case UnaryExp:
		for i, v := range x {
			y[i] = exp32(v)
		}
	case UnaryLog:
		for i, v := range x {
			y[i] = float32(math.Log(float64(v)))
		}
	case UnarySigmoid:
		for i, v := range x {
			y[i] = sigmoid32(v)
		}
	case UnarySiLU:
		for i, v := range x {
			y[i] = v * sigmoid32(v)
		}
	case UnaryTanh:
		for i, v := range x {
			y[i] = tanh32(v)
		}
	case UnaryErf:
		for i, v := range x {
			y[i] = erf32(v)
		}
	case UnaryGelu:
		for i, v := range x {
			y[i] = float32(0.5*v) * (1 + erf32(v*sqrtHalf))
		}
	case UnaryGeluTanh:
		for i, v := range x {
			cube := float32(float32(v*v) * v)
			y[i] = float32(0.5*v) * (1 + tanh32(float32(v+float32(cube*geluCubic))*sqrt2OverPi))
		}
	}
}
