package kernel

import (
	"math"
	"testing"
)

// TestFloat64SameBits: the loops of the linear model have the bits of the
// reference on every backend, for any number of rows, strides and columns.
func TestFloat64SameBits(t *testing.T) {
	rng := newRand(t)
	doubles := func(n int) []float64 {
		s := make([]float64, n)
		for i := range s {
			s[i] = rng.NormFloat64()
		}
		return s
	}
	for _, name := range Backends() {
		f, ok := NewFloat64On(name)
		if !ok {
			t.Fatal(name)
		}
		for rows := range 20 {
			for _, n := range []int{0, 1, 2, 7, 40} {
				for _, s := range [][2]int{{1, 8}, {50, 1}, {3, 2}, {0, 1}} {
					a, b, want := doubles(rows*s[0]+n*s[1]+1), doubles(n*lanes64), doubles(rows*lanes64)
					got := append([]float64(nil), want...)
					tiles64Ref(want, a, s[0], s[1], b, n)
					f.Tiles(got, a, s[0], s[1], b, n)
					for i := range want {
						if math.Float64bits(got[i]) != math.Float64bits(want[i]) {
							t.Fatalf("%s, %d rows of %d products: value %d is %g, want %g", name, rows, n, i, got[i], want[i])
						}
					}
				}
			}
		}
		for n := range 40 {
			src, mean, inverse := values(rng, n), doubles(n), doubles(n)
			want, got := make([]float64, n), make([]float64, n)
			standardize64Ref(want, src, mean, inverse)
			f.Standardize(got, src, mean, inverse)
			for i := range want {
				if math.Float64bits(got[i]) != math.Float64bits(want[i]) {
					t.Fatalf("%s, %d values: value %d is %g, want %g", name, n, i, got[i], want[i])
				}
			}
		}
	}
	if _, ok := NewFloat64On("none"); ok {
		t.Error("a backend without a name")
	}
}

func TestFloat64Bounds(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("no panic")
		}
	}()
	NewFloat64().Tiles(make([]float64, 16), make([]float64, 9), 5, 1, make([]float64, 40), 5)
}
