package kernel

// SGD is gradient descent with the momentum of Nesterov in the form of
// Sutskever et al. ("On the importance of initialization and momentum in deep
// learning", ICML 2013) that PyTorch has, and decoupled weight decay:
//
//	m = momentum*m + g
//	w = w - (decay*w + LR*(momentum*m + g))
//
// with decay = LR * WeightDecay. m starts at zero.
type SGD struct{ LR, Momentum, WeightDecay float64 }

// Update applies one step in place to the weights w and the momentum m, for the
// gradient g. An m of less than 1e-30 becomes 0, as in Adam. Every step is
// rounded to float32 without fused operations: all backends and platforms give
// the same bits.
func (o SGD) Update(ws *Workers, w, m, g []float32) {
	mustLen("m", m, len(w))
	mustLen("g", g, len(w))
	ws.elementwise(elementJob{kind: elementSGD, dst: w, a: m, b: g, sgd: o.constants()})
}

// sgdConst is an SGD in the arithmetic of the kernels.
type sgdConst struct{ rate, momentum, decay float32 }

func (o SGD) constants() sgdConst {
	return sgdConst{rate: float32(o.LR), momentum: float32(o.Momentum), decay: float32(o.LR * o.WeightDecay)}
}

// apply is SGD.Update.
func (o *sgdConst) apply(w, m, g []float32) {
	m, g = m[:len(w)], g[:len(w)]
	for i, d := range g {
		o.move(&w[i], o.direction(&m[i], d))
	}
}

// direction moves the momentum m for the gradient d, and is where Nesterov's
// points to. The conversions here and in move forbid fused multiply-adds.
func (o *sgdConst) direction(m *float32, d float32) float32 {
	*m = keep(float32(o.momentum**m)+d, tinyMomentum)
	return float32(o.momentum**m) + d
}

// move moves the weight w against u.
func (o *sgdConst) move(w *float32, u float32) {
	*w -= float32(o.decay**w) + float32(o.rate*u)
}
