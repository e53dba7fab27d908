package main

import (
	. "github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// yCbCrToRGB makes eight pixels at a time.
func yCbCrToRGB() {
	TEXT("yCbCrToRGBAVX2", 4, "func(dst, y, cb, cr []byte, n int)") // NOSPLIT
	Pragma("noescape")
	Doc("yCbCrToRGBAVX2 is yCbCrToRGB for n pixels, a positive multiple of 8. It",
		"writes 4 bytes after them.")
	dst, y, cb, cr, n := GP64(), GP64(), GP64(), GP64(), GP64()
	Load(Param("dst").Base(), dst)
	Load(Param("y").Base(), y)
	Load(Param("cb").Base(), cb)
	Load(Param("cr").Base(), cr)
	Load(Param("n"), n)
	shuffle := GLOBL("compress", 8|16)
	for lane := range 2 {
		for i := range 16 {
			from := uint8(0x80)
			if i < 12 {
				from = uint8(i/3*4 + i%3)
			}
			DATA(16*lane+i, operand.U8(from))
		}
	}
	compress, middle, limit := YMM(), YMM(), YMM()
	VMOVDQU(shuffle, compress)
	VMOVDQU(vector("level", 128), middle)
	VMOVDQU(vector("limit", 255), limit)
	zero := YMM()
	VPXOR(zero, zero, zero)

	Label("loop")
	load := func(p reg.Register) reg.VecVirtual {
		x := YMM()
		VPMOVZXBD(at(p, 0), x)
		return x
	}
	yy, b, r := load(y), load(cb), load(cr)
	times(vector("plus65793", 0x10101), yy)
	VPSUBD(middle, b, b)
	VPSUBD(middle, r, r)
	product := func(x reg.VecVirtual, name string, value int32) reg.VecVirtual {
		p := YMM()
		VPMULLD(vector(name, value), x, p)
		return p
	}
	red := add(yy, product(r, "plus91881", 91881))
	green := sub(sub(yy, product(b, "plus22554", 22554)), product(r, "plus46802", 46802))
	blue := add(yy, product(b, "plus116130", 116130))
	for _, x := range []reg.VecVirtual{red, green, blue} {
		right(16, x)
		VPMAXSD(zero, x, x)
		VPMINSD(limit, x, x)
	}
	left(8, green)
	left(16, blue)
	VPOR(green, red, red)
	VPOR(blue, red, red)
	VPSHUFB(compress, red, red)
	half := XMM()
	VEXTRACTI128(operand.U8(1), red, half)
	VMOVDQU(red.AsX(), at(dst, 0))
	VMOVDQU(half, at(dst, 12))
	ADDQ(operand.Imm(24), dst)
	for _, p := range []reg.Register{y, cb, cr} {
		ADDQ(operand.Imm(8), p)
	}
	SUBQ(operand.Imm(8), n)
	JNZ(operand.LabelRef("loop"))
	VZEROUPPER()
	RET()
}
