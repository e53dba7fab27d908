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
			// Packing works on halves, which the permutation puts
			// in order.
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

// poolRowAVX512 applies ReLU and max pooling to two rows of 16 lanes.
func poolRowAVX512() {
	function("poolRowAVX512", "func(y []float32, idx []uint8, stride int, top, bottom []float32, windows, n int)",
		"applies ReLU and 2x2 max pooling.")
	y, idx, top, bottom := base("y"), base("idx"), base("top"), base("bottom")
	stride, windows, n := number("stride"), number("windows"), number("n")
	zero, ones := avx512.zero(), avx512.constant(1<<32-1)
	var places []reg.VecVirtual
	for i := range 5 {
		places = append(places, avx512.constant(uint32(i)))
	}
	some := firstLanes(n)
	TESTQ(windows, windows)
	JZ(jump("end"))

	// larger is the larger of two values, the first if they are equal.
	larger := func(first, second reg.VecVirtual) (value reg.VecVirtual, isSecond reg.Register) {
		value, isSecond = ZMM(), K()
		VCMPPS(greater, first, second, isSecond)
		VMAXPS(first, second, value)
		return value, isSecond
	}
	Label("window")
	var rows, place []reg.VecVirtual
	var nans []reg.Register
	for i, row := range []reg.GPVirtual{top, bottom} {
		left, right, where, nan := ZMM(), ZMM(), ZMM(), K()
		VMOVUPS(at(row, 0), left)
		VMOVUPS(at(row, 64), right)
		VCMPPS(unordered, right, left, nan)
		value, isRight := larger(left, right)
		VPBLENDMD(places[2*i+1], places[2*i], isRight, where)
		rows, place, nans = append(rows, value), append(place, where), append(nans, nan)
	}
	best, isLower := larger(rows[0], rows[1])
	where, open, nan := ZMM(), K(), K()
	VPBLENDMD(place[1], place[0], isLower, where)
	KORW(nans[0], nans[1], nan)
	VCMPPS(greater, zero, best, open)
	KANDNW(open, nan, open)
	VPBLENDMD(where, places[4], open, where)
	VMOVAPS_Z(best, open, best)
	VMOVAPS(ones, nan, best)
	VMOVUPS(best, some, at(y, 0))
	VPMOVDB(where, some, at(idx, 0))
	ADDQ(operand.U32(128), top)
	ADDQ(operand.U32(128), bottom)
	LEAQ(indexed(y, stride, 4, 0), y)
	ADDQ(stride, idx)
	DECQ(windows)
	JNZ(jump("window"))
	Label("end")
	VZEROUPPER()
	RET()
}

// biasRow adds up the gradients of the windows whose idx is below 4. Such a
// window is called open here and in other kernels.
func (v isa) biasRow() {
	function("biasRow"+v.suffix, "func(db, dy []float32, idx []uint8, stride, windows, n int)",
		"adds the gradients of the windows whose idx is below 4; n must be a multiple of "+fmt.Sprint(v.lanes)+".")
	db, dy, idx := base("db"), base("dy"), base("idx")
	stride, n := number("stride"), number("n")
	four := v.constant(4)
	for _, wide := range []int{4, 2, 1} {
		name := func(s string) string { return fmt.Sprintf("%s%d", s, wide) }
		Label(name("block"))
		CMPQ(n, operand.Imm(uint64(v.lanes*wide)))
		JL(jump(name("done")))
		acc := v.vectors(wide)
		for i := range wide {
			VMOVUPS(at(db, v.bytes()*i), acc[i])
		}
		g, at1, left := GP64(), GP64(), number("windows")
		MOVQ(dy, g)
		MOVQ(idx, at1)
		TESTQ(left, left)
		JZ(jump(name("store")))
		Label(name("window"))
		for i := range wide {
			place, open, value := v.vector(), v.mask(), v.vector()
			VPMOVZXBD(at(at1, v.lanes*i), place)
			VPCMPGTD(place, four, open)
			v.keep(open, at(g, v.bytes()*i), value)
			VADDPS(value, acc[i], acc[i])
		}
		LEAQ(indexed(g, stride, 4, 0), g)
		ADDQ(stride, at1)
		DECQ(left)
		JNZ(jump(name("window")))
		Label(name("store"))
		for i := range wide {
			VMOVUPS(acc[i], at(db, v.bytes()*i))
		}
		ADDQ(operand.U32(v.bytes()*wide), db)
		ADDQ(operand.U32(v.bytes()*wide), dy)
		ADDQ(operand.U32(v.lanes*wide), idx)
		SUBQ(operand.U32(v.lanes*wide), n)
		JMP(jump(name("block")))
		Label(name("done"))
	}
	VZEROUPPER()
	RET()
}
