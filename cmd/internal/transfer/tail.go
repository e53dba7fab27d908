package transfer

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"

	"github.com/opensandwich/oi/cmd/internal/graph"
	"github.com/opensandwich/oi/cmd/internal/model"
)

// Tail is the end of a backbone, which is fine-tuned together with a head on it.
// What comes before it, the frozen part, stays as it is. Of a backbone of two
// views it works on both with the same weights.
type Tail struct {
	// Frozen takes the pictures as the backbone does and gives the features,
	// float32 [N,Dim], and the map that the tail begins with, Size numbers a
	// picture. Of two views these are the numbers of the crop and then those
	// of the context, [N,Size].
	Frozen *graph.Graph
	Size   int

	Layers, All int    // convolutions and dense layers of the tail, and of the backbone
	Begins      string // what the tail begins with, in words

	backbone *Backbone
	views    []*division // one, or those of the crop and of the context
}

// A division is where the backbone of one view is divided.
type division struct {
	backbone    *Backbone
	layers, all int          // as in Tail
	first       int          // node of the backbone's graph
	shape       []int        // of the map of a picture
	begins      string       // that shape in words
	frozen      *graph.Graph // as in Tail
	graph       *graph.Graph // of the tail: the map to the features
}

// Names of the map and of the parameters of the head.
const (
	mapName    = "map"
	headWeight = "head.weight"
	headBias   = "head.bias"
)

// Layers of a tail that are not said in numbers.
const (
	AutoLayers = "auto"
	AllLayers  = "all"
)

// ParseLayers reads how many of the last layers are wanted: a number from 1,
// AutoLayers, which is 0, or AllLayers, which is the largest number.
func ParseLayers(text string) (int, error) {
	switch text {
	case AutoLayers:
		return 0, nil
	case AllLayers:
		return math.MaxInt, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		return 0, fmt.Errorf("%s: want a number of layers from 1, auto or all", text)
	}
	return n, nil
}

// Tail divides a backbone such that at least so many of its last convolutions
// and dense layers come after the division, or the last three tenths of them for
// 0. It can be divided where a single value of a view is passed on.
func (b *Backbone) Tail(layers int) (*Tail, error) {
	if len(b.views) > 0 {
		return b.tailOfViews(layers)
	}
	d, err := b.divide(layers)
	if err != nil {
		return nil, err
	}
	return &Tail{
		Frozen: d.frozen, Size: d.size(), Layers: d.layers, All: d.all, Begins: "a map of " + d.begins,
		backbone: b, views: []*division{d},
	}, nil
}

// divide finds where a backbone of one view is divided, and makes both parts.
func (b *Backbone) divide(layers int) (*division, error) {
	d := &division{backbone: b}
	nodes := b.Graph.Nodes
	for _, n := range nodes {
		if weighted(n) {
			d.all++
		}
	}
	if d.all == 0 {
		return nil, errors.New("the backbone has no convolution or dense layer that could be fine-tuned")
	}
	if layers == 0 {
		layers = max(1, (3*d.all+5)/10)
	}
	layers = min(layers, d.all)
	// From the last node on; with all layers, as near to the bytes as
	// possible, whose numbers are exact in any type.
	var begin *graph.Value
	count := 0
	for p := len(nodes) - 1; p > 0; p-- {
		if weighted(nodes[p]) {
			count++
		}
		if count < layers || begin != nil && layers < d.all {
			continue
		}
		if v := onlyValue(b.Graph, p); v != nil {
			begin, d.first, d.layers = v, p, count
		}
	}
	if begin == nil {
		return nil, errors.New("the backbone is nowhere a single value that the rest of it could be fine-tuned from")
	}
	return d, d.cut(begin)
}

// weighted reports whether a node has weights that can be fine-tuned.
func weighted(n *graph.Node) bool {
	if len(n.In) < 2 || n.In[1] == nil || n.In[1].Const == nil || len(n.In) > 2 && n.In[2] != nil && n.In[2].Const == nil {
		return false
	}
	switch o := n.Op.(type) {
	case *graph.Conv:
		w := n.In[1].Const.Shape
		return len(w) == 4 && !affine(w, o.Group)
	case *graph.Gemm:
		return o.Alpha == 1 && o.Beta == 1 && !o.TransA && (len(n.In) < 3 || n.In[2] == nil || len(n.In[2].Const.Shape) == 1)
	}
	return false
}

// affine reports whether a convolution of weights [M,C/Groups,KH,KW] is one
// factor a channel, as normalization is written, or exchanges the colours of a
// picture.
func affine(w []int, groups int) bool {
	return w[2]*w[3] == 1 && (groups == w[0] && w[1] == 1 || w[0] == channels && w[1]*groups == channels)
}

// onlyValue is the value that the nodes from one on read of those before, if it
// is one alone and has numbers for each picture.
func onlyValue(g *graph.Graph, from int) *graph.Value {
	made := map[*graph.Value]bool{g.Inputs[0]: true}
	for _, n := range g.Nodes[:from] {
		for _, v := range n.Out {
			made[v] = true
		}
	}
	var only *graph.Value
	read := slices.Clone(g.Outputs)
	for _, n := range g.Nodes[from:] {
		read = append(read, n.In...)
	}
	for _, v := range read {
		if v == nil || v.Const != nil || !made[v] || v == only {
			continue
		}
		if only != nil {
			return nil
		}
		only = v
	}
	batch := graph.Dim{Batch: 1}
	if only == nil || only.Type != graph.Float32 || len(only.Shape) < 2 || only.Shape[0] != batch ||
		slices.ContainsFunc(only.Shape[1:], func(d graph.Dim) bool { return !d.Fixed() }) {
		return nil
	}
	return only
}

// cut makes the graphs of both parts.
func (d *division) cut(begin *graph.Value) error {
	declared := []int{-1}
	for _, dim := range begin.Shape[1:] {
		d.shape = append(d.shape, dim.Const)
		declared = append(declared, dim.Const)
	}
	d.begins = graph.ShapeString(begin.Shape)
	g := d.backbone.Graph
	place, output := -1, -1
	maker := g.Makers()[begin]
	for i, n := range g.Nodes {
		if n == maker {
			place, output = i, slices.Index(n.Out, begin)
		}
	}
	if place < 0 {
		return errors.New("the backbone takes its features straight from the picture")
	}
	d.frozen = g.Clone()
	d.frozen.Outputs = append(d.frozen.Outputs, d.frozen.Nodes[place].Out[output])
	if last := d.frozen.Outputs[1]; last.Name == "" {
		last.Name = mapName
	}
	d.graph = g.Clone()
	old := d.graph.Nodes[place].Out[output]
	in := &graph.Value{Name: mapName, Type: graph.Float32, Declared: declared}
	d.graph.Nodes = d.graph.Nodes[d.first:]
	replace(d.graph.Nodes, old, in)
	if d.graph.Outputs[0] == old {
		return errors.New("no layer comes after the place where the backbone can be divided")
	}
	d.graph.Inputs = []*graph.Value{in}
	return nil
}

// replace lets nodes read another value.
func replace(nodes []*graph.Node, old, by *graph.Value) {
	for _, n := range nodes {
		for i, v := range n.In {
			if v == old {
				n.In[i] = by
			}
		}
	}
}

// size is how many numbers the map of a picture has.
func (d *division) size() int {
	size := 1
	for _, n := range d.shape {
		size *= n
	}
	return size
}

// Text says what is fine-tuned, such as "the last 16 of 52 layers".
func (t *Tail) Text() string {
	if t.Layers == t.All {
		return fmt.Sprintf("all %d layers", t.All)
	}
	return fmt.Sprintf("the last %d of %d layers", t.Layers, t.All)
}

// Training returns the graph of the tail and the head, from the map and the
// parameters to the logits [N,K], as nn.NewTuner wants it, and the parameters as
// they are before: those of the tail, in the layouts of package kernel, and of
// the head, weights [K][D] and biases [K].
func (t *Tail) Training(weights, bias []float32) (*graph.Graph, []model.Param, error) {
	p := &parameters{}
	views := t.graphs()
	for _, g := range views {
		p.take(g)
	}
	k, d := len(bias), len(weights)/len(bias)
	w, b := p.add(headWeight, []int{d, k}, transposed(weights, k, d)), p.add(headBias, []int{k}, bias)
	g := t.join(views)
	logits := &graph.Value{Name: "logits"}
	g.Nodes = append(g.Nodes, &graph.Node{Name: "head", Op: &graph.Gemm{Alpha: 1, Beta: 1}, In: []*graph.Value{g.Outputs[0], w, b}, Out: []*graph.Value{logits}})
	g.Inputs, g.Outputs = append(g.Inputs, p.inputs...), []*graph.Value{logits}
	return g, p.params, g.Simplify(nil)
}

// graphs are copies of the tails of the views.
func (t *Tail) graphs() []*graph.Graph {
	list := make([]*graph.Graph, len(t.views))
	for i, d := range t.views {
		list[i] = d.graph.Clone()
	}
	return list
}

// parameters are weights that became inputs of a graph.
type parameters struct {
	inputs []*graph.Value
	params []model.Param
	layers [][]*graph.Value // what each layer reads in place of its weights and biases
}

func (p *parameters) add(name string, shape []int, data []float32) *graph.Value {
	v := &graph.Value{Name: name, Type: graph.Float32, Declared: shape}
	p.inputs = append(p.inputs, v)
	p.params = append(p.params, model.Param{Name: name, Shape: shape, Data: slices.Clone(data)})
	return v
}

// take lets the layers of a graph read parameters. The layers of the first graph
// bring them, and those of others, in the same order, read the same.
func (p *parameters) take(g *graph.Graph) {
	var nodes []*graph.Node
	first, layer := p.layers == nil, 0
	for i, n := range g.Nodes {
		if weighted(n) {
			if first {
				nodes = p.layer(nodes, fmt.Sprintf("layer%d", i+1), n)
			}
			n.In = slices.Clone(n.In)
			copy(n.In[1:], p.layers[layer])
			if gemm, ok := n.Op.(*graph.Gemm); ok {
				o := *gemm
				o.TransB = false
				n.Op = &o
			}
			layer++
		}
		nodes = append(nodes, n)
	}
	g.Nodes = nodes
}

// layer adds the parameters of a layer, and to the nodes what makes of them what
// it reads.
func (p *parameters) layer(nodes []*graph.Node, name string, n *graph.Node) []*graph.Node {
	shape, data := kernelLayout(n, n.In[1].Const)
	v := p.add(name+".weight", shape, data)
	if _, ok := n.Op.(*graph.Conv); ok {
		planes := &graph.Value{Name: name + ".planes"}
		nodes = append(nodes, &graph.Node{Name: planes.Name, Op: &graph.Transpose{Perm: []int{3, 2, 0, 1}}, In: []*graph.Value{v}, Out: []*graph.Value{planes}})
		v = planes
	}
	read := []*graph.Value{v}
	if len(n.In) > 2 && n.In[2] != nil {
		read = append(read, p.add(name+".bias", n.In[2].Const.Shape, n.In[2].Const.Floats))
	}
	p.layers = append(p.layers, read)
	return nodes
}

// kernelLayout is the weights of a node in the layout of package kernel: of a
// convolution [KH,KW,C/Groups,M], else [In,Out].
func kernelLayout(n *graph.Node, w *graph.Tensor) (shape []int, data []float32) {
	if gemm, ok := n.Op.(*graph.Gemm); ok {
		if !gemm.TransB {
			return w.Shape, w.Floats
		}
		return []int{w.Shape[1], w.Shape[0]}, transposed(w.Floats, w.Shape[0], w.Shape[1])
	}
	// [M,C/Groups,KH,KW]: as [M][C/Groups*KH*KW] it is turned around, and
	// then [C/Groups][KH*KW] within.
	m, c, k := w.Shape[0], w.Shape[1], w.Shape[2]*w.Shape[3]
	data = make([]float32, len(w.Floats))
	for i, v := range w.Floats {
		o, ci, e := i/(c*k), i/k%c, i%k
		data[(e*c+ci)*m+o] = v
	}
	return []int{w.Shape[2], w.Shape[3], c, m}, data
}

// onnxLayout is kernelLayout the other way.
func onnxLayout(n *graph.Node, p model.Param) *graph.Tensor {
	if gemm, ok := n.Op.(*graph.Gemm); ok {
		if !gemm.TransB {
			return graph.FloatTensor(slices.Clone(p.Data), p.Shape...)
		}
		return graph.FloatTensor(transposed(p.Data, p.Shape[0], p.Shape[1]), p.Shape[1], p.Shape[0])
	}
	c, m, k := p.Shape[2], p.Shape[3], p.Shape[0]*p.Shape[1]
	t := graph.NewTensor(graph.Float32, m, c, p.Shape[0], p.Shape[1])
	for i := range t.Floats {
		o, ci, e := i/(c*k), i/k%c, i%k
		t.Floats[i] = p.Data[(e*c+ci)*m+o]
	}
	return t
}

// transposed is a matrix [rows][cols] as [cols][rows].
func transposed(data []float32, rows, cols int) []float32 {
	t := make([]float32, len(data))
	for r := range rows {
		for c := range cols {
			t[c*rows+r] = data[r*cols+c]
		}
	}
	return t
}

// put replaces the weights of a graph's nodes by parameters of Training, and
// returns those of the head, weights [K][D] and biases [K].
func put(nodes []*graph.Node, params []model.Param) (weights, bias []float32) {
	constant := func(t *graph.Tensor) *graph.Value {
		return &graph.Value{Type: t.Type, Shape: graph.Fixed(t.Shape), Const: t}
	}
	for _, n := range nodes {
		if !weighted(n) {
			continue
		}
		n.In = slices.Clone(n.In)
		n.In[1] = constant(onnxLayout(n, params[0]))
		params = params[1:]
		if len(n.In) > 2 && n.In[2] != nil {
			n.In[2] = constant(graph.FloatTensor(slices.Clone(params[0].Data), params[0].Shape...))
			params = params[1:]
		}
	}
	return transposed(params[0].Data, params[0].Shape[0], params[0].Shape[1]), slices.Clone(params[1].Data)
}

// Answers returns the graph of the tail and the head with parameters of
// Training: input "map", float32 of [N,...], output "probabilities", [N,K].
func (t *Tail) Answers(params []model.Param) (*graph.Graph, error) {
	var weights, bias []float32
	views := t.graphs()
	for _, g := range views {
		weights, bias = put(g.Nodes, params)
	}
	g := t.join(views)
	addHead(g, weights, bias)
	return g, g.Simplify(nil)
}

// Tuned returns the backbone with parameters of Training, and the head, weights
// [K][D] and biases [K]. Its features are others, and so is its identity.
func (t *Tail) Tuned(params []model.Param) (b *Backbone, weights, bias []float32, err error) {
	tuned := make([]*Backbone, len(t.views))
	for i, d := range t.views {
		g := d.backbone.Graph.Clone()
		weights, bias = put(g.Nodes[d.first:], params)
		view := *d.backbone
		if err := view.identify(g); err != nil {
			return nil, nil, nil, err
		}
		view.FineTuned = t.Text()
		tuned[i] = &view
	}
	if len(tuned) == 1 {
		return tuned[0], weights, bias, nil
	}
	b, err = t.backbone.withViews(tuned)
	return b, weights, bias, err
}
