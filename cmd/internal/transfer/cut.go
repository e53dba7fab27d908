package transfer

import (
	"fmt"

	"github.com/opensandwich/oi/cmd/internal/graph"
)

// cut is a network that is simplified for pictures of a side, and the place in
// it where its features are.
type cut struct {
	*graph.Features
	graph  *graph.Graph
	planes bool // the input is [N,3,S,S]
}

// cut finds the features for pictures of a side.
func (f *File) cut(side int) (*cut, error) {
	name := f.options.Features
	g, in, err := f.simplified(side, name)
	if err != nil {
		return nil, err
	}
	c := &cut{graph: g, planes: in.planes}
	if name != "" {
		c.Features, err = g.FeaturesAt(g.Outputs[0], "--features names it")
	} else {
		c.Features, err = g.Features()
	}
	return c, err
}

// simplified is the network for pictures of a side, and how it takes them;
// name, if it is not "", is the value that is wanted of it.
func (f *File) simplified(side int, name string) (*graph.Graph, *input, error) {
	g, err := f.input.simplified(f.model.Graph, side, name)
	if err == nil || !f.input.open {
		return g, f.input, err
	}
	other := *f.input
	other.planes = !other.planes
	if again, failed := other.simplified(f.model.Graph, side, name); failed == nil {
		return again, &other, nil
	}
	return nil, nil, err
}

// text says what was chosen and why.
func (c *cut) text() string {
	return fmt.Sprintf("%q %s, %s: %s", c.Value.Name, graph.ShapeString(c.Value.Shape), c.Pooling, c.Reason)
}

// pool makes the features the only output of the graph, [N,D].
func (c *cut) pool() {
	v := c.Value
	add := func(op graph.Op, more ...*graph.Value) {
		out := &graph.Value{}
		c.graph.Nodes = append(c.graph.Nodes, &graph.Node{Op: op, In: append([]*graph.Value{v}, more...), Out: []*graph.Value{out}})
		v = out
	}
	switch c.Pooling {
	case graph.MeanPixel:
		if c.Value.Shape[2].Const != 1 || c.Value.Shape[3].Const != 1 {
			add(&graph.Pool{})
		}
		add(&graph.Flatten{Axis: 1})
	case graph.FirstToken:
		first := &graph.Tensor{Type: graph.Int64, Shape: []int{}, Ints: []int64{0}}
		add(&graph.Gather{Axis: 1}, &graph.Value{Type: graph.Int64, Shape: []graph.Dim{}, Const: first})
	}
	v.Name = featuresName
	c.graph.Outputs = []*graph.Value{v}
}
