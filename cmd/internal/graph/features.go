package graph

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Pooling says how a value becomes one vector for each picture.
type Pooling string

// The ways of pooling.
const (
	AsIs       Pooling = "as it is"                // [N,D]
	MeanPixel  Pooling = "averaged over pixels"    // [N,C,H,W]
	FirstToken Pooling = "the first of its tokens" // [N,T,D]
)

// Features is the place of a graph that describes a picture best for others to
// learn from.
type Features struct {
	Value   *Value
	Pooling Pooling
	Length  int    // of the vector
	Reason  string // why this place, for people
}

// featureNames are outputs that are features by their name.
var featureNames = []string{"features", "embedding", "embeddings", "image_embeds", "pooler_output"}

// Cut makes the named value the only output of the graph, before it is
// simplified.
func (g *Graph) Cut(name string) error {
	for _, v := range slices.Concat(g.Outputs, g.Inputs) {
		if v.Name == name {
			g.Outputs = []*Value{v}
			return nil
		}
	}
	for _, n := range g.Nodes {
		for _, v := range n.Out {
			if v != nil && v.Name == name {
				g.Outputs = []*Value{v}
				return nil
			}
		}
	}
	outputs := make([]string, len(g.Outputs))
	for i, v := range g.Outputs {
		outputs[i] = strconv.Quote(v.Name)
	}
	return fmt.Errorf("the model has no value %q; it gives %s, and nodes have others inside", name, strings.Join(outputs, ", "))
}

// Features chooses the features of a simplified graph: the output that has
// their name; else, where the first output is that of a classifier, what its
// last layer reads; else the first output itself. A classifier ends in a
// product with weights or a 1x1 convolution, after which nothing comes but
// Relu, pooling, Softmax, Reshape and Flatten.
func (g *Graph) Features() (*Features, error) {
	for _, name := range featureNames {
		for _, v := range g.Outputs {
			if v.Name == name {
				return g.newFeatures(v, "the output has their name")
			}
		}
	}
	if len(g.Outputs) == 0 {
		return nil, fmt.Errorf("the model has no outputs")
	}
	first := g.Outputs[0]
	if len(first.Shape) == 2 {
		if n := g.classifier(first); n != nil {
			return g.newFeatures(n.In[0], fmt.Sprintf("the input of the classifier, %s %q", n.Op.Kind(), n.Name))
		}
	}
	return g.newFeatures(first, "the output, which is not that of a classifier")
}

// classifier is the layer that makes the answers from which v comes, or nil.
func (g *Graph) classifier(v *Value) *Node {
	maker := g.Makers()
	for n := maker[v]; n != nil; n = maker[v] {
		v = n.In[0]
		switch o := n.Op.(type) {
		case *Gemm, *MatMul:
			if n.In[0].Const == nil && n.In[1].Const != nil {
				return n
			}
			return nil
		case *Conv:
			if w := n.In[1].Const; w != nil && o.Group == 1 && sizeOf(w.Shape[2:]) == 1 {
				return n
			}
			return nil
		case *Binary:
			// The bias of a product that has none of its own, on
			// either side.
			if v.Const != nil {
				v = n.In[1]
			}
			product := maker[v]
			if o.Name != "Add" || len(n.In) != 2 || n.In[0].Const == nil && n.In[1].Const == nil || product == nil {
				return nil
			}
			if _, ok := product.Op.(*MatMul); !ok {
				return nil
			}
		case *Unary:
			if o.Name != "Relu" {
				return nil
			}
		case *Pool, *Softmax, *Reshape, *Flatten, *Identity:
		default:
			return nil
		}
	}
	return nil
}

// FeaturesAt makes a value of a simplified graph its features, for a reason
// that is given to people.
func (g *Graph) FeaturesAt(v *Value, reason string) (*Features, error) {
	return g.newFeatures(v, reason)
}

func (g *Graph) newFeatures(v *Value, reason string) (*Features, error) {
	f := &Features{Value: v, Reason: reason}
	fixed := func(dims []Dim) bool { return !slices.ContainsFunc(dims, func(d Dim) bool { return !d.Fixed() }) }
	switch rank := len(v.Shape); {
	case v.Type != Float32 || rank < 2 || rank > 4 || !fixed(v.Shape[1:]):
		return nil, fmt.Errorf("%q of type %v and shape %s cannot be features: [N,D], [N,T,D] or [N,C,H,W] can", v.Name, v.Type, ShapeString(v.Shape))
	case rank == 2:
		f.Pooling, f.Length = AsIs, v.Shape[1].Const
	case rank == 3:
		f.Pooling, f.Length = FirstToken, v.Shape[2].Const
	default:
		f.Pooling, f.Length = MeanPixel, v.Shape[1].Const
	}
	if len(g.Inputs) == 0 || len(g.Inputs[0].Shape) == 0 || v.Shape[0] != g.Inputs[0].Shape[0] {
		return nil, fmt.Errorf("%q of shape %s cannot be features: it has not one row for each picture", v.Name, ShapeString(v.Shape))
	}
	return f, nil
}

// ShapeString is a shape for people, such as [N,3,224,224].
func ShapeString(shape []Dim) string {
	parts := make([]string, len(shape))
	for i, d := range shape {
		parts[i] = d.String()
	}
	return "[" + strings.Join(parts, ",") + "]"
}
