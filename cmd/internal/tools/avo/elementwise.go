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

// rmsprop updates weights, one rounding for each operation.
func (v isa) rmsprop() {
	function("rmsprop"+v.suffix, "func(w, a, grad []float32, lr, rho, rest, eps, floor float32)",
		"updates weights, as many as fill whole vectors.")
	w, a, grad := base("w"), base("a"), base("grad")
	lr, rho, rest, eps, floor := v.broadcast("lr"), v.broadcast("rho"), v.broadcast("rest"), v.broadcast("eps"), v.broadcast("floor")
	sign := v.constant(1 << 31)
	v.each("w", func(k reg.GPVirtual) {
		d, m, avg := v.vector(), v.vector(), v.vector()
		VMOVUPS(indexed(grad, k, 4, 0), d)
		VANDNPS(d, sign, m)
		VMAXPS(m, floor, m) // the second source, m, if one is NaN
		VMULPS(m, m, m)
		VMULPS(rest, m, m)
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
