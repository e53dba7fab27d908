package transfer

import (
	"fmt"

	"github.com/opensandwich/oi/cmd/internal/graph"
)

// OpenCV says in words why OpenCV 4.6 does not read models with this backbone,
// "" if it does as far as is known. It reads networks of convolutions.
func (b *Backbone) OpenCV() string {
	for _, n := range b.Graph.Nodes {
		if !opencvReads(n) {
			return fmt.Sprintf("it has the operator %s of a result %s", n.Op.Kind(), graph.ShapeString(n.Out[0].Shape))
		}
	}
	return ""
}

// opencvReads reports whether OpenCV reads a node of a network of convolutions.
func opencvReads(n *graph.Node) bool {
	switch o := n.Op.(type) {
	case *graph.Conv, *graph.Pool, *graph.Clip, *graph.Cast, *graph.Flatten, *graph.Concat, *graph.Gemm, *graph.BatchNormalization, *graph.Softmax, *graph.Slice, *graph.Split:
		return true
	case *graph.Transpose, *graph.Reshape:
		return len(n.Out[0].Shape) <= 5 // as for a shuffle of channels
	case *graph.Unary:
		return o.Name != "Gelu" && o.Name != "Erf"
	case *graph.Binary:
		return o.Name == "Add" || o.Name == "Mul" || o.Name == "Sub"
	case *graph.Reduce:
		return o.Name == "Mean"
	}
	return false
}
