package model

import (
	"slices"
	"testing"

	"github.com/opensandwich/oi/cmd/internal/graph"
)

// TestGraphShapes: the types and shapes of a graph are those that follow from
// its operators, and its inputs are the picture and the parameters.
func TestGraphShapes(t *testing.T) {
	for _, n := range []*Network{tiny("a", "b"), tiny("a", "b", "c"), skipping("a", "b"), skipping("a", "b", "c")} {
		for _, o := range []GraphOptions{{}, {Training: true}, {Gains: true}, {Training: true, Gains: true}} {
			g, err := n.Graph(o)
			if err != nil {
				t.Fatal(err)
			}
			type form struct {
				of    graph.Type
				shape []graph.Dim
			}
			said := map[*graph.Value]form{}
			dropouts := 0
			for _, node := range g.Nodes {
				said[node.Out[0]] = form{node.Out[0].Type, node.Out[0].Shape}
				if d, ok := node.Op.(*graph.Dropout); ok {
					dropouts++
					if layer := n.Layers[d.Stream-1]; layer.Kind != Dropout || layer.Rate != d.Rate {
						t.Errorf("%s: dropout of stream %d at %v", n.Arch, d.Stream, d.Rate)
					}
				}
			}
			if (dropouts > 0) != o.Training {
				t.Errorf("%s, %+v: %d dropouts", n.Arch, o, dropouts)
			}
			if err := g.Infer(nil); err != nil {
				t.Fatalf("%s, %+v: %v", n.Arch, o, err)
			}
			for v, was := range said {
				if v.Type != was.of || !slices.Equal(v.Shape, was.shape) {
					t.Errorf("%s, %+v: %s is %v %s, not %v %s", n.Arch, o, v.Name, v.Type, graph.ShapeString(v.Shape), was.of, graph.ShapeString(was.shape))
				}
			}
			logits := g.Outputs[0]
			if len(g.Outputs) != 1 || !slices.Equal(logits.Shape, []graph.Dim{{Batch: 1}, {Const: n.Outputs()}}) {
				t.Errorf("%s: logits %s", n.Arch, graph.ShapeString(logits.Shape))
			}
			inputs := g.Inputs[1:]
			for _, p := range n.Params {
				if inputs[0].Name != p.Name || !slices.Equal(inputs[0].Shape, graph.Fixed(p.Shape)) {
					t.Errorf("%s: input %s %s where parameter %s %v was expected", n.Arch, inputs[0].Name, graph.ShapeString(inputs[0].Shape), p.Name, p.Shape)
				}
				inputs = inputs[1:]
			}
			if (len(inputs) > 0) != o.Gains || o.Gains && inputs[0].Name != "conv1.gain" {
				t.Errorf("%s, %+v: %d inputs more", n.Arch, o, len(inputs))
			}
		}
	}
	if _, err := new(Network).Graph(GraphOptions{}); err == nil {
		t.Error("an empty network has a graph")
	}
}
