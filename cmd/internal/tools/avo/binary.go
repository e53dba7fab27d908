package main

import (
	. "github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// binary makes the functions of two numbers.
func (v isa) binary() {
	make := func(name string, body func(a, b reg.VecVirtual) reg.VecVirtual) {
		function(name+v.suffix, "func(y, a, b []float32)", "applies the function to as many values as fill whole vectors.")
		y, a, b := base("y"), base("a"), base("b")
		v.each("y", func(k reg.GPVirtual) {
			p, q := v.vector(), v.vector()
			VMOVUPS(indexed(a, k, 4, 0), p)
			VMOVUPS(indexed(b, k, 4, 0), q)
			VMOVUPS(body(p, q), indexed(y, k, 4, 0))
		})
	}
	make("sub", func(a, b reg.VecVirtual) reg.VecVirtual { return v.minus(a, b) })
	make("mul", func(a, b reg.VecVirtual) reg.VecVirtual { return v.mul(b, a) })
	make("div", v.over)
	// Both give the second number if one is NaN or they are equal; then the
	// first if that is NaN.
	make("min", func(a, b reg.VecVirtual) reg.VecVirtual {
		nan := v.mask()
		VCMPPS(unordered, a, a, nan)
		VMINPS(b, a, b)
		v.replace(nan, a, b)
		return b
	})
	make("max", func(a, b reg.VecVirtual) reg.VecVirtual {
		nan := v.mask()
		VCMPPS(unordered, a, a, nan)
		VMAXPS(b, a, b)
		v.replace(nan, a, b)
		return b
	})
	make("prelu", func(a, b reg.VecVirtual) reg.VecVirtual {
		v.replace(v.less(a, 0), v.mul(b, a), a)
		return a
	})
	scalar := func(name string, body func(x, value reg.VecVirtual)) {
		function(name+v.suffix, "func(y, x []float32, value float32)", "applies the function to as many values as fill whole vectors.")
		y, x := base("y"), base("x")
		value := v.broadcast("value")
		v.each("y", func(k reg.GPVirtual) {
			p := v.vector()
			VMOVUPS(indexed(x, k, 4, 0), p)
			body(p, value)
			VMOVUPS(p, indexed(y, k, 4, 0))
		})
	}
	scalar("addScalar", func(x, value reg.VecVirtual) { VADDPS(value, x, x) })
	scalar("divScalar", func(x, value reg.VecVirtual) { VDIVPS(value, x, x) })
}

// scaleBytes multiplies bytes with patterns of 48 values and adds such ones.
func (v isa) scaleBytes() {
	function("scaleBytes"+v.suffix, "func(dst []float32, src []uint8, factor, offset []float32)",
		"scales bytes, as many as are whole patterns of 48 values.")
	const pattern = 48
	dst, src := base("dst"), base("src")
	factors, offsets := base("factor"), base("offset")
	var factor, offset []reg.VecVirtual
	for i := range pattern / v.lanes {
		f, o := v.vector(), v.vector()
		VMOVUPS(at(factors, i*v.bytes()), f)
		VMOVUPS(at(offsets, i*v.bytes()), o)
		factor, offset = append(factor, f), append(offset, o)
	}
	n, k := GP64(), GP64()
	Load(Param("dst").Len(), n)
	XORQ(k, k)
	Label("loop")
	SUBQ(operand.Imm(pattern), n)
	JL(jump("end"))
	for i := range factor {
		x := v.vector()
		VPMOVZXBD(indexed(src, k, 1, i*v.lanes), x)
		VCVTDQ2PS(x, x)
		VMULPS(factor[i], x, x)
		VADDPS(offset[i], x, x)
		VMOVUPS(x, indexed(dst, k, 4, i*v.bytes()))
	}
	ADDQ(operand.Imm(pattern), k)
	JMP(jump("loop"))
	Label("end")
	VZEROUPPER()
	RET()
}
