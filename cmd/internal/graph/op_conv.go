package graph

import (
	"errors"
	"fmt"
	"math"
	"slices"
)

// Conv is a convolution of the inputs x [N,C,...], weights [M,C/Group,...] and
// an optional bias [M], over one, two or three axes.
type Conv struct {
	Window
	Group  int
	Kernel []int // as the weights have it, or nil
}

// Kind implements Op.
func (*Conv) Kind() string { return "Conv" }

func (o *Conv) infer(in []*info, outputs int) ([]info, error) {
	if err := want(in, 2, 3); err != nil {
		return nil, err
	}
	if err := wantType(Float32, in...); err != nil {
		return nil, err
	}
	x, w := in[0].Shape, in[1].Shape
	switch {
	case len(x) < 3 || len(x) > 5:
		return nil, fmt.Errorf("an input of shape %v; one to three axes are supported after [N,C]", x)
	case len(w) != len(x):
		return nil, fmt.Errorf("weights of shape %v over an input of shape %v", w, x)
	case !within(o.Group, 1, maxSide) || w[1]*o.Group != x[1] || w[0]%o.Group != 0 || w[0] == 0:
		return nil, fmt.Errorf("weights of shape %v and group %d over an input of shape %v", w, o.Group, x)
	case o.Kernel != nil && !slices.Equal(o.Kernel, w[2:]):
		return nil, fmt.Errorf("kernel_shape %v with weights of shape %v", o.Kernel, w)
	}
	if bias := optional(in, 2); bias != nil && !slices.Equal(bias.Shape, w[:1]) {
		return nil, fmt.Errorf("a bias of shape %v with weights of shape %v", bias.Shape, w)
	}
	s, err := o.over(x[2:], w[2:])
	if err != nil {
		return nil, err
	}
	return single(outputs, Float32, append([]int{x[0], w[0]}, s.out...))
}

func (o *Conv) eval(in, out []*Tensor) error {
	x, w, y := in[0], in[1], out[0]
	side, kernel := x.Shape[2:], w.Shape[2:]
	s, err := o.over(side, kernel)
	if err != nil {
		return err
	}
	if sizeOf(kernel) == 1 && slices.Equal(s.in, s.out) && slices.Max(s.strides) == 1 {
		// Every output sees one input: the picture is one long row.
		flat := []int{sizeOf(side)}
		s, err = new(Window).over(flat, []int{1})
		if err != nil {
			return err
		}
	}
	if y.Size() == 0 {
		return nil
	}
	taps, plane, area := sizeOf(kernel), sizeOf(side), sizeOf(s.out)
	spans := make([][]span, taps)
	s.eachTap(func(tap int, list []span) { spans[tap] = slices.Clone(list) })
	step := s.strides[len(s.strides)-1]
	channels, filters := w.Shape[1], w.Shape[0]
	sums := make([]float64, area)
	for n := range x.Shape[0] {
		for m := range filters {
			bias := 0.0
			if b := optional(in, 2); b != nil {
				bias = float64(b.Floats[m])
			}
			for i := range sums {
				sums[i] = bias
			}
			first := m / (filters / o.Group) * channels
			for c := range channels {
				pixels := x.Floats[(n*x.Shape[1]+first+c)*plane:][:plane]
				for tap, list := range spans {
					accumulate(sums, pixels, float64(w.Floats[(m*channels+c)*taps+tap]), list, step)
				}
			}
			for i, v := range sums {
				y.Floats[(n*filters+m)*area+i] = float32(v)
			}
		}
	}
	return nil
}

// accumulate adds a weight's products with the inputs that it meets.
func accumulate(sums []float64, pixels []float32, weight float64, spans []span, step int) {
	for _, p := range spans {
		into, from := sums[p.out:p.out+p.n], pixels[p.in:]
		if step == 1 {
			for k, v := range from[:p.n] {
				into[k] += weight * float64(v)
			}
			continue
		}
		for k := range into {
			into[k] += weight * float64(from[k*step])
		}
	}
}

// Pool is MaxPool or AveragePool over [N,C,...]; GlobalMaxPool and
// GlobalAveragePool have a kernel of nil and cover the picture.
type Pool struct {
	Window
	Max             bool
	Kernel          []int
	CountIncludePad bool // AveragePool divides by elements of the padding, too
}

// Kind implements Op.
func (o *Pool) Kind() string {
	name := "AveragePool"
	if o.Max {
		name = "MaxPool"
	}
	if o.Kernel == nil {
		name = "Global" + name
	}
	return name
}

func (o *Pool) windows(shape []int) (*windows, error) {
	if len(shape) < 3 || len(shape) > 5 {
		return nil, fmt.Errorf("an input of shape %v; one to three axes are supported after [N,C]", shape)
	}
	if o.Kernel == nil {
		for _, d := range shape[2:] {
			if d == 0 {
				return nil, errors.New("an input without elements")
			}
		}
		return new(Window).over(shape[2:], shape[2:])
	}
	s, err := o.over(shape[2:], o.Kernel)
	if err != nil {
		return nil, err
	}
	for i := range s.in {
		if extent := (s.kernel[i]-1)*s.dilations[i] + 1; s.start[i] >= extent || s.end[i] >= extent {
			return nil, fmt.Errorf("padding %v and %v of a kernel %v: a window could lie outside of the picture", s.start, s.end, s.kernel)
		}
	}
	return s, nil
}

func (o *Pool) infer(in []*info, outputs int) ([]info, error) {
	if err := want(in, 1, 1); err != nil {
		return nil, err
	}
	if in[0].Type != Float32 && (!o.Max || in[0].Type == Bool) {
		return nil, fmt.Errorf("an input is %v", in[0].Type)
	}
	s, err := o.windows(in[0].Shape)
	if err != nil {
		return nil, err
	}
	return single(outputs, in[0].Type, append(slices.Clone(in[0].Shape[:2]), s.out...))
}

func (o *Pool) eval(in, out []*Tensor) error {
	x, y := in[0], out[0]
	s, err := o.windows(x.Shape)
	if err != nil {
		return err
	}
	step := s.strides[len(s.strides)-1]
	plane, area := sizeOf(s.in), sizeOf(s.out)
	counts := make([]int, area)
	if o.CountIncludePad {
		counts = s.padded()
	}
	sums := make([]float64, y.Size())
	seen := make([]bool, area) // by a tap
	s.eachTap(func(_ int, spans []span) {
		for _, p := range spans {
			for k := range p.n {
				at := p.out + k
				for image := range x.Shape[0] * x.Shape[1] {
					v := x.at(image*plane + p.in + k*step)
					sum := &sums[image*area+at]
					switch {
					case !o.Max:
						*sum += v
					case seen[at]:
						*sum = max(*sum, v)
					default:
						*sum = v
					}
				}
				seen[at] = true
				if !o.CountIncludePad {
					counts[at]++
				}
			}
		}
	})
	for i, v := range sums {
		switch {
		case !o.Max:
			v /= float64(max(1, counts[i%area]))
		case !seen[i%area]: // the elements of the window leave the picture out
			v = math.Inf(-1)
		}
		y.set(i, v)
	}
	return nil
}
