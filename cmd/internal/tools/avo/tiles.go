package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// size64 loads an integer parameter and converts it from float64 values to
// bytes.
func size64(name string) reg.GPVirtual {
	r := number(name)
	SHLQ(operand.Imm(3), r)
	return r
}

// tiles64 adds products of float64 numbers, each rounded before it is added: a
// row of 8 results takes one vector, or two.
func (v isa) tiles64(tiles ...int) {
	function("tiles64"+v.suffix, "func(c, a []float64, row, step int, b []float64, rows, n int)",
		"adds products to rows of 8 numbers. n must be positive.")
	t := gemm{isa: v, group: 7}
	row, three, five := size64("row"), GP64(), GP64()
	LEAQ(indexed(row, row, 2, 0), three)
	LEAQ(indexed(row, row, 4, 0), five)
	t.pix = []reg.GPVirtual{row, three, five}
	step := size64("step")
	c, a, left := base("c"), base("a"), number("rows")
	wide := 16 / v.lanes
	for _, rows := range tiles {
		name := func(s string) string { return fmt.Sprintf("%s%d", s, rows) }
		Label(name("tile"))
		CMPQ(left, operand.Imm(uint64(rows)))
		JL(jump(name("done")))
		acc := v.vectors(rows * wide)
		for i, s := range acc {
			VMOVUPD(at(c, i*v.bytes()), s)
		}
		bases := []reg.GPVirtual{GP64()}
		MOVQ(a, bases[0])
		if rows > t.group {
			bases = append(bases, GP64())
			t.next(bases[0], bases[1])
		}
		b, n := base("b"), number("n")
		Label(name("loop"))
		factors := v.vectors(wide)
		for i, f := range factors {
			VMOVUPD(at(b, i*v.bytes()), f)
		}
		for r := range rows {
			if v.masks {
				product := v.vector()
				VMULPD_BCST(t.row(bases, r, 0), factors[0], product)
				VADDPD(product, acc[r], acc[r])
				continue
			}
			x := v.vector()
			VBROADCASTSD(t.row(bases, r, 0), x)
			for i, f := range factors {
				product := v.vector()
				VMULPD(f, x, product)
				VADDPD(product, acc[r*wide+i], acc[r*wide+i])
			}
		}
		ADDQ(operand.Imm(64), b)
		advance(bases, step)
		DECQ(n)
		JNZ(jump(name("loop")))
		for i, s := range acc {
			VMOVUPD(s, at(c, i*v.bytes()))
		}
		ADDQ(operand.U32(uint32(64*rows)), c)
		for range rows {
			ADDQ(row, a)
		}
		SUBQ(operand.Imm(uint64(rows)), left)
		JMP(jump(name("tile")))
		Label(name("done"))
	}
	VZEROUPPER()
	RET()
}

// standardize64 subtracts a number of each column and multiplies with one.
func (v isa) standardize64() {
	function("standardize64"+v.suffix, "func(dst []float64, src []float32, mean, inverse []float64)",
		fmt.Sprintf("standardises as many values as are whole vectors of %d.", v.lanes/2))
	dst, src, mean, inverse := base("dst"), base("src"), base("mean"), base("inverse")
	n, k := GP64(), GP64()
	Load(Param("dst").Len(), n)
	XORQ(k, k)
	Label("loop")
	SUBQ(operand.Imm(uint64(v.lanes/2)), n)
	JL(jump("end"))
	x := v.vector()
	VCVTPS2PD(indexed(src, k, 4, 0), x)
	VSUBPD(indexed(mean, k, 8, 0), x, x)
	VMULPD(indexed(inverse, k, 8, 0), x, x)
	VMOVUPD(x, indexed(dst, k, 8, 0))
	ADDQ(operand.Imm(uint64(v.lanes/2)), k)
	JMP(jump("loop"))
	Label("end")
	VZEROUPPER()
	RET()
}
