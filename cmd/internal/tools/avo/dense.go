package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// tile is the matrix kernel of convolutions and dense layers: 16 lanes of
// weights stay in registers while they are multiplied with as many inputs, one
// broadcast each, as there are accumulators.
//
// unroll is the number of steps of a run done in one go; if it is not 1, step
// must be 1 and run a multiple of unroll.
func (v isa) tile(name string, unroll int) {
	function(name+v.suffix, "func(dst []float32, dstStride int, init []float32, initStride int, x []float32, pixStride, rowStride, step int, w []float32, wStride, rows, run, n int)",
		"computes rows of 16 lanes.")
	dst, init, x := base("dst"), base("init"), base("x")
	pix, wStride := size("pixStride"), size("wStride")
	step := size("step")
	n := number("n")

	// What is left to go from the end of a run to the next row of x.
	skip, tmp := number("run"), GP64()
	IMULQ(step, skip)
	Load(Param("rowStride"), tmp)
	SHLQ(operand.Imm(2), tmp)
	SUBQ(skip, tmp)
	MOVQ(tmp, skip)

	for _, rows := range v.tiles {
		v.tileOf(rows, unroll, dst, init, x, pix, step, wStride, n, skip)
	}
	VZEROUPPER()
	RET()
}

func (v isa) tileOf(pixels, unroll int, dst, init, x, pix, step, wStride, n, skip reg.GPVirtual) {
	name := func(s string) string { return fmt.Sprintf("%s%d", s, pixels) }
	wide := 16 / v.lanes
	acc := v.vectors(pixels * wide)

	Label(name("tile"))
	CMPQ(n, operand.Imm(uint64(pixels)))
	JL(jump(name("done")))
	if even := 2 * v.tiles[1]; pixels == v.tiles[0] && even > pixels {
		// Two halves have more accumulators to hide latency than a whole and a rest.
		CMPQ(n, operand.Imm(uint64(even)))
		JE(jump(name("done")))
	}

	ptr, stride := GP64(), GP64()
	Load(Param("initStride"), stride)
	SHLQ(operand.Imm(2), stride)
	MOVQ(init, ptr)
	for p := range pixels {
		for i := range wide {
			VMOVUPS(at(ptr, i*v.bytes()), acc[p*wide+i])
		}
		ADDQ(stride, ptr)
	}
	LEAQ(indexed(init, stride, 1, 0), init)
	for range pixels - 1 {
		ADDQ(stride, init)
	}

	// Pixels 0..2 are addressed from b, 3..5 from b3 = b + 3*pix.
	b, w, r := GP64(), GP64(), GP64()
	var bases []reg.GPVirtual
	MOVQ(x, b)
	bases = append(bases, b)
	for p := 3; p < pixels; p += 3 {
		next := GP64()
		LEAQ(indexed(bases[len(bases)-1], pix, 2, 0), next)
		ADDQ(pix, next)
		bases = append(bases, next)
	}
	Load(Param("w").Base(), w)
	Load(Param("rows"), r)
	var wStride3 reg.GPVirtual
	if unroll > 3 {
		wStride3 = GP64()
		LEAQ(indexed(wStride, wStride, 2, 0), wStride3)
	}

	Label(name("row"))
	j := GP64()
	Load(Param("run"), j)

	Label(name("run"))
	for u := range unroll {
		weights := v.vectors(wide)
		for i := range wide {
			if u == 3 {
				VMOVUPS(indexed(w, wStride3, 1, i*v.bytes()), weights[i])
			} else {
				VMOVUPS(scaled(w, wStride, u, i*v.bytes()), weights[i])
			}
		}
		for p := range pixels {
			in := v.vector()
			VBROADCASTSS(scaled(bases[p/3], pix, p%3, 4*u), in)
			for i := range wide {
				VFMADD231PS(weights[i], in, acc[p*wide+i])
			}
		}
	}
	for _, b := range bases {
		if unroll == 1 {
			ADDQ(step, b)
		} else {
			ADDQ(operand.Imm(uint64(4*unroll)), b)
		}
	}
	switch unroll {
	case 1:
		ADDQ(wStride, w)
	case 3:
		LEAQ(indexed(w, wStride, 2, 0), w)
		ADDQ(wStride, w)
	case 4:
		LEAQ(indexed(w, wStride, 4, 0), w)
	}
	SUBQ(operand.Imm(uint64(unroll)), j)
	JNZ(jump(name("run")))

	for _, b := range bases {
		ADDQ(skip, b)
	}
	DECQ(r)
	JNZ(jump(name("row")))

	Load(Param("dstStride"), stride)
	SHLQ(operand.Imm(2), stride)
	for p := range pixels {
		for i := range wide {
			VMOVUPS(acc[p*wide+i], at(dst, i*v.bytes()))
		}
		ADDQ(stride, dst)
		ADDQ(pix, x)
	}
	SUBQ(operand.Imm(uint64(pixels)), n)
	JMP(jump(name("tile")))
	Label(name("done"))
}

// scaled is r + n*stride + disp for n from 0 to 2.
func scaled(r, stride reg.Register, n, disp int) operand.Mem {
	if n == 0 {
		return at(r, disp)
	}
	return indexed(r, stride, uint8(n), disp)
}
