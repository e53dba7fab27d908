package record

import (
	"math"
	"strconv"
	"sync"
)

// The bits of a number of half precision, binary16 of IEEE 754.
const (
	halfSign     = 0x8000
	halfExponent = 0x7c00
)

// halfOf returns the bits of the half nearest to f, which is finite; of two
// equally near the one whose last bit is 0. From 65520 on it is an infinity.
func halfOf(f float64) uint16 {
	var sign uint16
	if math.Signbit(f) {
		sign, f = halfSign, -f
	}
	const smallest = 1.0 / (1 << 14) // of those with a hidden bit
	if f < smallest {
		return sign | uint16(math.RoundToEven(f*(1<<24)))
	}
	if f >= 65520 {
		return sign | halfExponent
	}
	fraction, exponent := math.Frexp(f) // 0.5 <= fraction < 1
	// Rounding may carry into the exponent, which is then right as well.
	return sign | uint16(int(math.RoundToEven(fraction*2048))+(exponent+13)<<10)
}

// halfValue returns the value of a half that is finite.
func halfValue(h uint16) float64 {
	fraction, exponent := float64(h&0x3ff), int(h&halfExponent>>10)
	f := math.Ldexp(fraction, -24)
	if exponent > 0 {
		f = math.Ldexp(1024+fraction, exponent-25)
	}
	if h&halfSign != 0 {
		return -f
	}
	return f
}

// appendHalf appends the shortest decimal that reads back as h.
func appendHalf(out []byte, h uint16) []byte {
	if h&halfSign != 0 {
		out = append(out, '-')
	}
	return append(out, halfDecimals()[h&^halfSign]...)
}

// halfDecimals returns the shortest decimals of the halves that are finite and
// not negative, by their bits.
var halfDecimals = sync.OnceValue(func() *[halfExponent]string {
	var all [halfExponent]string
	for h := range uint16(halfExponent) {
		for digits := 1; all[h] == ""; digits++ {
			all[h] = halfDecimal(h, digits)
		}
	}
	return &all
})

// halfDecimal returns a decimal of so many digits that reads back as h, ""
// where there is none.
func halfDecimal(h uint16, digits int) string {
	f := halfValue(h)
	// Below a power of two the next half is nearer than above it, so that
	// of two decimals in the same distance only the upper may do.
	for _, near := range []float64{f, math.Nextafter(f, math.Inf(1))} {
		rounded, err := strconv.ParseFloat(strconv.FormatFloat(near, 'e', digits-1, 64), 64)
		if err == nil && halfOf(rounded) == h {
			return string(appendDecimal(nil, rounded, 64))
		}
	}
	return ""
}
