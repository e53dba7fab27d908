package main

import (
	. "github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// spread loads a float32 from memory into all lanes.
func (v isa) spread(m operand.Mem) reg.VecVirtual {
	x := v.vector()
	VBROADCASTSS(m, x)
	return x
}

// reluGrad keeps dy where y is not at most zero.
func (v isa) reluGrad() {
	function("reluGrad"+v.suffix, "func(dx, dy, y []float32)", "is the gradient of ReLU, for as many values as fill whole vectors.")
	dx, dy, y := base("dx"), base("dy"), base("y")
	zero := v.zero()
	v.each("dx", func(k reg.GPVirtual) {
		value, open := v.vector(), v.mask()
		VMOVUPS(indexed(y, k, 4, 0), value)
		VCMPPS(notLessEqual, zero, value, open)
		v.keep(open, indexed(dy, k, 4, 0), value)
		VMOVUPS(value, indexed(dx, k, 4, 0))
	})
}

// sum adds two tensors.
func (v isa) sum() {
	function("add"+v.suffix, "func(y, a, b []float32)", "adds as many values as fill whole vectors.")
	y, a, b := base("y"), base("a"), base("b")
	v.each("y", func(k reg.GPVirtual) {
		x := v.vector()
		VMOVUPS(indexed(a, k, 4, 0), x)
		VADDPS(indexed(b, k, 4, 0), x, x)
		VMOVUPS(x, indexed(y, k, 4, 0))
	})
}

// adam updates weights, one rounding for each operation.
func (v isa) adam() {
	function("adam"+v.suffix, "func(w, m, v, grad []float32, o *float32)",
		"updates weights, as many as fill whole vectors, with the constants of an adamConst.")
	w, m, second, grad := base("w"), base("m"), base("v"), base("grad")
	o := number("o")
	var c []reg.VecVirtual
	for i := range 10 {
		c = append(c, v.spread(at(o, 4*i)))
	}
	beta1, rest1, beta2, rest2, rate, eps, decay, floor, tiny, sign := c[0], c[1], c[2], c[3], c[4], c[5], c[6], c[7], c[8], c[9]
	v.each("w", func(k reg.GPVirtual) {
		d, size, avg := v.vector(), v.vector(), v.vector()
		VMOVUPS(indexed(grad, k, 4, 0), d)
		VANDNPS(d, sign, size)
		VMAXPS(size, floor, size) // the second source, size, if one is NaN
		VMULPS(size, size, size)
		VMULPS(rest2, size, size)
		VMULPS(indexed(second, k, 4, 0), beta2, avg)
		VADDPS(size, avg, avg)
		VMOVUPS(avg, indexed(second, k, 4, 0))
		VSQRTPS(avg, avg)
		VADDPS(eps, avg, avg)

		first := v.vector()
		VMULPS(rest1, d, d)
		VMULPS(indexed(m, k, 4, 0), beta1, first)
		VADDPS(d, first, first)
		VANDNPS(first, sign, size)
		kept := v.mask()
		VCMPPS(notLess, tiny, size, kept)
		v.keep(kept, first, first)
		VMOVUPS(first, indexed(m, k, 4, 0))
		VMULPS(rate, first, first)
		VDIVPS(avg, first, first)

		old := v.vector()
		VMOVUPS(indexed(w, k, 4, 0), old)
		VMULPS(decay, old, d)
		VADDPS(first, d, d)
		VSUBPS(d, old, old)
		VMOVUPS(old, indexed(w, k, 4, 0))
	})
}

// average moves averages, one rounding for each operation.
func (v isa) average() {
	function("average"+v.suffix, "func(avg, w []float32, rest float32)", "moves averages, as many as fill whole vectors.")
	avg, w := base("avg"), base("w")
	rest := v.broadcast("rest")
	v.each("avg", func(k reg.GPVirtual) {
		a, d := v.vector(), v.vector()
		VMOVUPS(indexed(avg, k, 4, 0), a)
		VMOVUPS(indexed(w, k, 4, 0), d)
		VSUBPS(a, d, d)
		VMULPS(rest, d, d)
		VADDPS(d, a, a)
		VMOVUPS(a, indexed(avg, k, 4, 0))
	})
}

// moments sums 16 columns in float64. The products are exact there, so that it
// makes no difference that they are fused.
func (v isa) moments() {
	function("moments"+v.suffix, "func(sums *float64, a, b []float32, stride, rows int)",
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

// centre sets dst to scale*(a-mean), for 16 columns.
func (v isa) centre() {
	function("centre"+v.suffix, "func(dst, a []float32, stride, rows int, c *float32)",
		"centres and scales 16 columns with the constants of a columns.")
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

// centre2 sets dst to scale*(a-mean) - scale2*(b-mean2), for 16 columns.
func (v isa) centre2() {
	function("centre2"+v.suffix, "func(dst, a, b []float32, stride, rows int, c *float32)",
		"centres, scales and subtracts 16 columns with the constants of a columns.")
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
