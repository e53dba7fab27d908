package graph

import (
	"errors"
	"fmt"
	"math"
	"slices"
)

// Transpose puts axis Perm[i] of the input at i; without Perm it turns the
// order of the axes round.
type Transpose struct{ Perm []int }

// Kind implements Op.
func (*Transpose) Kind() string { return "Transpose" }

func (o *Transpose) perm(rank int) ([]int, error) {
	perm := o.Perm
	if perm == nil {
		for i := rank - 1; i >= 0; i-- {
			perm = append(perm, i)
		}
	}
	if len(perm) != rank {
		return nil, fmt.Errorf("perm %v of %d dimensions", perm, rank)
	}
	for _, axis := range perm {
		if axis < 0 {
			return nil, fmt.Errorf("perm %v", perm)
		}
	}
	_, err := axesOf(perm, rank)
	return perm, err
}

func (o *Transpose) infer(in []*info, outputs int) ([]info, error) {
	if err := want(in, 1, 1); err != nil {
		return nil, err
	}
	perm, err := o.perm(len(in[0].Shape))
	if err != nil {
		return nil, err
	}
	shape := []int{}
	for _, axis := range perm {
		shape = append(shape, in[0].Shape[axis])
	}
	return single(outputs, in[0].Type, shape)
}

func (o *Transpose) eval(in, out []*Tensor) error {
	perm, err := o.perm(len(in[0].Shape))
	if err != nil {
		return err
	}
	own := stridesOf(in[0].Shape)
	strides := make([]int, len(perm))
	for i, axis := range perm {
		strides[i] = own[axis]
	}
	copyStrided(whole(out[0]), strided{in[0], 0, strides}, out[0].Shape)
	return nil
}

// Expand repeats its first input to the shape that it and the second input
// broadcast to.
type Expand struct{}

// Kind implements Op.
func (*Expand) Kind() string { return "Expand" }

func (*Expand) infer(in []*info, outputs int) ([]info, error) {
	if err := want(in, 2, 2); err != nil {
		return nil, err
	}
	wanted, err := in[1].integers()
	if err != nil {
		return nil, err
	}
	shape, err := broadcast(in[0].Shape, wanted)
	if err != nil {
		return nil, err
	}
	return single(outputs, in[0].Type, shape)
}

func (*Expand) eval(in, out []*Tensor) error {
	copyStrided(whole(out[0]), strided{in[0], 0, broadcastStrides(in[0].Shape, out[0].Shape)}, out[0].Shape)
	return nil
}

// Tile repeats its first input as often along each axis as the second lists.
type Tile struct{}

// Kind implements Op.
func (*Tile) Kind() string { return "Tile" }

func (*Tile) infer(in []*info, outputs int) ([]info, error) {
	if err := want(in, 2, 2); err != nil {
		return nil, err
	}
	repeats, err := in[1].integers()
	if err != nil {
		return nil, err
	}
	if len(repeats) != len(in[0].Shape) {
		return nil, fmt.Errorf("repeats %v for an input of shape %v", repeats, in[0].Shape)
	}
	if err := checkSides("repeats", repeats, 0); err != nil {
		return nil, err
	}
	shape := make([]int, len(repeats))
	for i, r := range repeats {
		if shape[i], err = product(in[0].Shape[i], r); err != nil {
			return nil, err
		}
	}
	return single(outputs, in[0].Type, shape)
}

// product refuses what no dimension can be.
func product(a, b int) (int, error) {
	if a > 0 && b > 0 && a > math.MaxInt/b {
		return 0, fmt.Errorf("a dimension of %d times %d", a, b)
	}
	return a * b, nil
}

func (*Tile) eval(in, out []*Tensor) error {
	var shape, to, from []int // each axis is two: repeats and elements
	own, strides := stridesOf(in[0].Shape), stridesOf(out[0].Shape)
	for i, d := range in[0].Shape {
		if d == 0 {
			return nil
		}
		shape = append(shape, out[0].Shape[i]/d, d)
		to = append(to, strides[i]*d, strides[i])
		from = append(from, 0, own[i])
	}
	copyStrided(strided{out[0], 0, to}, strided{in[0], 0, from}, shape)
	return nil
}

// Concat puts its inputs one after the other along an axis.
type Concat struct{ Axis int }

// Kind implements Op.
func (*Concat) Kind() string { return "Concat" }

func (o *Concat) infer(in []*info, outputs int) ([]info, error) {
	if err := want(in, max(1, len(in)), max(1, len(in))); err != nil {
		return nil, err
	}
	if err := sameType(in...); err != nil {
		return nil, err
	}
	axis, err := axisOf(o.Axis, len(in[0].Shape))
	if err != nil {
		return nil, err
	}
	shape := slices.Clone(in[0].Shape)
	shape[axis] = 0
	for _, x := range in {
		if len(x.Shape) != len(shape) {
			return nil, fmt.Errorf("inputs of shapes %v and %v along axis %d", in[0].Shape, x.Shape, axis)
		}
		for i, d := range x.Shape {
			switch {
			case i == axis && d > math.MaxInt-shape[i]:
				return nil, errors.New("a dimension that is too large")
			case i == axis:
				shape[i] += d
			case d != shape[i]:
				return nil, fmt.Errorf("inputs of shapes %v and %v along axis %d", in[0].Shape, x.Shape, axis)
			}
		}
	}
	return single(outputs, in[0].Type, shape)
}

func (o *Concat) eval(in, out []*Tensor) error {
	axis, err := axisOf(o.Axis, len(out[0].Shape))
	if err != nil {
		return err
	}
	part := whole(out[0])
	for _, x := range in {
		copyStrided(part, whole(x), x.Shape)
		part.start += x.Shape[axis] * part.strides[axis]
	}
	return nil
}

// Split cuts its first input along an axis: into the lengths that the second
// input lists, or into equal parts, of which the last may be shorter.
type Split struct {
	Axis  int
	Parts int  // if there are no lengths
	Even  bool // the last part must not be shorter
}

// Kind implements Op.
func (*Split) Kind() string { return "Split" }

func (o *Split) infer(in []*info, outputs int) ([]info, error) {
	if err := want(in, 1, 2); err != nil {
		return nil, err
	}
	x := in[0].Shape
	axis, err := axisOf(o.Axis, len(x))
	if err != nil {
		return nil, err
	}
	var parts []int
	switch lengths := optional(in, 1); {
	case lengths != nil:
		if parts, err = lengths.integers(); err != nil {
			return nil, err
		}
	case !within(o.Parts, 1, maxSide) || o.Even && x[axis]%o.Parts != 0:
		return nil, fmt.Errorf("%d elements in %d parts", x[axis], o.Parts)
	default:
		each := (x[axis] + o.Parts - 1) / o.Parts
		for i := range min(o.Parts, outputs) {
			parts = append(parts, max(0, min(each, x[axis]-i*each)))
		}
		if o.Parts > outputs { // the rest, which nobody wants
			parts = append(parts, x[axis]-min(x[axis], outputs*each))
		}
	}
	if len(parts) < outputs {
		return nil, fmt.Errorf("split %v for %d outputs", parts, outputs)
	}
	left := x[axis]
	var out []info
	for i, n := range parts {
		if n < 0 || n > left {
			return nil, fmt.Errorf("split %v of %d elements", parts, x[axis])
		}
		left -= n
		if i < outputs {
			shape := slices.Clone(x)
			shape[axis] = n
			out = append(out, info{Type: in[0].Type, Shape: shape})
		}
	}
	if left != 0 {
		return nil, fmt.Errorf("split %v of %d elements", parts, x[axis])
	}
	return out, nil
}

func (o *Split) eval(in, out []*Tensor) error {
	axis, err := axisOf(o.Axis, len(in[0].Shape))
	if err != nil {
		return err
	}
	part := whole(in[0])
	for _, y := range out {
		copyStrided(whole(y), part, y.Shape)
		part.start += y.Shape[axis] * part.strides[axis]
	}
	return nil
}

// Slice takes parts of axes. The inputs after the first are the starts, the
// ends, the axes and the steps; the last two are optional.
type Slice struct{}

// Kind implements Op.
func (*Slice) Kind() string { return "Slice" }

// cut is a part of an axis.
type cut struct{ start, step, n int }

// cuts gives the part of every axis.
func (*Slice) cuts(in []*info) ([]cut, error) {
	if err := want(in, 3, 5); err != nil {
		return nil, err
	}
	lists := make([][]int, 5)
	for i := 1; i < len(in); i++ {
		if in[i] == nil {
			continue
		}
		list, err := in[i].integers()
		if err != nil {
			return nil, err
		}
		lists[i] = list
	}
	starts, ends, axes, steps := lists[1], lists[2], lists[3], lists[4]
	if optional(in, 3) == nil {
		for i := range starts {
			axes = append(axes, i)
		}
	}
	if optional(in, 4) == nil {
		steps = slices.Repeat([]int{1}, len(starts))
	}
	if len(ends) != len(starts) || len(axes) != len(starts) || len(steps) != len(starts) {
		return nil, fmt.Errorf("starts %v, ends %v, axes %v and steps %v", starts, ends, axes, steps)
	}
	shape := in[0].Shape
	if _, err := axesOf(axes, len(shape)); err != nil {
		return nil, err
	}
	cuts := make([]cut, len(shape))
	for i, d := range shape {
		cuts[i] = cut{0, 1, d}
	}
	for i, a := range axes {
		axis, err := axisOf(a, len(shape))
		if err != nil {
			return nil, err
		}
		if steps[i] == 0 || steps[i] == math.MinInt {
			return nil, fmt.Errorf("a step of %d", steps[i])
		}
		cuts[axis] = cutOf(starts[i], ends[i], steps[i], shape[axis])
	}
	return cuts, nil
}

// cutOf is the part of an axis of d elements; what lies outside is cut off.
func cutOf(start, end, step, d int) cut {
	lo, hi := 0, d // of the start and the end
	if step < 0 {
		lo, hi = -1, d-1
	}
	bound := func(v int) int {
		if v < 0 {
			v += d
		}
		return max(lo, min(v, hi))
	}
	from, to := bound(start), bound(end)
	if step < 0 && end < -d {
		to = -1
	}
	n := 0
	if step > 0 && to > from {
		n = (to-from-1)/step + 1
	} else if step < 0 && to < from {
		n = (from-to-1)/-step + 1
	}
	return cut{from, step, n}
}

func (o *Slice) infer(in []*info, outputs int) ([]info, error) {
	cuts, err := o.cuts(in)
	if err != nil {
		return nil, err
	}
	shape := make([]int, len(cuts))
	for i, c := range cuts {
		shape[i] = c.n
	}
	return single(outputs, in[0].Type, shape)
}

func (o *Slice) eval(in, out []*Tensor) error {
	known := make([]*info, len(in))
	for i, t := range in {
		known[i] = t.describe()
	}
	cuts, err := o.cuts(known)
	if err != nil {
		return err
	}
	part := whole(in[0])
	for i, c := range cuts {
		part.start += c.start * part.strides[i]
		part.strides[i] *= c.step
	}
	copyStrided(whole(out[0]), part, out[0].Shape)
	return nil
}

// Gather takes the elements along an axis that the second input, of any shape,
// lists; a negative index counts from the end.
type Gather struct{ Axis int }

// Kind implements Op.
func (*Gather) Kind() string { return "Gather" }

func (o *Gather) infer(in []*info, outputs int) ([]info, error) {
	if err := want(in, 2, 2); err != nil {
		return nil, err
	}
	if t := in[1].Type; t != Int64 && t != Int32 {
		return nil, fmt.Errorf("an input is %v where integers were expected", t)
	}
	x := in[0].Shape
	axis, err := axisOf(o.Axis, len(x))
	if err != nil {
		return nil, err
	}
	return single(outputs, in[0].Type, slices.Concat(x[:axis], in[1].Shape, x[axis+1:]))
}

func (o *Gather) eval(in, out []*Tensor) error {
	x, y := in[0], out[0]
	axis, err := axisOf(o.Axis, len(x.Shape))
	if err != nil {
		return err
	}
	n := x.Shape[axis]
	outer, inner := sizeOf(x.Shape[:axis]), sizeOf(x.Shape[axis+1:])
	at := 0
	for i := range outer {
		for _, index := range in[1].Ints {
			if index < int64(-n) || index >= int64(n) {
				return fmt.Errorf("index %d of %d elements", index, n)
			}
			if index < 0 {
				index += int64(n)
			}
			for k := range inner {
				y.copyElement(at, x, (i*n+int(index))*inner+k)
				at++
			}
		}
	}
	return nil
}

// Pad puts elements around its first input; negative numbers take some away.
// The second input lists them: first those before, then those after the axes
// that the fourth one lists, or after all axes. The Mode is constant, where the
// third input is the value or absent for 0, reflect, edge or wrap.
type Pad struct{ Mode string }

// Kind implements Op.
func (*Pad) Kind() string { return "Pad" }

// pads gives the numbers before and after every axis.
func (o *Pad) pads(in []*info) (before, after []int, err error) {
	if err := want(in, 2, 4); err != nil {
		return nil, nil, err
	}
	list, err := in[1].integers()
	if err != nil {
		return nil, nil, err
	}
	rank := len(in[0].Shape)
	var axes []int
	if a := optional(in, 3); a != nil {
		if axes, err = a.integers(); err != nil {
			return nil, nil, err
		}
	} else {
		for i := range rank {
			axes = append(axes, i)
		}
	}
	if _, err := axesOf(axes, rank); err != nil {
		return nil, nil, err
	}
	if len(list) != 2*len(axes) {
		return nil, nil, fmt.Errorf("pads %v for %d axes", list, len(axes))
	}
	if err := checkSides("pads", list, -maxSide); err != nil {
		return nil, nil, err
	}
	before, after = make([]int, rank), make([]int, rank)
	for i, a := range axes {
		axis, err := axisOf(a, rank)
		if err != nil {
			return nil, nil, err
		}
		before[axis], after[axis] = list[i], list[len(axes)+i]
	}
	return before, after, nil
}

func (o *Pad) infer(in []*info, outputs int) ([]info, error) {
	before, after, err := o.pads(in)
	if err != nil {
		return nil, err
	}
	if v := optional(in, 2); v != nil {
		if err := sameType(in[0], v); err != nil {
			return nil, err
		}
		if sizeOf(v.Shape) != 1 {
			return nil, fmt.Errorf("a value of shape %v where a number was expected", v.Shape)
		}
	}
	shape := slices.Clone(in[0].Shape)
	for i, d := range shape {
		shape[i] += before[i] + after[i]
		most := math.MaxInt // elements that can be made from those that there are
		switch o.Mode {
		case "constant":
		case "reflect":
			most = d - 1
		case "wrap":
			if before[i] < 0 || after[i] < 0 {
				// Nothing says whether what is cut off is
				// still wrapped around.
				return nil, fmt.Errorf("%w: pads %d and %d in mode wrap", ErrUnsupported, before[i], after[i])
			}
			fallthrough
		case "edge":
			if d == 0 {
				most = 0
			}
		default:
			return nil, fmt.Errorf("mode %q", o.Mode)
		}
		if shape[i] < 0 || before[i] > most || after[i] > most {
			return nil, fmt.Errorf("pads %d and %d of %d elements", before[i], after[i], d)
		}
	}
	return single(outputs, in[0].Type, shape)
}

func (o *Pad) eval(in, out []*Tensor) error {
	known := make([]*info, len(in))
	for i, t := range in {
		known[i] = t.describe()
	}
	before, _, err := o.pads(known)
	if err != nil {
		return err
	}
	x, y := in[0], out[0]
	index := make([]int, len(x.Shape))
	own := stridesOf(x.Shape)
	for at := range y.Size() {
		from, inside := 0, true
		for i := range index {
			j := o.source(index[i]-before[i], x.Shape[i])
			inside = inside && within(j, 0, x.Shape[i]-1)
			from += j * own[i]
		}
		if inside {
			y.copyElement(at, x, from)
		} else if v := optional(in, 2); v != nil {
			y.copyElement(at, v, 0)
		}
		for i := len(index) - 1; i >= 0; i-- {
			if index[i]++; index[i] < y.Shape[i] {
				break
			}
			index[i] = 0
		}
	}
	return nil
}

// source is the element that stands at j of an axis of d elements.
func (o *Pad) source(j, d int) int {
	switch {
	case o.Mode == "constant" || within(j, 0, d-1):
		return j
	case o.Mode == "edge":
		return max(0, min(j, d-1))
	case o.Mode == "wrap":
		return (j%d + d) % d
	case j < 0: // reflect
		return -j
	}
	return 2*(d-1) - j
}
