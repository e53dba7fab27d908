package jpegfile

// rotate is a rotation by an angle whose cosine and sine are given, times a
// factor, with three multiplications.
func rotate(x, y, cos, sin int32) (int32, int32) {
	sum := cos * (x + y)
	return sum + (sin-cos)*y, sum - (cos+sin)*x
}

// The constants of inverse8x8Go: a cosine or sine of multiples of π/16, some
// over √2, with the fractional bits that the name ends with.
const (
	cos1x12, sin1x12 = 4017, 799
	cos3x12, sin3x12 = 3406, 2276
	cos6x18, sin6x18 = 70936, 171254 // over √2
	cos6x12, sin6x12 = 1108, 2676    // over √2
	halfx8, halfx14  = 181, 11585    // 1/√2
)

// inverse8x8Go is the inverse transform of a whole block, whose coefficients
// are stored column by column, into 8 rows of 8 pixels. It gives the very
// pixels that image/jpeg gives, whose steps it follows (Copyright The Go
// Authors, BSD licence): rows, then columns, in the order of C. Loeffler et
// al., "Practical fast 1-D DCT algorithms with 11 multiplications" (1989), run
// backwards. An overflow, of a file that no encoder writes, wraps around as
// there.
func inverse8x8Go(b *coefficients, dst []byte, stride int) {
	for i := range 8 {
		x0, x7, x2, x5 := b[i], b[8+i], b[16+i], b[24+i]
		x1, x6, x3, x4 := b[32+i], b[40+i], b[48+i], b[56+i]

		x0, x1 = x0<<17+x1<<17, x0<<17-x1<<17
		x2, x3 = rotate(x2, x3, cos6x18, -sin6x18)
		x1, x2 = x1+x2, x1-x2
		x0, x3 = x0+x3, x0-x3

		x7, x4 = x7<<7+x4<<7, x7<<7-x4<<7
		x6 *= halfx8
		x5 *= halfx8
		x7, x5 = x7+x5, x7-x5
		x4, x6 = x4+x6, x4-x6
		x4, x7 = rotate(x4>>2, x7>>2, cos3x12, -sin3x12)
		x5, x6 = rotate(x5>>2, x6>>2, cos1x12, -sin1x12)

		b[i], b[56+i] = x0+x7, x0-x7
		b[8+i], b[48+i] = x1+x6, x1-x6
		b[16+i], b[40+i] = x2+x5, x2-x5
		b[24+i], b[32+i] = x3+x4, x3-x4
	}
	for i := range 8 {
		v := (*[8]int32)(b[8*i:])
		x0, x7, x2, x5, x1, x6, x3, x4 := v[0], v[1], v[2], v[3], v[4], v[5], v[6], v[7]

		x0 += 1 << 19 // a half, for rounding
		x0, x1 = (x0+x1)>>2, (x0-x1)>>2
		x2, x3 = rotate(x2>>13, x3>>13, cos6x12, -sin6x12)
		x1, x2 = x1+x2, x1-x2
		x0, x3 = x0+x3, x0-x3

		x7, x4 = x7+x4, x7-x4
		x5 = (x5 >> 13) * halfx14
		x6 = (x6 >> 13) * halfx14
		x7, x5 = x7+x5, x7-x5
		x4, x6 = x4+x6, x4-x6
		x4, x7 = rotate(x4>>14, x7>>14, cos3x12, -sin3x12)
		x5, x6 = rotate(x5>>14, x6>>14, cos1x12, -sin1x12)

		v[0], v[7] = x0+x7, x0-x7
		v[1], v[6] = x1+x6, x1-x6
		v[2], v[5] = x2+x5, x2-x5
		v[3], v[4] = x3+x4, x3-x4
		for y, x := range v {
			dst[y*stride+i] = limit(x>>18 + 128)
		}
	}
	clear(b[:64])
}
