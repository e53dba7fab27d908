package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
)

// biasRow adds up the gradients of open windows.
func (v isa) biasRow() {
	function("biasRow"+v.suffix, "func(db, dy []float32, idx []uint8, stride, windows, n int)",
		"adds the gradients of the open windows; n must be a multiple of "+fmt.Sprint(v.lanes)+".")
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

// quads adds the weight gradients of three taps of three channels for a row of
// windows. Each lane, an output channel, takes of each quad the value at the place that
// its window chose.
func (v isa) quads() {
	function("quads"+v.suffix, "func(dw []float32, dwStride int, quad, dy []float32, idx []uint8, stride, windows, n int)",
		"adds weight gradients for three input channels; n must be a multiple of "+fmt.Sprint(v.lanes)+".")
	dw, dy, idx := base("dw"), base("dy"), base("idx")
	stride, n := number("stride"), number("n")
	four := v.constant(4)
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
	which, g, open := v.vector(), v.vector(), v.mask()
	VPMOVZXBD(at(place, 0), which)
	VPCMPGTD(which, four, open)
	v.keep(open, at(value, 0), g)
	for i := range taps {
		in := v.vector()
		if v.masks {
			VBROADCASTF32X4(at(quad, 16*i), in)
		} else {
			VBROADCASTF128(at(quad, 16*i), in)
		}
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
	ADDQ(operand.Imm(uint64(v.bytes())), dw)
	ADDQ(operand.Imm(uint64(v.bytes())), dy)
	ADDQ(operand.Imm(uint64(v.lanes)), idx)
	SUBQ(operand.Imm(uint64(v.lanes)), n)
	JMP(jump("block"))
	Label("end")
	VZEROUPPER()
	RET()
}
