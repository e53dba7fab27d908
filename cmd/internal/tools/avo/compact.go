package main

import (
	. "github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// compactChannels builds sparse rows without branches: every candidate is
// written, and the end of the row moves only for those that are not zero.
func compactChannels() {
	function("compactChannelsAMD64", "func(vals []float32, offs, counts []int32, capacity int, dy []float32, idx []uint8, stride, n, base, step int, delta *[8]int32)",
		"appends gradients to sparse rows.")
	vals, offs, counts := base("vals"), base("offs"), base("counts")
	sparse := GP64()
	XORQ(sparse, sparse)

	Label("row")
	tmp := GP64()
	Load(Param("counts").Len(), tmp)
	CMPQ(sparse, tmp)
	JGE(jump("end"))

	dy, idx := base("dy"), base("idx")
	from, n, stride := GP64(), GP64(), GP64()
	LEAQ(indexed(dy, sparse, 4, 0), dy)
	ADDQ(sparse, idx)
	Load(Param("base"), from)
	Load(Param("n"), n)
	Load(Param("stride"), stride)
	k := GP64()
	MOVLQSX(indexed(counts, sparse, 4, 0), k)
	delta := GP64()
	Load(Param("delta"), delta)
	TESTQ(n, n)
	JZ(jump("store"))

	Label("candidate")
	i, value, off := GP64(), GP32(), GP32()
	MOVBQZX(at(idx, 0), i)
	MOVL(at(dy, 0), value)
	MOVL(indexed(delta, i, 4, 0), off)
	ADDL(from.As32(), off)
	MOVL(value, indexed(vals, k, 4, 0))
	MOVL(off, indexed(offs, k, 4, 0))
	// The carry is set if idx < 4, then if also value<<1 != 0.
	ADDL(value, value)
	CMPQ(i, operand.Imm(4))
	SBBL(off, off)
	ANDL(off, value)
	NEGL(value)
	ADCQ(operand.Imm(0), k)
	ADDQ(stride, idx)
	LEAQ(indexed(dy, stride, 4, 0), dy)
	Load(Param("step"), tmp)
	ADDQ(tmp, from)
	DECQ(n)
	JNZ(jump("candidate"))

	Label("store")
	MOVL(k.As32(), indexed(counts, sparse, 4, 0))
	Load(Param("capacity"), tmp)
	LEAQ(indexed(vals, tmp, 4, 0), vals)
	LEAQ(indexed(offs, tmp, 4, 0), offs)
	INCQ(sparse)
	JMP(jump("row"))
	Label("end")
	RET()
}

// compactChannelsAVX512 builds sixteen neighbouring sparse rows at a time from
// blocks of sixteen candidates: a block is transposed, so that the candidates
// of a sparse row are in one vector, and those that are not zero are moved to
// its front together.
func compactChannelsAVX512(ramp operand.Mem) {
	function("compactChannelsAVX512", "func(vals []float32, offs, counts []int32, capacity int, dy []float32, idx []uint8, stride, n, base, step int, delta *[8]int32)",
		"appends gradients to sparse rows.")
	vals, offs, counts := variable(base("vals")), variable(base("offs")), variable(base("counts"))
	dy, idx := variable(base("dy")), variable(base("idx"))
	tmp := GP64()
	Load(Param("counts").Len(), tmp)
	left16 := variable(tmp) // sparse rows to go
	codes := AllocLocal(64)

	Load(Param("delta"), tmp)
	delta, zero, four, three := ZMM(), avx512.zero(), avx512.constant(4), avx512.constant(3)
	VMOVDQU(at(tmp, 0), delta.AsY())
	places, first, next, word := ZMM(), ZMM(), ZMM(), GP32()
	VMOVDQU32(ramp, places)
	Load(Param("step"), word.As64())
	VPBROADCASTD(word, next)
	VPMULLD(places, next, first)
	VPSLLD(operand.Imm(4), next, next)
	Load(Param("base"), word.As64())
	start := ZMM()
	VPBROADCASTD(word, start)
	VPADDD(start, first, first)
	VPADDD(places, places, places) // where the code of each candidate begins

	Label("rows")
	many := GP64()
	MOVQ(left16, many)
	TESTQ(many, many)
	JLE(jump("end"))
	atMost(many, 16)
	some := firstLanes(many)
	from, place, left, stride := GP64(), GP64(), number("n"), number("stride")
	MOVQ(dy, from)
	MOVQ(idx, place)
	TESTQ(left, left)
	JZ(jump("end"))
	at0 := ZMM()
	VMOVDQA32(first, at0)

	// Rows are candidates, lanes are sparse rows. A candidate that does not
	// count is zero; the places of the others make up a code of two bits
	// each.
	Label("block")
	var rows []reg.VecVirtual
	for range 16 {
		rows = append(rows, avx512.zero())
	}
	code := avx512.zero()
	for i, row := range rows {
		if i > 0 {
			CMPQ(left, operand.Imm(uint64(i)))
			JLE(jump("loaded"))
		}
		which, open := ZMM(), K()
		VPMOVZXBD_Z(at(place, 0), some, which)
		VPCMPGTD(which, four, some, open)
		VMOVUPS_Z(at(from, 0), open, row)
		VPANDD(three, which, which)
		VPSLLD(operand.Imm(uint64(2*i)), which, which)
		VPORD(which, code, code)
		LEAQ(indexed(from, stride, 4, 0), from)
		ADDQ(stride, place)
	}
	Label("loaded")
	VMOVDQU32(code, codes)
	columns := transpose16(rows)

	toVals, toOffs, count, capacity := GP64(), GP64(), GP64(), size("capacity")
	MOVQ(vals, toVals)
	MOVQ(offs, toOffs)
	MOVQ(counts, count)
	for i, value := range columns {
		if i > 0 {
			CMPQ(many, operand.Imm(uint64(i)))
			JLE(jump("stored"))
			ADDQ(capacity, toVals)
			ADDQ(capacity, toOffs)
		}
		k, added, in, off := GP64(), GP64(), K(), ZMM()
		VCMPPS(notEqual, zero, value, in)
		VPBROADCASTD(codes.Offset(4*i), off)
		VPSRLVD(places, off, off)
		VPANDD(three, off, off)
		VPERMD(delta, off, off)
		VPADDD(at0, off, off)
		MOVLQSX(at(count, 4*i), k)
		KMOVW(in, added.As32())
		POPCNTL(added.As32(), added.As32())
		front := firstLanes(added)
		VCOMPRESSPS_Z(value, in, value)
		VMOVUPS(value, front, indexed(toVals, k, 4, 0))
		VPCOMPRESSD_Z(off, in, off)
		VMOVDQU32(off, front, indexed(toOffs, k, 4, 0))
		ADDQ(added, k)
		MOVL(k.As32(), at(count, 4*i))
	}
	Label("stored")
	VPADDD(next, at0, at0)
	SUBQ(operand.Imm(16), left)
	JG(jump("block"))

	MOVQ(capacity, tmp)
	SHLQ(operand.Imm(4), tmp)
	ADDQ(tmp, vals)
	ADDQ(tmp, offs)
	ADDQ(operand.Imm(64), counts)
	ADDQ(operand.Imm(64), dy)
	ADDQ(operand.Imm(16), idx)
	SUBQ(operand.Imm(16), left16)
	JMP(jump("rows"))
	Label("end")
	VZEROUPPER()
	RET()
}

// compactWindowsAVX2 builds the four sparse rows of each window eight channels
// at a time: a table turns the mask of those that belong to a row into a
// permutation that moves them to the front. channels must be a multiple of 8.
func compactWindowsAVX2(ramp operand.Mem) {
	table := GLOBL("compress", 8|16)
	for mask := range 256 {
		var order uint64
		n := 0
		for lane := range 8 {
			if mask>>lane&1 == 1 {
				order |= uint64(lane) << (8 * n)
				n++
			}
		}
		DATA(8*mask, operand.U64(order))
	}

	function("compactWindowsAVX2", "func(vals []float32, offs, counts []int32, capacity int, dy []float32, idx []uint8, channels, windows, wStep int)",
		"makes sparse rows of the gradients of a row of windows.")
	vals, offs := base("vals"), base("offs")
	dy, idx := base("dy"), base("idx")
	tab := GP64()
	LEAQ(table, tab)

	// ids holds the offsets of eight channels, next moves them on by eight.
	first, next, zero, minusOne := YMM(), YMM(), YMM(), YMM()
	wStep := number("wStep")
	VPXOR(zero, zero, zero)
	VPCMPEQD(minusOne, minusOne, minusOne)
	spread := XMM()
	MOVQ(wStep, spread)
	VPBROADCASTD(spread, next)
	VPMULLD(ramp, next, first)
	VPSLLD(operand.Imm(3), next, next)

	q := AllocLocal(8)
	bases := AllocLocal(32)
	tmp := GP64()
	XORQ(tmp, tmp)
	MOVQ(tmp, q)

	Label("window")
	Load(Param("windows"), wStep)
	CMPQ(tmp, wStep)
	JGE(jump("end"))
	p := []reg.GPVirtual{GP64(), GP64(), GP64(), GP64()}
	capacity := number("capacity")
	MOVQ(tmp, p[0]) // 2*q*capacity
	IMULQ(capacity, p[0])
	ADDQ(p[0], p[0])
	MOVQ(wStep, p[2]) // 2*windows*capacity further
	IMULQ(capacity, p[2])
	ADDQ(p[2], p[2])
	ADDQ(p[0], p[2])
	LEAQ(indexed(p[0], capacity, 1, 0), p[1])
	LEAQ(indexed(p[2], capacity, 1, 0), p[3])
	for i := range p {
		MOVQ(p[i], bases.Offset(8*i))
	}
	ids := YMM()
	VMOVDQA(first, ids)
	c := number("channels")

	Label("channels")
	value, place, open := YMM(), YMM(), YMM()
	VMOVUPS(at(dy, 0), value)
	VPMOVZXBD(at(idx, 0), place)
	VCMPPS(notEqual, zero, value, open)
	want := YMM()
	VPXOR(want, want, want)
	for i := range p {
		in := YMM()
		if i > 0 {
			VPSUBD(minusOne, want, want)
		}
		VPCMPEQD(want, place, in)
		VANDPS(open, in, in)
		mask := GP32()
		VMOVMSKPS(in, mask)
		order, moved := YMM(), YMM()
		VPMOVZXBD(indexed(tab, mask.As64(), 8, 0), order)
		VPERMPS(value, order, moved)
		VMOVUPS(moved, indexed(vals, p[i], 4, 0))
		VPERMD(ids, order, moved)
		VMOVDQU(moved, indexed(offs, p[i], 4, 0))
		POPCNTL(mask, mask)
		ADDQ(mask.As64(), p[i])
	}
	VPADDD(next, ids, ids)
	ADDQ(operand.Imm(32), dy)
	ADDQ(operand.Imm(8), idx)
	SUBQ(operand.Imm(8), c)
	JG(jump("channels"))

	for i := range p {
		SUBQ(bases.Offset(8*i), p[i])
	}
	counts := base("counts")
	MOVQ(q, tmp)
	LEAQ(indexed(counts, tmp, 8, 0), counts)
	MOVL(p[0].As32(), at(counts, 0))
	MOVL(p[1].As32(), at(counts, 4))
	Load(Param("windows"), wStep)
	LEAQ(indexed(counts, wStep, 8, 0), counts)
	MOVL(p[2].As32(), at(counts, 0))
	MOVL(p[3].As32(), at(counts, 4))
	INCQ(tmp)
	MOVQ(tmp, q)
	JMP(jump("window"))
	Label("end")
	VZEROUPPER()
	RET()
}

// compactWindowsAVX512 builds the four sparse rows of each window sixteen
// channels at a time: those that belong to a row are moved to the front
// together. The last channels may be fewer.
func compactWindowsAVX512(ramp operand.Mem) {
	function("compactWindowsAVX512", "func(vals []float32, offs, counts []int32, capacity int, dy []float32, idx []uint8, channels, windows, wStep int)",
		"makes sparse rows of the gradients of a row of windows.")
	vals, offs := base("vals"), base("offs")
	dy, idx := base("dy"), base("idx")
	zero := avx512.zero()
	var places []reg.VecVirtual
	for i := range 4 {
		places = append(places, avx512.constant(uint32(i)))
	}

	// ids holds the offsets of sixteen channels, next moves them on by
	// sixteen.
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
	// Sparse rows 0 and 1 of the window, then those of the lower pixels,
	// which come 2*windows later. The ends of the rows count from the start
	// of vals and offs.
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
