package main

import (
	"fmt"
	"math"

	. "github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// The functions of one number do the steps of math32.go, in the same order and
// with nothing fused. Constants are operands in memory, repeated to whole
// vectors: there are more of them than registers.

// constants are the vectors in memory that were asked for.
var constants = map[uint32]operand.Mem{}

// bits is a vector of an integer, in memory.
func bits(value uint32) operand.Mem {
	m, ok := constants[value]
	if !ok {
		m = GLOBL(fmt.Sprintf("constant%08x", value), 8|16) // RODATA|NOPTR
		for i := range 16 {
			DATA(4*i, operand.U32(value))
		}
		constants[value] = m
	}
	return m
}

// float is a vector of a float32, in memory.
func float(value float64) operand.Mem { return bits(math.Float32bits(float32(value))) }

const signBit = 1 << 31

// load is a register with a constant.
func (v isa) load(m operand.Mem) reg.VecVirtual {
	x := v.vector()
	VMOVUPS(m, x)
	return x
}

func (v isa) mul(a operand.Op, b reg.VecVirtual) reg.VecVirtual {
	x := v.vector()
	VMULPS(a, b, x)
	return x
}

func (v isa) plus(a operand.Op, b reg.VecVirtual) reg.VecVirtual {
	x := v.vector()
	VADDPS(a, b, x)
	return x
}

// minus is a - b.
func (v isa) minus(a reg.VecVirtual, b operand.Op) reg.VecVirtual {
	x := v.vector()
	VSUBPS(b, a, x)
	return x
}

// over is a / b.
func (v isa) over(a, b reg.VecVirtual) reg.VecVirtual {
	x := v.vector()
	VDIVPS(b, a, x)
	return x
}

// limited is x, not below lo and not above hi; a NaN stays.
func (v isa) limited(x reg.VecVirtual, lo, hi float64) reg.VecVirtual {
	y := v.vector()
	VMAXPS(x, v.load(float(lo)), y)
	VMINPS(y, v.load(float(hi)), y)
	return y
}

// less is a mask of where x is below a constant.
func (v isa) less(x reg.VecVirtual, limit float64) reg.Register {
	m := v.mask()
	VCMPPS(greater, x, v.load(float(limit)), m)
	return m
}

func (v isa) absolute(x reg.VecVirtual) reg.VecVirtual {
	y := v.vector()
	VANDPS(bits(signBit-1), x, y)
	return y
}

// signed is |x| with the sign of s.
func (v isa) signed(x, s reg.VecVirtual) reg.VecVirtual {
	y := v.vector()
	VANDPS(bits(signBit), s, y)
	VORPS(y, v.absolute(x), y)
	return y
}

// horner is a polynomial, the coefficient of the highest power first.
func (v isa) horner(x reg.VecVirtual, c ...float64) reg.VecVirtual {
	y := v.load(float(c[0]))
	for _, next := range c[1:] {
		VMULPS(x, y, y)
		VADDPS(float(next), y, y)
	}
	return y
}

func (v isa) exponential(x reg.VecVirtual) reg.VecVirtual {
	const magic = 3 << 22
	x = v.limited(x, -104, 89)
	t := v.plus(float(magic), v.mul(float(1.44269504088896341), x))
	n := v.minus(t, float(magic))
	r := v.minus(x, v.mul(float(0.693359375), n))
	r = v.minus(r, v.mul(float(-2.12194440e-4), n))
	y := v.horner(r, 1.9875691500e-4, 1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1, 5.0000001201e-1)
	y = v.mul(y, v.mul(r, r))
	y = v.plus(r, y)
	y = v.plus(float(1), y)
	VPSUBD(bits(math.Float32bits(magic)), t, t)
	half := v.vector()
	VPSRAD(operand.Imm(1), t, half)
	VPSUBD(half, t, t)
	for _, k := range []reg.VecVirtual{half, t} {
		VPADDD(bits(127), k, k)
		VPSLLD(operand.Imm(23), k, k)
		VMULPS(k, y, y)
	}
	return y
}

func (v isa) sigmoid(x reg.VecVirtual) reg.VecVirtual {
	negative := v.vector()
	VORPS(bits(signBit), x, negative)
	e := v.exponential(negative)
	above := v.load(float(1))
	v.replace(v.less(x, 0), e, above)
	return v.over(above, v.plus(float(1), e))
}

func (v isa) tanh(x reg.VecVirtual) reg.VecVirtual {
	a := v.absolute(x)
	s := v.mul(x, x)
	small := v.horner(s, -5.70498872745e-3, 2.06390887954e-2, -5.37397155531e-2, 1.33314422036e-1, -3.33332819422e-1)
	small = v.plus(x, v.mul(x, v.mul(s, small)))
	e := v.exponential(v.plus(a, a))
	large := v.minus(v.load(float(1)), v.over(v.load(float(2)), v.plus(float(1), e)))
	y := v.signed(large, x)
	v.replace(v.less(a, 0.625), small, y)
	return y
}

func (v isa) erf(x reg.VecVirtual) reg.VecVirtual {
	a := v.absolute(x)
	VMINPS(a, v.load(float(4)), a)
	s := v.mul(x, x)
	small := v.horner(s, 7.853857823647559e-05, -0.0008010192541405559, 0.005188327748328447, -0.026853810995817184, 0.1128358542919159, -0.3761262595653534, 0.12837916612625122)
	small = v.plus(x, v.mul(x, small))
	q := v.horner(a, 1.4133838703855872e-05, -0.00035233216476626694, 0.003764660330489278, -0.024025509133934975, 0.10654910653829575, 0.6349583268165588, 1.128697156906128)
	q = v.mul(a, q)
	VXORPS(bits(signBit), q, q)
	large := v.minus(v.load(float(1)), v.exponential(q))
	y := v.signed(large, x)
	v.replace(v.less(a, 1), small, y)
	return y
}

// hardSigmoid is alpha*x + beta between 0 and 1.
func (v isa) hardSigmoid(x reg.VecVirtual, alpha, beta operand.Op) reg.VecVirtual {
	return v.limited(v.plus(beta, v.mul(alpha, x)), 0, 1)
}

// unary makes the functions of one number.
func (v isa) unary() {
	make := func(name string, body func(x reg.VecVirtual) reg.VecVirtual) {
		function(name+v.suffix, "func(y, x []float32)", "applies the function to as many values as fill whole vectors.")
		y, x := base("y"), base("x")
		v.each("y", func(k reg.GPVirtual) {
			value := v.vector()
			VMOVUPS(indexed(x, k, 4, 0), value)
			VMOVUPS(body(value), indexed(y, k, 4, 0))
		})
	}
	make("exp", v.exponential)
	make("sigmoid", v.sigmoid)
	make("silu", func(x reg.VecVirtual) reg.VecVirtual { return v.mul(v.sigmoid(x), x) })
	make("tanh", v.tanh)
	make("erf", v.erf)
	make("gelu", func(x reg.VecVirtual) reg.VecVirtual {
		e := v.erf(v.mul(float(0.70710678118654752), x))
		return v.mul(v.plus(float(1), e), v.mul(float(0.5), x))
	})
	make("geluTanh", func(x reg.VecVirtual) reg.VecVirtual {
		cube := v.mul(x, v.mul(x, x))
		inner := v.plus(x, v.mul(float(0.044715), cube))
		e := v.tanh(v.mul(float(0.79788456080286536), inner))
		return v.mul(v.plus(float(1), e), v.mul(float(0.5), x))
	})
	make("hardSwish", func(x reg.VecVirtual) reg.VecVirtual {
		return v.mul(v.hardSigmoid(x, float(1.0/6), float(0.5)), x)
	})
	make("sqrt", func(x reg.VecVirtual) reg.VecVirtual {
		y := v.vector()
		VSQRTPS(x, y)
		return y
	})
	function("hardSigmoid"+v.suffix, "func(y, x []float32, alpha, beta float32)", "applies the function to as many values as fill whole vectors.")
	y, x := base("y"), base("x")
	alpha, beta := v.broadcast("alpha"), v.broadcast("beta")
	v.each("y", func(k reg.GPVirtual) {
		value := v.vector()
		VMOVUPS(indexed(x, k, 4, 0), value)
		VMOVUPS(v.hardSigmoid(value, alpha, beta), indexed(y, k, 4, 0))
	})
	function("leakyReLU"+v.suffix, "func(y, x []float32, alpha float32)", "applies the function to as many values as fill whole vectors.")
	y, x = base("y"), base("x")
	alpha = v.broadcast("alpha")
	v.each("y", func(k reg.GPVirtual) {
		value := v.vector()
		VMOVUPS(indexed(x, k, 4, 0), value)
		v.replace(v.less(value, 0), v.mul(alpha, value), value)
		VMOVUPS(value, indexed(y, k, 4, 0))
	})
}
