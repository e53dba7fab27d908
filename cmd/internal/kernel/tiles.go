package kernel

import "fmt"

// lanes64 is the number of results that Float64 computes side by side.
const lanes64 = 8

// Float64 is the inner loops of a linear model in float64. No product is fused
// with a sum, so all backends give the same bits.
type Float64 struct{ backend *backend }

// NewFloat64 takes the fastest backend of this machine.
func NewFloat64() Float64 { return Float64{available()[0]} }

// NewFloat64On takes the named backend, one of [Backends]. It reports false if
// this machine lacks it.
func NewFloat64On(backend string) (Float64, bool) {
	for _, be := range available() {
		if be.name == backend {
			return Float64{be}, true
		}
	}
	return Float64{}, false
}

// Tiles adds to each row of c, [rows][8], the products of n numbers of a and n
// rows of b, [n][8]:
//
//	c[i][k] += a[i*row] * b[0][k],  then += a[i*row + step] * b[1][k],  ...
//
// one after the other, each product rounded before it is added.
func (f Float64) Tiles(c, a []float64, row, step int, b []float64, n int) {
	rows := len(c) / lanes64
	if rows == 0 || n == 0 {
		return
	}
	if last := (rows-1)*row + (n-1)*step; row < 0 || step < 0 || last >= len(a) || len(b) < n*lanes64 {
		panic(fmt.Sprintf("kernel: %d x %d products of %d and %d values", rows, n, len(a), len(b)))
	}
	f.backend.tiles64(c[:rows*lanes64], a, row, step, b, n)
}

// Standardize sets dst to (src - mean) * inverse; all have the same length.
func (f Float64) Standardize(dst []float64, src []float32, mean, inverse []float64) {
	mustLen("src", src, len(dst))
	mustLen("mean", mean, len(dst))
	mustLen("inverse", inverse, len(dst))
	f.backend.standardize64(dst, src, mean, inverse)
}

func tiles64Ref(c, a []float64, row, step int, b []float64, n int) {
	for i := range len(c) / lanes64 {
		tile64((*[lanes64]float64)(c[i*lanes64:]), a[i*row:], step, b[:n*lanes64])
	}
}

func tile64(c *[lanes64]float64, a []float64, step int, b []float64) {
	c0, c1, c2, c3, c4, c5, c6, c7 := c[0], c[1], c[2], c[3], c[4], c[5], c[6], c[7]
	for at := 0; len(b) >= lanes64; at += step {
		x := a[at]
		c0 += float64(x * b[0])
		c1 += float64(x * b[1])
		c2 += float64(x * b[2])
		c3 += float64(x * b[3])
		c4 += float64(x * b[4])
		c5 += float64(x * b[5])
		c6 += float64(x * b[6])
		c7 += float64(x * b[7])
		b = b[lanes64:]
	}
	c[0], c[1], c[2], c[3], c[4], c[5], c[6], c[7] = c0, c1, c2, c3, c4, c5, c6, c7
}

func standardize64Ref(dst []float64, src []float32, mean, inverse []float64) {
	src, mean, inverse = src[:len(dst)], mean[:len(dst)], inverse[:len(dst)]
	for i, v := range src {
		dst[i] = (float64(v) - mean[i]) * inverse[i]
	}
}
