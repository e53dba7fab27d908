package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// depthwiseColumns is the most output columns of a call: as many accumulators,
// with one register for weights, fit the 16 registers of AVX2.
const depthwiseColumns = 14

// depthwise computes n columns of an output row of a depthwise convolution. The
// lanes are channels; a vector of weights is loaded once for all the columns,
// whose inputs are memory operands.
func (v isa) depthwise() {
	function("depthwise"+v.suffix, "func(dst []float32, dstStride int, init, x []float32, pixStride, rowStride, step int, w []float32, wStride, wRow, rows, run, n, channels int, lo, hi float32)",
		fmt.Sprintf("computes columns of a depthwise convolution. n must be 1 to %d, channels a positive multiple of %d.", depthwiseColumns, v.lanes))
	t := gemm{isa: v, group: 7}
	three, five := GP64(), GP64()
	pix := size("pixStride")
	LEAQ(indexed(pix, pix, 2, 0), three)
	LEAQ(indexed(pix, pix, 4, 0), five)
	t.pix = []reg.GPVirtual{pix, three, five}

	dst, x, w, init := variable(base("dst")), variable(base("x")), variable(base("w")), variable(base("init"))
	channels := variable(number("channels"))
	// What is left to go from the end of a run to the next row.
	run := number("run")
	skip, wSkip := size("rowStride"), size("wRow")
	step, wStride := size("step"), size("wStride")
	length := GP64()
	MOVQ(run, length)
	IMULQ(step, length)
	SUBQ(length, skip)
	IMULQ(wStride, run)
	SUBQ(run, wSkip)
	skipOnStack, wSkipOnStack := variable(skip), variable(wSkip)

	n := number("n")
	for columns := depthwiseColumns; columns > 1; columns-- {
		CMPQ(n, operand.Imm(uint64(columns)))
		JE(jump(fmt.Sprint("columns", columns)))
	}
	for columns := 1; columns <= depthwiseColumns; columns++ {
		name := func(s string) string { return fmt.Sprintf("%s%d", s, columns) }
		Label(name("columns"))
		acc := v.vectors(columns)
		ptr := GP64()
		MOVQ(init, ptr)
		for _, a := range acc {
			VMOVUPS(at(ptr, 0), a)
		}
		ADDQ(operand.Imm(uint64(v.bytes())), ptr)
		MOVQ(ptr, init)
		bases := []reg.GPVirtual{GP64()}
		MOVQ(x, bases[0])
		if columns > t.group {
			bases = append(bases, GP64())
			t.next(bases[0], bases[1])
		}
		weights := GP64()
		MOVQ(w, weights)
		rows := number("rows")
		TESTQ(rows, rows)
		JZ(jump(name("store")))

		Label(name("row"))
		left := number("run")
		Label(name("run"))
		weight := v.vector()
		VMOVUPS(at(weights, 0), weight)
		for p, a := range acc {
			VFMADD231PS(t.row(bases, p, 0), weight, a)
		}
		ADDQ(wStride, weights)
		advance(bases, step)
		DECQ(left)
		JNZ(jump(name("run")))
		ADDQ(wSkipOnStack, weights)
		advance(bases, skipOnStack)
		DECQ(rows)
		JNZ(jump(name("row")))

		Label(name("store"))
		limit := v.broadcast("lo")
		for _, a := range acc {
			VMAXPS(a, limit, a) // the second operand, a, if it is NaN or both are 0
		}
		limit = v.broadcast("hi")
		for _, a := range acc {
			VMINPS(a, limit, a)
		}
		out, stride := GP64(), size("dstStride")
		MOVQ(dst, out)
		for _, a := range acc {
			VMOVUPS(a, at(out, 0))
			ADDQ(stride, out)
		}
		ADDQ(operand.Imm(uint64(v.bytes())), dst)
		ADDQ(operand.Imm(uint64(v.bytes())), x)
		ADDQ(operand.Imm(uint64(v.bytes())), w)
		SUBQ(operand.Imm(uint64(v.lanes)), channels)
		JNZ(jump(name("columns")))
		JMP(jump("end"))
	}
	Label("end")
	VZEROUPPER()
	RET()
}
