package model

import (
	"encoding/binary"
	"fmt"
	"math"
	"strconv"

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

// graph is the computation of an ONNX file without its weights: every element
// is an encoded message.
type graph struct {
	nodes         [][]byte
	input, output []byte
	values        [][]byte // shapes of the tensors between the nodes, for people
}

// newGraph writes the layers as the ONNX operators of a version of the file.
// ONNX convolves [N,C,H,W] where the network has [N,H,W,C], so there is a
// Transpose before the first layer and another before Flatten: the order of the
// flattened numbers, and with it the inputs of the first dense layer, stay as
// they are. A mean over the picture has no order and needs none. Dropout does
// nothing outside of training and leaves no operator.
func newGraph(n *Network, version int) (*graph, error) {
	shapes, err := n.Shapes()
	if err != nil {
		return nil, err
	}
	params, err := n.Spec()
	if err != nil {
		return nil, err
	}
	gemm := intAttr("transB", 1)
	if version < transposedDense {
		gemm = nil
	}
	picture := []int{n.Height, n.Width, n.Channels}
	b := &graphBuilder{last: inputName}
	b.add("Cast", "pixels", picture, intAttr("to", elemFloat))
	b.constant("scale", PixelScale)
	b.add("Mul", "scaled", picture, nil, "scale")
	b.add("Transpose", "planes", planar(picture), intsAttr("perm", 0, 3, 1, 2))
	outputs := []string{b.last} // of the input and each layer
	for i, layer := range n.Layers {
		out := string(layer.Kind) + strconv.Itoa(i+1)
		in, dims := shapes[i], planar(shapes[i+1])
		switch layer.Kind {
		case Conv:
			k, s, p := layer.Kernel, layer.Stride, layer.Pad
			attrs := append(intsAttr("kernel_shape", k, k), intsAttr("pads", p, p, p, p)...)
			b.add("Conv", out, dims, append(attrs, intsAttr("strides", s, s)...), params[0].Name, params[1].Name)
			params = params[2:]
		case ReLU:
			b.add("Relu", out, dims, nil)
		case MaxPool2:
			b.add("MaxPool", out, dims, append(intsAttr("kernel_shape", 2, 2), intsAttr("strides", 2, 2)...))
		case Flatten:
			b.add("Transpose", out+"_nhwc", in, intsAttr("perm", 0, 2, 3, 1))
			b.add("Flatten", out, dims, intAttr("axis", 1))
		case Dense:
			b.add("Gemm", out, dims, gemm, params[0].Name, params[1].Name)
			params = params[2:]
		case Add:
			b.add("Add", out, dims, nil, outputs[layer.From])
		case AvgPool:
			b.add("GlobalAveragePool", out+"_plane", []int{in[2], 1, 1}, nil)
			b.add("Flatten", out, dims, intAttr("axis", 1))
		}
		outputs = append(outputs, b.last)
	}
	probabilities := []int{len(n.Classes)}
	if n.Outputs() == 1 {
		b.add("Sigmoid", "positive", []int{1}, nil)
		b.constant("one", 1)
		b.node("Sub", "negative", []int{1}, nil, "one", "positive")
		b.node("Concat", outputName, probabilities, intAttr("axis", 1), "negative", "positive")
	} else {
		b.add("Softmax", outputName, probabilities, intAttr("axis", 1))
	}
	return &graph{
		nodes:  b.nodes,
		values: b.values[:len(b.values)-1], // the last one is the output
		input:  valueInfo(inputName, elemUint8, picture),
		output: valueInfo(outputName, elemFloat, probabilities),
	}, nil
}

// planar turns the shape of a picture, [H,W,C], into that of its planes,
// [C,H,W]; other shapes stay.
func planar(shape []int) []int {
	if len(shape) != 3 {
		return shape
	}
	return []int{shape[2], shape[0], shape[1]}
}

// graphBuilder collects nodes and the shapes of what they make; last is the
// tensor that the next layer reads.
type graphBuilder struct {
	nodes, values [][]byte
	last          string
}

// add appends an operator that reads the last tensor and then the others given,
// and makes one of shape [N,dims...].
func (b *graphBuilder) add(op, out string, dims []int, attrs []byte, more ...string) {
	b.node(op, out, dims, attrs, append([]string{b.last}, more...)...)
	b.last = out
}

// constant appends a number of its own name.
func (b *graphBuilder) constant(name string, value float32) {
	t := onnxproto.AppendVarint(nil, onnxproto.TensorDataType, elemFloat)
	t = onnxproto.AppendBytes(t, onnxproto.TensorRawData, binary.LittleEndian.AppendUint32(nil, math.Float32bits(value)))
	attr := onnxproto.AppendString(nil, onnxproto.AttributeName, "value")
	attr = onnxproto.AppendBytes(attr, onnxproto.AttributeTensor, t)
	attr = onnxproto.AppendVarint(attr, onnxproto.AttributeType, attrTensor)
	b.operator("Constant", name, onnxproto.AppendBytes(nil, onnxproto.NodeAttribute, attr))
}

// node appends an operator that makes a float32 tensor of shape [N,dims...].
func (b *graphBuilder) node(op, out string, dims []int, attrs []byte, inputs ...string) {
	b.operator(op, out, attrs, inputs...)
	b.values = append(b.values, valueInfo(out, elemFloat, dims))
}

func (b *graphBuilder) operator(op, out string, attrs []byte, inputs ...string) {
	var m []byte
	for _, in := range inputs {
		m = onnxproto.AppendString(m, onnxproto.NodeInput, in)
	}
	m = onnxproto.AppendString(m, onnxproto.NodeOutput, out)
	m = onnxproto.AppendString(m, onnxproto.NodeName, fmt.Sprintf("%s_%s", op, out))
	m = onnxproto.AppendString(m, onnxproto.NodeOpType, op)
	b.nodes = append(b.nodes, append(m, attrs...))
}
