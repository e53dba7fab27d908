package main

import (
	. "github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

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
