package kernel

// The reference transforms. Halving is exact, so that the only roundings are
// those of the additions, and there is nothing that a compiler could fuse
// to another result.

// winogradInputRef transforms n tiles of a row, B^T d B, down and then across.
// Pixel (i, j) of tile t is the channels at x[i*row+(2*t+j)*pixel]; value (i,
// j) of its transform goes to the plane at v[(4*i+j)*plane], there to t*stride.
func winogradInputRef(v []float32, plane, stride int, x []float32, row, pixel, channels, n int) {
	for t := range n {
		for c := range channels {
			at := 2*t*pixel + c
			d0, d1, d2, d3 := inputColumn(x[at:], row)
			e0, e1, e2, e3 := inputColumn(x[at+pixel:], row)
			f0, f1, f2, f3 := inputColumn(x[at+2*pixel:], row)
			g0, g1, g2, g3 := inputColumn(x[at+3*pixel:], row)
			at = t*stride + c
			inputRow(v[at:], plane, d0, e0, f0, g0)
			inputRow(v[at+4*plane:], plane, d1, e1, f1, g1)
			inputRow(v[at+8*plane:], plane, d2, e2, f2, g2)
			inputRow(v[at+12*plane:], plane, d3, e3, f3, g3)
		}
	}
}

// inputColumn is B^T d for a column of a tile.
func inputColumn(x []float32, row int) (d0, d1, d2, d3 float32) {
	a, b, c, d := x[0], x[row], x[2*row], x[3*row]
	return a - c, b + c, c - b, b - d
}

// inputRow is the same across a row.
func inputRow(v []float32, plane int, a, b, c, d float32) {
	v[0], v[plane], v[2*plane], v[3*plane] = a-c, b+c, c-b, b-d
}

// winogradOutputRef transforms n tiles of 16 lanes back, A^T m A. Value (i, j)
// of tile t is at m[(4*i+j)*plane+16*t]; output (r, q) goes to
// y[r*row+(2*t+q)*pixel].
func winogradOutputRef(y []float32, row, pixel int, m []float32, plane, n int) {
	for t := range n {
		var from [planes][]float32
		for k := range from {
			from[k] = m[k*plane+t*lanes:][:lanes]
		}
		for r := range 2 {
			left, right := y[r*row+2*t*pixel:][:lanes], y[r*row+(2*t+1)*pixel:][:lanes]
			for l := range lanes {
				// Down, for the four columns, then across:
				// (a0+a1)+a2 or (a1-a2)-a3.
				var s [4]float32
				for j := range s {
					if r == 0 {
						s[j] = from[j][l] + from[4+j][l] + from[8+j][l]
					} else {
						s[j] = from[4+j][l] - from[8+j][l] - from[12+j][l]
					}
				}
				left[l], right[l] = s[0]+s[1]+s[2], s[1]-s[2]-s[3]
			}
		}
	}
}

// winogradWeightsRef transforms the weights of n <= 16 output channels, G g
// G^T. Weight (i, j) for input channel c is at w[(3*i+j)*elemStride+c*stride];
// value (i, j) of its transform goes to u[(4*i+j)*plane+16*c].
func winogradWeightsRef(u []float32, plane int, w []float32, elemStride, stride, cin, n int) {
	for c := range cin {
		for l := range n {
			var across [4][3]float32
			for i := range 3 {
				g := w[3*i*elemStride+c*stride+l:]
				across[0][i], across[1][i], across[2][i], across[3][i] = winogradPoints(g[0], g[elemStride], g[2*elemStride])
			}
			for j, g := range across {
				to := u[j*plane+c*lanes+l:]
				to[0], to[4*plane], to[8*plane], to[12*plane] = winogradPoints(g[0], g[1], g[2])
			}
		}
	}
}

// winogradPoints is G g: the values of a polynomial g at 0, 1, -1 and infinity,
// two of them halved.
func winogradPoints(g0, g1, g2 float32) (at0, at1, atMinus1, atInf float32) {
	outer, inner := float32((g0+g2)*0.5), float32(g1*0.5)
	return g0, outer + inner, outer - inner, g2
}
