// Command jpegfile writes the assembly of package jpegfile. To run it:
//
//	go generate ./cmd/internal/imagefile/jpegfile
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
	inverse8x8()
	inverse4x4()
	yCbCrToRGB()
	Generate()
}

// constants has the vectors that were made, by their value.
var constants = map[int32]operand.Mem{}

// vector returns a constant of eight equal numbers in memory.
func vector(name string, value int32) operand.Mem {
	m, ok := constants[value]
	if !ok {
		m = GLOBL(name, 8|16) // RODATA|NOPTR
		for i := range 8 {
			DATA(4*i, operand.U32(uint32(value)))
		}
		constants[value] = m
	}
	return m
}

// at is the address of a register plus a displacement.
func at(r reg.Register, disp int) operand.Mem { return operand.Mem{Base: r, Disp: disp} }

// add returns a+b, sub a-b.
func add(a, b reg.VecVirtual) reg.VecVirtual {
	x := YMM()
	VPADDD(b, a, x)
	return x
}

func sub(a, b reg.VecVirtual) reg.VecVirtual {
	x := YMM()
	VPSUBD(b, a, x)
	return x
}

// butterfly returns a+b and a-b.
func butterfly(a, b reg.VecVirtual) (sum, difference reg.VecVirtual) { return add(a, b), sub(a, b) }

// right and left shift, and times multiplies, in place.
func right(n int, v ...reg.VecVirtual) {
	for _, x := range v {
		VPSRAD(operand.U8(n), x, x)
	}
}

func left(n int, v ...reg.VecVirtual) {
	for _, x := range v {
		VPSLLD(operand.U8(n), x, x)
	}
}

func times(m operand.Mem, v ...reg.VecVirtual) {
	for _, x := range v {
		VPMULLD(m, x, x)
	}
}
