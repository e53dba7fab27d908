package main

import (
	. "github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// reduction makes one number of a row: 16 results, of each 16th value, which
// are then combined in halves.
type reduction struct {
	start   uint32 // of each result
	prepare func(x, mean reg.VecVirtual)
	combine func(acc, x reg.VecVirtual)
}

func (v isa) reductions(ramp operand.Mem) {
	sum := func(acc, x reg.VecVirtual) { VADDPS(x, acc, acc) }
	v.reduce("total", ramp, reduction{combine: sum})
	v.reduce("squares", ramp, reduction{combine: sum, prepare: func(x, mean reg.VecVirtual) {
		VSUBPS(mean, x, x)
		VMULPS(x, x, x)
	}})
	// The result if one of them is NaN or both are equal; then the value if
	// that is NaN.
	v.reduce("largest", ramp, reduction{start: 0xff800000, combine: func(acc, x reg.VecVirtual) {
		nan := v.mask()
		VCMPPS(unordered, x, x, nan)
		VMAXPS(acc, x, acc)
		v.replace(nan, x, acc)
	}})
}

func (v isa) reduce(name string, ramp operand.Mem, f reduction) {
	function(name+v.suffix, "func(x []float32, mean float32) float32", "reduces a row.")
	wide := 16 / v.lanes
	x, n := base("x"), GP64()
	Load(Param("x").Len(), n)
	var mean reg.VecVirtual
	if f.prepare != nil {
		mean = v.broadcast("mean")
	}
	acc := v.vectors(wide)
	for _, a := range acc {
		VMOVUPS(bits(f.start), a)
	}
	Label("loop")
	CMPQ(n, operand.Imm(16))
	JL(jump("rest"))
	for i, a := range acc {
		value := v.vector()
		VMOVUPS(at(x, i*v.bytes()), value)
		if f.prepare != nil {
			f.prepare(value, mean)
		}
		f.combine(a, value)
	}
	ADDQ(operand.Imm(64), x)
	SUBQ(operand.Imm(16), n)
	JMP(jump("loop"))

	Label("rest")
	TESTQ(n, n)
	JZ(jump("fold"))
	unused := GP64()
	MOVQ(operand.U32(16), unused)
	SUBQ(n, unused)
	t := gemm{isa: v, ramp: ramp}
	masks := t.first(unused)
	for i, a := range acc {
		loaded, value := v.vector(), v.load(bits(f.start))
		if v.masks {
			VMOVUPS_Z(at(x, 0), masks[0], loaded)
		} else {
			VMASKMOVPS(at(x, i*v.bytes()), masks[i], loaded)
		}
		if f.prepare != nil {
			f.prepare(loaded, mean)
		}
		v.replace(masks[i], loaded, value)
		f.combine(a, value)
	}

	Label("fold")
	// The last instructions are on 8, 4, 2 and 1 values, in vectors that
	// AVX2 has; lanes that are combined in vain are not read.
	low := isa{lanes: 8, vector: avx2.vector}
	eight := low.vector()
	if v.masks {
		high := low.vector()
		z := acc[0]
		VEXTRACTF64X4(operand.Imm(1), z, high)
		VEXTRACTF64X4(operand.Imm(0), z, eight)
		v.combineNarrow(name, eight, high)
	} else {
		VMOVAPS(acc[0], eight)
		v.combineNarrow(name, eight, acc[1])
	}
	for _, step := range []int{4, 2, 1} {
		other := low.vector()
		switch step {
		case 4:
			VPERM2F128(operand.Imm(0x01), eight, eight, other)
		case 2:
			VPERMILPS(operand.Imm(0x4e), eight, other)
		case 1:
			VPERMILPS(operand.Imm(0xb1), eight, other)
		}
		v.combineNarrow(name, eight, other)
	}
	Store(eight.AsX(), ReturnIndex(0))
	VZEROUPPER()
	RET()
}

// combineNarrow combines vectors of 8 values.
func (v isa) combineNarrow(name string, acc, x reg.VecVirtual) {
	if name != "largest" {
		VADDPS(x, acc, acc)
		return
	}
	nan := avx2.vector()
	VCMPPS(unordered, x, x, nan)
	VMAXPS(acc, x, acc)
	VBLENDVPS(nan, x, acc, acc)
}

// layerNorm subtracts the mean, scales, and scales and shifts each column.
func (v isa) layerNorm() {
	function("layerNorm"+v.suffix, "func(y, x, gamma, beta []float32, mean, scale float32)",
		"normalizes a row, as many values as fill whole vectors.")
	y, x, gamma, beta := base("y"), base("x"), base("gamma"), base("beta")
	mean, scale := v.broadcast("mean"), v.broadcast("scale")
	v.each("y", func(k reg.GPVirtual) {
		value := v.vector()
		VMOVUPS(indexed(x, k, 4, 0), value)
		VSUBPS(mean, value, value)
		VMULPS(scale, value, value)
		VMULPS(indexed(gamma, k, 4, 0), value, value)
		VADDPS(indexed(beta, k, 4, 0), value, value)
		VMOVUPS(value, indexed(y, k, 4, 0))
	})
}
