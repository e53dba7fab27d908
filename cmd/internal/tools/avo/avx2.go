package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// poolRowAVX2 applies ReLU and max pooling to two rows of 16 lanes.
func poolRowAVX2() {
	function("poolRowAVX2", "func(y []float32, idx []uint8, stride int, top, bottom []float32, windows, n int)",
		"applies ReLU and 2x2 max pooling. n must be 8 or 16.")
	y, idx, top, bottom := base("y"), base("idx"), base("top"), base("bottom")
	stride, windows, n := number("stride"), number("windows"), number("n")
	two, four := avx2.constant(2), avx2.constant(4)
	zero := avx2.zero()
	TESTQ(windows, windows)
	JZ(jump("end"))
	CMPQ(n, operand.Imm(8))
	JE(jump("window8"))

	for _, lanes := range []int{16, 8} {
		window := fmt.Sprint("window", lanes)
		Label(window)
		var places []reg.VecVirtual
		for i := 0; i < lanes; i += 8 {
			best, place := poolEight(top, bottom, 4*i, zero, two, four)
			VMOVUPS(best, at(y, 4*i))
			places = append(places, place)
		}
		low, high := places[0], XMM()
		if lanes == 16 {
			// Packing works on halves, which the permutation puts in order.
			VPACKUSDW(places[1], low, low)
			VPERMQ(operand.Imm(0b11011000), low, low)
			VEXTRACTI128(operand.Imm(1), low, high)
			VPACKUSWB(high, low.AsX(), high)
			VMOVDQU(high, at(idx, 0))
		} else {
			VEXTRACTI128(operand.Imm(1), low, high)
			VPACKUSDW(high, low.AsX(), high)
			VPACKUSWB(high, high, high)
			VMOVQ(high, at(idx, 0))
		}
		ADDQ(operand.U32(128), top)
		ADDQ(operand.U32(128), bottom)
		LEAQ(indexed(y, stride, 4, 0), y)
		ADDQ(stride, idx)
		DECQ(windows)
		JNZ(jump(window))
		if lanes == 16 {
			JMP(jump("end"))
		}
	}
	Label("end")
	VZEROUPPER()
	RET()
}

// poolEight pools eight lanes: each row's larger value, then the larger of the
// two, the earlier one if they are equal.
func poolEight(top, bottom reg.GPVirtual, disp int, zero, two, four reg.VecVirtual) (best, place reg.VecVirtual) {
	larger := func(first, second reg.VecVirtual) (value, isSecond reg.VecVirtual) {
		value, isSecond = YMM(), YMM()
		VCMPPS(greater, first, second, isSecond)
		VMAXPS(first, second, value)
		return value, isSecond
	}
	var rows, masks, nans []reg.VecVirtual
	for _, row := range []reg.GPVirtual{top, bottom} {
		left, right, nan := YMM(), YMM(), YMM()
		VMOVUPS(at(row, disp), left)
		VMOVUPS(at(row, disp+64), right)
		VCMPPS(unordered, right, left, nan)
		value, mask := larger(left, right)
		rows, masks, nans = append(rows, value), append(masks, mask), append(nans, nan)
	}
	VORPS(nans[1], nans[0], nans[0])
	// A mask is -1 where it holds.
	VPSUBD(masks[0], zero, masks[0])
	VPSUBD(masks[1], two, masks[1])
	best, lower := larger(rows[0], rows[1])
	place, open := YMM(), YMM()
	VBLENDVPS(lower, masks[1], masks[0], place)
	VCMPPS(greater, zero, best, open)
	VANDNPS(open, nans[0], open)
	VANDPS(open, best, best)
	VORPS(nans[0], best, best)
	VBLENDVPS(open, place, four, place)
	return best, place
}

// quadRowAVX2 lays four neighbours side by side, eight quads at a time.
func quadRowAVX2() {
	function("quadRowAVX2", "func(quad, row, next []float32, n, cin int)",
		"builds quads. n must be at least 8.")
	quad, row, next := base("quad"), base("row"), base("next")
	n, cin := number("n"), number("cin")
	k, last := GP64(), GP64()
	XORQ(k, k)
	LEAQ(at(n, -8), last)

	Label("quads")
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
	var mixed []reg.VecVirtual // quads 0 4, 1 5, 2 6, 3 7
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
	ADDQ(quad, to)
	for i, half := range []uint8{0x20, 0x31} {
		for pair := range 2 {
			VPERM2F128(operand.U8(half), mixed[2*pair+1], mixed[2*pair], out)
			VMOVUPS(out, at(to, 64*i+32*pair))
		}
	}
	ADDQ(operand.Imm(8), k)
	CMPQ(k, n)
	JL(jump("quads"))
	VZEROUPPER()
	RET()
}

// pickWindowAVX2 builds the four lists of each window eight channels at a time: a
// table turns the mask of those that belong to a list into a permutation that
// moves them to the front. channels must be a multiple of 8.
func pickWindowAVX2(ramp operand.Mem) {
	table := GLOBL("compress", 8|16)
	for mask := range 256 {
		var order uint64
		n := 0
		for lane := range 8 {
			if mask>>lane&1 == 1 {
				order |= uint64(lane) << (8 * n)
				n++
			}
		}
		DATA(8*mask, operand.U64(order))
	}

	function("pickWindowAVX2", "func(vals []float32, offs, counts []int32, capacity int, dy []float32, idx []uint8, channels, windows, wStep int)",
		"sorts the gradients of a row of windows into lists.")
	vals, offs := base("vals"), base("offs")
	dy, idx := base("dy"), base("idx")
	tab := GP64()
	LEAQ(table, tab)

	// ids holds the offsets of eight channels, next moves them on by eight.
	first, next, zero, minusOne := YMM(), YMM(), YMM(), YMM()
	wStep := number("wStep")
	VPXOR(zero, zero, zero)
	VPCMPEQD(minusOne, minusOne, minusOne)
	spread := XMM()
	MOVQ(wStep, spread)
	VPBROADCASTD(spread, next)
	VPMULLD(ramp, next, first)
	VPSLLD(operand.Imm(3), next, next)

	q := AllocLocal(8)
	bases := AllocLocal(32)
	tmp := GP64()
	XORQ(tmp, tmp)
	MOVQ(tmp, q)

	Label("window")
	Load(Param("windows"), wStep)
	CMPQ(tmp, wStep)
	JGE(jump("end"))
	p := []reg.GPVirtual{GP64(), GP64(), GP64(), GP64()}
	capacity := number("capacity")
	MOVQ(tmp, p[0]) // 2*q*capacity
	IMULQ(capacity, p[0])
	ADDQ(p[0], p[0])
	MOVQ(wStep, p[2]) // 2*windows*capacity further
	IMULQ(capacity, p[2])
	ADDQ(p[2], p[2])
	ADDQ(p[0], p[2])
	LEAQ(indexed(p[0], capacity, 1, 0), p[1])
	LEAQ(indexed(p[2], capacity, 1, 0), p[3])
	for i := range p {
		MOVQ(p[i], bases.Offset(8*i))
	}
	ids := YMM()
	VMOVDQA(first, ids)
	c := number("channels")

	Label("channels")
	value, place, open := YMM(), YMM(), YMM()
	VMOVUPS(at(dy, 0), value)
	VPMOVZXBD(at(idx, 0), place)
	VCMPPS(notEqual, zero, value, open)
	want := YMM()
	VPXOR(want, want, want)
	for i := range p {
		in := YMM()
		if i > 0 {
			VPSUBD(minusOne, want, want)
		}
		VPCMPEQD(want, place, in)
		VANDPS(open, in, in)
		mask := GP32()
		VMOVMSKPS(in, mask)
		order, moved := YMM(), YMM()
		VPMOVZXBD(indexed(tab, mask.As64(), 8, 0), order)
		VPERMPS(value, order, moved)
		VMOVUPS(moved, indexed(vals, p[i], 4, 0))
		VPERMD(ids, order, moved)
		VMOVDQU(moved, indexed(offs, p[i], 4, 0))
		POPCNTL(mask, mask)
		ADDQ(mask.As64(), p[i])
	}
	VPADDD(next, ids, ids)
	ADDQ(operand.Imm(32), dy)
	ADDQ(operand.Imm(8), idx)
	SUBQ(operand.Imm(8), c)
	JG(jump("channels"))

	for i := range p {
		SUBQ(bases.Offset(8*i), p[i])
	}
	counts := base("counts")
	MOVQ(q, tmp)
	LEAQ(indexed(counts, tmp, 8, 0), counts)
	MOVL(p[0].As32(), at(counts, 0))
	MOVL(p[1].As32(), at(counts, 4))
	Load(Param("windows"), wStep)
	LEAQ(indexed(counts, wStep, 8, 0), counts)
	MOVL(p[2].As32(), at(counts, 0))
	MOVL(p[3].As32(), at(counts, 4))
	INCQ(tmp)
	MOVQ(tmp, q)
	JMP(jump("window"))
	Label("end")
	VZEROUPPER()
	RET()
}
