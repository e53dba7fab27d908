package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// spmm multiplies sparse rows with a dense matrix: the destination's values
// stay in registers while the entries of its sparse row pass, one broadcast and
// a run of multiply-adds each.
func (v isa) spmm() {
	function("spmm"+v.suffix, "func(dst []float32, dstStride int, vals []float32, offs, counts []int32, capacity int, src []float32, run int)",
		"adds a sparse matrix times a dense one.")
	dst, vals, offs, counts := base("dst"), base("vals"), base("offs"), base("counts")
	left := GP64()
	Load(Param("counts").Len(), left)
	TESTQ(left, left)
	JZ(jump("end"))

	Label("row")
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
	JNZ(jump("row"))
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
	acc := v.vector()
	var mask reg.Register
	if v.masks {
		mask = firstLanes(rem)
		VMOVUPS_Z(at(to, 0), mask, acc)
	} else {
		masks, table := tailMasks(), GP64()
		mask = v.vector()
		LEAQ(masks, table)
		SHLQ(operand.Imm(2), rem)
		SUBQ(rem, table)
		VMOVDQU(at(table, 32), mask)
		VMASKMOVPS(at(to, 0), mask, acc)
	}
	k := GP64()
	XORQ(k, k)
	Label("entryRest")
	off, value := GP64(), v.vector()
	MOVLQSX(indexed(offs, k, 4, 0), off)
	VBROADCASTSS(indexed(vals, k, 4, 0), value)
	if from := indexed(src, off, 4, 0); v.masks {
		VFMADD231PS(from, value, mask, acc)
	} else {
		x := v.vector()
		VMASKMOVPS(from, mask, x)
		VFMADD231PS(x, value, acc)
	}
	INCQ(k)
	CMPQ(k, n)
	JL(jump("entryRest"))
	if v.masks {
		VMOVUPS(acc, mask, at(to, 0))
	} else {
		VMASKMOVPS(acc, mask, at(to, 0))
	}
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
