// Command pix writes the assembly of package pix. To run it:
//
//	go generate ./cmd/internal/pix
//
// A kernel does what its Go reference in that package does, to the bit.
package main

import (
	. "github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

func main() {
	ConstraintExpr("!noasm")
	addRow()
	acrossReduced()
	acrossExact()
	warpRow()
	Generate()
}

// addRow adds a row of bytes, sixteen at a time.
func addRow() {
	TEXT("addRowAVX2", 4, "func(sums []int32, row []byte, weight int32, n int)") // NOSPLIT
	Pragma("noescape")
	Doc("addRowAVX2 is addRow for n values, a positive multiple of 16.")
	sums, row, n := GP64(), GP64(), GP64()
	Load(Param("sums").Base(), sums)
	Load(Param("row").Base(), row)
	Load(Param("n"), n)
	w, x, weight := GP32(), XMM(), YMM()
	Load(Param("weight"), w)
	VMOVD(w, x)
	VPBROADCASTD(x, weight)

	Label("loop")
	for i := range 2 {
		v := YMM()
		VPMOVZXBD(operand.Mem{Base: row, Disp: 8 * i}, v)
		VPMULLD(weight, v, v)
		VPADDD(operand.Mem{Base: sums, Disp: 32 * i}, v, v)
		VMOVDQU(v, operand.Mem{Base: sums, Disp: 32 * i})
	}
	ADDQ(operand.Imm(64), sums)
	ADDQ(operand.Imm(16), row)
	SUBQ(operand.Imm(16), n)
	JNZ(operand.LabelRef("loop"))
	VZEROUPPER()
	RET()
}

func at(r reg.Register, disp int) operand.Mem { return operand.Mem{Base: r, Disp: disp} }

func base(name string) reg.GPVirtual {
	r := GP64()
	Load(Param(name).Base(), r)
	return r
}

// constant fills half a vector with a number.
func constant(v int32) reg.VecVirtual {
	r, x := GP32(), XMM()
	MOVL(operand.U32(uint32(v)), r)
	VMOVD(r, x)
	VPBROADCASTD(x, x)
	return x
}

// across writes the loops over the output pixels of an axis and over the input
// pixels of each. begin starts an output pixel, tap adds three sums at p times
// the weight at w, and end stores the pixel.
func across(begin func(), tap func(p, w reg.Register), end func()) {
	sums, firsts, counts, weights := base("sums"), base("firsts"), base("counts"), base("weights")
	left, n := GP64(), GP64()
	Load(Param("left"), left)
	Load(Param("firsts").Len(), n)
	Label("output")
	p, count := GP64(), GP64()
	MOVQ(at(firsts, 0), p)
	SUBQ(left, p)
	LEAQ(operand.Mem{Base: p, Index: p, Scale: 2}, p)
	LEAQ(operand.Mem{Base: sums, Index: p, Scale: 4}, p)
	MOVQ(at(counts, 0), count)
	begin()
	Label("tap")
	tap(p, weights)
	ADDQ(operand.Imm(12), p)
	ADDQ(operand.Imm(4), weights)
	DECQ(count)
	JNZ(operand.LabelRef("tap"))
	end()
	ADDQ(operand.Imm(8), firsts)
	ADDQ(operand.Imm(8), counts)
	DECQ(n)
	JNZ(operand.LabelRef("output"))
	VZEROUPPER()
	RET()
}

const signature = "sums []int32, firsts, counts []int, weights []int32, left int)"

// acrossReduced makes a pixel at a time.
func acrossReduced() {
	TEXT("acrossReducedAVX2", 4, "func(dst []byte, "+signature) // NOSPLIT
	Pragma("noescape")
	Doc("acrossReducedAVX2 is acrossReduced for at least one pixel. It reads one number",
		"after the sums and writes one byte after the pixels.")
	const reducedBits, droppedBits = 14, 7
	const fraction = 2*reducedBits - droppedBits
	dst := base("dst")
	half, round, sum := constant(1<<(droppedBits-1)), constant(1<<(fraction-1)), XMM()
	across(func() {
		VMOVDQA(round, sum)
	}, func(p, w reg.Register) {
		x, weight := XMM(), XMM()
		VPADDD(at(p, 0), half, x)
		VPSRAD(operand.U8(droppedBits), x, x)
		VPBROADCASTD(at(w, 0), weight)
		VPMULLD(weight, x, x)
		VPADDD(x, sum, sum)
	}, func() {
		VPSRAD(operand.U8(fraction), sum, sum)
		VPACKSSDW(sum, sum, sum)
		VPACKUSWB(sum, sum, sum)
		VMOVD(sum, at(dst, 0))
		ADDQ(operand.Imm(3), dst)
	})
}

// acrossExact makes the sums of a pixel at a time.
func acrossExact() {
	TEXT("acrossExactAVX2", 4, "func(dst []uint64, "+signature) // NOSPLIT
	Pragma("noescape")
	Doc("acrossExactAVX2 is acrossExact for at least one pixel, of which it writes four",
		"numbers each. It reads one number after the sums.")
	dst := base("dst")
	sum := YMM()
	across(func() {
		VPXOR(sum, sum, sum)
	}, func(p, w reg.Register) {
		x, weight := YMM(), YMM()
		VPMOVZXDQ(at(p, 0), x)
		VPBROADCASTD(at(w, 0), weight)
		VPMULUDQ(weight, x, x)
		VPADDQ(x, sum, sum)
	}, func() {
		VMOVDQU(sum, at(dst, 0))
		ADDQ(operand.Imm(32), dst)
	})
}
