package graph

import (
	"fmt"
	"math"
	"slices"
)

// Type is the type of a tensor's elements.
type Type uint8

// The types that graphs compute with.
const (
	Float32 Type = iota + 1
	Int64
	Int32
	Uint8
	Bool
)

// String names the type.
func (t Type) String() string {
	switch t {
	case Float32:
		return "float32"
	case Int64:
		return "int64"
	case Int32:
		return "int32"
	case Uint8:
		return "uint8"
	case Bool:
		return "bool"
	}
	return fmt.Sprintf("type %d", uint8(t))
}

// wrap brings an integer into the range of a type, as its arithmetic does.
func (t Type) wrap(v int64) int64 {
	switch t {
	case Int32:
		return int64(int32(v))
	case Uint8:
		return int64(uint8(v))
	}
	return v
}

// MaxElements bounds the elements of a tensor.
const MaxElements = 1 << 28

// MaxRank bounds the dimensions of a tensor.
const MaxRank = 8

// Tensor is an array in row-major order. Of Floats and Ints the one that fits
// the type holds the elements; a bool is 0 or 1.
type Tensor struct {
	Type   Type
	Shape  []int
	Floats []float32
	Ints   []int64
}

// NewTensor returns a tensor of zeros.
func NewTensor(t Type, shape ...int) *Tensor {
	n := &Tensor{Type: t, Shape: shape}
	if t == Float32 {
		n.Floats = make([]float32, sizeOf(shape))
	} else {
		n.Ints = make([]int64, sizeOf(shape))
	}
	return n
}

// FloatTensor returns a tensor over the given elements.
func FloatTensor(data []float32, shape ...int) *Tensor {
	return &Tensor{Type: Float32, Shape: shape, Floats: data}
}

// IntTensor returns a vector of int64.
func IntTensor(data ...int64) *Tensor {
	return &Tensor{Type: Int64, Shape: []int{len(data)}, Ints: data}
}

// Size is the number of elements.
func (t *Tensor) Size() int { return len(t.Floats) + len(t.Ints) }

// Equal reports whether two tensors have the same type, shape and elements. A
// NaN equals a NaN.
func (t *Tensor) Equal(u *Tensor) bool {
	return t.Type == u.Type && slices.Equal(t.Shape, u.Shape) && slices.Equal(t.Ints, u.Ints) &&
		slices.EqualFunc(t.Floats, u.Floats, func(a, b float32) bool { return math.Float32bits(a) == math.Float32bits(b) })
}

// at is element i as a float64, which holds a float32 exactly.
func (t *Tensor) at(i int) float64 {
	if t.Type == Float32 {
		return float64(t.Floats[i])
	}
	return float64(t.Ints[i])
}

// set gives element i a value: rounded for a float32, cut and wrapped for an
// integer.
func (t *Tensor) set(i int, v float64) {
	if t.Type == Float32 {
		t.Floats[i] = float32(v)
		return
	}
	switch {
	case math.IsNaN(v):
		v = 0
	case v >= math.MaxInt64: // what Go makes of it depends on the processor
		t.Ints[i] = t.Type.wrap(math.MaxInt64)
		return
	case v <= math.MinInt64:
		v = math.MinInt64
	}
	t.Ints[i] = t.Type.wrap(int64(v))
}

// copyElement copies an element of a tensor of the same type.
func (t *Tensor) copyElement(i int, from *Tensor, j int) {
	if t.Type == Float32 {
		t.Floats[i] = from.Floats[j]
	} else {
		t.Ints[i] = from.Ints[j]
	}
}

// sizeOf is the number of elements of a shape, or math.MaxInt where that is
// larger than an int.
func sizeOf(shape []int) int {
	size := 1
	for _, d := range shape {
		if d == 0 {
			return 0
		}
		if size > math.MaxInt/d {
			size = math.MaxInt
		} else {
			size *= d
		}
	}
	return size
}

// stridesOf are the distances between neighbours along each axis.
func stridesOf(shape []int) []int {
	strides := make([]int, len(shape))
	step := 1
	for i := len(shape) - 1; i >= 0; i-- {
		strides[i] = step
		step *= shape[i]
	}
	return strides
}

// broadcastStrides are the strides with which a tensor is read as one of the
// shape out: 0 along axes that it repeats. The shape must fit.
func broadcastStrides(shape, out []int) []int {
	strides := make([]int, len(out))
	own := stridesOf(shape)
	for i, d := range shape {
		if d != 1 {
			strides[len(out)-len(shape)+i] = own[i]
		}
	}
	return strides
}

// broadcast is the shape of an elementwise result.
func broadcast(shapes ...[]int) ([]int, error) {
	rank := 0
	for _, s := range shapes {
		rank = max(rank, len(s))
	}
	out := slices.Repeat([]int{1}, rank)
	for _, s := range shapes {
		for i, d := range s {
			switch o := &out[rank-len(s)+i]; {
			case *o == 1:
				*o = d
			case d != 1 && d != *o:
				return nil, fmt.Errorf("an input of shape %v does not fit the others", s)
			}
		}
	}
	return out, nil
}

// eachRow calls do with the offset of each row, which is all but the last axis,
// in tensors that are walked with the given strides; a scalar is one row.
func eachRow(shape []int, strides [][]int, do func(at []int)) {
	if sizeOf(shape) == 0 {
		return
	}
	outer := max(0, len(shape)-1)
	index := make([]int, outer)
	at := make([]int, len(strides))
	for {
		do(at)
		axis := outer - 1
		for ; axis >= 0; axis-- {
			index[axis]++
			for k, s := range strides {
				at[k] += s[axis]
			}
			if index[axis] < shape[axis] {
				break
			}
			for k, s := range strides {
				at[k] -= s[axis] * shape[axis]
			}
			index[axis] = 0
		}
		if axis < 0 {
			return
		}
	}
}

// lastOf is the last stride and the length of a row.
func lastOf(list []int, scalar int) int {
	if len(list) == 0 {
		return scalar
	}
	return list[len(list)-1]
}

// strided is a part of a tensor: where it starts, and how far it is to the next
// element along each axis.
type strided struct {
	tensor  *Tensor
	start   int
	strides []int
}

// whole is all of a tensor.
func whole(t *Tensor) strided { return strided{t, 0, stridesOf(t.Shape)} }

// copyStrided copies an array of the given shape.
func copyStrided(dst, src strided, shape []int) {
	n, d, s := lastOf(shape, 1), lastOf(dst.strides, 0), lastOf(src.strides, 0)
	eachRow(shape, [][]int{dst.strides, src.strides}, func(at []int) {
		i, j := dst.start+at[0], src.start+at[1]
		for range n {
			dst.tensor.copyElement(i, src.tensor, j)
			i += d
			j += s
		}
	})
}
