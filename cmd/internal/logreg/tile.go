package logreg

// lanes is the number of classes that are computed side by side. Blocks of
// classes are filled up with zeros.
const lanes = 8

// tiles adds to each row of c, [rows][lanes], the products of n numbers of a
// and n rows of b, [n][lanes]:
//
//	c[i][k] += a[i*row] * b[0][k],  then += a[i*row + step] * b[1][k],  ...
//
// one after the other, each product rounded before it is added.
func tiles(c, a []float64, row, step int, b []float64, n int) {
	for i := range len(c) / lanes {
		tile((*[lanes]float64)(c[i*lanes:]), a[i*row:], step, b[:n*lanes])
	}
}

func tile(c *[lanes]float64, a []float64, step int, b []float64) {
	c0, c1, c2, c3, c4, c5, c6, c7 := c[0], c[1], c[2], c[3], c[4], c[5], c[6], c[7]
	for at := 0; len(b) >= lanes; at += step {
		x := a[at]
		c0 += float64(x * b[0])
		c1 += float64(x * b[1])
		c2 += float64(x * b[2])
		c3 += float64(x * b[3])
		c4 += float64(x * b[4])
		c5 += float64(x * b[5])
		c6 += float64(x * b[6])
		c7 += float64(x * b[7])
		b = b[lanes:]
	}
	c[0], c[1], c[2], c[3], c[4], c[5], c[6], c[7] = c0, c1, c2, c3, c4, c5, c6, c7
}
