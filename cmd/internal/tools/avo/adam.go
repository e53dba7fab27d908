package main

import (
	. "github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/reg"
)

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
