package main

import (
	. "github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/reg"
)

// ema moves averages, one rounding for each operation.
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
