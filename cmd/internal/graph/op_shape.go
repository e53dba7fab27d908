package graph

import (
	"fmt"
	"slices"
)

// Identity gives its input.
type Identity struct{}

// Kind implements Op.
func (*Identity) Kind() string { return "Identity" }

func (*Identity) infer(in []*info, outputs int) ([]info, error) {
	if err := want(in, 1, 1); err != nil {
		return nil, err
	}
	return single(outputs, in[0].Type, in[0].Shape)
}

func (*Identity) eval(in, out []*Tensor) error {
	copyAll(out[0], in[0])
	return nil
}

// copyAll copies the elements in their order; the shapes may differ.
func copyAll(dst, src *Tensor) {
	copy(dst.Floats, src.Floats)
	copy(dst.Ints, src.Ints)
}

// Dropout gives its input, and as a second output a mask that is true
// everywhere. The other two inputs are a ratio and whether to train: the graph
// of a file must not.
//
// In a graph that is made to be trained, one with a Rate above 0 is zero with
// that probability, else the input divided by 1-Rate; the draws are those of a
// Stream of random numbers. Evaluate does not train.
type Dropout struct {
	Rate   float64
	Stream uint64
}

// Kind implements Op.
func (*Dropout) Kind() string { return "Dropout" }

func (*Dropout) infer(in []*info, outputs int) ([]info, error) {
	if err := want(in, 1, 3); err != nil {
		return nil, err
	}
	if training := optional(in, 2); training != nil {
		if err := wantType(Bool, training); err != nil {
			return nil, err
		}
		if training.Data == nil || slices.Contains(training.Data.Ints, 1) {
			return nil, fmt.Errorf("%w: training mode", ErrUnsupported)
		}
	}
	if outputs > 2 {
		return nil, errOutputs
	}
	return []info{{Type: in[0].Type, Shape: in[0].Shape}, {Type: Bool, Shape: in[0].Shape}}[:outputs], nil
}

func (*Dropout) eval(in, out []*Tensor) error {
	copyAll(out[0], in[0])
	if len(out) > 1 {
		for i := range out[1].Ints {
			out[1].Ints[i] = 1
		}
	}
	return nil
}

// Shape is the shape of its input, or the axes from Start to before End of it.
type Shape struct{ Start, End int }

// Kind implements Op.
func (*Shape) Kind() string { return "Shape" }

func (o *Shape) infer(in []*info, outputs int) ([]info, error) {
	if err := want(in, 1, 1); err != nil {
		return nil, err
	}
	part := o.part(in[0].Shape)
	out, err := single(outputs, Int64, []int{len(part)})
	if err != nil {
		return nil, err
	}
	out[0].Data = NewTensor(Int64, len(part))
	for i, d := range part {
		out[0].Data.Ints[i] = int64(d)
	}
	return out, nil
}

func (o *Shape) part(shape []int) []int {
	rank := len(shape)
	bound := func(v int) int {
		if v < 0 {
			v += rank
		}
		return max(0, min(v, rank))
	}
	start, end := bound(o.Start), bound(o.End)
	return shape[min(start, end):end]
}

func (o *Shape) eval(in, out []*Tensor) error {
	for i, d := range o.part(in[0].Shape) {
		out[0].Ints[i] = int64(d)
	}
	return nil
}

// Size is the number of elements of its input.
type Size struct{}

// Kind implements Op.
func (*Size) Kind() string { return "Size" }

func (*Size) infer(in []*info, outputs int) ([]info, error) {
	if err := want(in, 1, 1); err != nil {
		return nil, err
	}
	out, err := single(outputs, Int64, []int{})
	if err != nil {
		return nil, err
	}
	out[0].Data = NewTensor(Int64)
	out[0].Data.Ints[0] = int64(sizeOf(in[0].Shape))
	return out, nil
}

func (*Size) eval(in, out []*Tensor) error {
	out[0].Ints[0] = int64(sizeOf(in[0].Shape))
	return nil
}

// Reshape gives its first input the shape that the second one lists. There -1
// stands for what is left, and 0 for the input's own, unless AllowZero.
type Reshape struct{ AllowZero bool }

// Kind implements Op.
func (*Reshape) Kind() string { return "Reshape" }

func (o *Reshape) infer(in []*info, outputs int) ([]info, error) {
	if err := want(in, 2, 2); err != nil {
		return nil, err
	}
	wanted, err := in[1].integers()
	if err != nil {
		return nil, err
	}
	shape := slices.Clone(wanted)
	own, size := in[0].Shape, sizeOf(in[0].Shape)
	free := -1
	for i, d := range shape {
		switch {
		case d == 0 && !o.AllowZero && i >= len(own), d < -1, d == -1 && free >= 0:
			return nil, fmt.Errorf("shape %v for an input of shape %v", wanted, own)
		case d == 0 && !o.AllowZero:
			shape[i] = own[i]
		case d == -1:
			free, shape[i] = i, 1
		}
	}
	given := sizeOf(shape)
	if free >= 0 && given > 0 && size%given == 0 {
		shape[free] = size / given
	}
	if sizeOf(shape) != size || free >= 0 && given == 0 {
		return nil, fmt.Errorf("shape %v for an input of shape %v", wanted, own)
	}
	return single(outputs, in[0].Type, shape)
}

func (*Reshape) eval(in, out []*Tensor) error {
	copyAll(out[0], in[0])
	return nil
}

// Flatten makes a matrix: the axes before Axis are its rows.
type Flatten struct{ Axis int }

// Kind implements Op.
func (*Flatten) Kind() string { return "Flatten" }

func (o *Flatten) infer(in []*info, outputs int) ([]info, error) {
	if err := want(in, 1, 1); err != nil {
		return nil, err
	}
	shape := in[0].Shape
	axis := o.Axis
	if axis != len(shape) {
		var err error
		if axis, err = axisOf(axis, len(shape)); err != nil {
			return nil, err
		}
	}
	return single(outputs, in[0].Type, []int{sizeOf(shape[:axis]), sizeOf(shape[axis:])})
}

func (*Flatten) eval(in, out []*Tensor) error {
	copyAll(out[0], in[0])
	return nil
}

// Squeeze drops the axes that the second input lists, or all of length 1.
type Squeeze struct{}

// Kind implements Op.
func (*Squeeze) Kind() string { return "Squeeze" }

func (*Squeeze) infer(in []*info, outputs int) ([]info, error) {
	if err := want(in, 1, 2); err != nil {
		return nil, err
	}
	x := in[0].Shape
	chosen := make([]bool, len(x))
	if a := optional(in, 1); a != nil {
		list, err := a.integers()
		if err != nil {
			return nil, err
		}
		if chosen, err = axesOf(list, len(x)); err != nil {
			return nil, err
		}
	} else {
		for i, d := range x {
			chosen[i] = d == 1
		}
	}
	shape := []int{}
	for i, d := range x {
		switch {
		case !chosen[i]:
			shape = append(shape, d)
		case d != 1:
			return nil, fmt.Errorf("axis %d of %v is not 1", i, x)
		}
	}
	return single(outputs, in[0].Type, shape)
}

func (*Squeeze) eval(in, out []*Tensor) error {
	copyAll(out[0], in[0])
	return nil
}

// Unsqueeze puts axes of length 1 where the second input lists them, counted in
// the result.
type Unsqueeze struct{}

// Kind implements Op.
func (*Unsqueeze) Kind() string { return "Unsqueeze" }

func (*Unsqueeze) infer(in []*info, outputs int) ([]info, error) {
	if err := want(in, 2, 2); err != nil {
		return nil, err
	}
	list, err := in[1].integers()
	if err != nil {
		return nil, err
	}
	if len(list) > MaxRank {
		return nil, fmt.Errorf("%d axes", len(list))
	}
	rest := in[0].Shape
	chosen, err := axesOf(list, len(rest)+len(list))
	if err != nil {
		return nil, err
	}
	shape := []int{}
	for _, added := range chosen {
		if added {
			shape = append(shape, 1)
		} else {
			shape, rest = append(shape, rest[0]), rest[1:]
		}
	}
	return single(outputs, in[0].Type, shape)
}

func (*Unsqueeze) eval(in, out []*Tensor) error {
	copyAll(out[0], in[0])
	return nil
}
