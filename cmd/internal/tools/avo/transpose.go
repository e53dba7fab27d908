package main

import (
	. "github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// transposeAVX2 transposes a matrix in blocks of 8 x 8.
func transposeAVX2() {
	function("transposeAVX2", "func(dst []float32, dstStride int, src []float32, srcStride, rows, cols int)",
		"transposes a matrix. rows and cols must be multiples of 8.")
	dst, src := base("dst"), base("src")
	dstStride, srcStride := size("dstStride"), size("srcStride")
	rows := number("rows")

	Label("rows")
	TESTQ(rows, rows)
	JZ(jump("end"))
	from, to, cols := GP64(), GP64(), number("cols")
	MOVQ(src, from)
	MOVQ(dst, to)

	Label("block")
	TESTQ(cols, cols)
	JZ(jump("next"))
	var in []reg.VecVirtual
	lower := GP64()
	LEAQ(indexed(from, srcStride, 4, 0), lower)
	for i := range 8 {
		r := from
		if i >= 4 {
			r = lower
		}
		x := YMM()
		if i%4 == 3 {
			ADDQ(srcStride, r)
			VMOVUPS(indexed(r, srcStride, 2, 0), x)
			SUBQ(srcStride, r)
		} else {
			VMOVUPS(scaled(r, srcStride, i%4, 0), x)
		}
		in = append(in, x)
	}
	// Pairs of rows, then fours, each in two halves of 128 bits, then the
	// halves.
	pairs := make([]reg.VecVirtual, 8)
	for i := 0; i < 8; i += 2 {
		pairs[i], pairs[i+1] = YMM(), YMM()
		VUNPCKLPS(in[i+1], in[i], pairs[i])
		VUNPCKHPS(in[i+1], in[i], pairs[i+1])
	}
	fours := make([]reg.VecVirtual, 8)
	for i := 0; i < 8; i += 4 {
		for k := range 2 {
			fours[i+2*k], fours[i+2*k+1] = YMM(), YMM()
			VUNPCKLPD(pairs[i+2+k], pairs[i+k], fours[i+2*k])
			VUNPCKHPD(pairs[i+2+k], pairs[i+k], fours[i+2*k+1])
		}
	}
	out := GP64()
	MOVQ(to, out)
	for _, half := range []uint8{0x20, 0x31} {
		for i := range 4 {
			x := YMM()
			VPERM2F128(operand.U8(half), fours[i+4], fours[i], x)
			VMOVUPS(x, at(out, 0))
			ADDQ(dstStride, out)
		}
	}
	ADDQ(operand.Imm(32), from)
	LEAQ(indexed(to, dstStride, 8, 0), to)
	SUBQ(operand.Imm(8), cols)
	JMP(jump("block"))

	Label("next")
	LEAQ(indexed(src, srcStride, 8, 0), src)
	ADDQ(operand.Imm(32), dst)
	SUBQ(operand.Imm(8), rows)
	JMP(jump("rows"))
	Label("end")
	VZEROUPPER()
	RET()
}

// transpose16 makes columns of 16 rows of 16 values.
func transpose16(rows []reg.VecVirtual) []reg.VecVirtual {
	pair := func(low, high func(ops ...operand.Op), a, b reg.VecVirtual) []reg.VecVirtual {
		l, h := ZMM(), ZMM()
		low(b, a, l)
		high(b, a, h)
		return []reg.VecVirtual{l, h}
	}
	quarters := func(a, b reg.VecVirtual) (even, odd reg.VecVirtual) {
		even, odd = ZMM(), ZMM()
		VSHUFF32X4(operand.U8(0x88), b, a, even)
		VSHUFF32X4(operand.U8(0xdd), b, a, odd)
		return even, odd
	}
	// Within quarters: quarter q of mixed[4*i+j] is column 4*q+j of rows
	// 4*i to 4*i+3.
	var mixed []reg.VecVirtual
	for i := 0; i < 16; i += 4 {
		upper := pair(VUNPCKLPS, VUNPCKHPS, rows[i], rows[i+1])
		lower := pair(VUNPCKLPS, VUNPCKHPS, rows[i+2], rows[i+3])
		for half := range 2 {
			mixed = append(mixed, pair(VUNPCKLPD, VUNPCKHPD, upper[half], lower[half])...)
		}
	}
	// Whole quarters.
	columns := make([]reg.VecVirtual, 16)
	for j := range 4 {
		upperEven, upperOdd := quarters(mixed[j], mixed[4+j])
		lowerEven, lowerOdd := quarters(mixed[8+j], mixed[12+j])
		columns[j], columns[8+j] = quarters(upperEven, lowerEven)
		columns[4+j], columns[12+j] = quarters(upperOdd, lowerOdd)
	}
	return columns
}
