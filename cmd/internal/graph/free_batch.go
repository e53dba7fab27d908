package graph

import "slices"

// FreeBatch lets a graph take any number of pictures that was exported for a
// batch of a fixed size, which the first dimension of its inputs is; shapes is
// that of each input, with -1 for it. A Reshape keeps the batch that it
// receives where it asked for that size, and a constant that is joined to a
// batch of one is joined to each picture of more. Each picture's result stays
// what it was, or Infer finds that shapes do not fit. Constants are folded.
func (g *Graph) FreeBatch(shapes map[string][]int, batch int) error {
	if err := g.FoldConstants(); err != nil {
		return err
	}
	given := make([][]int, len(g.Inputs))
	for i, v := range g.Inputs {
		if given[i] = shapes[v.Name]; given[i] == nil {
			given[i] = v.Declared
		}
		if err := checkInput(v, given[i], shapes[v.Name] == nil); err != nil {
			return err
		}
	}
	known, err := g.probe(given, batch)
	if err != nil {
		return err
	}
	// first reports whether a value that is no constant has the batch as
	// its first dimension, as far as its length tells.
	first := func(v *Value) bool {
		k := known[v]
		return k != nil && v.Const == nil && k.Data == nil && len(k.Shape) > 0 && k.Shape[0] == batch
	}
	var nodes []*Node
	for _, n := range g.Nodes {
		switch o := n.Op.(type) {
		case *Reshape:
			if first(n.In[0]) && !o.AllowZero {
				n.In[1] = keepFirst(n.In[1], batch)
			}
		case *Concat:
			if i := slices.IndexFunc(n.In, first); i >= 0 && batch == 1 && o.Axis != 0 && o.Axis != -len(known[n.In[i]].Shape) {
				nodes = append(nodes, expandConstants(n, n.In[i])...)
			}
		}
		nodes = append(nodes, n)
	}
	g.Nodes = nodes
	return nil
}

// keepFirst is the shape for a Reshape with 0, the input's own length, as the
// first dimension in place of the batch.
func keepFirst(v *Value, batch int) *Value {
	if v.Const == nil || v.Const.Size() == 0 || v.Const.Ints[0] != int64(batch) {
		return v
	}
	wanted := IntTensor(v.Const.Ints...)
	wanted.Shape = v.Const.Shape
	wanted.Ints = slices.Clone(wanted.Ints)
	wanted.Ints[0] = 0
	return &Value{Name: v.Name, Type: Int64, Shape: Fixed(wanted.Shape), Const: wanted}
}

// expandConstants makes the constants among the inputs of n as many as x has
// rows, and returns the nodes that do.
func expandConstants(n *Node, x *Value) (nodes []*Node) {
	for i, v := range n.In {
		if v.Const == nil || len(v.Const.Shape) == 0 || v.Const.Shape[0] != 1 {
			continue
		}
		rest := IntTensor()
		for _, d := range v.Const.Shape[1:] {
			rest.Ints = append(rest.Ints, int64(d))
		}
		rest.Shape = []int{len(rest.Ints)}
		count, shape, expanded := &Value{}, &Value{}, &Value{Name: v.Name}
		tail := &Value{Type: Int64, Shape: Fixed(rest.Shape), Const: rest}
		add := func(op Op, out *Value, in ...*Value) {
			nodes = append(nodes, &Node{Name: n.Name, Op: op, In: in, Out: []*Value{out}})
		}
		add(&Shape{End: 1}, count, x)
		add(&Concat{}, shape, count, tail)
		add(&Expand{}, expanded, v, shape)
		n.In[i] = expanded
	}
	return nodes
}
