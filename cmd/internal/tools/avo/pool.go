package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// pool computes n columns of an output row of a pooling, as depthwise does: the
// largest value, or the mean.
func (v isa) pool(name string, start uint32, mean bool) {
	function(name+v.suffix, "func(dst []float32, dstStride int, x []float32, pixStride, rowStride, step int, rows, run, n, channels int, count float32)",
		fmt.Sprintf("computes columns of a pooling. n must be 1 to %d, channels a positive multiple of %d.", depthwiseColumns, v.lanes))
	t := gemm{isa: v, group: 7}
	three, five := GP64(), GP64()
	pix := size("pixStride")
	LEAQ(indexed(pix, pix, 2, 0), three)
	LEAQ(indexed(pix, pix, 4, 0), five)
	t.pix = []reg.GPVirtual{pix, three, five}
	dst, x := variable(base("dst")), variable(base("x"))
	channels := variable(number("channels"))
	run := number("run")
	skip, step := size("rowStride"), size("step")
	IMULQ(step, run)
	SUBQ(run, skip)

	n := number("n")
	for columns := depthwiseColumns; columns > 1; columns-- {
		CMPQ(n, operand.Imm(uint64(columns)))
		JE(jump(fmt.Sprint("columns", columns)))
	}
	for columns := 1; columns <= depthwiseColumns; columns++ {
		name := func(s string) string { return fmt.Sprintf("%s%d", s, columns) }
		Label(name("columns"))
		acc := v.vectors(columns)
		VPBROADCASTD(v.word(start), acc[0])
		for _, a := range acc[1:] {
			VMOVAPS(acc[0], a)
		}
		bases := []reg.GPVirtual{GP64()}
		MOVQ(x, bases[0])
		if columns > t.group {
			bases = append(bases, GP64())
			t.next(bases[0], bases[1])
		}
		rows := number("rows")
		TESTQ(rows, rows)
		JZ(jump(name("store")))

		Label(name("row"))
		left := number("run")
		Label(name("run"))
		for p, a := range acc {
			if mean {
				VADDPS(t.row(bases, p, 0), a, a)
				continue
			}
			// The accumulator if one of them is NaN or both are
			// equal; then the value if that is NaN.
			value, nan := v.vector(), v.mask()
			VMOVUPS(t.row(bases, p, 0), value)
			VMAXPS(a, value, a)
			VCMPPS(unordered, value, value, nan)
			v.replace(nan, value, a)
		}
		advance(bases, step)
		DECQ(left)
		JNZ(jump(name("run")))
		advance(bases, skip)
		DECQ(rows)
		JNZ(jump(name("row")))

		Label(name("store"))
		if mean {
			count := v.broadcast("count")
			for _, a := range acc {
				VDIVPS(count, a, a)
			}
		}
		out, stride := GP64(), size("dstStride")
		MOVQ(dst, out)
		for _, a := range acc {
			VMOVUPS(a, at(out, 0))
			ADDQ(stride, out)
		}
		ADDQ(operand.Imm(uint64(v.bytes())), dst)
		ADDQ(operand.Imm(uint64(v.bytes())), x)
		SUBQ(operand.Imm(uint64(v.lanes)), channels)
		JNZ(jump(name("columns")))
		JMP(jump("end"))
	}
	Label("end")
	VZEROUPPER()
	RET()
}
