package graph

import (
	"errors"
	"fmt"
	"slices"
)

// Bounds of FoldConstants, in elements: how many it may make, and how many it
// may touch. Both grow with the constants that are there: weights may be
// transposed and cast, but not blown up.
const (
	maxFolded, foldedPerConstant   = 1 << 22, 4
	maxTouched, touchedPerConstant = 1 << 24, 16
)

// Simplify folds constants, infers all shapes as Infer does, drops operators
// that do nothing, folds batch normalization, and writes what several operators
// mean together with the one that means it.
func (g *Graph) Simplify(shapes map[string][]int) error {
	if err := g.FoldConstants(); err != nil {
		return err
	}
	if err := g.Infer(shapes); err != nil {
		return err
	}
	g.dropIdentities()
	for _, n := range g.Nodes {
		n.oneAxis()
	}
	g.absorbPadding()
	if err := g.foldBatchNormalization(); err != nil {
		return err
	}
	g.fuse()
	return nil
}

// FoldConstants computes the nodes that depend on no input, but for those whose
// work is more than in proportion to the size of their results, and drops what
// nobody wants.
func (g *Graph) FoldConstants() error {
	budget, work := maxFolded, maxTouched
	seen := map[*Value]bool{}
	for _, n := range g.Nodes {
		for _, v := range n.In {
			if v != nil && v.Const != nil && !seen[v] {
				seen[v] = true
				budget += foldedPerConstant * v.Const.Size()
				work += touchedPerConstant * v.Const.Size()
			}
		}
	}
	for _, n := range g.Nodes {
		if heavy(n.Op) {
			continue
		}
		in, constant := make([]*Tensor, len(n.In)), true
		known := make([]*info, len(n.In))
		touched := 0
		for i, v := range n.In {
			switch {
			case v == nil:
			case v.Const == nil:
				constant = false
			default:
				in[i], known[i] = v.Const, v.Const.describe()
				touched += v.Const.Size()
			}
		}
		if !constant {
			continue
		}
		out, err := n.Op.infer(known, n.outputs())
		if err == nil {
			err = checkInfo(out)
		}
		if err != nil {
			return n.fault(err)
		}
		for _, o := range out {
			size := sizeOf(o.Shape)
			if size > budget {
				return n.fault(fmt.Errorf("a constant of shape %v is too large for the weights that it is made of", o.Shape))
			}
			budget, touched = budget-size, touched+size
		}
		if work -= touched; work < 0 {
			return n.fault(errors.New("there are too many computations with constants"))
		}
		results := allocate(out)
		if err := n.compute(in, results); err != nil {
			return n.fault(err)
		}
		for i, v := range n.Out[:len(results)] {
			if v != nil {
				v.Const, v.Type, v.Shape = results[i], results[i].Type, Fixed(results[i].Shape)
			}
		}
	}
	g.removeUnused()
	return nil
}

// dropIdentities lets readers of operators that give what they get read what
// these get. An output of the graph keeps its node, and with it its name.
func (g *Graph) dropIdentities() {
	instead := map[*Value]*Value{}
	output := map[*Value]bool{}
	for _, v := range g.Outputs {
		output[v] = true
	}
	for _, n := range g.Nodes {
		for i, v := range n.In {
			if other := instead[v]; v != nil && other != nil {
				n.In[i] = other
			}
		}
		if n.doesNothing() && !output[n.Out[0]] {
			instead[n.Out[0]] = n.In[0]
		}
	}
	g.removeUnused()
}

// doesNothing reports whether the first output of a node, which is the only one
// that somebody wants, is its first input.
func (n *Node) doesNothing() bool {
	if n.outputs() > 1 || n.Out[0] == nil {
		return false
	}
	switch o := n.Op.(type) {
	case *Identity:
		return true
	case *Dropout:
		return o.Rate == 0
	case *Cast:
		return n.In[0].Type == o.To
	case *Concat:
		return len(n.In) == 1
	case *Binary:
		return len(n.In) == 1
	case *Pad:
		c := n.In[1].Const
		return c != nil && !slices.ContainsFunc(c.Ints, func(v int64) bool { return v != 0 })
	case *Reshape, *Squeeze, *Unsqueeze, *Expand, *Tile, *Slice, *Flatten:
		// A slice of the same shape may still turn an axis round.
		_, slice := o.(*Slice)
		return !slice && slices.Equal(n.In[0].Shape, n.Out[0].Shape)
	case *Transpose:
		perm, err := o.perm(len(n.In[0].Shape))
		return err == nil && slices.IsSorted(perm)
	}
	return false
}

// oneAxis writes a softmax over several axes, as old versions of ONNX have it,
// as one over the only axis of them that has more than one element.
func (n *Node) oneAxis() {
	o, ok := n.Op.(*Softmax)
	if !ok || !o.Flat {
		return
	}
	axis, err := axisOf(o.Axis, len(n.In[0].Shape))
	if err != nil {
		return
	}
	several := 0
	for i := axis; i < len(n.In[0].Shape); i++ {
		if n.In[0].Shape[i] != (Dim{Const: 1}) {
			axis = i
			several++
		}
	}
	if several <= 1 {
		n.Op = &Softmax{Axis: axis}
	}
}

// absorbPadding lets convolutions and means of windows pad with zeros what an
// operator of its own pads for them alone.
func (g *Graph) absorbPadding() {
	maker := g.Makers()
	readers := g.readers()
	for _, n := range g.Nodes {
		pad := maker[n.In[0]]
		if pad == nil || readers[n.In[0]] != 1 || pad.Out[0] != n.In[0] {
			continue
		}
		start, end, ok := pad.zeros()
		if !ok {
			continue
		}
		switch o := n.Op.(type) {
		case *Conv:
			c := *o
			if c.add(start, end) {
				n.Op, n.In[0] = &c, pad.In[0]
			}
		case *Pool:
			// A mean counts what is padded, a maximum must not see
			// it.
			c := *o
			own := slices.ContainsFunc(c.Pads, func(p int) bool { return p != 0 })
			if c.Max || c.Ceil || c.Kernel == nil || own && !c.CountIncludePad || !c.add(start, end) {
				continue
			}
			c.CountIncludePad = true
			if _, err := c.windows(shapeOf(pad.In[0])); err == nil {
				n.Op, n.In[0] = &c, pad.In[0]
			}
		}
	}
	g.removeUnused()
}

// zeros gives the zeros that a node puts around pictures, if it does nothing
// else.
func (n *Node) zeros() (start, end []int, ok bool) {
	o, isPad := n.Op.(*Pad)
	if !isPad || o.Mode != "constant" || n.In[1].Const == nil || !constants(n.In[1:]) {
		return nil, nil, false
	}
	if v := optional(n.In, 2); v != nil && v.Const.at(0) != 0 {
		return nil, nil, false
	}
	in := []*info{{Type: Float32, Shape: shapeOf(n.In[0])}}
	for _, v := range n.In[1:] {
		if v == nil {
			in = append(in, nil)
		} else {
			in = append(in, v.Const.describe())
		}
	}
	before, after, err := o.pads(in)
	if err != nil || len(before) < 3 || slices.Max(slices.Concat(before[:2], after[:2])) > 0 || slices.Min(slices.Concat(before, after)) < 0 {
		return nil, nil, false
	}
	return before[2:], after[2:], true
}

// shapeOf is the shape of a value for a batch of one.
func shapeOf(v *Value) []int {
	shape := make([]int, len(v.Shape))
	for i, d := range v.Shape {
		shape[i] = d.Of(1)
	}
	return shape
}

// add makes the window pad more, and reports whether it can.
func (w *Window) add(start, end []int) bool {
	switch {
	case w.Auto == SameUpper || w.Auto == SameLower:
		return false
	case w.Pads == nil || w.Auto == Valid:
		w.Pads, w.Auto = slices.Concat(start, end), NotSet
		return true
	}
	more := slices.Concat(start, end)
	w.Pads = slices.Clone(w.Pads)
	for i := range w.Pads {
		w.Pads[i] += more[i]
	}
	return true
}

// Makers gives the node that makes each value.
func (g *Graph) Makers() map[*Value]*Node {
	maker := map[*Value]*Node{}
	for _, n := range g.Nodes {
		for _, v := range n.Out {
			if v != nil {
				maker[v] = n
			}
		}
	}
	return maker
}

// foldBatchNormalization puts a batch normalization into the convolution right
// before it, if nobody else reads that. It never puts one into a convolution
// after it: padding is zero there, not what the normalization makes of zero.
// Others stay, but their variance is checked.
func (g *Graph) foldBatchNormalization() error {
	producer := g.Makers()
	readers := g.readers()
	folded := map[*Node]bool{}
	for _, n := range g.Nodes {
		bn, ok := n.Op.(*BatchNormalization)
		if !ok {
			continue
		}
		if v := n.In[4].Const; v != nil {
			if err := bn.check(v); err != nil {
				return n.fault(err)
			}
		}
		conv := producer[n.In[0]]
		if conv == nil || readers[n.In[0]] != 1 {
			continue
		}
		if _, ok := conv.Op.(*Conv); !ok || !constants(conv.In[1:]) || !constants(n.In[1:]) {
			continue
		}
		if err := conv.absorb(bn, n); err != nil {
			return n.fault(err)
		}
		conv.Out[0] = n.Out[0]
		producer[n.Out[0]] = conv
		folded[n] = true
	}
	g.Nodes = slices.DeleteFunc(g.Nodes, func(n *Node) bool { return folded[n] })
	return nil
}

// constants reports whether all values that are there are constants.
func constants(vs []*Value) bool {
	return !slices.ContainsFunc(vs, func(v *Value) bool { return v != nil && v.Const == nil })
}

// absorb gives a convolution the weights and the bias, computed in float64,
// with which it does what a normalization makes of its output.
func (n *Node) absorb(bn *BatchNormalization, norm *Node) error {
	factor, summand := bn.affine(norm.In[1].Const, norm.In[2].Const, norm.In[3].Const, norm.In[4].Const)
	old := n.In[1].Const
	filters := old.Shape[0]
	if len(factor) != filters {
		return errors.New("its parameters do not fit the convolution before it")
	}
	weights, bias := NewTensor(Float32, old.Shape...), NewTensor(Float32, filters)
	each := old.Size() / filters
	for i, w := range old.Floats {
		weights.Floats[i] = float32(float64(w) * factor[i/each])
	}
	for m := range filters {
		b := summand[m]
		if v := optional(n.In, 2); v != nil {
			b += v.Const.at(m) * factor[m]
		}
		bias.Floats[m] = float32(b)
	}
	n.In = []*Value{
		n.In[0],
		{Name: n.In[1].Name, Type: Float32, Shape: Fixed(weights.Shape), Const: weights},
		{Name: norm.In[2].Name, Type: Float32, Shape: Fixed(bias.Shape), Const: bias},
	}
	return nil
}
