package lower

import (
	"slices"

	"github.com/opensandwich/oi/cmd/internal/graph"
)

// lower plans a node as steps that are fast, and reports whether there are any.
// The values are those of the outputs.
func (p *planner) lower(n *graph.Node) ([]*Value, bool) {
	if !lowers(n) {
		return nil, false
	}
	var y *Value
	switch o := n.Op.(type) {
	case *graph.Cast:
		y = p.cast(n, o)
	case *graph.Transpose:
		y = p.transpose(n, o)
	case *graph.Reshape, *graph.Flatten, *graph.Squeeze, *graph.Unsqueeze:
		y = p.reshape(p.value(n.In[0]), n.Out[0].Shape)
	case *graph.Identity:
		y = p.same(n)
	case *graph.Dropout:
		y = p.dropout(n, o)
	case *graph.WeightStandardization:
		y = p.standardize(n)
	case *graph.Conv:
		y = p.conv(n, o)
	case *graph.Pool:
		y = p.pool(n, o)
	case *graph.Reduce:
		y = p.reduce(n, o)
	case *graph.BatchNormalization:
		y = p.batchNorm(n, o)
	case *graph.LayerNormalization:
		y = p.layerNorm(n, o)
	case *graph.Softmax:
		y = p.softmax(n, o)
	case *graph.Unary:
		y = p.unary(n, o)
	case *graph.Clip:
		y = p.clip(n)
	case *graph.Binary:
		y = p.binary(n, o)
	case *graph.Gemm:
		y = p.gemm(n, o)
	case *graph.MatMul:
		y = p.matMul(n)
	case *graph.Concat:
		y = p.concat(n, o)
	case *graph.Split:
		return p.split(n, o)
	case *graph.Slice:
		y = p.slice(n)
	case *graph.Gather:
		y = p.gather(n, o)
	case *graph.Expand:
		y = p.expand(n)
	case *graph.Pad:
		y = p.pad(n, o)
	}
	return []*Value{y}, y != nil
}

// lowers reports whether a node has nothing but floats with elements, of which
// only the first is wanted, or several of a Split.
func lowers(n *graph.Node) bool {
	for i, v := range n.Out {
		switch _, split := n.Op.(*graph.Split); {
		case v == nil && i == 0 && !split, v != nil && i > 0 && !split:
			return false
		case v != nil && (v.Type != graph.Float32 || v.Const != nil || empty(v.Shape)):
			return false
		}
	}
	for _, v := range n.In {
		if v != nil && empty(v.Shape) && v.Type == graph.Float32 {
			return false
		}
	}
	switch n.Op.(type) {
	case *graph.Cast:
		return true
	case *graph.Reshape, *graph.Flatten, *graph.Squeeze, *graph.Unsqueeze, *graph.Expand, *graph.Slice, *graph.Split, *graph.Gather, *graph.Pad, *graph.Dropout, *graph.Reduce:
		return n.In[0].Type == graph.Float32
	}
	return !slices.ContainsFunc(n.In, func(v *graph.Value) bool { return v != nil && v.Type != graph.Float32 })
}

// empty reports whether there may be no elements.
func empty(shape []graph.Dim) bool {
	return slices.ContainsFunc(shape, func(d graph.Dim) bool { return d.Of(1) < 1 })
}

// fixed gives dimensions that do not depend on the batch.
func fixed(shape []graph.Dim) ([]int, bool) {
	list := make([]int, len(shape))
	for i, d := range shape {
		if !d.Fixed() {
			return nil, false
		}
		list[i] = d.Const
	}
	return list, true
}

// constantIn is the tensor of an input, or nil.
func constantIn(n *graph.Node, i int) *graph.Tensor {
	if i >= len(n.In) || n.In[i] == nil {
		return nil
	}
	return n.In[i].Const
}

// absent reports whether an optional input is not there.
func absent(n *graph.Node, i int) bool { return i >= len(n.In) || n.In[i] == nil }

func (p *planner) transpose(n *graph.Node, o *graph.Transpose) *Value {
	x := p.value(n.In[0])
	perm := o.Perm
	if perm == nil {
		perm = plain(len(x.Shape))
		slices.Reverse(perm)
	}
	return x.transposed(perm)
}

func (p *planner) reshape(x *Value, shape []graph.Dim) *Value { return x.reshaped(shape, p.inOrder) }

// cast makes numbers of bytes, the first step for pictures.
func (p *planner) cast(n *graph.Node, o *graph.Cast) *Value {
	x := p.value(n.In[0])
	if o.To != graph.Float32 || x.Type() != graph.Uint8 || !slices.Contains(p.graph.Inputs, n.In[0]) || len(x.Shape) == 0 {
		return nil
	}
	s := &Scale{named: named(n.Name), X: x, factor: []float64{1}, offset: []float64{0}}
	s.Y = result(n.Out[0], x.Order)
	p.emit(s)
	return s.Y
}

// activations are the operators that have a kernel.
func activation(o *graph.Unary) (Activation, bool) {
	a := Activation{Name: o.Name, Alpha: float32(o.Alpha), Beta: float32(o.Beta)}
	switch o.Name {
	case "Gelu":
		if o.Tanh {
			a.Name = "GeluTanh"
		}
	case "HardSigmoid", "LeakyRelu":
	case "Abs", "Erf", "Exp", "Floor", "HardSwish", "Log", "Neg", "Relu", "Sigmoid", "Silu", "Sqrt", "Tanh":
		a.Alpha, a.Beta = 0, 0
	default:
		return a, false
	}
	return a, true
}

func (p *planner) unary(n *graph.Node, o *graph.Unary) *Value {
	if o.Name == "Reciprocal" {
		return p.constantBinary(n, "Div", 1, p.value(n.In[0]), true)
	}
	a, ok := activation(o)
	if !ok {
		return nil
	}
	return p.activate(n, a)
}

func (p *planner) clip(n *graph.Node) *Value {
	a := Activation{Name: "Clip", Alpha: negativeInf, Beta: positiveInf}
	for i, to := range []*float32{&a.Alpha, &a.Beta} {
		if absent(n, i+1) {
			continue
		}
		c := constantIn(n, i+1)
		if c == nil {
			return nil
		}
		*to = c.Floats[0]
	}
	if a.Alpha > a.Beta || a.Alpha != a.Alpha || a.Beta != a.Beta {
		return nil
	}
	return p.activate(n, a)
}

// activate applies a function, in the step before if that is possible.
func (p *planner) activate(n *graph.Node, a Activation) *Value {
	x := p.value(n.In[0])
	var act *Activation
	switch s := p.alone(x).(type) {
	case *Conv:
		act = &s.Act
	case *Dense:
		act = &s.Act
	}
	if act != nil && act.Name == "" {
		*act = a
		return x.view(x.Shape, x.Order)
	}
	y := result(n.Out[0], x.Order)
	p.emit(&Unary{named(n.Name), x, y, a})
	return y
}

func (p *planner) softmax(n *graph.Node, o *graph.Softmax) *Value {
	x := p.value(n.In[0])
	axis := o.Axis
	if axis < 0 {
		axis += len(x.Shape)
	}
	rows := []int{axis}
	if o.Flat {
		rows = plain(len(x.Shape))[axis:]
	}
	x, cols := p.last(x, rows)
	if x == nil {
		return nil
	}
	y := result(n.Out[0], x.Order)
	p.emit(&Softmax{named(n.Name), x, y, cols})
	return y
}

// last is a value in whose memory the given axes are the last, in their order,
// and the number of their elements. It is nil if that depends on the batch.
func (p *planner) last(x *Value, axes []int) (*Value, int) {
	size := 1
	for _, axis := range axes {
		if !x.Shape[axis].Fixed() {
			return nil, 0
		}
		size *= x.Shape[axis].Const
	}
	order := slices.DeleteFunc(slices.Clone(x.Order), func(axis int) bool { return slices.Contains(axes, axis) })
	return p.inOrder(x, append(order, axes...)), size
}

func (p *planner) layerNorm(n *graph.Node, o *graph.LayerNormalization) *Value {
	x := p.value(n.In[0])
	axis := o.Axis
	if axis < 0 {
		axis += len(x.Shape)
	}
	scale, bias := constantIn(n, 1), constantIn(n, 2)
	if scale == nil || bias == nil && !absent(n, 2) {
		return nil
	}
	x, cols := p.last(x, plain(len(x.Shape))[axis:])
	if x == nil || scale.Size() != cols || bias != nil && bias.Size() != cols {
		return nil
	}
	s := &LayerNorm{named: named(n.Name), X: x, Y: result(n.Out[0], x.Order), Scale: scale.Floats, Epsilon: o.Epsilon}
	if bias != nil {
		s.Bias = bias.Floats
	}
	p.emit(s)
	return s.Y
}

// constantBinary plans an operator of a value and a number; turned is set if the
// number comes first.
func (p *planner) constantBinary(n *graph.Node, op string, number float32, x *Value, turned bool) *Value {
	c := constant("", graph.FloatTensor([]float32{number}, 1)).padded(len(x.Shape))
	y := newValue(n.Out[0].Name, graph.Float32, x.Shape, x.Order)
	s := &Binary{named(n.Name), x, p.inOrder(c, x.Order), y, op}
	if turned {
		s.A, s.B = s.B, s.A
	}
	p.emit(s)
	return y
}

// reduce plans means, sums and maxima over axes that are neighbours in memory.
func (p *planner) reduce(n *graph.Node, o *graph.Reduce) *Value {
	if o.Name != "Mean" && o.Name != "Max" && o.Name != "Sum" {
		return nil
	}
	x := p.value(n.In[0])
	rank := len(x.Shape)
	var axes []int
	if !absent(n, 1) {
		c := constantIn(n, 1)
		if c == nil {
			return nil
		}
		for _, a := range c.Ints {
			axes = append(axes, (int(a)+rank)%rank)
		}
	}
	if len(axes) == 0 {
		if o.Noop {
			return nil
		}
		axes = plain(rank)
	}
	y := p.reduceAxes(n, x, axes, o.Name != "Max")
	if y == nil || o.Name != "Sum" {
		return y
	}
	count := 1
	for _, axis := range axes {
		count *= x.Shape[axis].Const
	}
	return p.constantBinary(n, "Mul", float32(count), y, false)
}

// reduceAxes plans the mean, or the largest, over axes of x.
func (p *planner) reduceAxes(n *graph.Node, x *Value, axes []int, mean bool) *Value {
	gone := func(axis int) bool { return slices.Contains(axes, axis) }
	order := significant(x.Shape, x.Order)
	between := slices.DeleteFunc(slices.Clone(order), func(axis int) bool { return !gone(axis) })
	if first := slices.IndexFunc(order, gone); first >= 0 && !slices.Equal(order[first:][:len(between)], between) {
		// They are not neighbours: bring them to the end.
		kept := slices.DeleteFunc(slices.Clone(x.Order), gone)
		x = p.inOrder(x, append(kept, slices.DeleteFunc(slices.Clone(x.Order), func(axis int) bool { return !gone(axis) })...))
		order = significant(x.Shape, x.Order)
	}
	count, inner := 1, 1
	for i, axis := range order {
		d := x.Shape[axis]
		into := &count
		if !gone(axis) {
			if first := slices.IndexFunc(order, gone); first < 0 || i < first {
				continue
			}
			into = &inner
		}
		if !d.Fixed() {
			return nil
		}
		*into *= d.Const
	}
	kept := slices.Clone(x.Shape)
	for _, axis := range axes {
		kept[axis] = one
	}
	y := newValue(n.Out[0].Name, graph.Float32, kept, x.Order)
	p.emit(&Reduce{named(n.Name), x, y, mean, count, inner})
	return y.reshaped(n.Out[0].Shape, p.inOrder)
}

func (p *planner) gemm(n *graph.Node, o *graph.Gemm) *Value {
	x := p.value(n.In[0])
	if o.TransA {
		x = x.transposed([]int{1, 0})
	}
	w := constantIn(n, 1)
	shape := n.Out[0].Shape
	if !x.Shape[1].Fixed() || !shape[1].Fixed() {
		return nil
	}
	out := shape[1].Const
	if w == nil {
		return p.trainedGemm(n, o, x, out)
	}
	if o.Alpha != 1 && !p.spend(w.Size()) {
		return nil
	}
	s := &Dense{named: named(n.Name), In: x.Shape[1].Const, Out: out, Transposed: o.TransB, Weights: scaled(w.Floats, o.Alpha)}
	if !absent(n, 2) {
		c := constantIn(n, 2)
		if c == nil || c.Size() != 1 && (c.Size() != out || c.Shape[len(c.Shape)-1] != out) || !p.spend(out) {
			return nil
		}
		s.Bias = scaled(c.Floats, o.Beta)
		if len(s.Bias) < out {
			s.Bias = slices.Repeat(s.Bias, out)
		}
	}
	s.X = p.inOrder(x, []int{0, 1})
	s.Y = result(n.Out[0], []int{0, 1})
	p.emit(s)
	return s.Y
}

// trainedGemm plans a product with parameters.
func (p *planner) trainedGemm(n *graph.Node, o *graph.Gemm, x *Value, out int) *Value {
	order := []int{0, 1}
	if o.TransB {
		order = []int{1, 0}
	}
	_, _, params, ok := p.weights(n, order)
	if !ok || o.Alpha != 1 || params.B != nil && (o.Beta != 1 || params.B.Shape[0].Const != out) {
		return nil
	}
	s := &Dense{named: named(n.Name), In: x.Shape[1].Const, Out: out, Parameters: params}
	s.X = p.inOrder(x, []int{0, 1})
	s.Y = result(n.Out[0], []int{0, 1})
	p.emit(s)
	return s.Y
}

// scaled multiplies numbers, if that changes them.
func scaled(x []float32, factor float64) []float32 {
	if factor == 1 {
		return x
	}
	y := make([]float32, len(x))
	for i, v := range x {
		y[i] = float32(float64(v) * factor)
	}
	return y
}

func (p *planner) matMul(n *graph.Node) *Value {
	a, b := p.value(n.In[0]), p.value(n.In[1])
	ra, rb := len(a.Shape), len(b.Shape)
	if ra < 2 || rb < 2 {
		return nil
	}
	k := a.Shape[ra-1]
	if c := b.Buffer.Const; c != nil && rb == 2 && b.lies(plain(2)) {
		in, out := c.Shape[0], c.Shape[1]
		x, _ := p.last(a, []int{ra - 1})
		y := result(n.Out[0], x.Order)
		p.emit(&Dense{named: named(n.Name), X: x, Y: y, In: in, Out: out, Weights: c.Floats})
		return y
	}
	shared := rb == 2
	if !shared && (ra != rb || !slices.Equal(a.Shape[:ra-2], b.Shape[:rb-2])) {
		return nil
	}
	a = p.inOrder(a, plain(ra))
	s := &MatMul{named: named(n.Name), M: a.Shape[ra-2], K: k, N: b.Shape[rb-1], Shared: shared}
	order := plain(rb)
	if slices.Index(b.Order, rb-2) > slices.Index(b.Order, rb-1) {
		s.Transposed = true
		order[rb-2], order[rb-1] = rb-1, rb-2
	}
	s.A, s.B, s.Y = a, p.inOrder(b, order), result(n.Out[0], plain(len(n.Out[0].Shape)))
	p.emit(s)
	return s.Y
}
