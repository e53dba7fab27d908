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
