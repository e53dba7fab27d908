package kernel

import "fmt"

// mustLen panics if s does not have n values. The assembly does not check
// bounds, so a wrong length must not get past the API; it is always a mistake
// of the calling code, never of a user.
func mustLen[T any](name string, s []T, n int) []T {
	if len(s) != n {
		panic(fmt.Sprintf("kernel: %s has %d values, its shape needs %d", name, len(s), n))
	}
	return s
}

// optLen is mustLen for a slice that may be nil.
func optLen[T any](name string, s []T, n int) []T {
	if s == nil {
		return nil
	}
	return mustLen(name, s, n)
}

// FirstNonFinite returns the index of the first NaN or infinity in x, or -1.
//
// Together with the loss this is how a caller finds broken numbers: every
// forward operation turns a NaN among its inputs into a NaN in each output that
// depends on it (ReLU, max pooling and dropout included, which hardware
// comparisons would not do), so a NaN in an input or a weight that takes part
// in a result makes the loss NaN. Winograd's transforms may spread it to
// neighbouring outputs, one row and column further at most, and turn an
// infinity into NaN. An infinity may be swallowed by ReLU (-Inf) or saturate a
// sigmoid.
func FirstNonFinite(x []float32) int {
	const block = 1024
	for at := 0; at < len(x); at += block {
		// 0*v is 0 for a finite v and NaN otherwise; the sums keep it.
		b := x[at:min(at+block, len(x))]
		var s0, s1 float32
		i := 0
		for ; i+1 < len(b); i += 2 {
			s0 += b[i] * 0
			s1 += b[i+1] * 0
		}
		if i < len(b) {
			s0 += b[i] * 0
		}
		if s := s0 + s1; s == 0 {
			continue
		}
		for i, v := range b {
			if v*0 != 0 {
				return at + i
			}
		}
	}
	return -1
}
