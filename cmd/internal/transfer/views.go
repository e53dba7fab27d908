package transfer

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"github.com/opensandwich/oi/cmd/internal/graph"
)

// contextName is the second input of a graph of two views.
const contextName = "context"

// A ContextError is what is wrong with a network at the side of the second view.
type ContextError struct{ Err error }

func (e *ContextError) Error() string { return "for the second view: " + e.Err.Error() }

// Unwrap gives what is wrong.
func (e *ContextError) Unwrap() error { return e.Err }

// Views is TwoViews, or Backbone where context is 0: there is one view.
func (f *File) Views(side, context int) (*Backbone, error) {
	if context == 0 {
		return f.Backbone(side)
	}
	return f.TwoViews(side, context)
}

// TwoViews makes a backbone that looks at two pictures, the crop and its context,
// of one side each; a side of 0 is as for Backbone. Its graph takes them as
// "image" and "context", and its features are those of the one and then those of
// the other. The network stands in it twice, its weights once. What asks it takes
// the bytes of the crop and, after them, those of the context.
func (f *File) TwoViews(side, context int) (*Backbone, error) {
	b, err := f.Backbone(side)
	if err != nil {
		return nil, err
	}
	c, err := f.Backbone(context)
	if err != nil {
		return nil, &ContextError{err}
	}
	if b.Dim != c.Dim {
		return nil, f.fault(fmt.Errorf("it gives %d features of the crop and %d of the context: want as many", b.Dim, c.Dim))
	}
	two := &Backbone{Backbone: b.Backbone, DeclaredSide: b.DeclaredSide, Shape: b.Shape, contextDeclared: c.DeclaredSide}
	two.Dim, two.ContextSide = b.Dim+c.Dim, c.Side
	if two, err = two.withViews([]*Backbone{b, c}); err != nil {
		return nil, f.fault(err)
	}
	return two, nil
}

// withViews returns the backbone with the networks of both views.
func (b *Backbone) withViews(views []*Backbone) (*Backbone, error) {
	two := *b
	two.views, two.FineTuned = views, views[0].FineTuned
	g, err := beside(views[0].Graph, views[1].Graph)
	if err != nil {
		return nil, err
	}
	return &two, two.identify(g)
}

// beside returns a graph of both graphs, which are of one network: that of the
// crop and that of its context. Each of its outputs has the numbers of the one,
// a row a picture, and then those of the other.
func beside(crop, context *graph.Graph) (*graph.Graph, error) {
	a, b := crop.Clone(), context.Clone()
	if len(a.Inputs) != 1 || len(b.Inputs) != 1 || len(a.Outputs) != len(b.Outputs) {
		return nil, errors.New("it has several inputs or outputs")
	}
	b.Inputs[0].Name = contextName
	g := &graph.Graph{
		Inputs: []*graph.Value{a.Inputs[0], b.Inputs[0]},
		Nodes:  append(a.Nodes, b.Nodes...),
	}
	for i, v := range a.Outputs {
		both, name := []*graph.Value{v, b.Outputs[i]}, v.Name
		for k, v := range both {
			v.Name = ""
			if len(v.Shape) != 2 {
				both[k] = &graph.Value{}
				g.Nodes = append(g.Nodes, &graph.Node{Op: &graph.Flatten{Axis: 1}, In: []*graph.Value{v}, Out: []*graph.Value{both[k]}})
			}
		}
		all := &graph.Value{Name: name}
		g.Nodes = append(g.Nodes, &graph.Node{Op: &graph.Concat{Axis: 1}, In: both, Out: []*graph.Value{all}})
		g.Outputs = append(g.Outputs, all)
	}
	shareConstants(g)
	return g, nil
}

// shareConstants lets equal constants be one.
func shareConstants(g *graph.Graph) {
	known := map[string]*graph.Value{}
	for _, n := range g.Nodes {
		for i, v := range n.In {
			if v == nil || v.Const == nil {
				continue
			}
			name := contentOf(v.Const)
			if known[name] == nil {
				known[name] = v
			}
			n.In[i] = known[name]
		}
	}
}

// contentOf names the content of a tensor.
func contentOf(t *graph.Tensor) string {
	h := sha256.New() // whose Write never fails
	buffer := make([]byte, 0, 8<<10)
	flush := func(room int) {
		if len(buffer)+8 > room {
			h.Write(buffer)
			buffer = buffer[:0]
		}
	}
	for _, v := range t.Floats {
		buffer = binary.LittleEndian.AppendUint32(buffer, math.Float32bits(v))
		flush(cap(buffer))
	}
	for _, v := range t.Ints {
		buffer = binary.LittleEndian.AppendUint64(buffer, uint64(v))
		flush(cap(buffer))
	}
	flush(0)
	return fmt.Sprintf("%v %v %x", t.Type, t.Shape, h.Sum(nil))
}
