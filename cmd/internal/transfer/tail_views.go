package transfer

import (
	"errors"
	"fmt"
	"slices"

	"github.com/opensandwich/oi/cmd/internal/graph"
)

// tailOfViews divides a backbone of two views, each at the same layer.
func (b *Backbone) tailOfViews(layers int) (*Tail, error) {
	t := &Tail{backbone: b}
	for _, view := range b.views {
		d, err := view.divide(layers)
		if err != nil {
			return nil, err
		}
		t.views = append(t.views, d)
		t.Size += d.size()
	}
	crop, context := t.views[0], t.views[1]
	if !slices.EqualFunc(layersOf(crop.graph), layersOf(context.graph), sameLayer) {
		return nil, errors.New("the backbone ends in other layers for the crop than for its context, whose sides differ: no weights can be those of both")
	}
	t.Layers, t.All = crop.layers, crop.all
	t.Begins = fmt.Sprintf("maps of %s and %s", crop.begins, context.begins)
	g, err := beside(crop.frozen, context.frozen)
	if err != nil {
		return nil, err
	}
	t.Frozen = g
	return t, g.Simplify(nil)
}

// layersOf are the nodes whose weights are fine-tuned.
func layersOf(g *graph.Graph) []*graph.Node {
	return slices.DeleteFunc(slices.Clone(g.Nodes), func(n *graph.Node) bool { return !weighted(n) })
}

// sameLayer reports whether two layers have the same weights and biases.
func sameLayer(a, b *graph.Node) bool {
	same := func(a, b *graph.Value) bool {
		if a == nil || b == nil {
			return a == b
		}
		return slices.Equal(a.Const.Shape, b.Const.Shape) && slices.Equal(a.Const.Floats, b.Const.Floats)
	}
	if x, ok := a.Op.(*graph.Gemm); ok {
		if y, ok := b.Op.(*graph.Gemm); !ok || x.TransB != y.TransB {
			return false
		}
	}
	return a.Op.Kind() == b.Op.Kind() && slices.EqualFunc(a.In[1:], b.In[1:], same)
}

// join makes one graph of the tails of the views, from the map to the features.
// Of two views it parts the map, and puts the features together.
func (t *Tail) join(views []*graph.Graph) *graph.Graph {
	if len(views) == 1 {
		return views[0]
	}
	in := &graph.Value{Name: mapName, Type: graph.Float32, Declared: []int{-1, t.Size}}
	features := &graph.Value{Name: featuresName}
	g := &graph.Graph{Inputs: []*graph.Value{in}, Outputs: []*graph.Value{features}}
	both := &graph.Node{Op: &graph.Concat{Axis: 1}, Out: []*graph.Value{features}}
	begin := 0
	for i, view := range views {
		d := t.views[i]
		part, own := &graph.Value{}, &graph.Value{}
		g.Nodes = append(g.Nodes,
			&graph.Node{Op: &graph.Slice{}, In: []*graph.Value{in, integers(begin), integers(begin + d.size()), integers(1)}, Out: []*graph.Value{part}},
			&graph.Node{Op: &graph.Reshape{}, In: []*graph.Value{part, integers(append([]int{0}, d.shape...)...)}, Out: []*graph.Value{own}})
		replace(view.Nodes, view.Inputs[0], own)
		g.Nodes = append(g.Nodes, view.Nodes...)
		view.Outputs[0].Name = ""
		both.In = append(both.In, view.Outputs[0])
		begin += d.size()
	}
	g.Nodes = append(g.Nodes, both)
	shareConstants(g)
	return g
}

// integers is a constant list.
func integers(list ...int) *graph.Value {
	t := &graph.Tensor{Type: graph.Int64, Shape: []int{len(list)}}
	for _, v := range list {
		t.Ints = append(t.Ints, int64(v))
	}
	return &graph.Value{Type: graph.Int64, Shape: graph.Fixed(t.Shape), Const: t}
}
