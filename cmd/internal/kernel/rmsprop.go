package kernel

import "math"

// RMSProp is the optimiser of Keras 2.2.4 (optimizers.py, class RMSprop):
//
//	a = rho*a + (1-rho)*g^2
//	w = w - lr*g / (sqrt(a) + eps)
//
// with eps outside the root, unlike Keras 3 and TensorFlow. Keras 2.2.4 has rho
// 0.9, eps 1e-7, and a starts at zero.
type RMSProp struct{ LR, Rho, Eps float64 }

// Update applies one step in place to the weights w and the averages a, for the
// gradient g.
//
// g^2 is never taken below 1e-30: the average of a weight whose gradient has
// become zero would otherwise decay into denormal numbers, on which some
// processors are an order of magnitude slower. The square root then is at most
// 1e-15 too large, less than half the last place of an eps of 1e-7.
//
// Every step is rounded to float32, in the order of the formulas, without fused
// operations: all backends and platforms give the same bits.
func (o RMSProp) Update(ws *Workers, w, a, g []float32) {
	mustLen("a", a, len(w))
	mustLen("g", g, len(w))
	ws.elementwise(elementJob{kind: elementRMSProp, dst: w, a: a, b: g, opt: o.constants()})
}

// rmspropFloor is the least |g| that counts in the average.
const rmspropFloor = 1e-15

// rmspropConst is an RMSProp in the arithmetic of the kernels.
type rmspropConst struct{ lr, rho, oneMinusRho, eps, floor float32 }

func (o RMSProp) constants() rmspropConst {
	return rmspropConst{
		lr: float32(o.LR), rho: float32(o.Rho), oneMinusRho: float32(1 - o.Rho), eps: float32(o.Eps), floor: rmspropFloor,
	}
}

func (o *rmspropConst) apply(be *backend, w, a, g []float32) {
	be.rmsprop(w, a, g, o.lr, o.rho, o.oneMinusRho, o.eps, o.floor)
}

// rmspropRef is RMSProp.Update. The conversions forbid fused multiply-adds.
func rmspropRef(w, a, g []float32, lr, rho, oneMinusRho, eps, floor float32) {
	a, g = a[:len(w)], g[:len(w)]
	for i, v := range g {
		m := float32(math.Abs(float64(v)))
		if m < floor {
			m = floor
		}
		avg := float32(rho*a[i]) + float32(oneMinusRho*float32(m*m))
		a[i] = avg
		w[i] -= float32(float32(lr*v) / (float32(math.Sqrt(float64(avg))) + eps))
	}
}
