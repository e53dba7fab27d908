// Command pix writes the assembly of package pix. To run it:
//
//	go generate ./cmd/internal/pix
//
// A kernel does what its Go reference in that package does, to the bit.
package main

import (
	. "github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
)

func main() {
	ConstraintExpr("!noasm")
	addRow()
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
