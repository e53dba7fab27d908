// Command avo writes the assembly of package kernel. It is a module of its own,
// so that the generator is no dependency of the programs. To run it:
//
//	go generate ./cmd/internal/kernel
//
// The functions are documented at their Go counterparts in backend_ref.go: the
// parameters have the same meaning, strides count values.
package main

import (
	. "github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// isa is an instruction set with its vector registers. Every loop works on
// different results in different lanes and adds the terms of a result one by
// one, in an order that no isa may change: all give the same bits.
//
// A new function is best a method of isa that takes its registers from vector
// and vectors, counts in lanes and bytes, and compares with the methods of
// vector.go; main calls it for every isa. Most instructions take either
// register. Those that exist for one kind only (VMASKMOVPS, VBLENDVPS and
// VPERM2F128, or all that use opmask registers) make a function for one isa,
// like those in avx2.go and avx512.go. What does not fill vectors is left to
// the caller, see backend_amd64.go.
type isa struct {
	suffix string
	lanes  int // float32 values of a vector
	vector func() reg.VecVirtual
	masks  bool  // comparisons give opmask registers, operands may be broadcast
	tiles  []int // rows of a tile, largest first; each needs 16/lanes vectors
	runs   []int // vectors of a run of values, largest first, the last 1
}

// A tile of 6 x 16 takes 12 of the 16 registers, two hold weights and one an
// input: 8 loads for 12 multiply-adds.
var avx2 = isa{
	suffix: "AVX2",
	lanes:  8,
	vector: func() reg.VecVirtual { return YMM() },
	tiles:  []int{6, 4, 2, 1},
	runs:   []int{12, 6, 3, 1},
}

// Multiply-adds broadcast their input themselves, so a tile of 24 x 16 takes 24
// of the 32 registers and one for weights: 25 loads for 24 multiply-adds, where
// a processor does two of each in a cycle. Eight rows are the fewest that hide
// the latency of a multiply-add.
var avx512 = isa{
	suffix: "AVX512",
	lanes:  16,
	vector: func() reg.VecVirtual { return ZMM() },
	masks:  true,
	tiles:  []int{24, 16, 12, 8, 6, 4, 2, 1},
	runs:   []int{24, 12, 6, 3, 1},
}

func (v isa) vectors(n int) []reg.VecVirtual {
	var s []reg.VecVirtual
	for range n {
		s = append(s, v.vector())
	}
	return s
}

// bytes is the size of a vector.
func (v isa) bytes() int { return 4 * v.lanes }

func main() {
	ConstraintExpr("!noasm")
	for _, v := range []isa{avx2, avx512} {
		v.gemm("gemm", 1)
		v.gemm("gemmBy3", 3)
		v.gemm("gemmBy4", 4)
		v.spmm()
		v.biasRow()
		v.gradW2x2()
		v.rmsprop()
		v.scale()
		v.relu()
		v.reluGrad()
		v.sum()
		v.addReLU()
		v.winogradInput()
		v.winogradOutput()
		v.winogradWeights()
		v.adam()
		v.ema()
		v.sumAndDot()
		v.normalize()
		v.normalizeBackward()
	}
	ramp := ramp()
	compactChannels()
	transposeAVX2()
	compactWindowsAVX2(ramp)
	poolRowAVX2()
	gather2x2AVX2()
	compactChannelsAVX512(ramp)
	compactWindowsAVX512(ramp)
	poolRowAVX512()
	gather2x2AVX512()
	Generate()
}

// function starts a function whose pointers do not escape.
func function(name, signature, doc string) {
	TEXT(name, 4, signature) // NOSPLIT
	Pragma("noescape")
	Doc(name + " " + doc)
}

// ramp is the numbers from 0 to 15.
func ramp() operand.Mem {
	m := GLOBL("ramp", 8|16) // RODATA|NOPTR
	for i := range 16 {
		DATA(4*i, operand.U32(i))
	}
	return m
}

// base loads the address of a slice.
func base(name string) reg.GPVirtual {
	r := GP64()
	Load(Param(name).Base(), r)
	return r
}

// number loads an integer parameter.
func number(name string) reg.GPVirtual {
	r := GP64()
	Load(Param(name), r)
	return r
}

// size loads an integer parameter and converts it from values to bytes.
func size(name string) reg.GPVirtual {
	r := number(name)
	SHLQ(operand.Imm(2), r)
	return r
}

func at(r reg.Register, disp int) operand.Mem {
	return operand.Mem{Base: r, Disp: disp}
}

func indexed(r, index reg.Register, scale uint8, disp int) operand.Mem {
	return operand.Mem{Base: r, Index: index, Scale: scale, Disp: disp}
}

// jump refers to a label, which need only be unique within its function.
func jump(name string) operand.LabelRef { return operand.LabelRef(name) }

// variable keeps a value on the stack.
func variable(value reg.GPVirtual) operand.Mem {
	m := AllocLocal(8)
	MOVQ(value, m)
	return m
}

// scaled is r + n*stride + disp for n of 0, 1, 2 or 4.
func scaled(r, stride reg.Register, n, disp int) operand.Mem {
	if n == 0 {
		return at(r, disp)
	}
	return indexed(r, stride, uint8(n), disp)
}
