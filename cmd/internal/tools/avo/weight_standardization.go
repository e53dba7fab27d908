package main

import (
	. "github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// sumAndDot sums 16 columns in float64. The products are exact there, so that
// it makes no difference that they are fused.
func (v isa) sumAndDot() {
	function("sumAndDot"+v.suffix, "func(sums *float64, a, b []float32, stride, rows int)",
		"sums a and a*b over the rows of 16 columns.")
	a, b, stride, rows := base("a"), base("b"), size("stride"), number("rows")
	wide := 2 * 16 / v.lanes // vectors of float64 in 16 columns
	sum, product := v.vectors(wide), v.vectors(wide)
	for i := range wide {
		VXORPD(sum[i], sum[i], sum[i])
		VXORPD(product[i], product[i], product[i])
	}
	Label("row")
	SUBQ(operand.Imm(1), rows)
	JL(jump("end"))
	for i := range wide {
		x, y := v.vector(), v.vector()
		VCVTPS2PD(at(a, i*v.bytes()/2), x)
		VCVTPS2PD(at(b, i*v.bytes()/2), y)
		VADDPD(x, sum[i], sum[i])
		VFMADD231PD(x, y, product[i])
	}
	ADDQ(stride, a)
	ADDQ(stride, b)
	JMP(jump("row"))
	Label("end")
	sums := number("sums")
	for i := range wide {
		VMOVUPD(sum[i], at(sums, i*v.bytes()))
		VMOVUPD(product[i], at(sums, 8*16+i*v.bytes()))
	}
	VZEROUPPER()
	RET()
}

// normalize sets dst to scale*(a-mean), for 16 columns.
func (v isa) normalize() {
	function("normalize"+v.suffix, "func(dst, a []float32, stride, rows int, c *float32)",
		"subtracts the mean of 16 columns and scales them with the constants of each column.")
	dst, a, stride, rows := base("dst"), base("a"), size("stride"), number("rows")
	mean, scale := v.columns(0), v.columns(1)
	Label("row")
	SUBQ(operand.Imm(1), rows)
	JL(jump("end"))
	for i := range mean {
		x := v.vector()
		VMOVUPS(at(a, i*v.bytes()), x)
		VSUBPS(mean[i], x, x)
		VMULPS(scale[i], x, x)
		VMOVUPS(x, at(dst, i*v.bytes()))
	}
	ADDQ(stride, a)
	ADDQ(stride, dst)
	JMP(jump("row"))
	Label("end")
	VZEROUPPER()
	RET()
}

// normalizeBackward sets dst to scale*(a-mean) - scale2*(b-mean2), for 16
// columns.
func (v isa) normalizeBackward() {
	function("normalizeBackward"+v.suffix, "func(dst, a, b []float32, stride, rows int, c *float32)",
		"subtracts the mean of 16 columns, scales them and subtracts others with the constants of each column.")
	dst, a, b, stride, rows := base("dst"), base("a"), base("b"), size("stride"), number("rows")
	mean, scale, mean2, scale2 := v.columns(0), v.columns(1), v.columns(2), v.columns(3)
	Label("row")
	SUBQ(operand.Imm(1), rows)
	JL(jump("end"))
	for i := range mean {
		x, y := v.vector(), v.vector()
		VMOVUPS(at(a, i*v.bytes()), x)
		VMOVUPS(at(b, i*v.bytes()), y)
		VSUBPS(mean[i], x, x)
		VMULPS(scale[i], x, x)
		VSUBPS(mean2[i], y, y)
		VMULPS(scale2[i], y, y)
		VSUBPS(y, x, x)
		VMOVUPS(x, at(dst, i*v.bytes()))
	}
	ADDQ(stride, a)
	ADDQ(stride, b)
	ADDQ(stride, dst)
	JMP(jump("row"))
	Label("end")
	VZEROUPPER()
	RET()
}

// columns loads field i of a columns, 16 values.
func (v isa) columns(i int) []reg.VecVirtual {
	c := number("c")
	s := v.vectors(16 / v.lanes)
	for k := range s {
		VMOVUPS(at(c, 4*16*i+k*v.bytes()), s[k])
	}
	return s
}
