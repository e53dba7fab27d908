package kernel

import "math"

// Clip is a range for the results of an operation: a result below Lo becomes
// Lo, one above Hi becomes Hi, a NaN stays, and so does a zero of either sign.
type Clip struct{ Lo, Hi float32 }

// Unclipped is the range of all numbers, Rectified that of ReLU.
func Unclipped() Clip { return Clip{float32(math.Inf(-1)), float32(math.Inf(1))} }

// Rectified is the range of ReLU.
func Rectified() Clip { return Clip{0, float32(math.Inf(1))} }

// clipRef sets y to x, clipped.
func clipRef(y, x []float32, lo, hi float32) {
	for i, v := range x[:len(y)] {
		if v < lo {
			v = lo
		}
		if v > hi {
			v = hi
		}
		y[i] = v
	}
}

// clipGradRef sets dx to dy where y is between lo and hi, else to 0.
func clipGradRef(dx, dy, y []float32, lo, hi float32) {
	dy, y = dy[:len(dx)], y[:len(dx)]
	for i, v := range dy {
		if !(y[i] > lo && y[i] < hi) {
			v = 0
		}
		dx[i] = v
	}
}
