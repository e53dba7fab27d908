// Package float16 converts between float32 and the half precision numbers of
// IEEE 754 (binary16): 1 sign bit, 5 of exponent, 10 of fraction. They have
// three decimal digits, reach to ±65504, and below 2^-14 their steps stay 2^-24.
package float16

import "math"

// Max is the largest finite half.
const Max = 65504

const (
	sign     = 0x8000
	infinity = 0x7c00
)

// FromFloat32 returns the bits of the half nearest to f; of two equally near
// the one whose last bit is 0. From 65520 on, where rounding leaves the finite
// numbers, it is an infinity. A NaN stays one: quiet, with its sign and the
// upper bits of its payload.
func FromFloat32(f float32) uint16 {
	bits := math.Float32bits(f)
	s := uint16(bits>>16) & sign
	abs := bits &^ (1 << 31)
	switch {
	case abs > 0x7f800000:
		return s | infinity | 1<<9 | uint16(abs>>13)&0x3ff
	case abs >= 0x477ff000: // 65520
		return s | infinity
	case abs < 0x38800000: // 2^-14: adding 1/2 leaves steps of 2^-24
		return s | uint16(math.Float32bits(math.Float32frombits(abs)+0.5)-0x3f000000)
	}
	// Rounding may carry into the exponent, which is then right as well.
	abs += 0xfff + abs>>13&1
	return s | uint16(abs>>13-(127-15)<<10)
}

// ToFloat32 returns the value of a half, exactly. A NaN becomes quiet.
func ToFloat32(h uint16) float32 {
	s := uint32(h&sign) << 16
	abs := uint32(h&^sign) << 13
	if h&infinity == infinity {
		if abs != infinity<<13 {
			abs |= 1 << 22
		}
		return math.Float32frombits(s | abs | 0xff<<23)
	}
	// Multiplying moves the exponent's bias from 15 to 127. It is exact, since
	// what is denormal as a half is a normal float32 after it.
	return math.Float32frombits(s | math.Float32bits(math.Float32frombits(abs)*(1<<112)))
}

// Round replaces each number by the nearest half, as [FromFloat32] does.
func Round(values []float32) {
	for i, v := range values {
		values[i] = ToFloat32(FromFloat32(v))
	}
}
