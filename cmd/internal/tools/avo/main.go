// Command avo writes the assembly of package kernel. It is a module of its own,
// so that the generator is no dependency of the programs. To run it:
//
//	go generate ./cmd/internal/kernel
//
// The functions are documented at their Go counterparts in micro_ref.go: the
// parameters have the same meaning, strides count values.
package main

import (
	. "github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// isa is an instruction set with its vector registers. Every loop works on
// different results in different lanes and adds the terms of a result one by one,
// in an order that no isa may change: all give the same bits.
type isa struct {
	suffix string
	lanes  int // float32 values of a vector
	vector func() reg.VecVirtual
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
	v := avx2
	v.tile("tile", 1)
	v.tile("tileBy3", 3)
	v.tile("tileBy4", 4)
	v.lists()
	v.pickWindow()
	v.poolRow()
	v.biasRow()
	v.quadRow()
	v.quads()
	v.rmsprop()
	v.scale()
	v.relu()
	v.winogradInput()
	v.winogradOutput()
	v.winogradWeights()
	v.reluGrad()
	v.sum()
	v.adam()
	v.average()
	v.moments()
	v.centre()
	v.centre2()
	v.addReLU()
	pickRow()
	transpose()
	Generate()
}

// function starts a function whose pointers do not escape.
func function(name, signature, doc string) {
	TEXT(name, 4, signature) // NOSPLIT
	Pragma("noescape")
	Doc(name + " " + doc)
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

// predicates of VCMPPS
const (
	unordered = operand.U8(0x03)
	notEqual  = operand.U8(0x04) // true for NaN
	lessThan  = operand.U8(0x11)
	lessEqual = operand.U8(0x12)
	greater   = operand.U8(0x1e)
)
