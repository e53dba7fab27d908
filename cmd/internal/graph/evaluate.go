package graph

import (
	"fmt"
	"slices"
)

// Evaluate computes the outputs for inputs by their names. It is the reference:
// exact as far as float32 results allow, and slow. Memory of values that are no
// longer needed is let go.
func (g *Graph) Evaluate(inputs map[string]*Tensor) (map[string]*Tensor, error) {
	values := map[*Value]*Tensor{}
	for _, v := range g.Inputs {
		t := inputs[v.Name]
		switch {
		case t == nil:
			return nil, fmt.Errorf("input %q is not given", v.Name)
		case t.Type != v.Type:
			return nil, fmt.Errorf("input %q is %v, the model takes %v", v.Name, t.Type, v.Type)
		}
		values[v] = t
	}
	left := g.readers()
	for _, n := range g.Nodes {
		in := make([]*Tensor, len(n.In))
		for i, v := range n.In {
			switch {
			case v == nil:
			case v.Const != nil:
				in[i] = v.Const
			case values[v] == nil:
				return nil, n.fault(fmt.Errorf("its input %q is computed by no node before it", v.Name))
			default:
				in[i] = values[v]
			}
		}
		out, err := n.Evaluate(in)
		if err != nil {
			return nil, err
		}
		for i, v := range n.Out[:len(out)] {
			if v != nil && left[v] > 0 {
				values[v] = out[i]
			}
		}
		for _, v := range n.In {
			if left[v]--; left[v] == 0 {
				delete(values, v)
			}
		}
	}
	results := map[string]*Tensor{}
	for _, v := range g.Outputs {
		t := values[v]
		if v.Const != nil {
			t = v.Const
		}
		if t == nil {
			return nil, fmt.Errorf("output %q is computed by no node", v.Name)
		}
		results[v.Name] = t
	}
	return results, nil
}

// Evaluate computes the outputs of a node, up to the last that somebody wants,
// from its inputs, of which absent ones are nil. It is the reference, as
// [Graph.Evaluate] is.
func (n *Node) Evaluate(in []*Tensor) ([]*Tensor, error) {
	out, err := n.evaluate(in)
	return out, n.fault(err)
}

func (n *Node) evaluate(in []*Tensor) ([]*Tensor, error) {
	known := make([]*info, len(in))
	for i, t := range in {
		known[i] = t.describe()
	}
	out, err := n.Op.infer(known, n.outputs())
	if err != nil {
		return nil, err
	}
	if err := checkInfo(out); err != nil {
		return nil, err
	}
	for _, o := range out {
		if sizeOf(o.Shape) > MaxElements {
			return nil, fmt.Errorf("a tensor of shape %v is too large", o.Shape)
		}
	}
	results := allocate(out)
	return results, n.compute(in, results)
}

// compute fills the results, if they have elements.
func (n *Node) compute(in, results []*Tensor) error {
	if !slices.ContainsFunc(results, func(t *Tensor) bool { return t.Size() > 0 }) {
		return nil
	}
	return n.Op.eval(in, results)
}

// Clone is a graph of its own nodes and values; operators and tensors, which
// nothing changes, are shared.
func (g *Graph) Clone() *Graph {
	copies := map[*Value]*Value{}
	list := func(vs []*Value) []*Value {
		out := make([]*Value, len(vs))
		for i, v := range vs {
			if v == nil {
				continue
			}
			if copies[v] == nil {
				c := *v
				c.Declared, c.Shape = slices.Clone(v.Declared), slices.Clone(v.Shape)
				copies[v] = &c
			}
			out[i] = copies[v]
		}
		return out
	}
	c := &Graph{Inputs: list(g.Inputs)}
	for _, n := range g.Nodes {
		c.Nodes = append(c.Nodes, &Node{n.Name, n.Op, list(n.In), list(n.Out)})
	}
	c.Outputs = list(g.Outputs)
	return c
}
