package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// constant fills a vector with an integer.
func constant(value uint32) reg.VecVirtual {
	v, x, r := YMM(), XMM(), GP32()
	MOVL(operand.U32(value), r)
	MOVD(r, x)
	VPBROADCASTD(x, v)
	return v
}

// poolRow applies ReLU and max pooling to two rows of 16 lanes.
func (v isa) poolRow() {
	function("poolRow"+v.suffix, "func(y []float32, idx []uint8, stride int, top, bottom []float32, windows, n int)",
		"applies ReLU and 2x2 max pooling. n must be 8 or 16.")
	y, idx, top, bottom := base("y"), base("idx"), base("top"), base("bottom")
	stride, windows, n := number("stride"), number("windows"), number("n")
	two, four := constant(2), constant(4)
	zero := YMM()
	VXORPS(zero, zero, zero)
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

// biasRow adds up the gradients of open windows.
func (v isa) biasRow() {
	function("biasRow"+v.suffix, "func(db, dy []float32, idx []uint8, stride, windows, n int)",
		"adds the gradients of the open windows. n must be a multiple of 8.")
	db, dy, idx := base("db"), base("dy"), base("idx")
	stride, n := number("stride"), number("n")
	closed := constant(3)
	for _, wide := range []int{4, 2, 1} {
		name := func(s string) string { return fmt.Sprintf("%s%d", s, wide) }
		Label(name("block"))
		CMPQ(n, operand.Imm(uint64(8*wide)))
		JL(jump(name("done")))
		acc := v.vectors(wide)
		for i := range wide {
			VMOVUPS(at(db, 32*i), acc[i])
		}
		g, at1, left := GP64(), GP64(), number("windows")
		MOVQ(dy, g)
		MOVQ(idx, at1)
		TESTQ(left, left)
		JZ(jump(name("store")))
		Label(name("window"))
		for i := range wide {
			place, value := YMM(), YMM()
			VPMOVZXBD(at(at1, 8*i), place)
			VPCMPGTD(closed, place, place)
			VANDNPS(at(g, 32*i), place, value)
			VADDPS(value, acc[i], acc[i])
		}
		LEAQ(indexed(g, stride, 4, 0), g)
		ADDQ(stride, at1)
		DECQ(left)
		JNZ(jump(name("window")))
		Label(name("store"))
		for i := range wide {
			VMOVUPS(acc[i], at(db, 32*i))
		}
		ADDQ(operand.U32(32*wide), db)
		ADDQ(operand.U32(32*wide), dy)
		ADDQ(operand.U32(8*wide), idx)
		SUBQ(operand.U32(8*wide), n)
		JMP(jump(name("block")))
		Label(name("done"))
	}
	VZEROUPPER()
	RET()
}

// quadRow lays four neighbours side by side, eight quads at a time.
func (v isa) quadRow() {
	function("quadRow"+v.suffix, "func(quad, row, next []float32, n, cin int)",
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

// quads adds the weight gradients of three taps of three channels for a row of
// windows. Each lane, an output channel, takes of each quad the value at the place that
// its window chose.
func (v isa) quads() {
	function("quads"+v.suffix, "func(dw []float32, dwStride int, quad, dy []float32, idx []uint8, stride, windows, n int)",
		"adds weight gradients for three input channels. n must be a multiple of 8.")
	dw, dy, idx := base("dw"), base("dy"), base("idx")
	stride, n := number("stride"), number("n")
	closed := constant(3)
	const taps = 9

	Label("block")
	TESTQ(n, n)
	JZ(jump("end"))
	dwStride, to := size("dwStride"), GP64()
	acc := v.vectors(taps)
	MOVQ(dw, to)
	for i := range taps {
		VMOVUPS(at(to, 0), acc[i])
		ADDQ(dwStride, to)
	}
	value, place, left := GP64(), GP64(), number("windows")
	quad := base("quad")
	MOVQ(dy, value)
	MOVQ(idx, place)
	TESTQ(left, left)
	JZ(jump("store"))

	Label("window")
	which, g, mask := YMM(), YMM(), YMM()
	VPMOVZXBD(at(place, 0), which)
	VPCMPGTD(closed, which, mask)
	VANDNPS(at(value, 0), mask, g)
	for i := range taps {
		in := YMM()
		VBROADCASTF128(at(quad, 16*i), in)
		VPERMILPS(which, in, in)
		VFMADD231PS(in, g, acc[i])
	}
	ADDQ(operand.Imm(96), quad)
	LEAQ(indexed(value, stride, 4, 0), value)
	ADDQ(stride, place)
	DECQ(left)
	JNZ(jump("window"))

	Label("store")
	MOVQ(dw, to)
	for i := range taps {
		VMOVUPS(acc[i], at(to, 0))
		ADDQ(dwStride, to)
	}
	ADDQ(operand.Imm(32), dw)
	ADDQ(operand.Imm(32), dy)
	ADDQ(operand.Imm(8), idx)
	SUBQ(operand.Imm(8), n)
	JMP(jump("block"))
	Label("end")
	VZEROUPPER()
	RET()
}
