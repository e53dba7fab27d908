package kernel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

// fma32 is x*y+z in float32 with a single rounding. The product is exact in
// float64; the sum is made odd if it is not, so that the second rounding cannot
// see a false tie.
func fma32(x, y, z float32) float32 {
	p, c := float64(x)*float64(y), float64(z)
	s := p + c
	bb := s - p
	remainder := (p - (s - bb)) + (c - bb)
	if bits := math.Float64bits(s); remainder != 0 && bits&1 == 0 {
		if (remainder > 0) == (s > 0) {
			bits++
		} else {
			bits--
		}
		s = math.Float64frombits(bits)
	}
	return float32(s)
}

func TestFMA32(t *testing.T) {
	// 1 + 2^-24 is a tie; the third term decides it, 60 places further
	// down.
	x := float32(1 + 1.0/(1<<12))
	y := float32(1 - 1.0/(1<<12))
	for _, c := range []struct{ x, y, z, want float32 }{
		{2, 3, 4, 10},
		{x, y, 0, 1 - 1.0/(1<<24)},
		{1 << 12, 1.0 / (1 << 36), 1, 1}, // 1 + 2^-24: tie, to even
		{1<<12 + 1.0/(1<<11), 1.0 / (1 << 36), 1, 1 + 1.0/(1<<23)},      // just above the tie
		{1<<12 - 1.0/(1<<11), 1.0 / (1 << 36), 1, 1},                    // just below
		{-(1<<12 + 1.0/(1<<11)), 1.0 / (1 << 36), -1, -1 - 1.0/(1<<23)}, // mirrored
	} {
		if got := fma32(c.x, c.y, c.z); got != c.want {
			t.Errorf("fma32(%g, %g, %g) = %b, want %b", c.x, c.y, c.z, got, c.want)
		}
	}
}

// assembly returns the backends other than the reference.
func assembly(t *testing.T) []*backend {
	all := available()
	if len(all) == 1 {
		t.Skip("no assembly for this machine")
	}
	return all[:len(all)-1]
}

// TestFusedChain pins the order of additions: every assembly backend must give
// exactly what fused multiply-adds, one by one in the stated order, give.
// Backends that pass are therefore equal to each other.
func TestFusedChain(t *testing.T) {
	for _, be := range assembly(t) {
		t.Run(be.name, func(t *testing.T) {
			rng := newRand(t)
			for n := 1; n <= 50; n++ {
				rows, run, step := 1+rng.IntN(3), 1+rng.IntN(40), 1+rng.IntN(2)
				pix, row, ws, ds := 1+rng.IntN(5), 7+rng.IntN(50), lanes+rng.IntN(3), lanes+rng.IntN(4)
				x := values(rng, n*pix+rows*row+run*step)
				w, init := values(rng, rows*run*ws+lanes), values(rng, n*ds+lanes)
				for _, is := range []int{0, ds} {
					got, want := make([]float32, n*ds+lanes), make([]float32, n*ds+lanes)
					be.gemm(gemmArgs{
						dst: got, dstStride: ds,
						init: init, initStride: is,
						x: x, pixStride: pix, rowStride: row, step: step,
						w: w, wStride: ws,
						rows: rows, run: run, n: n,
					})
					for p := range n {
						for l := range lanes {
							s := init[p*is+l]
							for k := range rows * run {
								s = fma32(x[p*pix+k/run*row+k%run*step], w[k*ws+l], s)
							}
							want[p*ds+l] = s
						}
					}
					checkSame(t, fmt.Sprint("gemm ", n), got, want)
				}
			}
			for _, run := range []int{1, 2, 7, 8, 9, 15, 16, 17, 24, 47, 48, 95, 96, 97, 100, 192, 203, 384, 400, 611} {
				s := someSparseRows(rng, 5)
				src := values(rng, 40+run)
				got := values(rng, 4*11+run)
				want := append([]float32(nil), got...)
				be.spmm(got, 11, s, src, run)
				for l, n := range s.counts {
					for k := l * s.capacity; k < l*s.capacity+int(n); k++ {
						for i := range run {
							want[l*11+i] = fma32(s.vals[k], src[int(s.offs[k])+i], want[l*11+i])
						}
					}
				}
				checkSame(t, fmt.Sprint("spmm ", run), got, want)
			}
			for _, n := range []int{8, 16, 24, 32} {
				const windows, stride = 7, 40
				dy, idx := someWindows(rng, windows*stride)
				gathered := values(rng, (2*windows+1)*12)
				got := values(rng, 9*stride)
				want := append([]float32(nil), got...)
				be.gradW2x2(got, stride, gathered, dy, idx, stride, windows, n)
				for q := range windows {
					for c := range n {
						if i := idx[q*stride+c]; i < 4 {
							for elem := range 9 {
								want[elem*stride+c] = fma32(gathered[q*24+elem*4+int(i)], dy[q*stride+c], want[elem*stride+c])
							}
						}
					}
				}
				checkSame(t, fmt.Sprint("gradW2x2 ", n), got, want)
			}
		})
	}
}

func someSparseRows(rng *rand.Rand, n int) sparseRows {
	const capacity = 12
	s := sparseRows{vals: values(rng, n*capacity), capacity: capacity}
	for range n {
		s.counts = append(s.counts, int32(rng.IntN(capacity)))
	}
	s.counts[1] = 0
	for range s.vals {
		s.offs = append(s.offs, int32(rng.IntN(40)))
	}
	return s
}

func newSparseRows(n, capacity int) sparseRows {
	return sparseRows{vals: make([]float32, n*capacity), offs: make([]int32, n*capacity), counts: make([]int32, n), capacity: capacity}
}

// someWindows makes gradients with some zeros of both signs, and places.
func someWindows(rng *rand.Rand, n int) (dy []float32, idx []uint8) {
	dy = values(rng, n)
	for i := range dy {
		switch rng.IntN(6) {
		case 0:
			dy[i] = 0
		case 1:
			dy[i] = float32(math.Copysign(0, -1))
		}
		idx = append(idx, uint8(rng.IntN(5)))
	}
	return dy, idx
}

// TestExactKernels compares the loops in which nothing is fused: they must
// agree with the reference in every bit.
func TestExactKernels(t *testing.T) {
	ref := goBackend()
	for _, be := range assembly(t) {
		t.Run(be.name, func(t *testing.T) {
			rng := newRand(t)
			for _, channels := range []int{1, 5, 8, 16, 31, 32, 40, 272} {
				for windows := range 5 {
					dy, idx := someWindows(rng, windows*channels)
					if len(dy) > 3 {
						dy[2] = float32(math.NaN())
					}
					var s [2]sparseRows
					for i, be := range []*backend{be, ref} {
						s[i] = newSparseRows(4*windows, (channels+7)/8*8+8)
						be.compactWindows(s[i], dy, idx, channels, windows, 100)
					}
					checkSparseRows(t, "compactWindows", s[0], s[1])

					for i, be := range []*backend{be, ref} {
						s[i] = newSparseRows(channels, 2*windows+1)
						for row := range 2 {
							be.compactChannels(s[i], dy, idx, channels, windows, 1000*row, 10, &[8]int32{1, 2, 3, 4})
						}
					}
					checkSparseRows(t, "compactChannels", s[0], s[1])

					var db [2][]float32
					db[0] = values(rng, channels)
					db[1] = append([]float32(nil), db[0]...)
					be.biasRow(db[0], dy, idx, channels, windows, channels)
					ref.biasRow(db[1], dy, idx, channels, windows, channels)
					checkSame(t, "biasRow", db[0], db[1])
				}
			}
			for _, n := range []int{1, 7, 8, 15, 16} {
				const windows, stride = 50, 20
				top, bottom := values(rng, 2*windows*lanes), values(rng, 2*windows*lanes)
				for i := range top { // ties, zeros and special values
					if rng.IntN(3) == 0 {
						top[i] = special[rng.IntN(len(special))]
					}
					if rng.IntN(3) == 0 {
						bottom[i] = special[rng.IntN(len(special))]
					}
				}
				var y [2][]float32
				var idx [2][]uint8
				for i, be := range []*backend{be, ref} {
					y[i], idx[i] = make([]float32, windows*stride), make([]uint8, windows*stride)
					be.poolRow(y[i], idx[i], stride, top, bottom, windows, n)
				}
				checkSame(t, "pooled", y[0], y[1])
				checkSame(t, "idx", idx[0], idx[1])
			}
			for _, n := range []int{0, 1, 7, 8, 9, 16, 37} {
				x := append(append([]float32(nil), special...), values(rng, n)...)[:n]
				from := values(rng, n)
				for i := range from {
					if rng.IntN(2) == 0 {
						from[i] = special[rng.IntN(len(special))]
					}
				}
				got, want := append([]float32(nil), from...), append([]float32(nil), from...)
				be.addReLU(got, x)
				ref.addReLU(want, x)
				checkSame(t, "added and rectified", got, want)
			}
			for _, rows := range []int{1, 3, 8, 15, 24} {
				for _, cols := range []int{1, 7, 8, 16, 29} {
					src := values(rng, rows*(cols+3))
					want, got := make([]float32, cols*(rows+5)), make([]float32, cols*(rows+5))
					for r := range rows {
						for c := range cols {
							want[c*(rows+5)+r] = src[r*(cols+3)+c]
						}
					}
					be.transpose(got, rows+5, src, cols+3, rows, cols)
					checkSame(t, "transposed", got, want)
				}
			}
			for _, n := range []int{8, 9, 15, 16, 17, 21, 40, 47} {
				row, next := values(rng, n+3), values(rng, n+3)
				want, got := make([]float32, 4*n), make([]float32, 4*n)
				for k := range n {
					copy(want[4*k:], []float32{row[k], row[k+3], next[k], next[k+3]})
				}
				be.gather2x2(got, row, next, n, 3)
				checkSame(t, "gather2x2", got, want)
			}
		})
	}
}

var special = []float32{0, float32(math.Copysign(0, -1)), 1, 1, -1, float32(math.NaN()), float32(math.Inf(1)), float32(math.Inf(-1))}

func checkSparseRows(t *testing.T, name string, got, want sparseRows) {
	t.Helper()
	checkSame(t, name+" counts", got.counts, want.counts)
	for l, n := range want.counts {
		from, to := l*want.capacity, l*want.capacity+int(n)
		checkSame(t, name+" vals", got.vals[from:to], want.vals[from:to])
		checkSame(t, name+" offs", got.offs[from:to], want.offs[from:to])
	}
}
