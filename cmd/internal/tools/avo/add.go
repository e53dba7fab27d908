package main

import (
	. "github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/reg"
)

// addReLU adds and keeps what is not at most zero, so NaN too.
func (v isa) addReLU() {
	function("addReLU"+v.suffix, "func(y, x []float32)", "adds x to y and applies ReLU, to as many values as fill whole vectors.")
	y, x := base("y"), base("x")
	zero := v.zero()
	v.each("y", func(k reg.GPVirtual) {
		sum, open := v.vector(), v.mask()
		VMOVUPS(indexed(y, k, 4, 0), sum)
		VADDPS(indexed(x, k, 4, 0), sum, sum)
		VCMPPS(notLessEqual, zero, sum, open)
		v.keep(open, sum, sum)
		VMOVUPS(sum, indexed(y, k, 4, 0))
	})
}
