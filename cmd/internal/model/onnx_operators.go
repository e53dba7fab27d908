package model

import (
	"encoding/binary"
	"math"

	"github.com/opensandwich/oi/cmd/internal/graph"
	"github.com/opensandwich/oi/cmd/internal/onnxproto"
)

// Version of the file format (ONNX 1.12) and of the operators in it.
const (
	irVersion = 8
	opset     = 17
)

// Names of the graph's ends.
const (
	inputName  = "image"
	outputName = "probabilities"
)

// encodedGraph is the computation of an ONNX file without its weights: every
// element is an encoded message.
type encodedGraph struct {
	nodes         [][]byte
	input, output []byte
	values        [][]byte // shapes of the tensors between the nodes, for people
}

// encodeGraph writes the network up to the probabilities as the ONNX operators
// of a version of the file. Dropout does nothing outside of training and leaves
// no operator.
func encodeGraph(n *Network, version int) (*encodedGraph, error) {
	b, err := newGraphBuilder(n)
	if err != nil {
		return nil, err
	}
	b.transB = version >= transposedDense
	b.parameter = func(p Param) *graph.Value {
		return &graph.Value{Name: p.Name, Type: graph.Float32, Shape: graph.Fixed(onnxShape(p.Shape, version))}
	}
	b.probabilities(b.layers())
	e := &encodedGraph{
		input:  valueInfo(inputName, elemUint8, b.shapes[0]),
		output: valueInfo(outputName, elemFloat, []int{len(n.Classes)}),
	}
	for i, node := range b.graph.Nodes {
		e.add(node)
		if i < len(b.graph.Nodes)-1 { // the last one is the output
			out := node.Out[0]
			var dims []int
			for _, d := range out.Shape[1:] {
				dims = append(dims, d.Const)
			}
			e.values = append(e.values, valueInfo(out.Name, elemFloat, dims))
		}
	}
	return e, nil
}

// probabilities makes those of the logits: of one, with a sigmoid.
func (b *graphBuilder) probabilities(logits *graph.Value) {
	classes := []int{len(b.net.Classes)}
	if b.net.Outputs() > 1 {
		b.add(&graph.Softmax{Axis: 1}, outputName, classes)
		return
	}
	one := batched([]int{1})
	positive := b.node(&graph.Unary{Name: "Sigmoid"}, "positive", one, logits)
	negative := b.node(&graph.Binary{Name: "Sub"}, "negative", one, number("one", 1), positive)
	b.node(&graph.Concat{Axis: 1}, outputName, batched(classes), negative, positive)
}

// add encodes a node, with the constants that it reads before it.
func (e *encodedGraph) add(n *graph.Node) {
	var inputs []string
	for _, v := range n.In {
		if v.Const != nil {
			e.constant(v.Name, v.Const.Floats[0])
		}
		inputs = append(inputs, v.Name)
	}
	e.operator(n.Op.Kind(), n.Out[0].Name, attributes(n.Op), inputs...)
}

// attributes encodes those of an operator that a network is written with.
func attributes(op graph.Op) []byte {
	switch o := op.(type) {
	case *graph.Cast:
		return intAttr("to", elemFloat)
	case *graph.Transpose:
		return intsAttr("perm", o.Perm...)
	case *graph.Conv:
		b := append(intsAttr("kernel_shape", o.Kernel...), intsAttr("pads", o.Pads...)...)
		return append(b, intsAttr("strides", o.Strides...)...)
	case *graph.Pool:
		if o.Kernel == nil {
			return nil
		}
		return append(intsAttr("kernel_shape", o.Kernel...), intsAttr("strides", o.Strides...)...)
	case *graph.Flatten:
		return intAttr("axis", o.Axis)
	case *graph.Concat:
		return intAttr("axis", o.Axis)
	case *graph.Softmax:
		return intAttr("axis", o.Axis)
	case *graph.Gemm:
		if o.TransB {
			return intAttr("transB", 1)
		}
	}
	return nil
}

// constant appends a number of its own name.
func (e *encodedGraph) constant(name string, value float32) {
	t := onnxproto.AppendVarint(nil, onnxproto.TensorDataType, elemFloat)
	t = onnxproto.AppendBytes(t, onnxproto.TensorRawData, binary.LittleEndian.AppendUint32(nil, math.Float32bits(value)))
	attr := onnxproto.AppendString(nil, onnxproto.AttributeName, "value")
	attr = onnxproto.AppendBytes(attr, onnxproto.AttributeTensor, t)
	attr = onnxproto.AppendVarint(attr, onnxproto.AttributeType, attrTensor)
	e.operator("Constant", name, onnxproto.AppendBytes(nil, onnxproto.NodeAttribute, attr))
}

func (e *encodedGraph) operator(op, out string, attrs []byte, inputs ...string) {
	var m []byte
	for _, in := range inputs {
		m = onnxproto.AppendString(m, onnxproto.NodeInput, in)
	}
	m = onnxproto.AppendString(m, onnxproto.NodeOutput, out)
	m = onnxproto.AppendString(m, onnxproto.NodeName, op+"_"+out)
	m = onnxproto.AppendString(m, onnxproto.NodeOpType, op)
	e.nodes = append(e.nodes, append(m, attrs...))
}
