package pix

import "math"

// sinCos returns the sine and cosine of an angle in degrees, to 1e-15. Unlike
// math.Sin it gives the same bits on every platform: every product is rounded
// by an explicit conversion, so none is fused with a sum, and multiples of 90
// are exact. It returns NaN for an angle that is not finite.
func sinCos(deg float64) (sin, cos float64) {
	deg = math.Remainder(deg, 360) // exact, in [-180, 180]
	quarter := math.Round(deg / 90)
	x := float64((deg - float64(quarter*90)) * (math.Pi / 180)) // |x| <= pi/4
	x2 := float64(x * x)

	// Taylor series; for |x| <= pi/4 the first term left out is below
	// 1e-17.
	term := 1.0
	cos = 1
	for n := 2.0; n <= 18; n += 2 {
		term = -float64(term*x2) / float64(n*(n-1))
		cos += term
	}
	term = x
	sin = x
	for n := 3.0; n <= 17; n += 2 {
		term = -float64(term*x2) / float64(n*(n-1))
		sin += term
	}

	switch quarter {
	case 1:
		return cos, -sin
	case -1:
		return -cos, sin
	case 2, -2:
		return -sin, -cos
	}
	return sin, cos
}
