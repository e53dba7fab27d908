package graph

import (
	"errors"
	"fmt"
	"math"
)

// want checks the number of inputs, of which those after the first required
// ones are optional.
func want[T any](in []*T, required, most int) error {
	if len(in) < required || len(in) > most {
		if required == most {
			return fmt.Errorf("it has %d inputs where %d were expected", len(in), most)
		}
		return fmt.Errorf("it has %d inputs where %d to %d were expected", len(in), required, most)
	}
	for i := range required {
		if in[i] == nil {
			return fmt.Errorf("its input %d is absent", i+1)
		}
	}
	return nil
}

// optional is input i, or nil.
func optional[T any](in []*T, i int) *T {
	if i >= len(in) {
		return nil
	}
	return in[i]
}

// wantType checks the types of inputs that are there.
func wantType(t Type, in ...*info) error {
	for _, v := range in {
		if v != nil && v.Type != t {
			return fmt.Errorf("an input is %v where %v was expected", v.Type, t)
		}
	}
	return nil
}

// sameType checks that all inputs that are there have one type.
func sameType(in ...*info) error {
	for _, v := range in {
		if v != nil {
			if err := wantType(v.Type, in...); err != nil {
				return err
			}
		}
	}
	return nil
}

// integers are the elements of an input that decides about shapes.
func (v *info) integers() ([]int, error) {
	if v.Type != Int64 && v.Type != Int32 {
		return nil, fmt.Errorf("an input is %v where integers were expected", v.Type)
	}
	if len(v.Shape) > 1 {
		return nil, fmt.Errorf("an input of shape %v where a list was expected", v.Shape)
	}
	if v.Data == nil {
		return nil, errContent
	}
	list := make([]int, len(v.Data.Ints))
	for i, d := range v.Data.Ints {
		list[i] = int(d)
	}
	return list, nil
}

// describe is a tensor with its elements.
func (t *Tensor) describe() *info {
	if t == nil {
		return nil
	}
	return &info{t.Type, t.Shape, t}
}

// integersOf is info.integers of a tensor whose operator was inferred.
func integersOf(t *Tensor) []int {
	list, err := t.describe().integers()
	if err != nil {
		return nil
	}
	return list
}

// axisOf brings an axis, which may count from the end, into 0 to rank-1.
func axisOf(axis, rank int) (int, error) {
	if axis < -rank || axis >= rank {
		return 0, fmt.Errorf("axis %d of %d dimensions", axis, rank)
	}
	if axis < 0 {
		axis += rank
	}
	return axis, nil
}

// axesOf is axisOf for a list, in which no axis may come twice: it reports for
// every axis whether it is in the list.
func axesOf(axes []int, rank int) ([]bool, error) {
	chosen := make([]bool, rank)
	for _, a := range axes {
		axis, err := axisOf(a, rank)
		if err != nil {
			return nil, err
		}
		if chosen[axis] {
			return nil, fmt.Errorf("axis %d is given twice", axis)
		}
		chosen[axis] = true
	}
	return chosen, nil
}

// within reports whether v is in lo to hi.
func within(v, lo, hi int) bool { return v >= lo && v <= hi }

// ErrUnsupported is in errors about what this package has no meaning for.
var ErrUnsupported = errors.New("not supported")

var errOutputs = fmt.Errorf("%w: its further outputs", ErrUnsupported)

// single checks that nothing but the first output is wanted, and returns it.
func single(outputs int, t Type, shape []int) ([]info, error) {
	if outputs != 1 {
		return nil, errOutputs
	}
	return []info{{Type: t, Shape: shape}}, nil
}

// maxSide bounds numbers that are added to or multiplied with dimensions.
const maxSide = math.MaxInt32

// checkSides bounds kernels, strides, dilations and padding.
func checkSides(name string, list []int, lo int) error {
	for _, v := range list {
		if !within(v, lo, maxSide) {
			return fmt.Errorf("%s %v", name, list)
		}
	}
	return nil
}
