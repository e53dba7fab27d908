package kernel

import (
	"fmt"
	"math"
	"testing"
)

var poolShapes = []Pool{
	{N: 2, H: 9, W: 12, C: 16, Window: square(3, 2, 1)},
	{N: 1, H: 7, W: 7, C: 5, Window: square(2, 2, 0)},
	{N: 2, H: 8, W: 31, C: 33, Window: square(3, 1, 1), Mean: true},
	{N: 1, H: 8, W: 9, C: 24, Window: square(3, 1, 1), Mean: true, CountPadding: true},
	{N: 1, H: 7, W: 8, C: 40, Window: Window{3, 3, 2, 2, 1, 1, 1, 1, 2, 2}, Mean: true, CountPadding: true, UncountedBottom: 1, UncountedRight: 1},
	{N: 1, H: 7, W: 8, C: 19, Window: Window{2, 3, 3, 1, 2, 2, 0, 3, 1, 2}},
	{N: 1, H: 4, W: 4, C: 8, Window: square(3, 1, 4)}, // windows of padding only
	{N: 1, H: 4, W: 4, C: 8, Window: square(3, 1, 4), Mean: true},
	{N: 3, H: 5, W: 5, C: 3, Window: square(5, 1, 0), Mean: true},
	{N: 1, H: 5, W: 60, C: 17, Window: square(3, 1, 0)},
}

func (p Pool) naive(x []float32) []float64 {
	oh, ow := p.OutHW(p.H, p.W)
	y := make([]float64, p.N*oh*ow*p.C)
	for i := range y {
		c, ox, oy, n := i%p.C, i/p.C%ow, i/p.C/ow%oh, i/p.C/ow/oh
		most, sum, seen, counted := math.Inf(-1), 0.0, 0, 0
		for ky := range p.KH {
			for kx := range p.KW {
				iy, ix := oy*p.StrideH+ky*p.DilationH-p.PadTop, ox*p.StrideW+kx*p.DilationW-p.PadLeft
				if iy < p.H+p.PadBottom-p.UncountedBottom && ix < p.W+p.PadRight-p.UncountedRight {
					counted++
				}
				if iy < 0 || ix < 0 || iy >= p.H || ix >= p.W {
					continue
				}
				v := float64(x[((n*p.H+iy)*p.W+ix)*p.C+c])
				most, sum, seen = max(most, v), sum+v, seen+1
			}
		}
		if p.CountPadding {
			seen = counted
		}
		if y[i] = most; p.Mean {
			y[i] = sum / float64(max(1, seen))
		}
	}
	return y
}

func TestPoolAgainstFloat64(t *testing.T) {
	for _, p := range poolShapes {
		if err := p.Check(); err != nil {
			t.Fatal(err)
		}
		x := values(newRand(t), p.N*p.H*p.W*p.C)
		want := p.naive(x)
		var same []float32
		onEveryBackend(t, func(t *testing.T, ws *Workers) {
			y := values(newRand(t), len(want))
			p.Forward(ws, y, x)
			for i, v := range want {
				if !(math.Abs(float64(y[i])-v) <= 1e-6) && float64(y[i]) != v {
					t.Fatalf("%+v: value %d is %g, want %g", p, i, y[i], v)
				}
			}
			if same == nil {
				same = append([]float32(nil), y...)
			}
			checkSame(t, fmt.Sprint(p), y, same)
			noAllocation(t, p, func() { p.Forward(ws, y, x) })
		})
	}
	bad := poolShapes[0]
	bad.KH = 100
	if bad.Check() == nil {
		t.Error("a window larger than the picture passes")
	}
}

// TestPoolNaN: a NaN anywhere in a window shows, in every lane.
func TestPoolNaN(t *testing.T) {
	for _, mean := range []bool{false, true} {
		p := Pool{N: 1, H: 3, W: 3, C: 27, Window: square(3, 1, 0), Mean: mean}
		onEveryBackend(t, func(t *testing.T, ws *Workers) {
			for at := range 9 {
				x, y := values(newRand(t), 9*27), make([]float32, 27)
				for c := range 27 {
					x[at*27+c] = float32(math.NaN())
				}
				p.Forward(ws, y, x)
				for i, v := range y {
					if v == v {
						t.Fatalf("NaN in place %d: y[%d] = %g", at, i, v)
					}
				}
			}
		})
	}
}

func TestTranspose(t *testing.T) {
	for _, s := range []struct{ shape, perm []int }{
		{[]int{}, []int{}},
		{[]int{5}, []int{0}},
		{[]int{3, 40}, []int{1, 0}},
		{[]int{2, 3, 4, 5}, []int{0, 3, 1, 2}},
		{[]int{2, 30, 14, 15}, []int{0, 2, 3, 1}},
		{[]int{2, 50, 6, 64}, []int{0, 2, 1, 3}},
		{[]int{2, 50, 6, 64}, []int{0, 2, 3, 1}},
		{[]int{3, 7, 2, 29}, []int{0, 1, 3, 2}},
		{[]int{4, 3, 2, 5, 6}, []int{4, 2, 0, 3, 1}},
		{[]int{1, 3, 1, 5}, []int{2, 3, 0, 1}},
		{[]int{1, 300, 700}, []int{2, 1, 0}},
		{[]int{50000, 2}, []int{0, 1}},
		{[]int{3, 2, 20000}, []int{1, 0, 2}},
	} {
		tr, err := NewTranspose(s.shape, s.perm)
		if err != nil {
			t.Fatal(err)
		}
		strides := make([]int, len(s.shape))
		size := 1
		for i := len(s.shape) - 1; i >= 0; i-- {
			strides[i] = size
			size *= s.shape[i]
		}
		x := values(newRand(t), size)
		want := make([]float32, size)
		for i := range want {
			at, rest := 0, i
			for d := len(s.perm) - 1; d >= 0; d-- {
				n := s.shape[s.perm[d]]
				if tr.Shape()[d] != n {
					t.Fatalf("%v: shape %v", s, tr.Shape())
				}
				at += rest % n * strides[s.perm[d]]
				rest /= n
			}
			want[i] = x[at]
		}
		onEveryBackend(t, func(t *testing.T, ws *Workers) {
			y := make([]float32, size)
			tr.Forward(ws, y, x)
			checkSame(t, fmt.Sprint(s), y, want)
			noAllocation(t, s, func() { tr.Forward(ws, y, x) })
		})
	}
	for _, s := range [][2][]int{{{2, 3}, {0}}, {{2, 3}, {0, 0}}, {{2, 3}, {0, 2}}, {{0}, {0}}, {{1 << 20, 1 << 20}, {0, 1}}} {
		if _, err := NewTranspose(s[0], s[1]); err == nil {
			t.Errorf("%v passes", s)
		}
	}
}

func TestCopy(t *testing.T) {
	for _, c := range []Copy{{}, {1, 5, 9, 7}, {30, 5, 9, 7}, {4, 20000, 20001, 20000}, {30, 5, 5, 5}, {1, 40000, 0, 0}, {9000, 3, 3, 8}} {
		onEveryBackend(t, func(t *testing.T, ws *Workers) {
			dst, src := values(newRand(t), c.Rows*max(c.Cols, c.DstStride)), values(newRand(t), c.Rows*max(c.Cols, c.SrcStride))
			want := append([]float32(nil), dst...)
			for r := range c.Rows {
				copy(want[r*c.DstStride:][:c.Cols], src[r*c.SrcStride:])
			}
			c.Forward(ws, dst, src)
			checkSame(t, fmt.Sprint(c), dst, want)
			noAllocation(t, c, func() { c.Forward(ws, dst, src) })
		})
	}
}
