package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// gather2x2AVX2 puts the four values of a 2x2 window next to each other, for
// eight windows at a time.
func gather2x2AVX2() {
	function("gather2x2AVX2", "func(gathered, row, next []float32, n, cin int)",
		"gathers 2x2 windows. n must be at least 8.")
	gathered, row, next := base("gathered"), base("row"), base("next")
	n, cin := number("n"), number("cin")
	k, last := GP64(), GP64()
	XORQ(k, k)
	LEAQ(at(n, -8), last)

	Label("windows")
	CMPQ(k, last)
	CMOVQGT(last, k) // the last eight may overlap those before
	right := GP64()
	LEAQ(indexed(k, cin, 1, 0), right)
	a, b, c, d := YMM(), YMM(), YMM(), YMM()
	VMOVUPS(indexed(row, k, 4, 0), a)
	VMOVUPS(indexed(row, right, 4, 0), b)
	VMOVUPS(indexed(next, k, 4, 0), c)
	VMOVUPS(indexed(next, right, 4, 0), d)
	ab, cd := YMM(), YMM()
	var mixed []reg.VecVirtual // gathered windows 0 4, 1 5, 2 6, 3 7
	for _, high := range []bool{false, true} {
		if high {
			VUNPCKHPS(b, a, ab)
			VUNPCKHPS(d, c, cd)
		} else {
			VUNPCKLPS(b, a, ab)
			VUNPCKLPS(d, c, cd)
		}
		lower, upper := YMM(), YMM()
		VUNPCKLPD(cd, ab, lower)
		VUNPCKHPD(cd, ab, upper)
		mixed = append(mixed, lower, upper)
	}
	to, out := GP64(), YMM()
	MOVQ(k, to)
	SHLQ(operand.Imm(4), to)
	ADDQ(gathered, to)
	for i, half := range []uint8{0x20, 0x31} {
		for pair := range 2 {
			VPERM2F128(operand.U8(half), mixed[2*pair+1], mixed[2*pair], out)
			VMOVUPS(out, at(to, 64*i+32*pair))
		}
	}
	ADDQ(operand.Imm(8), k)
	CMPQ(k, n)
	JL(jump("windows"))
	VZEROUPPER()
	RET()
}

// gather2x2AVX512 puts the four values of a 2x2 window next to each other, for
// sixteen windows at a time.
func gather2x2AVX512() {
	// Places in two vectors of 16 values or 8 pairs: first one half of
	// each, alternating, then the other.
	var order [2][2]reg.VecVirtual // values, pairs; half
	function("gather2x2AVX512", "func(gathered, row, next []float32, n, cin int)",
		"gathers 2x2 windows. n must be at least 16.")
	for half := range 2 {
		order[0][half], order[1][half] = ZMM(), ZMM()
		values := GLOBL(fmt.Sprint("zipValues", half), 8|16) // RODATA|NOPTR
		for i := range 16 {
			DATA(4*i, operand.U32(8*half+i/2+16*(i%2)))
		}
		VMOVDQU32(values, order[0][half])
		pairs := GLOBL(fmt.Sprint("zipPairs", half), 8|16)
		for i := range 8 {
			DATA(8*i, operand.U64(4*half+i/2+8*(i%2)))
		}
		VMOVDQU64(pairs, order[1][half])
	}
	gathered, row, next := base("gathered"), base("row"), base("next")
	n, cin := number("n"), number("cin")
	k, last := GP64(), GP64()
	XORQ(k, k)
	LEAQ(at(n, -16), last)

	Label("windows")
	CMPQ(k, last)
	CMOVQGT(last, k) // the last sixteen may overlap those before
	right, to := GP64(), GP64()
	LEAQ(indexed(k, cin, 1, 0), right)
	MOVQ(k, to)
	SHLQ(operand.Imm(4), to)
	ADDQ(gathered, to)
	a, b, c, d := ZMM(), ZMM(), ZMM(), ZMM()
	VMOVUPS(indexed(row, k, 4, 0), a)
	VMOVUPS(indexed(row, right, 4, 0), b)
	VMOVUPS(indexed(next, k, 4, 0), c)
	VMOVUPS(indexed(next, right, 4, 0), d)
	for half := range 2 {
		ab, cd := ZMM(), ZMM()
		VMOVDQA32(order[0][half], ab)
		VPERMI2PS(b, a, ab)
		VMOVDQA32(order[0][half], cd)
		VPERMI2PS(d, c, cd)
		for quarter := range 2 {
			out := ZMM()
			VMOVDQA64(order[1][quarter], out)
			VPERMI2PD(cd, ab, out)
			VMOVUPS(out, at(to, 128*half+64*quarter))
		}
	}
	ADDQ(operand.Imm(16), k)
	CMPQ(k, n)
	JL(jump("windows"))
	VZEROUPPER()
	RET()
}

// gradW2x2 adds the weight gradients of a row of a 3x3 kernel, three elements
// of three channels, for a row of pooling windows. Each lane, an output
// channel, takes of each gathered window the value at the place that its
// pooling window chose.
func (v isa) gradW2x2() {
	function("gradW2x2"+v.suffix, "func(dw []float32, dwStride int, gathered, dy []float32, idx []uint8, stride, windows, n int)",
		"adds weight gradients for three input channels; n must be a multiple of "+fmt.Sprint(v.lanes)+".")
	dw, dy, idx := base("dw"), base("dy"), base("idx")
	stride, n := number("stride"), number("n")
	four := v.constant(4)
	const elems = 9

	Label("block")
	TESTQ(n, n)
	JZ(jump("end"))
	dwStride, to := size("dwStride"), GP64()
	acc := v.vectors(elems)
	MOVQ(dw, to)
	for i := range elems {
		VMOVUPS(at(to, 0), acc[i])
		ADDQ(dwStride, to)
	}
	value, place, left := GP64(), GP64(), number("windows")
	gathered := base("gathered")
	MOVQ(dy, value)
	MOVQ(idx, place)
	TESTQ(left, left)
	JZ(jump("store"))

	Label("window")
	which, g, open := v.vector(), v.vector(), v.mask()
	VPMOVZXBD(at(place, 0), which)
	VPCMPGTD(which, four, open)
	v.keep(open, at(value, 0), g)
	for i := range elems {
		in := v.vector()
		if v.masks {
			VBROADCASTF32X4(at(gathered, 16*i), in)
		} else {
			VBROADCASTF128(at(gathered, 16*i), in)
		}
		VPERMILPS(which, in, in)
		VFMADD231PS(in, g, acc[i])
	}
	ADDQ(operand.Imm(96), gathered)
	LEAQ(indexed(value, stride, 4, 0), value)
	ADDQ(stride, place)
	DECQ(left)
	JNZ(jump("window"))

	Label("store")
	MOVQ(dw, to)
	for i := range elems {
		VMOVUPS(acc[i], at(to, 0))
		ADDQ(dwStride, to)
	}
	ADDQ(operand.Imm(uint64(v.bytes())), dw)
	ADDQ(operand.Imm(uint64(v.bytes())), dy)
	ADDQ(operand.Imm(uint64(v.lanes)), idx)
	SUBQ(operand.Imm(uint64(v.lanes)), n)
	JMP(jump("block"))
	Label("end")
	VZEROUPPER()
	RET()
}
