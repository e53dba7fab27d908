package main

import (
	. "github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// pickRowAVX512 builds sixteen neighbouring lists at a time from blocks of sixteen
// candidates: a block is transposed, so that the candidates of a list are in one
// vector, and those that count are moved to its front together.
func pickRowAVX512(ramp operand.Mem) {
	function("pickRowAVX512", "func(vals []float32, offs, counts []int32, capacity int, dy []float32, idx []uint8, stride, n, base, step int, delta *[8]int32)",
		"appends gradients to lists that are one value apart.")
	vals, offs, counts := variable(base("vals")), variable(base("offs")), variable(base("counts"))
	dy, idx := variable(base("dy")), variable(base("idx"))
	tmp := GP64()
	Load(Param("counts").Len(), tmp)
	lists := variable(tmp) // left
	codes := AllocLocal(64)

	Load(Param("delta"), tmp)
	delta, zero, four, three := ZMM(), avx512.zero(), avx512.constant(4), avx512.constant(3)
	VMOVDQU(at(tmp, 0), delta.AsY())
	places, first, next, word := ZMM(), ZMM(), ZMM(), GP32()
	VMOVDQU32(ramp, places)
	Load(Param("step"), word.As64())
	VPBROADCASTD(word, next)
	VPMULLD(places, next, first)
	VPSLLD(operand.Imm(4), next, next)
	Load(Param("base"), word.As64())
	start := ZMM()
	VPBROADCASTD(word, start)
	VPADDD(start, first, first)
	VPADDD(places, places, places) // where the code of each candidate begins

	Label("lists")
	many := GP64()
	MOVQ(lists, many)
	TESTQ(many, many)
	JLE(jump("end"))
	atMost(many, 16)
	some := firstLanes(many)
	from, place, left, stride := GP64(), GP64(), number("n"), number("stride")
	MOVQ(dy, from)
	MOVQ(idx, place)
	TESTQ(left, left)
	JZ(jump("end"))
	at0 := ZMM()
	VMOVDQA32(first, at0)

	// Rows are candidates, lanes are lists. A candidate that does not count is
	// zero; the places of the others make up a code of two bits each.
	Label("block")
	var rows []reg.VecVirtual
	for range 16 {
		rows = append(rows, avx512.zero())
	}
	code := avx512.zero()
	for i, row := range rows {
		if i > 0 {
			CMPQ(left, operand.Imm(uint64(i)))
			JLE(jump("loaded"))
		}
		which, open := ZMM(), K()
		VPMOVZXBD_Z(at(place, 0), some, which)
		VPCMPGTD(which, four, some, open)
		VMOVUPS_Z(at(from, 0), open, row)
		VPANDD(three, which, which)
		VPSLLD(operand.Imm(uint64(2*i)), which, which)
		VPORD(which, code, code)
		LEAQ(indexed(from, stride, 4, 0), from)
		ADDQ(stride, place)
	}
	Label("loaded")
	VMOVDQU32(code, codes)
	columns := transpose(rows)

	toVals, toOffs, count, capacity := GP64(), GP64(), GP64(), size("capacity")
	MOVQ(vals, toVals)
	MOVQ(offs, toOffs)
	MOVQ(counts, count)
	for i, value := range columns {
		if i > 0 {
			CMPQ(many, operand.Imm(uint64(i)))
			JLE(jump("stored"))
			ADDQ(capacity, toVals)
			ADDQ(capacity, toOffs)
		}
		k, added, in, off := GP64(), GP64(), K(), ZMM()
		VCMPPS(notEqual, zero, value, in)
		VPBROADCASTD(codes.Offset(4*i), off)
		VPSRLVD(places, off, off)
		VPANDD(three, off, off)
		VPERMD(delta, off, off)
		VPADDD(at0, off, off)
		MOVLQSX(at(count, 4*i), k)
		KMOVW(in, added.As32())
		POPCNTL(added.As32(), added.As32())
		front := firstLanes(added)
		VCOMPRESSPS_Z(value, in, value)
		VMOVUPS(value, front, indexed(toVals, k, 4, 0))
		VPCOMPRESSD_Z(off, in, off)
		VMOVDQU32(off, front, indexed(toOffs, k, 4, 0))
		ADDQ(added, k)
		MOVL(k.As32(), at(count, 4*i))
	}
	Label("stored")
	VPADDD(next, at0, at0)
	SUBQ(operand.Imm(16), left)
	JG(jump("block"))

	MOVQ(capacity, tmp)
	SHLQ(operand.Imm(4), tmp)
	ADDQ(tmp, vals)
	ADDQ(tmp, offs)
	ADDQ(operand.Imm(64), counts)
	ADDQ(operand.Imm(64), dy)
	ADDQ(operand.Imm(16), idx)
	SUBQ(operand.Imm(16), lists)
	JMP(jump("lists"))
	Label("end")
	VZEROUPPER()
	RET()
}

// transpose turns 16 rows of 16 values into columns.
func transpose(rows []reg.VecVirtual) []reg.VecVirtual {
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
	// Within quarters: quarter q of mixed[4*i+j] is column 4*q+j of rows 4*i to 4*i+3.
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
