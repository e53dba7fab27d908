package kernel

import "math"

// The functions in float32, with no operation fused: an explicit conversion
// forbids it. The assembly does the same steps in the same order, so that all
// backends come to the same bits. The polynomials of exp32 and tanh32 are those
// of S. Moshier's Cephes library (expf.c and tanhf.c); those of erf32 were
// found by a weighted least-squares fit in float64.

const (
	sqrtHalf    = float32(0.70710678118654752)
	sqrt2OverPi = float32(0.79788456080286536)
	geluCubic   = float32(0.044715)

	expLow  = float32(-104) // e^x is 0 below
	expHigh = float32(89)   // and infinite above
	log2e   = float32(1.44269504088896341)
	ln2Hi   = float32(0.693359375) // 10 bits: n*ln2Hi is exact
	ln2Lo   = float32(-2.12194440e-4)
	// Adding it rounds a number below 2^22 to an integer, in the last bits.
	roundMagic = float32(3 << 22)
	roundBits  = 0x4b400000 // of roundMagic

	tanhSmall  = float32(0.625) // below, a polynomial
	erfSmall   = float32(1)
	erfLargest = float32(4) // from there on, erf is 1
)

// Coefficients, that of the highest power first.
var (
	expPoly  = [...]float32{1.9875691500e-4, 1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1, 5.0000001201e-1}
	tanhPoly = [...]float32{-5.70498872745e-3, 2.06390887954e-2, -5.37397155531e-2, 1.33314422036e-1, -3.33332819422e-1}
	erfPoly  = [...]float32{7.853857823647559e-05, -0.0008010192541405559, 0.005188327748328447, -0.026853810995817184, 0.1128358542919159, -0.3761262595653534, 0.12837916612625122}
	erfcPoly = [...]float32{1.4133838703855872e-05, -0.00035233216476626694, 0.003764660330489278, -0.024025509133934975, 0.10654910653829575, 0.6349583268165588, 1.128697156906128}
)

// horner is the polynomial at x.
func horner(c []float32, x float32) float32 {
	y := c[0]
	for _, v := range c[1:] {
		y = float32(y*x) + v
	}
	return y
}

// limit32 is x, not below lo and not above hi; a NaN stays.
func limit32(x, lo, hi float32) float32 {
	if x < lo {
		x = lo
	}
	if x > hi {
		x = hi
	}
	return x
}

func abs32(x float32) float32 { return math.Float32frombits(math.Float32bits(x) &^ (1 << 31)) }

// copysign32 is |x| with the sign of s.
func copysign32(x, s float32) float32 {
	const sign = 1 << 31
	return math.Float32frombits(math.Float32bits(x)&^sign | math.Float32bits(s)&sign)
}

func hardSigmoid32(x, alpha, beta float32) float32 {
	return limit32(float32(alpha*x)+beta, 0, 1)
}

// exp32 is e^x = 2^n * e^r with |r| <= ln2/2. The power is applied in two
// steps, since the result may be too small or too large for one.
func exp32(x float32) float32 {
	x = limit32(x, expLow, expHigh)
	t := float32(x*log2e) + roundMagic
	n := t - roundMagic
	r := x - float32(n*ln2Hi)
	r -= float32(n * ln2Lo)
	y := float32(float32(horner(expPoly[:], r)*float32(r*r))+r) + 1
	k := int32(math.Float32bits(t)) - roundBits // n
	half := k >> 1
	return y * power32(half) * power32(k-half)
}

// power32 is 2^k, for k from -126 to 127.
func power32(k int32) float32 { return math.Float32frombits(uint32(k+127) << 23) }

// sigmoid32 never takes the exponential of a positive number.
func sigmoid32(x float32) float32 {
	e := exp32(-abs32(x))
	above := float32(1)
	if x < 0 {
		above = e
	}
	return above / (1 + e)
}

func tanh32(x float32) float32 {
	a := abs32(x)
	s := float32(x * x)
	small := float32(float32(horner(tanhPoly[:], s)*s)*x) + x
	large := 1 - 2/(exp32(a+a)+1)
	if a < tanhSmall {
		return small
	}
	return copysign32(large, x)
}

func erf32(x float32) float32 {
	a := limit32(abs32(x), 0, erfLargest)
	s := float32(x * x)
	small := float32(horner(erfPoly[:], s)*x) + x
	large := 1 - exp32(-float32(horner(erfcPoly[:], a)*a))
	if a < erfSmall {
		return small
	}
	return copysign32(large, x)
}
