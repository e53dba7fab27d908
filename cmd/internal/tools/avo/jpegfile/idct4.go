package main

import (
	. "github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// inverse4x4 has a block's rows in vectors, then its columns.
func inverse4x4() {
	TEXT("inverse4x4AVX2", 4, "func(b *[128]int32, dst []byte, stride int)") // NOSPLIT
	Pragma("noescape")
	Doc("inverse4x4AVX2 is inverse for 4 by 4 points, without the level. dst must have",
		"3*stride+4 bytes.")
	b, dst, stride := GP64(), GP64(), GP64()
	Load(Param("b"), b)
	Load(Param("dst").Base(), dst)
	Load(Param("stride"), stride)
	v := make([]reg.VecVirtual, 4)
	for i := range v {
		v[i] = XMM()
		VMOVDQU(at(b, 16*i), v[i])
	}
	zero := YMM()
	VPXOR(zero, zero, zero)
	VMOVDQU(zero, at(b, 0))
	VMOVDQU(zero, at(b, 32))
	v = points4(v)
	v = transpose4(v)
	v = points4(v)
	right(10, v...)
	VPACKSSDW(v[1], v[0], v[0])
	VPACKSSDW(v[3], v[2], v[2])
	VPACKUSWB(v[2], v[0], v[0])
	rows := GLOBL("rows", 8|16)
	for i := range 16 {
		DATA(i, operand.U8(uint8(i%4*4+i/4)))
	}
	VPSHUFB(rows, v[0], v[0])
	for i := range 4 {
		VPEXTRD(operand.U8(i), v[0], at(dst, 0))
		if i < 3 {
			ADDQ(stride, dst)
		}
	}
	VZEROUPPER()
	RET()
}

// points4 is inverse4 of four numbers next to each other.
func points4(v []reg.VecVirtual) []reg.VecVirtual {
	tan := func(a reg.VecVirtual) reg.VecVirtual {
		x := XMM()
		VPMULLD(vector("tan", 3393), a, x)
		VPSRAD(operand.U8(13), x, x)
		return x
	}
	a, b := combine(VPADDD, v[0], v[2]), combine(VPSUBD, v[0], v[2])
	c, d := combine(VPADDD, v[1], tan(v[3])), combine(VPSUBD, tan(v[1]), v[3])
	return []reg.VecVirtual{combine(VPADDD, a, c), combine(VPADDD, b, d), combine(VPSUBD, b, d), combine(VPSUBD, a, c)}
}

// transpose4 makes columns of rows.
func transpose4(v []reg.VecVirtual) []reg.VecVirtual {
	l0, h0 := combine(VPUNPCKLDQ, v[0], v[1]), combine(VPUNPCKHDQ, v[0], v[1])
	l1, h1 := combine(VPUNPCKLDQ, v[2], v[3]), combine(VPUNPCKHDQ, v[2], v[3])
	return []reg.VecVirtual{combine(VPUNPCKLQDQ, l0, l1), combine(VPUNPCKHQDQ, l0, l1), combine(VPUNPCKLQDQ, h0, h1), combine(VPUNPCKHQDQ, h0, h1)}
}

// combine returns what an instruction makes of two halves of vectors.
func combine(do func(...operand.Op), a, b reg.VecVirtual) reg.VecVirtual {
	x := XMM()
	do(b, a, x)
	return x
}
