package main

import (
	. "github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/reg"
)

// rmsprop updates weights, one rounding for each operation.
func (v isa) rmsprop() {
	function("rmsprop"+v.suffix, "func(w, a, grad []float32, lr, rho, oneMinusRho, eps, floor float32)",
		"updates weights, as many as fill whole vectors.")
	w, a, grad := base("w"), base("a"), base("grad")
	lr, rho, oneMinusRho, eps, floor := v.broadcast("lr"), v.broadcast("rho"), v.broadcast("oneMinusRho"), v.broadcast("eps"), v.broadcast("floor")
	sign := v.constant(1 << 31)
	v.each("w", func(k reg.GPVirtual) {
		d, m, avg := v.vector(), v.vector(), v.vector()
		VMOVUPS(indexed(grad, k, 4, 0), d)
		VANDNPS(d, sign, m)
		VMAXPS(m, floor, m) // the second source, m, if one is NaN
		VMULPS(m, m, m)
		VMULPS(oneMinusRho, m, m)
		VMULPS(indexed(a, k, 4, 0), rho, avg)
		VADDPS(m, avg, avg)
		VMOVUPS(avg, indexed(a, k, 4, 0))
		VSQRTPS(avg, avg)
		VADDPS(eps, avg, avg)
		VMULPS(lr, d, d)
		VDIVPS(avg, d, d)
		old := v.vector()
		VMOVUPS(indexed(w, k, 4, 0), old)
		VSUBPS(d, old, old)
		VMOVUPS(old, indexed(w, k, 4, 0))
	})
}

// adam updates weights, one rounding for each operation.
func (v isa) adam() {
	function("adam"+v.suffix, "func(w, m, v, grad []float32, o *float32)",
		"updates weights, as many as fill whole vectors, with the constants of an adamConst.")
	w, m, second, grad := base("w"), base("m"), base("v"), base("grad")
	o := number("o")
	var c []reg.VecVirtual
	for i := range 10 {
		c = append(c, v.spread(at(o, 4*i)))
	}
	beta1, oneMinusBeta1, beta2, oneMinusBeta2, rate, eps, decay, floor, tiny, sign := c[0], c[1], c[2], c[3], c[4], c[5], c[6], c[7], c[8], c[9]
	v.each("w", func(k reg.GPVirtual) {
		d, size, avg := v.vector(), v.vector(), v.vector()
		VMOVUPS(indexed(grad, k, 4, 0), d)
		VANDNPS(d, sign, size)
		VMAXPS(size, floor, size) // the second source, size, if one is NaN
		VMULPS(size, size, size)
		VMULPS(oneMinusBeta2, size, size)
		VMULPS(indexed(second, k, 4, 0), beta2, avg)
		VADDPS(size, avg, avg)
		VMOVUPS(avg, indexed(second, k, 4, 0))
		VSQRTPS(avg, avg)
		VADDPS(eps, avg, avg)

		first := v.vector()
		VMULPS(oneMinusBeta1, d, d)
		VMULPS(indexed(m, k, 4, 0), beta1, first)
		VADDPS(d, first, first)
		VANDNPS(first, sign, size)
		kept := v.mask()
		VCMPPS(notLess, tiny, size, kept)
		v.keep(kept, first, first)
		VMOVUPS(first, indexed(m, k, 4, 0))
		VMULPS(rate, first, first)
		VDIVPS(avg, first, first)

		old := v.vector()
		VMOVUPS(indexed(w, k, 4, 0), old)
		VMULPS(decay, old, d)
		VADDPS(first, d, d)
		VSUBPS(d, old, old)
		VMOVUPS(old, indexed(w, k, 4, 0))
	})
}

// average moves averages, one rounding for each operation.
func (v isa) ema() {
	function("ema"+v.suffix, "func(avg, w []float32, oneMinusDecay float32)", "moves averages, as many as fill whole vectors.")
	avg, w := base("avg"), base("w")
	oneMinusDecay := v.broadcast("oneMinusDecay")
	v.each("avg", func(k reg.GPVirtual) {
		a, d := v.vector(), v.vector()
		VMOVUPS(indexed(avg, k, 4, 0), a)
		VMOVUPS(indexed(w, k, 4, 0), d)
		VSUBPS(a, d, d)
		VMULPS(oneMinusDecay, d, d)
		VADDPS(d, a, a)
		VMOVUPS(a, indexed(avg, k, 4, 0))
	})
}
