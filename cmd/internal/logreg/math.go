package logreg

import "math"

// exp is e^x within one unit in the last place. [math.Exp] is assembly of its
// own on some processors, which differs in the last bits.
//
// It is the method of FreeBSD's e_exp.c, Copyright (C) 2004 by Sun
// Microsystems, Inc. (Permission to use, copy, modify, and distribute this
// software is freely granted, provided that this notice is preserved.): with
// x = k*ln2 + r and |r| <= ln2/2,
//
//	e^r = 1 + r + r*c/(2-c),  c = r - r²*P(r²)
//
// where P is a polynomial found by a Remez algorithm.
func exp(x float64) float64 {
	const (
		ln2Hi = 6.93147180369123816490e-01 // the last 21 bits are 0
		ln2Lo = 1.90821492927058770002e-10
		log2e = 1.44269504088896338700e+00
		p1    = 1.66666666666666657415e-01
		p2    = -2.77777777770155933842e-03
		p3    = 6.61375632143793436117e-05
		p4    = -1.65339022054652515390e-06
		p5    = 4.13813679705723846039e-08
	)
	switch {
	case x != x:
		return x
	case x > 7.09782712893383973096e+02:
		return math.Inf(1)
	case x < -7.45133219101941108420e+02:
		return 0
	}
	k := int(float64(log2e*x) + math.Copysign(0.5, x))
	hi := x - float64(float64(k)*ln2Hi)
	lo := float64(float64(k) * ln2Lo)
	r := hi - lo
	t := float64(r * r)
	c := p4 + float64(t*p5)
	c = p3 + float64(t*c)
	c = p2 + float64(t*c)
	c = p1 + float64(t*c)
	c = r - float64(t*c)
	y := 1 - ((lo - float64(r*c)/(2-c)) - hi)
	switch { // y * 2^k
	case k > 1000:
		return y * (1 << 62) * power(k-62)
	case k < -1021: // rounded once, when the number becomes denormal
		return y * power(k+100) * power(-100)
	}
	return y * power(k)
}

// power is 2^k, for k from -1022 to 1023.
func power(k int) float64 { return math.Float64frombits(uint64(k+1023) << 52) }

// log is the natural logarithm of a normal positive x within one unit in the
// last place. [math.Log] is assembly of its own on some processors.
//
// It is the method of FreeBSD's e_log.c, Copyright (C) 1993 by Sun
// Microsystems, Inc. (Permission to use, copy, modify, and distribute this
// software is freely granted, provided that this notice is preserved.): with
// x = 2^k * (1+f), 1+f from √½ to √2, s = f/(2+f) and R a polynomial in s²,
//
//	log x = k*ln2 + f - (f²/2 - s*(f²/2 + R))
func log(x float64) float64 {
	const (
		ln2Hi = 6.93147180369123816490e-01
		ln2Lo = 1.90821492927058770002e-10
		l1    = 6.666666666666735130e-01
		l2    = 3.999999999940941908e-01
		l3    = 2.857142874366239149e-01
		l4    = 2.222219843214978396e-01
		l5    = 1.818357216161805012e-01
		l6    = 1.531383769920937332e-01
		l7    = 1.479819860511658591e-01
	)
	bits := math.Float64bits(x)
	k := float64(int(bits>>52) - 1022)
	f := math.Float64frombits(bits&(1<<52-1) | 1022<<52) // from ½ to 1
	if f < math.Sqrt2/2 {
		f *= 2
		k--
	}
	f--
	s := f / (2 + f)
	s2 := float64(s * s)
	s4 := float64(s2 * s2)
	odd := l5 + float64(s4*l7)
	odd = l3 + float64(s4*odd)
	odd = l1 + float64(s4*odd)
	even := l4 + float64(s4*l6)
	even = l2 + float64(s4*even)
	rest := float64(s2*odd) + float64(s4*even)
	half := float64(float64(0.5*f) * f)
	return float64(k*ln2Hi) - ((half - (float64(s*(half+rest)) + float64(k*ln2Lo))) - f)
}
