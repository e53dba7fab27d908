package kernel

// sparseRows are the rows of a sparse matrix, with room for the same number of
// entries in each (the ELLPACK format). Row l has counts[l] entries from
// l*capacity on. An entry is a value and an offset into the matrix that it is
// multiplied with.
type sparseRows struct {
	vals         []float32 // [rows][capacity]
	offs, counts []int32   // [rows][capacity], [rows]
	capacity     int
}

// from returns n rows, the first of which is number first.
func (s sparseRows) from(first, n int) sparseRows {
	at := first * s.capacity
	return sparseRows{vals: s.vals[at:], offs: s.offs[at:], counts: s.counts[first:][:n], capacity: s.capacity}
}

// spmmRef multiplies a sparse matrix with a dense one and adds the product to
// dst. For each sparse row l in turn and i < run:
//
//	dst[l*dstStride+i] += sum over its entries k of vals[k] * src[offs[k]+i]
//
// The destinations of two rows may overlap.
func spmmRef(dst []float32, dstStride int, s sparseRows, src []float32, run int) {
	for l, n := range s.counts {
		vals, offs := s.vals[l*s.capacity:][:n], s.offs[l*s.capacity:][:n]
		to := dst[l*dstStride:][:run]
		i := 0
		for ; i+8 <= run; i += 8 {
			d := (*[8]float32)(to[i:])
			d0, d1, d2, d3, d4, d5, d6, d7 := d[0], d[1], d[2], d[3], d[4], d[5], d[6], d[7]
			for k, v := range vals {
				s := (*[8]float32)(src[int(offs[k])+i:])
				d0 += v * s[0]
				d1 += v * s[1]
				d2 += v * s[2]
				d3 += v * s[3]
				d4 += v * s[4]
				d5 += v * s[5]
				d6 += v * s[6]
				d7 += v * s[7]
			}
			d[0], d[1], d[2], d[3], d[4], d[5], d[6], d[7] = d0, d1, d2, d3, d4, d5, d6, d7
		}
		for ; i < run; i++ {
			d := to[i]
			for k, v := range vals {
				d += v * src[int(offs[k])+i]
			}
			to[i] = d
		}
	}
}
