package main

import (
	"math"

	. "github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// predicates of VCMPPS
const (
	unordered    = operand.U8(0x03)
	notEqual     = operand.U8(0x04) // true for NaN
	notLess      = operand.U8(0x15) // true for NaN
	notLessEqual = operand.U8(0x16) // true for NaN
	greater      = operand.U8(0x1e)
)

// zero makes a vector of zeros.
func (v isa) zero() reg.VecVirtual {
	z := v.vector()
	VXORPS(z, z, z)
	return z
}

// constant fills a vector with an integer.
func (v isa) constant(value uint32) reg.VecVirtual {
	c, x, r := v.vector(), XMM(), GP32()
	MOVL(operand.U32(value), r)
	MOVD(r, x)
	VPBROADCASTD(x, c)
	return c
}

// broadcast loads a float32 parameter into all lanes.
func (v isa) broadcast(name string) reg.VecVirtual {
	x := v.vector()
	param, err := Param(name).Resolve()
	if err != nil {
		panic(err)
	}
	VBROADCASTSS(param.Addr, x)
	return x
}

// mask makes a register for the outcome of VCMPPS, VPCMPEQD or VPCMPGTD, which
// take either kind: a vector of ones and zeros or an opmask.
func (v isa) mask() reg.Register {
	if v.masks {
		return K()
	}
	return v.vector()
}

// keep sets dst to x, a register or memory, where the mask holds, and to 0
// elsewhere.
func (v isa) keep(mask reg.Register, x operand.Op, dst reg.VecVirtual) {
	if v.masks {
		VMOVUPS_Z(x, mask, dst)
		return
	}
	VANDPS(x, mask, dst)
}

// replace sets dst to x where the mask holds.
func (v isa) replace(mask reg.Register, x, dst reg.VecVirtual) {
	if v.masks {
		VMOVAPS(x, mask, dst)
		return
	}
	VBLENDVPS(mask, x, dst, dst)
}

// word puts an integer into the first lane of a register.
func (v isa) word(value uint32) reg.VecVirtual {
	x, r := XMM(), GP32()
	MOVL(operand.U32(value), r)
	MOVD(r, x)
	return x
}

// firstLanes makes an opmask of the first n of 16 lanes; n must be below 256.
func firstLanes(n reg.GPVirtual) reg.Register {
	ones, mask := GP32(), K()
	MOVL(operand.U32(1<<16-1), ones)
	BZHIL(n.As32(), ones, ones)
	KMOVW(ones, mask)
	return mask
}

// atMost limits n.
func atMost(n reg.GPVirtual, limit uint32) {
	l := GP64()
	MOVQ(operand.U32(limit), l)
	CMPQ(n, l)
	CMOVQGT(l, n)
}

// spread loads a float32 from memory into all lanes.
func (v isa) spread(m operand.Mem) reg.VecVirtual {
	x := v.vector()
	VBROADCASTSS(m, x)
	return x
}

// float fills a vector with a number.
func (v isa) float(value float32) reg.VecVirtual {
	x, s, r := v.vector(), XMM(), GP32()
	MOVL(operand.U32(math.Float32bits(value)), r)
	MOVD(r, s)
	VBROADCASTSS(s, x)
	return x
}
