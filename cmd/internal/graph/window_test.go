package graph

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// placed is a picture [N,C,H,W] as the textbook sees it: zero outside.
func placed(x *Tensor, n, c, h, w int) (float64, bool) {
	s := x.Shape
	if h < 0 || w < 0 || h >= s[2] || w >= s[3] {
		return 0, false
	}
	return x.at(((n*s[1]+c)*s[2]+h)*s[3] + w), true
}

// window2D is a random one with a kernel, over a picture of h x w.
func window2D(r *rand.Rand) (Window, []int) {
	kernel := []int{1 + r.IntN(4), 1 + r.IntN(4)}
	w := Window{
		Strides: []int{1 + r.IntN(3), 1 + r.IntN(3)}, Dilations: []int{1 + r.IntN(2), 1 + r.IntN(2)},
		Pads: []int{r.IntN(kernel[0]), r.IntN(kernel[1]), r.IntN(kernel[0]), r.IntN(kernel[1])},
	}
	switch r.IntN(4) {
	case 0:
		w.Auto, w.Pads = SameUpper, nil
	case 1:
		w.Auto, w.Pads = SameLower, nil
	}
	return w, kernel
}

// TestConv compares convolutions with their definition.
func TestConv(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	n := &network{rand: r}
	done := 0
	for range 300 {
		window, kernel := window2D(r)
		group, in, out := 1+r.IntN(3), 1+r.IntN(2), 1+r.IntN(2)
		op := &Conv{Window: window, Group: group, Kernel: kernel}
		x := n.random("", -.5, 1+r.IntN(2), group*in, 4+r.IntN(6), 4+r.IntN(6)).Const
		w := n.random("", -.5, group*out, in, kernel[0], kernel[1]).Const
		b := n.random("", -.5, group*out).Const
		node := &Node{Name: "c", Op: op, Out: []*Value{{}}}
		got, err := node.evaluate([]*Tensor{x, w, b})
		s, fault := op.over(x.Shape[2:], kernel)
		if fault != nil {
			if err == nil {
				t.Fatal("an error that is none")
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		done++
		y := got[0]
		for i := range y.Floats {
			ow, oh := i%y.Shape[3], i/y.Shape[3]%y.Shape[2]
			m := i / (y.Shape[2] * y.Shape[3]) % y.Shape[1]
			image := i / (y.Shape[1] * y.Shape[2] * y.Shape[3])
			sum := b.at(m)
			for c := range in {
				for ky := range kernel[0] {
					for kx := range kernel[1] {
						v, _ := placed(x, image, m/out*in+c, oh*s.strides[0]+ky*s.dilations[0]-s.start[0], ow*s.strides[1]+kx*s.dilations[1]-s.start[1])
						sum += v * w.at(((m*in+c)*kernel[0]+ky)*kernel[1]+kx)
					}
				}
			}
			if math.Abs(sum-y.at(i)) > 1e-6*max(1, math.Abs(sum)) {
				t.Fatalf("%+v of %v: element %d is %g, not %g", op, x.Shape, i, y.at(i), sum)
			}
		}
	}
	if done < 150 {
		t.Errorf("%d convolutions only", done)
	}
}

// TestPool compares pools with their definition.
func TestPool(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	n := &network{rand: r}
	done := 0
	for range 400 {
		window, kernel := window2D(r)
		window.Ceil = r.IntN(2) == 0
		op := &Pool{Window: window, Kernel: kernel, Max: r.IntN(2) == 0, CountIncludePad: r.IntN(2) == 0}
		x := n.random("", -2, 1+r.IntN(2), 1+r.IntN(2), 4+r.IntN(6), 4+r.IntN(6)).Const
		node := &Node{Name: "p", Op: op, Out: []*Value{{}}}
		got, err := node.evaluate([]*Tensor{x})
		if err != nil {
			continue // the kernel does not fit
		}
		done++
		s, err := op.windows(x.Shape)
		if err != nil {
			t.Fatal(err)
		}
		y := got[0]
		for i := range y.Floats {
			ow, oh := i%y.Shape[3], i/y.Shape[3]%y.Shape[2]
			c, image := i/(y.Shape[2]*y.Shape[3])%y.Shape[1], i/(y.Shape[1]*y.Shape[2]*y.Shape[3])
			sum, most, inside, around := 0.0, math.Inf(-1), 0, 0
			for ky := range kernel[0] {
				for kx := range kernel[1] {
					h, w := oh*s.strides[0]+ky*s.dilations[0]-s.start[0], ow*s.strides[1]+kx*s.dilations[1]-s.start[1]
					v, ok := placed(x, image, c, h, w)
					sum += v
					if ok {
						inside++
						most = max(most, v)
					}
					if h < x.Shape[2]+s.end[0] && w < x.Shape[3]+s.end[1] {
						around++
					}
				}
			}
			want := sum / float64(inside)
			switch {
			case op.Max:
				want = most
			case op.CountIncludePad:
				want = sum / float64(around)
			}
			if math.Abs(want-y.at(i)) > 1e-6 {
				t.Fatalf("%+v of %v: element %d is %g, not %g", op, x.Shape, i, y.at(i), want)
			}
		}
	}
	if done < 200 {
		t.Errorf("%d pools only", done)
	}
}

// TestWindows are outputs and paddings worked out by hand, as TensorFlow, ONNX
// and PyTorch have them.
func TestWindows(t *testing.T) {
	for _, c := range []struct {
		in, kernel      int
		window          Window
		out, start, end int
	}{
		{5, 3, Window{}, 3, 0, 0},
		{5, 3, Window{Strides: []int{2}}, 2, 0, 0},
		{6, 3, Window{Strides: []int{2}, Pads: []int{0, 1}}, 3, 0, 1},
		{6, 3, Window{Strides: []int{2}, Auto: SameUpper}, 3, 0, 1},
		{6, 3, Window{Strides: []int{2}, Auto: SameLower}, 3, 1, 0},
		{7, 3, Window{Strides: []int{2}, Auto: SameUpper}, 4, 1, 1},
		{7, 1, Window{Strides: []int{2}, Auto: SameUpper}, 4, 0, 0},
		{7, 3, Window{Auto: Valid, Pads: []int{1, 1}}, 5, 0, 0},
		{7, 3, Window{Dilations: []int{2}, Auto: SameUpper}, 7, 2, 2},
		{6, 3, Window{Strides: []int{2}, Ceil: true}, 3, 0, 0},
		{5, 2, Window{Strides: []int{3}, Ceil: true}, 2, 0, 0},
		{4, 1, Window{Strides: []int{5}, Ceil: true}, 1, 0, 0}, // a second one would start outside
	} {
		t.Run(fmt.Sprintf("%d %d %+v", c.in, c.kernel, c.window), func(t *testing.T) {
			s, err := c.window.over([]int{c.in}, []int{c.kernel})
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(s.out, []int{c.out}) || s.start[0] != c.start || s.end[0] != c.end {
				t.Errorf("%d windows with padding %d and %d", s.out[0], s.start[0], s.end[0])
			}
		})
	}
}
