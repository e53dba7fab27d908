package kernel

// spmmRef adds sparse sums. List l has counts[l] entries at l*capacity, each a
// value and an offset into src. For each list in turn and i < run:
//
//	dst[l*dstStride+i] += sum over its entries k of vals[k] * src[offs[k]+i]
//
// The destinations of two lists may overlap.
func spmmRef(dst []float32, dstStride int, vals []float32, offs, counts []int32, capacity int, src []float32, run int) {
	for l, n := range counts {
		vals, offs := vals[l*capacity:][:n], offs[l*capacity:][:n]
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
