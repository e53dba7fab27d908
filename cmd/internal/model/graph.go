package model

import (
	"slices"
	"strconv"
	"strings"

	"github.com/opensandwich/oi/cmd/internal/graph"
)

// GraphOptions say what a graph of a network is for.
type GraphOptions struct {
	// Training keeps dropout, which does nothing otherwise. The draws of
	// layer i, counted from 1, are stream i.
	Training bool

	// Gains makes the weights of each convolution out of raw ones and a
	// gain for every output channel: see graph.WeightStandardization.
	Gains bool

	// Features, where it is not zero, adds a second output: the features
	// [N,Height,Width,Channels] that the network's own are turned into, by
	// their mean over as many places as come to one here, and by the inputs
	// that [Network.Projection] has.
	Features FeatureMap
}

// Graph is the network up to the logits in the operators of ONNX. The first
// input is the pictures, uint8 [N,Height,Width,Channels]. Then come the
// parameters as Spec has them, with Gains "convI.gain" [Out] of each
// convolution, and with Features those of the projection. The first output is
// the logits, [N,Outputs]. All types and shapes are there, as
// [graph.Graph.Infer] finds them.
func (n *Network) Graph(o GraphOptions) (*graph.Graph, error) {
	var parameters, gains []*graph.Value
	input := func(name string, shape []int) *graph.Value {
		return &graph.Value{Name: name, Type: graph.Float32, Declared: shape, Shape: graph.Fixed(shape)}
	}
	b, err := newGraphBuilder(n)
	if err != nil {
		return nil, err
	}
	b.training = o.Training
	var projection []*graph.Value
	if o.Features != (FeatureMap{}) {
		params, err := n.Projection(o.Features)
		if err != nil {
			return nil, err
		}
		for _, p := range params {
			projection = append(projection, input(p.Name, p.Shape))
		}
		b.atMean = func(shape []int) { b.features = b.project(o.Features, shape, projection[0], projection[1]) }
	}
	b.parameter = func(p Param) *graph.Value {
		v := input(p.Name, p.Shape)
		parameters = append(parameters, v)
		if len(p.Shape) != 4 {
			return v
		}
		if o.Gains {
			gain := input(strings.TrimSuffix(p.Name, ".weight")+".gain", p.Shape[3:])
			gains = append(gains, gain)
			v = b.node(&graph.WeightStandardization{}, p.Name+"_standardized", graph.Fixed(p.Shape), v, gain)
		}
		planar := onnxShape(p.Shape, transposedDense)
		return b.node(&graph.Transpose{Perm: []int{3, 2, 0, 1}}, p.Name+"_planar", graph.Fixed(planar), v)
	}
	logits := b.layers()
	b.graph.Inputs = slices.Concat(b.graph.Inputs, parameters, gains, projection)
	b.graph.Outputs = []*graph.Value{logits}
	if b.features != nil {
		b.graph.Outputs = append(b.graph.Outputs, b.features)
	}
	return &b.graph, nil
}

// graphBuilder writes the layers of a network as operators. ONNX convolves
// [N,C,H,W] where the network has [N,H,W,C], so there is a Transpose before the
// first layer and another before Flatten: the order of the flattened numbers,
// and with it the inputs of the first dense layer, stay as they are. A mean over
// the picture has no order and needs none.
type graphBuilder struct {
	net    *Network
	shapes [][]int
	params []Param // of the layers that are still to come

	training  bool
	transB    bool                       // of dense layers
	parameter func(p Param) *graph.Value // as operators read it: convolutions' weights are [Out,Cin,Kernel,Kernel]

	atMean   func(shape []int) // called before the mean over the features
	features *graph.Value      // what it has made of them

	graph graph.Graph
	last  *graph.Value // which the next layer reads
}

func newGraphBuilder(n *Network) (*graphBuilder, error) {
	shapes, err := n.Shapes()
	if err != nil {
		return nil, err
	}
	params, err := n.Spec()
	if err != nil {
		return nil, err
	}
	picture := &graph.Value{Name: inputName, Type: graph.Uint8, Declared: append([]int{-1}, shapes[0]...), Shape: batched(shapes[0])}
	return &graphBuilder{net: n, shapes: shapes, params: params, graph: graph.Graph{Inputs: []*graph.Value{picture}}, last: picture}, nil
}

// batched is the shape of something that each picture has.
func batched(dims []int) []graph.Dim {
	return append([]graph.Dim{{Batch: 1}}, graph.Fixed(dims)...)
}

// node appends an operator.
func (b *graphBuilder) node(op graph.Op, out string, shape []graph.Dim, in ...*graph.Value) *graph.Value {
	v := &graph.Value{Name: out, Type: graph.Float32, Shape: shape}
	b.graph.Nodes = append(b.graph.Nodes, &graph.Node{Name: op.Kind() + "_" + out, Op: op, In: in, Out: []*graph.Value{v}})
	return v
}

// add appends an operator that reads the last value and then the others given,
// and makes one of shape [N,dims...].
func (b *graphBuilder) add(op graph.Op, out string, dims []int, more ...*graph.Value) {
	b.last = b.node(op, out, batched(dims), append([]*graph.Value{b.last}, more...)...)
}

// number is a constant of no dimensions.
func number(name string, v float32) *graph.Value {
	t := graph.FloatTensor([]float32{v})
	return &graph.Value{Name: name, Type: t.Type, Shape: []graph.Dim{}, Const: t}
}

// parameters takes the next layer's weights and biases.
func (b *graphBuilder) parameters() []*graph.Value {
	weight, bias := b.parameter(b.params[0]), b.parameter(b.params[1])
	b.params = b.params[2:]
	return []*graph.Value{weight, bias}
}

// layers writes all layers, and returns the logits.
func (b *graphBuilder) layers() *graph.Value {
	picture := b.shapes[0]
	b.add(&graph.Cast{To: graph.Float32}, "pixels", picture)
	b.add(&graph.Binary{Name: "Mul"}, "scaled", picture, number("scale", PixelScale))
	b.add(&graph.Transpose{Perm: []int{0, 3, 1, 2}}, "planes", planar(picture))
	outputs := []*graph.Value{b.last} // of the input and each layer
	for i, layer := range b.net.Layers {
		out := string(layer.Kind) + strconv.Itoa(i+1)
		in, dims := b.shapes[i], planar(b.shapes[i+1])
		switch layer.Kind {
		case Conv:
			k, s, p := layer.Kernel, layer.Stride, layer.Pad
			window := graph.Window{Pads: []int{p, p, p, p}, Strides: []int{s, s}}
			b.add(&graph.Conv{Kernel: []int{k, k}, Window: window, Group: 1}, out, dims, b.parameters()...)
		case ReLU:
			b.add(&graph.Unary{Name: "Relu"}, out, dims)
		case MaxPool2:
			b.add(&graph.Pool{Max: true, Kernel: []int{2, 2}, Window: graph.Window{Strides: []int{2, 2}}}, out, dims)
		case Flatten:
			b.add(&graph.Transpose{Perm: []int{0, 2, 3, 1}}, out+"_nhwc", in)
			b.add(&graph.Flatten{Axis: 1}, out, dims)
		case Dense:
			b.add(&graph.Gemm{Alpha: 1, Beta: 1, TransB: b.transB}, out, dims, b.parameters()...)
		case Add:
			b.add(&graph.Binary{Name: "Add"}, out, dims, outputs[layer.From])
		case AvgPool:
			if b.atMean != nil && i == b.net.meanLayer() {
				b.atMean(in)
			}
			b.add(&graph.Pool{}, out+"_plane", []int{in[2], 1, 1})
			b.add(&graph.Flatten{Axis: 1}, out, dims)
		case Dropout:
			if b.training {
				b.add(&graph.Dropout{Rate: layer.Rate, Stream: uint64(i) + 1}, out, dims)
			}
		}
		outputs = append(outputs, b.last)
	}
	return b.last
}

// planar turns the shape of a picture, [H,W,C], into that of its planes,
// [C,H,W]; other shapes stay.
func planar(shape []int) []int {
	if len(shape) != 3 {
		return shape
	}
	return []int{shape[2], shape[0], shape[1]}
}
