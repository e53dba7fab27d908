package jpegfile

// level is the middle of the range of a byte and a half for rounding.
const level = 128<<weightBits + 1<<(weightBits-1)

// inverse is the inverse transform of a block of nx by ny coefficients that
// were added by their terms, into as many pixels.
func inverse(b *coefficients, nx, ny int, dst []byte, stride int) {
	b[0] += level
	switch ny {
	case 2:
		for x := range nx {
			inverse2(b[x:], nx)
		}
	case 4:
		for x := range nx {
			inverse4(b[x:], nx)
		}
	case 8:
		for x := range nx {
			inverse8(b[x:], nx)
		}
	}
	for y := range ny {
		row := b[y*nx:][:nx]
		switch nx {
		case 2:
			inverse2(row, 1)
		case 4:
			inverse4(row, 1)
		case 8:
			inverse8(row, 1)
		}
		to := dst[y*stride:][:nx]
		for x, v := range row {
			to[x] = limit(v >> weightBits)
		}
	}
	clear(b[:nx*ny])
}

// limit limits a number to the range of a byte.
func limit(v int32) byte {
	if uint32(v) > 255 {
		return byte(^(v >> 31))
	}
	return byte(v)
}

// fixedBits are the fractional bits of the constants below.
const fixedBits = 13

// inverse2 is the transform of two points, a stride apart, in place.
func inverse2(v []int32, stride int) {
	a, b := v[0], v[stride]
	v[0], v[stride] = a+b, a-b
}

// inverse4 is the transform of four points. Their cosines are 1, cos π/8 for
// odd coefficients and cos π/4, which are in the terms, and tan π/8.
func inverse4(v []int32, stride int) {
	const tan = 3393 // tan π/8
	g0, g1, g2, g3 := v[0], v[stride], v[2*stride], v[3*stride]
	a, b := g0+g2, g0-g2
	c, d := g1+(tan*g3)>>fixedBits, (tan*g1)>>fixedBits-g3
	v[0], v[stride], v[2*stride], v[3*stride] = a+c, b+d, b-d, a-c
}

// inverse8 is the transform of eight points: that of four for the even
// coefficients, and the cosines of multiples of π/16 for the odd ones.
func inverse8(v []int32, stride int) {
	const tan, c1, c3, c5, c7 = 3393, 8035, 6811, 4551, 1598 // cos nπ/16
	g0, g2, g4, g6 := v[0], v[2*stride], v[4*stride], v[6*stride]
	a, b := g0+g4, g0-g4
	c, d := g2+(tan*g6)>>fixedBits, (tan*g2)>>fixedBits-g6
	e0, e1, e2, e3 := a+c, b+d, b-d, a-c
	g1, g3, g5, g7 := v[stride], v[3*stride], v[5*stride], v[7*stride]
	o0 := (c1*g1 + c3*g3 + c5*g5 + c7*g7) >> fixedBits
	o1 := (c3*g1 - c7*g3 - c1*g5 - c5*g7) >> fixedBits
	o2 := (c5*g1 - c1*g3 + c7*g5 + c3*g7) >> fixedBits
	o3 := (c7*g1 - c5*g3 + c3*g5 - c1*g7) >> fixedBits
	v[0], v[7*stride] = e0+o0, e0-o0
	v[stride], v[6*stride] = e1+o1, e1-o1
	v[2*stride], v[5*stride] = e2+o2, e2-o2
	v[3*stride], v[4*stride] = e3+o3, e3-o3
}
