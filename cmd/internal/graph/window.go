package graph

import (
	"fmt"
	"slices"
)

// AutoPad says who chooses the padding.
type AutoPad string

// The ways of padding, as ONNX names them: NotSet takes the pads given. With
// SameUpper and SameLower the output is the input divided by the stride,
// rounded up; an odd element of padding goes to the end or to the start.
const (
	NotSet    AutoPad = "NOTSET"
	Valid     AutoPad = "VALID"
	SameUpper AutoPad = "SAME_UPPER"
	SameLower AutoPad = "SAME_LOWER"
)

// Window is how convolutions and pools move over a picture; one number for each
// spatial axis, pads first those of the starts and then those of the ends. Nil
// stands for strides and dilations of 1 and pads of 0.
type Window struct {
	Strides, Pads, Dilations []int
	Auto                     AutoPad
	Ceil                     bool // pools: a last window may hang over the end
}

// windows are those of a picture of known size.
type windows struct {
	in, out, kernel           []int
	strides, dilations, start []int
	end                       []int // padding
}

// over gives the windows over a picture.
func (w *Window) over(in, kernel []int) (*windows, error) {
	rank := len(in)
	s := &windows{in: in, kernel: kernel, strides: w.Strides, dilations: w.Dilations}
	ones := slices.Repeat([]int{1}, rank)
	if s.strides == nil {
		s.strides = ones
	}
	if s.dilations == nil {
		s.dilations = ones
	}
	pads := w.Pads
	if pads == nil {
		pads = make([]int, 2*rank)
	}
	if len(kernel) != rank || len(s.strides) != rank || len(s.dilations) != rank || len(pads) != 2*rank {
		return nil, fmt.Errorf("a kernel %v, strides %v, dilations %v and pads %v over %v", kernel, s.strides, s.dilations, pads, in)
	}
	for _, err := range []error{
		checkSides("a kernel", kernel, 1), checkSides("strides", s.strides, 1),
		checkSides("dilations", s.dilations, 1), checkSides("pads", pads, 0),
	} {
		if err != nil {
			return nil, err
		}
	}
	s.start, s.end = slices.Clone(pads[:rank]), slices.Clone(pads[rank:])
	for i, side := range in {
		extent := (kernel[i]-1)*s.dilations[i] + 1
		switch w.Auto {
		case NotSet, "":
		case Valid:
			s.start[i], s.end[i] = 0, 0
		case SameUpper, SameLower:
			out := (side + s.strides[i] - 1) / s.strides[i]
			total := max(0, (out-1)*s.strides[i]+extent-side)
			s.start[i], s.end[i] = total/2, total-total/2
			if w.Auto == SameLower {
				s.start[i], s.end[i] = s.end[i], s.start[i]
			}
		default:
			return nil, fmt.Errorf("auto_pad %q", w.Auto)
		}
		room := side + s.start[i] + s.end[i] - extent
		if room < 0 {
			return nil, fmt.Errorf("a kernel of extent %d over %d elements with padding %d and %d", extent, side, s.start[i], s.end[i])
		}
		out := room/s.strides[i] + 1
		if w.Ceil && room%s.strides[i] != 0 && out*s.strides[i] < side+s.start[i] {
			out++ // it starts inside the picture
		}
		s.out = append(s.out, out)
	}
	return s, nil
}

// span is a run of outputs of one row, and the inputs that an element of the
// kernel meets there: input in + k*stride for output out + k.
type span struct{ out, in, n int }

// eachTap calls do for every element of the kernel, in row-major order, with
// the spans where it lies inside the picture. The stride is that within a span.
func (s *windows) eachTap(do func(tap int, spans []span)) {
	rank := len(s.in)
	last := rank - 1
	tap := make([]int, rank)
	inStrides, outStrides := stridesOf(s.in), stridesOf(s.out)
	var spans []span
	for number := range sizeOf(s.kernel) {
		rest := number
		for i := last; i >= 0; i-- {
			tap[i], rest = rest%s.kernel[i], rest/s.kernel[i]
		}
		lo, hi := make([]int, rank), make([]int, rank) // outputs that meet the picture
		empty := false
		for i := range rank {
			offset := tap[i]*s.dilations[i] - s.start[i]
			if offset < 0 {
				lo[i] = (-offset + s.strides[i] - 1) / s.strides[i]
			}
			if room := s.in[i] - 1 - offset; room >= 0 {
				hi[i] = min(s.out[i], room/s.strides[i]+1)
			}
			empty = empty || lo[i] >= hi[i]
		}
		spans = spans[:0]
		at := slices.Clone(lo)
		for !empty {
			p := span{n: hi[last] - lo[last]}
			for i := range rank {
				p.out += at[i] * outStrides[i]
				p.in += (at[i]*s.strides[i] + tap[i]*s.dilations[i] - s.start[i]) * inStrides[i]
			}
			spans = append(spans, p)
			axis := last - 1
			for ; axis >= 0; axis-- {
				if at[axis]++; at[axis] < hi[axis] {
					break
				}
				at[axis] = lo[axis]
			}
			empty = axis < 0
		}
		do(number, spans)
	}
}

// padded counts for each output the elements of its window that lie in the
// picture or its padding.
func (s *windows) padded() []int {
	counts := slices.Repeat([]int{1}, sizeOf(s.out))
	strides := stridesOf(s.out)
	for o := range counts {
		for i := range s.out {
			from := o / strides[i] % s.out[i] * s.strides[i]
			to := s.in[i] + s.start[i] + s.end[i] // of the padded picture
			counts[o] *= min(s.kernel[i], (to-from+s.dilations[i]-1)/s.dilations[i])
		}
	}
	return counts
}

// Padding is that of the windows over a picture, as numbers: first those of the
// starts, then those of the ends.
func (w *Window) Padding(in, kernel []int) ([]int, error) {
	s, err := w.over(in, kernel)
	if err != nil {
		return nil, err
	}
	return slices.Concat(s.start, s.end), nil
}
