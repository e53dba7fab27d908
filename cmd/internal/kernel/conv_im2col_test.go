package kernel

import (
	"fmt"
	"testing"
)

// TestIm2colFused: copied windows give exactly what fused multiply-adds, one by
// one in the order of the kernel's elements, give; so do windows read in place.
func TestIm2colFused(t *testing.T) {
	for _, c := range []struct {
		GroupedConv
		copied bool
	}{
		{GroupedConv{2, 14, 14, 8, 32, 1, square(3, 2, 1)}, true},
		{GroupedConv{3, 9, 9, 20, 48, 1, square(1, 2, 0)}, true},
		{GroupedConv{3, 8, 13, 5, 32, 1, Window{3, 2, 2, 1, 2, 3, 0, 1, 3, 4}}, true},
		{GroupedConv{1, 7, 6, 3, 32, 1, square(5, 1, 4)}, true},
		{GroupedConv{1, 5, 31, 4, 32, 1, square(3, 2, 1)}, false}, // rows of 16
		{GroupedConv{1, 5, 9, 4, 40, 1, square(3, 2, 1)}, false},  // an incomplete block
	} {
		if c.im2col() != c.copied {
			t.Errorf("%v: im2col %v", c, c.im2col())
		}
		y, x, w, b := c.values(newRand(t))
		want := make([]float32, len(y))
		oh, ow := c.OutHW(c.H, c.W)
		for i := range want {
			o, ox, oy, n := i%c.Cout, i/c.Cout%ow, i/c.Cout/ow%oh, i/c.Cout/ow/oh
			s := b[o]
			for ky := range c.KH {
				for kx := range c.KW {
					iy, ix := oy*c.StrideH+ky*c.DilationH-c.PadTop, ox*c.StrideW+kx*c.DilationW-c.PadLeft
					if iy < 0 || ix < 0 || iy >= c.H || ix >= c.W {
						continue
					}
					for ci := range c.Cin {
						s = fma32(x[((n*c.H+iy)*c.W+ix)*c.Cin+ci], w[((ky*c.KW+kx)*c.Cin+ci)*c.Cout+o], s)
					}
				}
			}
			want[i] = s
		}
		for _, be := range assembly(t) {
			for _, threads := range []int{1, 5} {
				ws := newWorkers(threads, be)
				c.Forward(ws, y, x, w, b, nil, Unclipped())
				ws.Close()
				checkSame(t, fmt.Sprint(c, be.name, threads), y, want)
			}
		}
	}
}
