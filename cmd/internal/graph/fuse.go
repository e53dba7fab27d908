package graph

import (
	"math"
	"slices"
)

// fuse finds what older exporters wrote with simple operators, and writes it
// with the operator that means it: HardSigmoid, HardSwish, Silu, Gelu and
// LayerNormalization.
func (g *Graph) fuse() {
	f := &fuser{maker: g.Makers()}
	for _, n := range g.Nodes {
		if op, in := f.activation(n); op != nil {
			n.Op, n.In = op, []*Value{in}
		}
	}
	// A bias is a part of the normalization before it, so that comes first.
	for _, bias := range []bool{true, false} {
		for _, n := range g.Nodes {
			if op, in := f.layerNorm(n, bias); op != nil {
				n.Op, n.In = op, in
			}
		}
	}
	g.removeUnused()
}

// fuser looks at the nodes that make values.
type fuser struct{ maker map[*Value]*Node }

// unary is the input of the named operator that makes v, or nil.
func (f *fuser) unary(v *Value, name string) *Value {
	if n := f.maker[v]; n != nil && n.Op.Kind() == name {
		return n.In[0]
	}
	return nil
}

// scalar is the number that a value is.
func scalar(v *Value) (float64, bool) {
	if v == nil || v.Const == nil || v.Const.Type != Float32 || v.Const.Size() != 1 {
		return 0, false
	}
	return v.Const.at(0), true
}

// about reports whether two numbers are the same but for their rounding.
func about(a, b float64) bool { return math.Abs(a-b) <= 1e-6*math.Abs(b) }

// withScalar is the other input and the number of a named operator with one;
// its order does not matter.
func (f *fuser) withScalar(v *Value, name string) (*Value, float64, bool) {
	n := f.maker[v]
	if n == nil || n.Op.Kind() != name || len(n.In) != 2 {
		return nil, 0, false
	}
	for i, in := range n.In {
		if c, ok := scalar(in); ok && slices.Equal(n.In[1-i].Shape, v.Shape) {
			return n.In[1-i], c, true
		}
	}
	return nil, 0, false
}

// factors gives the values, and the product of the numbers, that are multiplied
// to make v. It looks at a few factors only.
func (f *fuser) factors(v *Value, depth int) ([]*Value, float64) {
	n := f.maker[v]
	b, ok := (*Binary)(nil), false
	if n != nil {
		b, ok = n.Op.(*Binary)
	}
	if !ok || depth == 0 || len(n.In) != 2 {
		return []*Value{v}, 1
	}
	switch c, constant := scalar(n.In[1]); {
	case b.Name == "Div" && constant && c != 0 && slices.Equal(n.In[0].Shape, v.Shape):
		values, factor := f.factors(n.In[0], depth-1)
		return values, factor / c
	case b.Name != "Mul":
		return []*Value{v}, 1
	}
	var all []*Value
	product := 1.0
	for _, in := range n.In {
		if c, constant := scalar(in); constant {
			product *= c
			continue
		}
		values, factor := f.factors(in, depth-1)
		all, product = append(all, values...), product*factor
	}
	return all, product
}

// activation is the operator that a product is, and its input.
func (f *fuser) activation(n *Node) (Op, *Value) {
	if b, ok := n.Op.(*Binary); !ok || b.Name != "Mul" && b.Name != "Div" {
		return nil, nil
	}
	values, c := f.factors(n.Out[0], 3)
	for _, v := range values {
		if !slices.Equal(v.Shape, n.Out[0].Shape) {
			return nil, nil
		}
	}
	switch len(values) {
	case 1:
		if x := f.clipped(values[0]); x != nil && about(c, 1./6) {
			return &Unary{Name: "HardSigmoid", Alpha: 1. / 6, Beta: 0.5}, x
		}
	case 2:
		for i, x := range values {
			if op := f.gate(x, values[1-i], c); op != nil {
				return op, x
			}
		}
	}
	return nil, nil
}

// clipped is the x of max(0, min(6, x+3)), or nil.
func (f *fuser) clipped(v *Value) *Value {
	n := f.maker[v]
	if n == nil || n.Op.Kind() != "Clip" || len(n.In) != 3 {
		return nil
	}
	lo, hasLo := scalar(n.In[1])
	hi, hasHi := scalar(n.In[2])
	x, three, ok := f.withScalar(n.In[0], "Add")
	if !hasLo || !hasHi || !ok || lo != 0 || hi != 6 || three != 3 {
		return nil
	}
	return x
}

// gate is the operator that x times a function of x times a number is, or nil.
func (f *fuser) gate(x, v *Value, c float64) Op {
	if about(c, 1) && f.unary(v, "Sigmoid") == x {
		return &Unary{Name: "Silu"}
	}
	if about(c, 1./6) && f.clipped(v) == x {
		return &Unary{Name: "HardSwish"}
	}
	if n := f.maker[v]; n != nil && about(c, 1) {
		o, ok := n.Op.(*Unary)
		if ok && o.Name == "HardSigmoid" && n.In[0] == x && about(o.Alpha, 1./6) && o.Beta == 0.5 {
			return &Unary{Name: "HardSwish"}
		}
	}
	if erf, one, ok := f.withScalar(v, "Add"); ok && one == 1 && about(c, 0.5) {
		if scaled := f.unary(erf, "Erf"); scaled != nil {
			if values, factor := f.factors(scaled, 1); len(values) == 1 && values[0] == x && about(factor, 1/math.Sqrt2) {
				return &Unary{Name: "Gelu"}
			}
		}
	}
	return nil
}

// layerNorm is the normalization over the last axis that a node ends, with or
// without a bias, and its inputs.
func (f *fuser) layerNorm(n *Node, bias bool) (Op, []*Value) {
	var beta *Value
	product := n
	if bias {
		var v *Value
		if v, beta = f.parameter(n, "Add"); v == nil {
			return nil, nil
		}
		product = f.maker[v]
	}
	core, gamma := f.parameter(product, "Mul")
	if core == nil {
		return nil, nil
	}
	x, epsilon := f.normalized(core)
	if x == nil {
		return nil, nil
	}
	in := []*Value{x, gamma}
	if bias {
		in = append(in, beta)
	}
	return &LayerNormalization{Axis: -1, Epsilon: epsilon}, in
}

// parameter takes a node apart that adds or multiplies a constant as long as
// the last axis.
func (f *fuser) parameter(n *Node, name string) (v, constant *Value) {
	if n == nil || n.Op.Kind() != name || len(n.In) != 2 {
		return nil, nil
	}
	for i, in := range n.In {
		other := n.In[1-i]
		if in.Const == nil || other.Const != nil || len(in.Const.Shape) != 1 || len(other.Shape) == 0 {
			continue
		}
		if last := other.Shape[len(other.Shape)-1]; last.Fixed() && last.Const == in.Const.Shape[0] {
			return other, in
		}
	}
	return nil, nil
}

// normalized is the x of (x - mean) / sqrt(mean((x-mean)^2) + epsilon).
func (f *fuser) normalized(v *Value) (x *Value, epsilon float64) {
	n := f.maker[v]
	if n == nil || n.Op.Kind() != "Div" {
		return nil, 0
	}
	centred := n.In[0]
	variance, epsilon, ok := f.withScalar(f.unary(n.In[1], "Sqrt"), "Add")
	if !ok {
		return nil, 0
	}
	squared := f.meanOfRow(variance)
	if base, two, ok := f.withExponent(squared); !ok || two != 2 || !f.sameDifference(base, centred) {
		return nil, 0
	}
	difference := f.maker[centred]
	x = difference.In[0]
	return x, epsilon
}

// withExponent is the base and the exponent of a power, or of a square written
// as a product.
func (f *fuser) withExponent(v *Value) (*Value, float64, bool) {
	n := f.maker[v]
	switch {
	case n == nil || len(n.In) != 2:
		return nil, 0, false
	case n.Op.Kind() == "Mul" && n.In[0] == n.In[1]:
		return n.In[0], 2, true
	case n.Op.Kind() != "Pow":
		return nil, 0, false
	}
	c, ok := scalar(n.In[1])
	return n.In[0], c, ok
}

// sameDifference reports whether both values are an x minus its mean; some
// exporters write that twice.
func (f *fuser) sameDifference(a, b *Value) bool {
	x, y := f.maker[a], f.maker[b]
	for _, n := range []*Node{x, y} {
		if n == nil || n.Op.Kind() != "Sub" || f.meanOfRow(n.In[1]) != n.In[0] {
			return false
		}
	}
	return x.In[0] == y.In[0]
}

// meanOfRow is the value of which v is the mean over the last axis, kept as 1.
func (f *fuser) meanOfRow(v *Value) *Value {
	n := f.maker[v]
	if n == nil || len(n.In) != 2 || n.In[1] == nil || n.In[1].Const == nil {
		return nil
	}
	o, ok := n.Op.(*Reduce)
	axes := n.In[1].Const.Ints
	if !ok || o.Name != "Mean" || !o.Keep || len(axes) != 1 || axes[0] != -1 && axes[0] != int64(len(v.Shape)-1) {
		return nil
	}
	return n.In[0]
}
