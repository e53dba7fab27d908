package transfer

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"

	"github.com/opensandwich/oi/cmd/internal/graph"
	"github.com/opensandwich/oi/cmd/internal/onnx"
	"github.com/opensandwich/oi/cmd/internal/preprocess"
)

// build makes the graph of the features, and their identity.
func (b *Backbone) build(c *cut, n *preprocess.Normalization) error {
	if c.Value == c.graph.Inputs[0] || c.Value.Const != nil {
		return errors.New("its features do not depend on the picture, or are the picture itself")
	}
	c.takeBytes(b.Side, n)
	c.pool()
	return b.identify(c.graph)
}

// identify takes a graph from bytes to features, and computes their identity.
func (b *Backbone) identify(g *graph.Graph) error {
	g, err := canonical(g)
	if err != nil {
		return err
	}
	h := sha256.New() // whose Write never fails
	_, _ = fmt.Fprintf(h, "oi features 1 %s\n", b.DType)
	if err := onnx.Write(h, g, "", ""); err != nil {
		return err
	}
	b.Of, b.Graph, b.Parameters = hex.EncodeToString(h.Sum(nil)), g, g.Parameters()
	return nil
}

// canonical is the graph as it comes out of a file that was made of it.
func canonical(g *graph.Graph) (*graph.Graph, error) {
	if err := g.Simplify(nil); err != nil {
		return nil, err
	}
	g, err := onnx.Reread(g)
	if err != nil {
		return nil, err
	}
	return g, g.Simplify(nil)
}

// takeBytes makes the graph take uint8 [N,side,side,3].
func (c *cut) takeBytes(side int, n *preprocess.Normalization) {
	old := c.graph.Inputs[0]
	p := &prefix{last: &graph.Value{Name: inputName, Type: graph.Uint8, Declared: []int{-1, side, side, channels}}}
	image := p.last
	if old.Type == graph.Float32 {
		p.add(&graph.Cast{To: graph.Float32})
	}
	if c.planes || old.Type == graph.Float32 {
		p.add(&graph.Transpose{Perm: []int{0, 3, 1, 2}})
	}
	if old.Type == graph.Float32 {
		p.normalize(n)
	}
	if !c.planes && old.Type == graph.Float32 {
		c.readPlanes(old, p)
	}
	for _, node := range c.graph.Nodes {
		for i, v := range node.In {
			if v == old {
				node.In[i] = p.last
			}
		}
	}
	c.graph.Inputs = []*graph.Value{image}
	c.graph.Nodes = append(p.nodes, c.graph.Nodes...)
}

// readPlanes lets the transpositions with which a network that takes
// [N,S,S,3] begins read the planes themselves, and what else it does with its
// input read them transposed back.
func (c *cut) readPlanes(old *graph.Value, p *prefix) {
	planes, others := p.last, false
	instead := map[*graph.Value]*graph.Value{}
	for _, node := range c.graph.Nodes {
		t, ok := node.Op.(*graph.Transpose)
		if ok && node.In[0] == old && len(t.Perm) == 4 && t.Perm[1] == 3 && t.Perm[2] == 1 && t.Perm[3] == 2 {
			instead[node.Out[0]] = planes
			continue
		}
		for i, v := range node.In {
			if with := instead[v]; v != nil && with != nil {
				node.In[i] = with
			}
			others = others || node.In[i] == old
		}
	}
	if others {
		p.add(&graph.Transpose{Perm: []int{0, 2, 3, 1}})
	}
}

// prefix is what comes before a network.
type prefix struct {
	nodes []*graph.Node
	last  *graph.Value
}

func (p *prefix) add(op graph.Op, more ...*graph.Tensor) {
	in := []*graph.Value{p.last}
	for _, t := range more {
		in = append(in, &graph.Value{Type: t.Type, Shape: graph.Fixed(t.Shape), Const: t})
	}
	p.last = &graph.Value{}
	p.nodes = append(p.nodes, &graph.Node{Op: op, In: in, Out: []*graph.Value{p.last}})
}

// normalize works on [N,3,S,S]. Padding of the network comes after it, so it is
// never folded into a convolution. Other runtimes read a 1x1 convolution where
// they do not read factors for each channel.
func (p *prefix) normalize(n *preprocess.Normalization) {
	if n.Uniform() {
		scalar := func(v float32) *graph.Tensor { return graph.FloatTensor([]float32{v}) }
		if n.Scale[0] != 1 {
			p.add(&graph.Binary{Name: "Mul"}, scalar(n.Scale[0]))
		}
		if n.Offset[0] != 0 {
			p.add(&graph.Binary{Name: "Sub"}, scalar(-n.Offset[0]))
		}
		return
	}
	if !n.BGR {
		weights := graph.FloatTensor(n.Scale[:], channels, 1, 1, 1)
		p.add(&graph.Conv{Group: channels}, weights, graph.FloatTensor(n.Offset[:], channels))
		return
	}
	weights, bias := graph.NewTensor(graph.Float32, channels, channels, 1, 1), graph.NewTensor(graph.Float32, channels)
	for from := range channels {
		to := channels - 1 - from
		weights.Floats[to*channels+from], bias.Floats[to] = n.Scale[from], n.Offset[from]
	}
	p.add(&graph.Conv{Group: 1}, weights, bias)
}
