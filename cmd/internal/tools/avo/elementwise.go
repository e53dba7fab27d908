package main

import (
	. "github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// each makes a loop over whole vectors of the slice named first, with an index
// register that counts values.
func (v isa) each(first string, body func(k reg.GPVirtual)) {
	n, k := GP64(), GP64()
	Load(Param(first).Len(), n)
	XORQ(k, k)
	Label("loop")
	SUBQ(operand.Imm(uint64(v.lanes)), n)
	JL(jump("end"))
	body(k)
	ADDQ(operand.Imm(uint64(v.lanes)), k)
	JMP(jump("loop"))
	Label("end")
	VZEROUPPER()
	RET()
}

// scale converts bytes.
func (v isa) scale() {
	function("scale"+v.suffix, "func(dst []float32, src []uint8, factor float32)",
		"converts bytes, as many as fill whole vectors.")
	dst, src := base("dst"), base("src")
	factor := v.broadcast("factor")
	v.each("dst", func(k reg.GPVirtual) {
		x := v.vector()
		VPMOVZXBD(indexed(src, k, 1, 0), x)
		VCVTDQ2PS(x, x)
		VMULPS(factor, x, x)
		VMOVUPS(x, indexed(dst, k, 4, 0))
	})
}

// relu keeps what is not at most zero, so NaN too.
func (v isa) relu() {
	function("relu"+v.suffix, "func(y, x []float32)", "applies ReLU, to as many values as fill whole vectors.")
	y, x := base("y"), base("x")
	zero := v.zero()
	v.each("y", func(k reg.GPVirtual) {
		value, open := v.vector(), v.mask()
		VMOVUPS(indexed(x, k, 4, 0), value)
		VCMPPS(notLessEqual, zero, value, open)
		v.keep(open, value, value)
		VMOVUPS(value, indexed(y, k, 4, 0))
	})
}

// reluGrad keeps dy where y is not at most zero.
func (v isa) reluGrad() {
	function("reluGrad"+v.suffix, "func(dx, dy, y []float32)", "is the gradient of ReLU, for as many values as fill whole vectors.")
	dx, dy, y := base("dx"), base("dy"), base("y")
	zero := v.zero()
	v.each("dx", func(k reg.GPVirtual) {
		value, open := v.vector(), v.mask()
		VMOVUPS(indexed(y, k, 4, 0), value)
		VCMPPS(notLessEqual, zero, value, open)
		v.keep(open, indexed(dy, k, 4, 0), value)
		VMOVUPS(value, indexed(dx, k, 4, 0))
	})
}

// clipGrad keeps dy where y is between lo and hi, and neither of them nor NaN.
func (v isa) clipGrad() {
	function("clipGrad"+v.suffix, "func(dx, dy, y []float32, lo, hi float32)", "is the gradient of limiting, for as many values as fill whole vectors.")
	dx, dy, y := base("dx"), base("dy"), base("y")
	lo, hi := v.broadcast("lo"), v.broadcast("hi")
	v.each("dx", func(k reg.GPVirtual) {
		value, above, below := v.vector(), v.mask(), v.mask()
		VMOVUPS(indexed(y, k, 4, 0), value)
		VCMPPS(greater, lo, value, above)
		VCMPPS(greater, value, hi, below)
		v.keep(above, indexed(dy, k, 4, 0), value)
		v.keep(below, value, value)
		VMOVUPS(value, indexed(dx, k, 4, 0))
	})
}

// sum adds two tensors.
func (v isa) sum() {
	function("add"+v.suffix, "func(y, a, b []float32)", "adds as many values as fill whole vectors.")
	y, a, b := base("y"), base("a"), base("b")
	v.each("y", func(k reg.GPVirtual) {
		x := v.vector()
		VMOVUPS(indexed(a, k, 4, 0), x)
		VADDPS(indexed(b, k, 4, 0), x, x)
		VMOVUPS(x, indexed(y, k, 4, 0))
	})
}

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

// clip limits values. A NaN is the second operand of both comparisons, which is
// what they give then.
func (v isa) clip() {
	function("clip"+v.suffix, "func(y, x []float32, lo, hi float32)", "limits as many values as fill whole vectors.")
	y, x := base("y"), base("x")
	lo, hi := v.broadcast("lo"), v.broadcast("hi")
	v.each("y", func(k reg.GPVirtual) {
		value := v.vector()
		VMOVUPS(indexed(x, k, 4, 0), value)
		VMAXPS(value, lo, value)
		VMINPS(value, hi, value)
		VMOVUPS(value, indexed(y, k, 4, 0))
	})
}
