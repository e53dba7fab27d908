package main

import (
	"strconv"

	. "github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// rotate is the function of that name with the sine -sin.
func rotate(x, y reg.VecVirtual, cos, sin int32) (a, b reg.VecVirtual) {
	constant := func(v int32) operand.Mem {
		if v < 0 {
			return vector("minus"+strconv.Itoa(int(-v)), v)
		}
		return vector("plus"+strconv.Itoa(int(v)), v)
	}
	sum := add(x, y)
	times(constant(cos), sum)
	times(constant(-sin-cos), y)
	times(constant(cos-sin), x)
	return add(sum, y), sub(sum, x)
}

// inverse8x8 has a block's columns in vectors, then its rows.
func inverse8x8() {
	TEXT("inverse8x8AVX2", 4, "func(b *[128]int32, dst []byte, stride int)") // NOSPLIT
	Pragma("noescape")
	Doc("inverse8x8AVX2 is inverse8x8. dst must have 7*stride+8 bytes.")
	b, dst, stride := GP64(), GP64(), GP64()
	Load(Param("b"), b)
	Load(Param("dst").Base(), dst)
	Load(Param("stride"), stride)
	zero := YMM()
	v := make([]reg.VecVirtual, 8)
	for i := range v {
		v[i] = YMM()
		VMOVDQU(at(b, 32*i), v[i])
	}
	VPXOR(zero, zero, zero)
	for i := range v {
		VMOVDQU(zero, at(b, 32*i))
	}
	v = first(v)
	v = transpose(v)
	v = second(v)
	right(18, v...)
	level := vector("level", 128)
	for _, x := range v {
		VPADDD(level, x, x)
	}
	order := YMM()
	index := GLOBL("order", 8|16)
	for i, x := range []int{0, 4, 1, 5, 2, 6, 3, 7} {
		DATA(4*i, operand.U32(uint32(x)))
	}
	VMOVDQU(index, order)
	for i := 0; i < 8; i += 4 {
		VPACKSSDW(v[i+1], v[i], v[i])
		VPACKSSDW(v[i+3], v[i+2], v[i+2])
		VPACKUSWB(v[i+2], v[i], v[i])
		VPERMD(v[i], order, v[i])
		half := XMM()
		VEXTRACTI128(operand.U8(1), v[i], half)
		for k, x := range []reg.Register{v[i].AsX(), half} {
			VMOVQ(x, at(dst, 0))
			ADDQ(stride, dst)
			VPEXTRQ(operand.U8(1), x, at(dst, 0))
			if i+2*k < 6 {
				ADDQ(stride, dst)
			}
		}
	}
	VZEROUPPER()
	RET()
}

// first is the transform of the rows, in the steps of the Go code.
func first(v []reg.VecVirtual) []reg.VecVirtual {
	x0, x7, x2, x5, x1, x6, x3, x4 := v[0], v[1], v[2], v[3], v[4], v[5], v[6], v[7]
	left(17, x0, x1)
	x0, x1 = butterfly(x0, x1)
	x2, x3 = rotate(x2, x3, 70936, 171254)
	x1, x2 = butterfly(x1, x2)
	x0, x3 = butterfly(x0, x3)

	left(7, x7, x4)
	x7, x4 = butterfly(x7, x4)
	times(vector("plus181", 181), x6, x5)
	x7, x5 = butterfly(x7, x5)
	x4, x6 = butterfly(x4, x6)
	right(2, x4, x5, x6, x7)
	return last(x0, x1, x2, x3, x4, x5, x6, x7)
}

// second is the transform of the columns.
func second(v []reg.VecVirtual) []reg.VecVirtual {
	x0, x7, x2, x5, x1, x6, x3, x4 := v[0], v[1], v[2], v[3], v[4], v[5], v[6], v[7]
	VPADDD(vector("half", 1<<19), x0, x0)
	x0, x1 = butterfly(x0, x1)
	right(2, x0, x1)
	right(13, x2, x3)
	x2, x3 = rotate(x2, x3, 1108, 2676)
	x1, x2 = butterfly(x1, x2)
	x0, x3 = butterfly(x0, x3)

	x7, x4 = butterfly(x7, x4)
	right(13, x5, x6)
	times(vector("plus11585", 11585), x5, x6)
	x7, x5 = butterfly(x7, x5)
	x4, x6 = butterfly(x4, x6)
	right(14, x4, x5, x6, x7)
	return last(x0, x1, x2, x3, x4, x5, x6, x7)
}

// last is what both have in common.
func last(x0, x1, x2, x3, x4, x5, x6, x7 reg.VecVirtual) []reg.VecVirtual {
	x4, x7 = rotate(x4, x7, 3406, 2276)
	x5, x6 = rotate(x5, x6, 4017, 799)
	x0, x7 = butterfly(x0, x7)
	x1, x6 = butterfly(x1, x6)
	x2, x5 = butterfly(x2, x5)
	x3, x4 = butterfly(x3, x4)
	return []reg.VecVirtual{x0, x1, x2, x3, x4, x5, x6, x7}
}

// transpose makes rows of columns.
func transpose(v []reg.VecVirtual) []reg.VecVirtual {
	pair := func(low, high func(ops ...operand.Op), a, b reg.VecVirtual) (l, h reg.VecVirtual) {
		l, h = YMM(), YMM()
		low(b, a, l)
		high(b, a, h)
		return l, h
	}
	var pairs, fours, rows [8]reg.VecVirtual
	for i := 0; i < 8; i += 2 {
		pairs[i], pairs[i+1] = pair(VPUNPCKLDQ, VPUNPCKHDQ, v[i], v[i+1])
	}
	for i := 0; i < 8; i += 4 {
		fours[i], fours[i+1] = pair(VPUNPCKLQDQ, VPUNPCKHQDQ, pairs[i], pairs[i+2])
		fours[i+2], fours[i+3] = pair(VPUNPCKLQDQ, VPUNPCKHQDQ, pairs[i+1], pairs[i+3])
	}
	for i := range 4 {
		rows[i], rows[i+4] = YMM(), YMM()
		VPERM2I128(operand.U8(0x20), fours[i+4], fours[i], rows[i])
		VPERM2I128(operand.U8(0x31), fours[i+4], fours[i], rows[i+4])
	}
	return rows[:]
}
