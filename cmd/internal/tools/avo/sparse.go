package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// lists adds sparse sums: the destination's values stay in registers while the
// entries of its list pass, one broadcast and a run of multiply-adds each.
func (v isa) lists() {
	function("lists"+v.suffix, "func(dst []float32, dstStride int, vals []float32, offs, counts []int32, capacity int, src []float32, run int)",
		"adds sparse sums.")
	dst, vals, offs, counts := base("dst"), base("vals"), base("offs"), base("counts")
	left := GP64()
	Load(Param("counts").Len(), left)
	TESTQ(left, left)
	JZ(jump("end"))

	Label("list")
	n := GP64()
	MOVLQSX(at(counts, 0), n)
	ADDQ(operand.Imm(4), counts)
	TESTQ(n, n)
	JZ(jump("next"))
	src, to, rem := base("src"), GP64(), number("run")
	MOVQ(dst, to)
	for _, width := range v.runs {
		v.runOf(width, vals, offs, n, src, to, rem)
	}
	v.runRest(vals, offs, n, src, to, rem)

	Label("next")
	stride := size("dstStride")
	ADDQ(stride, dst)
	Load(Param("capacity"), stride)
	LEAQ(indexed(vals, stride, 4, 0), vals)
	LEAQ(indexed(offs, stride, 4, 0), offs)
	DECQ(left)
	JNZ(jump("list"))
	Label("end")
	VZEROUPPER()
	RET()
}

// runOf handles a run of width vectors as often as it fits.
func (v isa) runOf(width int, vals, offs, n, src, to, rem reg.GPVirtual) {
	name := func(s string) string { return fmt.Sprintf("%s%d", s, width) }
	Label(name("run"))
	CMPQ(rem, operand.U32(width*v.lanes))
	JL(jump(name("done")))
	acc := v.vectors(width)
	for i := range width {
		VMOVUPS(at(to, i*v.bytes()), acc[i])
	}
	k := GP64()
	XORQ(k, k)
	Label(name("entry"))
	off, value := GP64(), v.vector()
	MOVLQSX(indexed(offs, k, 4, 0), off)
	LEAQ(indexed(src, off, 4, 0), off)
	VBROADCASTSS(indexed(vals, k, 4, 0), value)
	for i := range width {
		VFMADD231PS(at(off, i*v.bytes()), value, acc[i])
	}
	INCQ(k)
	CMPQ(k, n)
	JL(jump(name("entry")))
	for i := range width {
		VMOVUPS(acc[i], at(to, i*v.bytes()))
	}
	ADDQ(operand.U32(width*v.bytes()), src)
	ADDQ(operand.U32(width*v.bytes()), to)
	SUBQ(operand.U32(width*v.lanes), rem)
	JMP(jump(name("run")))
	Label(name("done"))
}

// runRest handles what is less than a vector.
func (v isa) runRest(vals, offs, n, src, to, rem reg.GPVirtual) {
	TESTQ(rem, rem)
	JZ(jump("next"))
	masks := tailMasks()
	table, mask, acc := GP64(), YMM(), YMM()
	LEAQ(masks, table)
	SHLQ(operand.Imm(2), rem)
	SUBQ(rem, table)
	VMOVDQU(at(table, 32), mask)
	VMASKMOVPS(at(to, 0), mask, acc)
	k := GP64()
	XORQ(k, k)
	Label("entryRest")
	off, value, from := GP64(), YMM(), YMM()
	MOVLQSX(indexed(offs, k, 4, 0), off)
	VBROADCASTSS(indexed(vals, k, 4, 0), value)
	VMASKMOVPS(indexed(src, off, 4, 0), mask, from)
	VFMADD231PS(from, value, acc)
	INCQ(k)
	CMPQ(k, n)
	JL(jump("entryRest"))
	VMASKMOVPS(acc, mask, at(to, 0))
}

// tailMasks is a table whose 8 words from word 8-n are set in the first n.
func tailMasks() operand.Mem {
	m := GLOBL("tailMasks", 8|16) // RODATA|NOPTR
	for i := range 16 {
		word := uint32(0)
		if i < 8 {
			word = 1<<32 - 1
		}
		DATA(4*i, operand.U32(word))
	}
	return m
}

// pickRow builds lists without branches: every candidate is written, and the
// end of the list moves only for those that count.
func pickRow() {
	function("pickRowAMD64", "func(vals []float32, offs, counts []int32, capacity int, dy []float32, idx []uint8, listStride, stride, n, base, step int, delta *[8]int32)",
		"appends gradients to lists.")
	vals, offs, counts := base("vals"), base("offs"), base("counts")
	list := GP64()
	XORQ(list, list)

	Label("list")
	tmp := GP64()
	Load(Param("counts").Len(), tmp)
	CMPQ(list, tmp)
	JGE(jump("end"))

	dy, idx := base("dy"), base("idx")
	from, n, stride := GP64(), GP64(), GP64()
	Load(Param("listStride"), from)
	IMULQ(list, from)
	LEAQ(indexed(dy, from, 4, 0), dy)
	ADDQ(from, idx)
	Load(Param("base"), from)
	Load(Param("n"), n)
	Load(Param("stride"), stride)
	k := GP64()
	MOVLQSX(indexed(counts, list, 4, 0), k)
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
	MOVL(k.As32(), indexed(counts, list, 4, 0))
	Load(Param("capacity"), tmp)
	LEAQ(indexed(vals, tmp, 4, 0), vals)
	LEAQ(indexed(offs, tmp, 4, 0), offs)
	INCQ(list)
	JMP(jump("list"))
	Label("end")
	RET()
}

// pickWindow builds the four lists of each window eight channels at a time: a
// table turns the mask of those that belong to a list into a permutation that
// moves them to the front. channels must be a multiple of 8.
func (v isa) pickWindow() {
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

	function("pickWindow"+v.suffix, "func(vals []float32, offs, counts []int32, capacity int, dy []float32, idx []uint8, channels, windows, wStep int)",
		"sorts the gradients of a row of windows into lists.")
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
	ramp := GLOBL("ramp", 8|16)
	for i := range 8 {
		DATA(4*i, operand.U32(i))
	}
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
