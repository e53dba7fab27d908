package graph

import (
	"fmt"
	"math"
)

// ConstantOfShape fills the shape that its input lists with the one element of
// Value, or float32 zeros where that is nil.
type ConstantOfShape struct{ Value *Tensor }

// Kind implements Op.
func (*ConstantOfShape) Kind() string { return "ConstantOfShape" }

func (o *ConstantOfShape) infer(in []*info, outputs int) ([]info, error) {
	if err := want(in, 1, 1); err != nil {
		return nil, err
	}
	shape, err := in[0].integers()
	if err != nil {
		return nil, err
	}
	t := Float32
	if o.Value != nil {
		if o.Value.Size() != 1 {
			return nil, fmt.Errorf("a value of shape %v where a number was expected", o.Value.Shape)
		}
		t = o.Value.Type
	}
	return single(outputs, t, shape)
}

func (o *ConstantOfShape) eval(_, out []*Tensor) error {
	for i := 0; o.Value != nil && i < out[0].Size(); i++ {
		out[0].copyElement(i, o.Value, 0)
	}
	return nil
}

// Range counts from the first input to before the second in steps of the third.
type Range struct{}

// Kind implements Op.
func (*Range) Kind() string { return "Range" }

func (*Range) infer(in []*info, outputs int) ([]info, error) {
	if err := want(in, 3, 3); err != nil {
		return nil, err
	}
	if err := sameType(in...); err != nil {
		return nil, err
	}
	var v [3]float64
	for i, x := range in {
		switch {
		case sizeOf(x.Shape) != 1 || x.Type == Bool:
			return nil, fmt.Errorf("an input of type %v and shape %v where a number was expected", x.Type, x.Shape)
		case x.Data == nil:
			return nil, errContent
		}
		v[i] = x.Data.at(0)
	}
	n := math.Ceil((v[1] - v[0]) / v[2])
	if math.IsNaN(n) || n > MaxElements {
		return nil, fmt.Errorf("from %g to %g in steps of %g", v[0], v[1], v[2])
	}
	return single(outputs, in[0].Type, []int{int(max(0, n))})
}

func (*Range) eval(in, out []*Tensor) error {
	for i := range out[0].Size() {
		if in[0].Type == Float32 {
			out[0].set(i, in[0].at(0)+float64(i)*in[2].at(0))
		} else {
			out[0].Ints[i] = out[0].Type.wrap(in[0].Ints[0] + int64(i)*in[2].Ints[0])
		}
	}
	return nil
}
