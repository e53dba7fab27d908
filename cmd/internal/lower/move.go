package lower

import (
	"math"
	"slices"

	"github.com/opensandwich/oi/cmd/internal/graph"
)

// axisOf brings an axis, which may count from the end, into 0 to rank-1.
func axisOf(axis, rank int) int {
	if axis < 0 {
		axis += rank
	}
	return axis
}

// wholePart copies all of x to y, whose axes are those of x.
func wholePart(x, y *Value) Part {
	p := Part{X: x}
	for place, axis := range y.Order {
		p.Axes = append(p.Axes, CopyAxis{Size: x.Shape[axis], X: slices.Index(x.Order, axis), Y: place, XStep: 1})
	}
	return p
}

// along is the axis of a part that is an axis of y.
func (p *Part) along(y *Value, axis int) *CopyAxis { return &p.Axes[slices.Index(y.Order, axis)] }

func (p *planner) concat(n *graph.Node, o *graph.Concat) *Value {
	axis := axisOf(o.Axis, len(n.Out[0].Shape))
	// The order of the largest.
	var order []int
	largest := -1
	for _, v := range n.In {
		x := p.value(v)
		if x.Buffer.Const == nil && x.Size(probes[0]) > largest {
			order, largest = x.Order, x.Size(probes[0])
		}
	}
	if order == nil {
		order = plain(len(n.Out[0].Shape))
	}
	s := &Copy{named: named(n.Name), Y: result(n.Out[0], order)}
	var start graph.Dim
	for _, v := range n.In {
		part := wholePart(p.value(v), s.Y)
		part.along(s.Y, axis).YStart = start
		d := v.Shape[axis]
		start.Batch, start.Const = start.Batch+d.Batch, start.Const+d.Const
		s.Parts = append(s.Parts, part)
	}
	p.emit(s)
	return s.Y
}

func (p *planner) split(n *graph.Node, o *graph.Split) ([]*Value, bool) {
	x := p.value(n.In[0])
	axis := axisOf(o.Axis, len(x.Shape))
	if !x.Shape[axis].Fixed() {
		return nil, false
	}
	var lengths []int
	if absent(n, 1) {
		each := (x.Shape[axis].Const + o.Parts - 1) / o.Parts
		lengths = slices.Repeat([]int{each}, len(n.Out))
	} else {
		c := constantIn(n, 1)
		if c == nil {
			return nil, false
		}
		for _, v := range c.Ints {
			lengths = append(lengths, int(v))
		}
	}
	out := make([]*Value, len(n.Out))
	start := 0
	for i, v := range n.Out {
		if v != nil {
			out[i] = p.cut(n, v, x, axis, start, 1)
		}
		start += lengths[i]
	}
	return out, true
}

// cut copies a part of an axis.
func (p *planner) cut(n *graph.Node, of *graph.Value, x *Value, axis, start, step int) *Value {
	s := &Copy{named: named(n.Name), Y: result(of, x.Order)}
	part := wholePart(x, s.Y)
	a := part.along(s.Y, axis)
	a.Size, a.XStart.Const, a.XStep = of.Shape[axis], start, step
	s.Parts = []Part{part}
	p.emit(s)
	return s.Y
}

func (p *planner) slice(n *graph.Node) *Value {
	x := p.value(n.In[0])
	var lists [5][]int64
	for i := 1; i < 5; i++ {
		if absent(n, i) {
			continue
		}
		c := constantIn(n, i)
		if c == nil {
			return nil
		}
		lists[i] = c.Ints
	}
	s := &Copy{named: named(n.Name), Y: result(n.Out[0], x.Order)}
	part := wholePart(x, s.Y)
	for i, start := range lists[1] {
		axis, step := i, 1
		if !absent(n, 3) {
			axis = axisOf(int(lists[3][i]), len(x.Shape))
		}
		if !absent(n, 4) {
			step = int(lists[4][i])
		}
		size := n.Out[0].Shape[axis]
		a := part.along(s.Y, axis)
		if size == x.Shape[axis] && step == 1 {
			continue
		}
		if !x.Shape[axis].Fixed() || step < -math.MaxInt32 || step > math.MaxInt32 {
			return nil
		}
		d := x.Shape[axis].Const
		if start < 0 {
			start += int64(d)
		}
		most := d
		if step < 0 {
			most = d - 1
		}
		a.Size, a.XStart.Const, a.XStep = size, int(max(0, min(start, int64(most)))), step
	}
	s.Parts = []Part{part}
	p.emit(s)
	return s.Y
}

// gather takes places of an axis that are known: one, which the result lacks,
// or a list.
func (p *planner) gather(n *graph.Node, o *graph.Gather) *Value {
	x := p.value(n.In[0])
	index := constantIn(n, 1)
	axis := axisOf(o.Axis, len(x.Shape))
	if index == nil || len(index.Shape) > 1 || index.Size() > p.parts || !x.Shape[axis].Fixed() {
		return nil
	}
	p.parts -= index.Size()
	d := x.Shape[axis].Const
	shape := slices.Clone(x.Shape)
	shape[axis] = graph.Dim{Const: index.Size()}
	s := &Copy{named: named(n.Name), Y: newValue(n.Out[0].Name, graph.Float32, shape, x.Order)}
	for i, at := range index.Ints {
		if at < 0 {
			at += int64(d)
		}
		if at < 0 || at >= int64(d) {
			return nil
		}
		part := wholePart(x, s.Y)
		a := part.along(s.Y, axis)
		a.Size, a.XStart.Const, a.YStart.Const = one, int(at), i
		s.Parts = append(s.Parts, part)
	}
	p.emit(s)
	return p.reshape(s.Y, n.Out[0].Shape)
}

func (p *planner) expand(n *graph.Node) *Value {
	shape := n.Out[0].Shape
	x := p.value(n.In[0]).padded(len(shape))
	s := &Copy{named: named(n.Name), Y: result(n.Out[0], x.Order)}
	part := wholePart(x, s.Y)
	for axis, d := range shape {
		if a := part.along(s.Y, axis); x.Shape[axis] == one && d != one {
			a.Size, a.X = d, -1
		}
	}
	s.Parts = []Part{part}
	p.emit(s)
	return s.Y
}

// pad puts a number around a value.
func (p *planner) pad(n *graph.Node, o *graph.Pad) *Value {
	pads := constantIn(n, 1)
	if o.Mode != "constant" || pads == nil || !absent(n, 2) && constantIn(n, 2) == nil || !absent(n, 3) && constantIn(n, 3) == nil {
		return nil
	}
	x := p.value(n.In[0])
	fill := float32(0)
	if c := constantIn(n, 2); c != nil {
		fill = c.Floats[0]
	}
	s := &Copy{named: named(n.Name), Y: result(n.Out[0], x.Order), Fill: &fill}
	part := wholePart(x, s.Y)
	count := pads.Size() / 2
	for i := range count {
		axis := i
		if c := constantIn(n, 3); c != nil {
			axis = axisOf(int(c.Ints[i]), len(x.Shape))
		}
		before, after := int(pads.Ints[i]), int(pads.Ints[count+i])
		a := part.along(s.Y, axis)
		// What is negative is taken away.
		a.YStart.Const, a.XStart.Const = max(0, before), max(0, -before)
		a.Size.Const += min(0, before) + min(0, after)
		if a.Size.Of(1) < 1 {
			return nil
		}
	}
	s.Parts = []Part{part}
	p.emit(s)
	return s.Y
}
