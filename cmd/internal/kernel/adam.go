package kernel

import "math"

// Adam is the optimiser of Kingma and Ba ("Adam: a method for stochastic
// optimization", ICLR 2015, algorithm 1) with the decoupled weight decay of
// Loshchilov and Hutter ("Decoupled weight decay regularization", ICLR 2019,
// algorithm 2, the decay multiplied by the learning rate as in PyTorch):
//
//	m = beta1*m + (1-beta1)*g
//	v = beta2*v + (1-beta2)*g^2
//	w = w - (decay*w + rate*m / (sqrt(v) + eps'))
//
// where the corrections of the bias at step t are in the constants:
// rate = LR * sqrt(1-beta2^t) / (1-beta1^t), eps' = Eps * sqrt(1-beta2^t),
// decay = LR * WeightDecay. m and v start at zero.
type Adam struct{ LR, Beta1, Beta2, Eps, WeightDecay float64 }

// Update applies one step in place to the weights w and the averages m and v,
// for the gradient g. step counts from 1.
//
// As in RMSProp, |g| counts as at least 1e-15 in v, and an m of less than 1e-30
// becomes 0, so that neither decays into denormal numbers. With an Eps of 1e-8
// the first lowers a step of g = 0 by less than a ten-millionth, the second
// moves a weight by less than 1e-22 learning rates.
//
// Every step is rounded to float32, in the order of the formulas, without fused
// operations: all backends and platforms give the same bits.
func (o Adam) Update(ws *Workers, w, m, v, g []float32, step uint64) {
	mustLen("m", m, len(w))
	mustLen("v", v, len(w))
	mustLen("g", g, len(w))
	ws.elementwise(elementJob{kind: elementAdam, dst: w, a: m, b: v, c: g, adam: o.constants(step)})
}

// adamConst is an Adam in the arithmetic of the kernels, in the order in which
// the assembly reads it.
type adamConst struct{ beta1, oneMinusBeta1, beta2, oneMinusBeta2, rate, eps, decay, floor, tiny, sign float32 }

// tinyMomentum is the least momentum that is kept.
const tinyMomentum = 1e-30

func (o Adam) constants(step uint64) adamConst {
	correction := math.Sqrt(1 - power(o.Beta2, step))
	return adamConst{
		beta1: float32(o.Beta1), oneMinusBeta1: float32(1 - o.Beta1), beta2: float32(o.Beta2), oneMinusBeta2: float32(1 - o.Beta2),
		rate: float32(o.LR * correction / (1 - power(o.Beta1, step))), eps: float32(o.Eps * correction),
		decay: float32(o.LR * o.WeightDecay), floor: rmspropFloor, tiny: tinyMomentum, sign: float32(math.Copysign(0, -1)),
	}
}

// power is x^n by squaring: products alone, which no platform fuses with
// anything.
func power(x float64, n uint64) float64 {
	y := 1.0
	for ; n > 0; n >>= 1 {
		if n&1 == 1 {
			y *= x
		}
		x *= x
	}
	return y
}

// adamRef is Adam.Update. The conversions forbid fused multiply-adds.
func adamRef(w, m, v, g []float32, o *adamConst) {
	m, v, g = m[:len(w)], v[:len(w)], g[:len(w)]
	for i, d := range g {
		size := float32(math.Abs(float64(d)))
		if size < o.floor {
			size = o.floor
		}
		second := float32(v[i]*o.beta2) + float32(o.oneMinusBeta2*float32(size*size))
		v[i] = second
		first := keep(float32(m[i]*o.beta1)+float32(o.oneMinusBeta1*d), o.tiny)
		m[i] = first
		move := float32(o.rate*first) / (float32(math.Sqrt(float64(second))) + o.eps)
		w[i] -= float32(o.decay*w[i]) + move
	}
}

// keep is v, or 0 if it is smaller than tiny. It does not branch by the sign,
// which nothing predicts.
func keep(v, tiny float32) float32 {
	const sign = 1 << 31
	if math.Float32bits(v)&^sign < math.Float32bits(tiny) {
		return 0
	}
	return v
}
