package main

import (
	. "github.com/mmcloughlin/avo/build"
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
// such as poolRowAVX2 and poolRowAVX512. What does not fill vectors is left to
// the caller, see backend_amd64.go.
type isa struct {
	suffix string
	lanes  int // float32 values of a vector
	vector func() reg.VecVirtual
	masks  bool  // comparisons give opmask registers, operands may be broadcast
	tiles  []int // rows of a tile, largest first; each needs 16/lanes vectors
	runs   []int // vectors of a run of values, largest first, the last 1
	rows64 []int // rows of a tile of 8 float64 values, likewise
}

// A tile of 6 x 16 takes 12 of the 16 registers, two hold weights and one an
// input: 8 loads for 12 multiply-adds.
var avx2 = isa{
	suffix: "AVX2",
	lanes:  8,
	vector: func() reg.VecVirtual { return YMM() },
	tiles:  []int{6, 4, 2, 1},
	runs:   []int{12, 6, 3, 1},
	rows64: []int{4, 2, 1},
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
	rows64: []int{8, 4, 2, 1},
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
