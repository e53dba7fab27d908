package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// gemm is the GEMM micro-kernel of convolutions and dense layers: 16 lanes of
// weights stay in registers while they are multiplied with as many inputs, one
// broadcast each, as there are accumulators.
//
// unroll is the number of steps of a run done in one go; if it is not 1, step
// must be 1 and run a multiple of unroll.
func (v isa) gemm(name string, unroll int, ramp operand.Mem) {
	function(name+v.suffix, "func(dst []float32, dstStride int, init []float32, initStride int, x []float32, pixStride, rowStride, step int, w []float32, wStride, rows, run, n int, add []float32, clipped int, lo, hi float32, unused int)",
		"computes rows of 16 lanes.")
	t := gemm{isa: v, unroll: unroll, ramp: ramp, step: size("step"), wStride: size("wStride")}
	t.dst, t.init, t.x, t.n = variable(base("dst")), variable(base("init")), variable(base("x")), variable(number("n"))
	t.add = variable(base("add"))
	t.pix = []reg.GPVirtual{size("pixStride")}
	t.group = 3
	if v.tiles[0] > 6 {
		three, five := GP64(), GP64()
		LEAQ(indexed(t.pix[0], t.pix[0], 2, 0), three)
		LEAQ(indexed(t.pix[0], t.pix[0], 4, 0), five)
		t.pix = append(t.pix, three, five)
		t.group = 7
	}

	// What is left to go from the end of a run to the next row of x.
	t.skip = size("rowStride")
	run := number("run")
	IMULQ(t.step, run)
	SUBQ(run, t.skip)

	for _, rows := range v.tiles {
		t.loop(rows)
	}
	VZEROUPPER()
	RET()
}

// gemm is what the loops of a micro-kernel share; sizes are in bytes.
type gemm struct {
	isa
	unroll              int
	dst, init, x, n     operand.Mem // move on with the rows done
	add                 operand.Mem // likewise, unless it is nil
	ramp                operand.Mem // numbers from 0
	step, wStride, skip reg.GPVirtual
	pix                 []reg.GPVirtual // 1, or 1, 3 and 5 times the distance of rows
	group               int             // rows that are addressed from the same base
}

// loop computes tiles of a number of rows, as many as there are.
func (t *gemm) loop(rows int) {
	name := func(s string) string { return fmt.Sprintf("%s%d", s, rows) }
	wide := 16 / t.lanes
	acc := t.vectors(rows * wide)

	Label(name("tile"))
	CMPQ(t.n, operand.Imm(uint64(rows)))
	JL(jump(name("done")))
	if even := 2 * t.tiles[1]; rows == t.tiles[0] && even > rows {
		// Two halves have more accumulators to hide latency than a
		// whole and a rest.
		CMPQ(t.n, operand.Imm(uint64(even)))
		JE(jump(name("done")))
	}

	ptr, stride := GP64(), size("initStride")
	MOVQ(t.init, ptr)
	for p := range rows {
		for i := range wide {
			VMOVUPS(at(ptr, i*t.bytes()), acc[p*wide+i])
		}
		ADDQ(stride, ptr)
	}
	MOVQ(ptr, t.init)

	var bases []reg.GPVirtual
	for p := 0; p < rows; p += t.group {
		b := GP64()
		if p == 0 {
			MOVQ(t.x, b)
		} else {
			t.next(bases[len(bases)-1], b)
		}
		bases = append(bases, b)
	}
	w, r := base("w"), number("rows")
	var wStride3 reg.GPVirtual
	if t.unroll > 3 {
		wStride3 = GP64()
		LEAQ(indexed(t.wStride, t.wStride, 2, 0), wStride3)
	}

	Label(name("row"))
	j := number("run")

	Label(name("run"))
	for u := range t.unroll {
		weights := t.vectors(wide)
		for i := range wide {
			if u == 3 {
				VMOVUPS(indexed(w, wStride3, 1, i*t.bytes()), weights[i])
			} else {
				VMOVUPS(scaled(w, t.wStride, u, i*t.bytes()), weights[i])
			}
		}
		for p := range rows {
			t.madd(t.row(bases, p, 4*u), weights, acc[p*wide:])
		}
	}
	for _, b := range bases {
		if t.unroll == 1 {
			ADDQ(t.step, b)
		} else {
			ADDQ(operand.Imm(uint64(4*t.unroll)), b)
		}
	}
	switch t.unroll {
	case 1:
		ADDQ(t.wStride, w)
	case 3:
		LEAQ(indexed(w, t.wStride, 2, 0), w)
		ADDQ(t.wStride, w)
	case 4:
		LEAQ(indexed(w, t.wStride, 4, 0), w)
	}
	SUBQ(operand.Imm(uint64(t.unroll)), j)
	JNZ(jump(name("run")))

	for _, b := range bases {
		ADDQ(t.skip, b)
	}
	DECQ(r)
	JNZ(jump(name("row")))

	t.finish(acc, name)
	done := GP64()
	IMUL3Q(operand.Imm(uint64(rows)), t.pix[0], done)
	ADDQ(done, t.x)
	SUBQ(operand.Imm(uint64(rows)), t.n)
	JMP(jump(name("tile")))
	Label(name("done"))
}

// finish adds to the accumulators, clips them and stores them.
func (t *gemm) finish(acc []reg.VecVirtual, name func(string) string) {
	wide := 16 / t.lanes
	rows := len(acc) / wide
	unused := number("unused")
	TESTQ(unused, unused)
	JNZ(jump(name("some")))

	ptr, stride := GP64(), size("dstStride")
	MOVQ(t.add, ptr)
	TESTQ(ptr, ptr)
	JZ(jump(name("added")))
	for p := range rows {
		for i := range wide {
			VADDPS(at(ptr, i*t.bytes()), acc[p*wide+i], acc[p*wide+i])
		}
		ADDQ(stride, ptr)
	}
	MOVQ(ptr, t.add)
	Label(name("added"))
	t.limit(acc, name("clipped"))
	MOVQ(t.dst, ptr)
	for p := range rows {
		for i := range wide {
			VMOVUPS(acc[p*wide+i], at(ptr, i*t.bytes()))
		}
		ADDQ(stride, ptr)
	}
	MOVQ(ptr, t.dst)
	JMP(jump(name("stored")))

	// The same without the last lanes.
	Label(name("some"))
	masks := t.first(unused)
	ptr, stride = GP64(), size("dstStride")
	MOVQ(t.add, ptr)
	TESTQ(ptr, ptr)
	JZ(jump(name("someAdded")))
	for p := range rows {
		for i := range wide {
			a := acc[p*wide+i]
			if t.masks {
				VADDPS(at(ptr, 0), a, masks[i], a)
				continue
			}
			x := t.vector()
			VMASKMOVPS(at(ptr, i*t.bytes()), masks[i], x)
			VADDPS(x, a, a)
		}
		ADDQ(stride, ptr)
	}
	MOVQ(ptr, t.add)
	Label(name("someAdded"))
	t.limit(acc, name("someClipped"))
	MOVQ(t.dst, ptr)
	for p := range rows {
		for i := range wide {
			if t.masks {
				VMOVUPS(acc[p], masks[0], at(ptr, 0))
			} else {
				VMASKMOVPS(acc[p*wide+i], masks[i], at(ptr, i*t.bytes()))
			}
		}
		ADDQ(stride, ptr)
	}
	MOVQ(ptr, t.dst)
	Label(name("stored"))
}

// limit clips the accumulators, if that is wanted, and ends with a label.
func (t *gemm) limit(acc []reg.VecVirtual, end string) {
	clipped := number("clipped")
	TESTQ(clipped, clipped)
	JZ(jump(end))
	limit := t.broadcast("lo")
	for _, a := range acc {
		VMAXPS(a, limit, a) // the second operand, a, if it is NaN or both are 0
	}
	limit = t.broadcast("hi")
	for _, a := range acc {
		VMINPS(a, limit, a)
	}
	Label(end)
}

// first makes masks of all lanes but the last ones.
func (t *gemm) first(unused reg.GPVirtual) []reg.Register {
	n := GP64()
	MOVQ(operand.U32(16), n)
	SUBQ(unused, n)
	if t.masks {
		return []reg.Register{firstLanes(n)}
	}
	number, s := t.vector(), XMM()
	MOVD(n.As32(), s)
	VPBROADCASTD(s, number)
	var masks []reg.Register
	for i := range 16 / t.lanes {
		m := t.vector()
		VPCMPGTD(t.ramp.Offset(i*t.bytes()), number, m)
		masks = append(masks, m)
	}
	return masks
}

// next sets to the address of the row that is a group further than from.
func (t *gemm) next(from, to reg.GPVirtual) {
	switch t.group {
	case 3:
		LEAQ(indexed(from, t.pix[0], 2, 0), to)
	case 7:
		LEAQ(indexed(from, t.pix[1], 2, 0), to)
	}
	ADDQ(t.pix[0], to)
}

// row addresses the input of row p.
func (t *gemm) row(bases []reg.GPVirtual, p, disp int) operand.Mem {
	b := bases[p/t.group]
	switch p %= t.group; p {
	case 3, 6:
		return indexed(b, t.pix[1], uint8(p/3), disp)
	case 5:
		return indexed(b, t.pix[2], 1, disp)
	default:
		return scaled(b, t.pix[0], p, disp)
	}
}

// madd adds an input, broadcast, times the weights.
func (t *gemm) madd(in operand.Mem, weights, acc []reg.VecVirtual) {
	if t.masks {
		VFMADD231PS_BCST(in, weights[0], acc[0])
		return
	}
	x := t.vector()
	VBROADCASTSS(in, x)
	for i, w := range weights {
		VFMADD231PS(w, x, acc[i])
	}
}
