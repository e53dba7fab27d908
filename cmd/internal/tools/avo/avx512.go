package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// pickWindowAVX512 builds the four lists of each window sixteen channels at a
// time: those that belong to a list are moved to the front together. The last channels
// may be fewer.
func pickWindowAVX512(ramp operand.Mem) {
	function("pickWindowAVX512", "func(vals []float32, offs, counts []int32, capacity int, dy []float32, idx []uint8, channels, windows, wStep int)",
		"sorts the gradients of a row of windows into lists.")
	vals, offs := base("vals"), base("offs")
	dy, idx := base("dy"), base("idx")
	zero := avx512.zero()
	var places []reg.VecVirtual
	for i := range 4 {
		places = append(places, avx512.constant(uint32(i)))
	}

	// ids holds the offsets of sixteen channels, next moves them on by sixteen.
	wStep, first, next := GP32(), ZMM(), ZMM()
	Load(Param("wStep"), wStep.As64())
	VPBROADCASTD(wStep, next)
	VPMULLD(ramp, next, first)
	VPSLLD(operand.Imm(4), next, next)

	q := variable(number("windows")) // left
	window := AllocLocal(8)          // 2*capacity times the windows done
	tmp := GP64()
	XORQ(tmp, tmp)
	MOVQ(tmp, window)
	counts := variable(base("counts"))

	Label("window")
	SUBQ(operand.Imm(1), q)
	JL(jump("end"))
	// Lists 0 and 1 of the window, then those of the lower row, which come
	// 2*windows later. The ends of the lists count from the start of vals and offs.
	p := []reg.GPVirtual{GP64(), GP64(), GP64(), GP64()}
	capacity := number("capacity")
	MOVQ(window, p[0])
	LEAQ(indexed(p[0], capacity, 1, 0), p[1])
	Load(Param("windows"), p[2])
	IMULQ(capacity, p[2])
	LEAQ(indexed(p[0], p[2], 2, 0), p[2])
	LEAQ(indexed(p[2], capacity, 1, 0), p[3])
	start := []operand.Mem{}
	for i := range p {
		start = append(start, variable(p[i]))
	}
	LEAQ(indexed(p[0], capacity, 2, 0), capacity)
	MOVQ(capacity, window)
	ids, left := ZMM(), number("channels")
	VMOVDQA32(first, ids)

	Label("channels")
	n := GP64()
	MOVQ(left, n)
	atMost(n, 16)
	some := firstLanes(n)
	value, place, open := ZMM(), ZMM(), K()
	VMOVUPS_Z(at(dy, 0), some, value)
	VPMOVZXBD_Z(at(idx, 0), some, place)
	VCMPPS(notEqual, zero, value, open)
	for i := range p {
		in, moved, count := K(), ZMM(), GP32()
		VPCMPEQD(places[i], place, open, in)
		VCOMPRESSPS_Z(value, in, moved)
		VMOVUPS(moved, indexed(vals, p[i], 4, 0))
		VPCOMPRESSD_Z(ids, in, moved)
		VMOVDQU32(moved, indexed(offs, p[i], 4, 0))
		KMOVW(in, count)
		POPCNTL(count, count)
		ADDQ(count.As64(), p[i])
	}
	VPADDD(next, ids, ids)
	LEAQ(indexed(dy, n, 4, 0), dy)
	ADDQ(n, idx)
	SUBQ(n, left)
	JG(jump("channels"))

	for i := range p {
		SUBQ(start[i], p[i])
	}
	to, lower := GP64(), number("windows")
	MOVQ(counts, to)
	MOVL(p[0].As32(), at(to, 0))
	MOVL(p[1].As32(), at(to, 4))
	LEAQ(indexed(to, lower, 8, 0), lower)
	MOVL(p[2].As32(), at(lower, 0))
	MOVL(p[3].As32(), at(lower, 4))
	ADDQ(operand.Imm(8), counts)
	JMP(jump("window"))
	Label("end")
	VZEROUPPER()
	RET()
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

// quadRowAVX512 lays four neighbours side by side, sixteen quads at a time.
func quadRowAVX512() {
	// Places in two vectors of 16 values or 8 pairs: first one half of each, alternating,
	// then the other.
	var order [2][2]reg.VecVirtual // values, pairs; half
	function("quadRowAVX512", "func(quad, row, next []float32, n, cin int)",
		"builds quads. n must be at least 16.")
	for half := range 2 {
		order[0][half], order[1][half] = ZMM(), ZMM()
		values := GLOBL(fmt.Sprint("zipValues", half), 8|16) // RODATA|NOPTR
		for i := range 16 {
			DATA(4*i, operand.U32(8*half+i/2+16*(i%2)))
		}
		VMOVDQU32(values, order[0][half])
		pairs := GLOBL(fmt.Sprint("zipPairs", half), 8|16)
		for i := range 8 {
			DATA(8*i, operand.U64(4*half+i/2+8*(i%2)))
		}
		VMOVDQU64(pairs, order[1][half])
	}
	quad, row, next := base("quad"), base("row"), base("next")
	n, cin := number("n"), number("cin")
	k, last := GP64(), GP64()
	XORQ(k, k)
	LEAQ(at(n, -16), last)

	Label("quads")
	CMPQ(k, last)
	CMOVQGT(last, k) // the last sixteen may overlap those before
	right, to := GP64(), GP64()
	LEAQ(indexed(k, cin, 1, 0), right)
	MOVQ(k, to)
	SHLQ(operand.Imm(4), to)
	ADDQ(quad, to)
	a, b, c, d := ZMM(), ZMM(), ZMM(), ZMM()
	VMOVUPS(indexed(row, k, 4, 0), a)
	VMOVUPS(indexed(row, right, 4, 0), b)
	VMOVUPS(indexed(next, k, 4, 0), c)
	VMOVUPS(indexed(next, right, 4, 0), d)
	for half := range 2 {
		ab, cd := ZMM(), ZMM()
		VMOVDQA32(order[0][half], ab)
		VPERMI2PS(b, a, ab)
		VMOVDQA32(order[0][half], cd)
		VPERMI2PS(d, c, cd)
		for quarter := range 2 {
			out := ZMM()
			VMOVDQA64(order[1][quarter], out)
			VPERMI2PD(cd, ab, out)
			VMOVUPS(out, at(to, 128*half+64*quarter))
		}
	}
	ADDQ(operand.Imm(16), k)
	CMPQ(k, n)
	JL(jump("quads"))
	VZEROUPPER()
	RET()
}
