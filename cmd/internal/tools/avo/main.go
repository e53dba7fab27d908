// Command avo writes the assembly of package kernel. It is a module of its own,
// so that the generator is no dependency of the programs. To run it:
//
//	go generate ./cmd/internal/kernel
//
// A kernel is in the file of the name that its Go reference has in package
// kernel. The contract is stated there: the parameters have the same meaning,
// strides count values.
package main

import (
	"strings"

	. "github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
)

func main() {
	ConstraintExpr("!noasm")
	ramp := ramp()
	for _, v := range []isa{avx2, avx512} {
		v.gemm("gemm", 1, ramp)
		v.gemm("gemmBy3", 3, ramp)
		v.gemm("gemmBy4", 4, ramp)
		v.depthwise()
		v.pool("poolMax", 0xff800000, false) // -Inf
		v.pool("poolMean", 0, true)
		v.spmm()
		v.biasRow()
		v.gradW2x2()
		v.rmsprop()
		v.scale()
		v.relu()
		v.clip()
		v.reluGrad()
		v.clipGrad()
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
		v.unary()
		v.binary()
		v.scaleBytes()
		v.reductions(ramp)
		v.layerNorm()
		v.tiles64(v.rows64...)
		v.standardize64()
	}
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
	Doc(wrap(name + " " + doc)...)
}

// wrap breaks a text into lines that are comments of at most 80 columns.
func wrap(text string) []string {
	const width = 80 - len("// ")
	var lines []string
	line := ""
	for _, word := range strings.Fields(text) {
		if line != "" && len(line)+1+len(word) > width {
			lines = append(lines, line)
			line = ""
		}
		if line != "" {
			line += " "
		}
		line += word
	}
	return append(lines, line)
}

// ramp is the numbers from 0 to 15.
func ramp() operand.Mem {
	m := GLOBL("ramp", 8|16) // RODATA|NOPTR
	for i := range 16 {
		DATA(4*i, operand.U32(i))
	}
	return m
}
