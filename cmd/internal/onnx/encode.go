package onnx

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/opensandwich/oi/cmd/internal/graph"
	"github.com/opensandwich/oi/cmd/internal/onnxproto"
)

// oldestEncoded is the lowest version of the operators that is written: what
// OpenCV 4.6 reads of convolutional networks.
const oldestEncoded = 10

// Encode returns a simplified graph as an ONNX model, in the lowest version of
// the operators from 10 on that can say it. Inputs and outputs keep their
// names; all else is named anew, and the batch is called N. The same graph
// gives the same bytes.
func Encode(g *graph.Graph, producer, producerVersion string) ([]byte, error) {
	m, err := encode(g, producer, producerVersion)
	if err != nil {
		return nil, err
	}
	b := bytes.NewBuffer(make([]byte, 0, m.size()))
	err = m.write(b)
	return b.Bytes(), err
}

// Write writes what Encode returns, without having all of it in memory at once.
func Write(w io.Writer, g *graph.Graph, producer, producerVersion string) error {
	m, err := encode(g, producer, producerVersion)
	if err != nil {
		return err
	}
	return m.write(w)
}

// Reread returns a simplified graph as Parse makes it of what Encode returns.
// Both have the same constants in memory.
func Reread(g *graph.Graph) (*graph.Graph, error) {
	m, err := encode(g, "", "")
	if err != nil {
		return nil, err
	}
	constants := map[string]*graph.Tensor{}
	for i := range m.weights {
		w := &m.weights[i]
		constants[w.name] = w.data
		w.data = &graph.Tensor{Type: w.data.Type} // stands for it
	}
	var file bytes.Buffer
	if err := m.write(&file); err != nil {
		return nil, err
	}
	read, err := parse(file.Bytes(), &loader{constants: constants})
	if err != nil {
		return nil, err
	}
	return read.Graph, nil
}

// encoded is a model whose weights are not copied. In the file it is
// before, the graph with its nodes, weights and ends, and after.
type encoded struct {
	before, nodes, ends, after []byte
	weights                    []weight
}

// weight is an initializer: head is all of its message but the elements.
type weight struct {
	name string
	head []byte
	data *graph.Tensor
}

// raw is the number of bytes of the elements.
func (w *weight) raw() int {
	return (len(w.data.Floats) + len(w.data.Ints)) * elemOf(w.data.Type).size()
}

// start is the field of an initializer up to its elements.
func (w *weight) start() []byte {
	head := onnxproto.AppendLength(w.head, onnxproto.TensorRawData, w.raw())
	return append(onnxproto.AppendLength(nil, onnxproto.GraphInitializer, len(head)+w.raw()), head...)
}

// graphSize is the number of bytes of the graph.
func (m *encoded) graphSize() int {
	size := len(m.nodes) + len(m.ends)
	for i := range m.weights {
		size += len(m.weights[i].start()) + m.weights[i].raw()
	}
	return size
}

// size is the number of bytes of all, or a little more.
func (m *encoded) size() int {
	return len(m.before) + m.graphSize() + len(m.after) + 2*binary.MaxVarintLen64
}

func (m *encoded) write(w io.Writer) error {
	start := onnxproto.AppendLength(m.before, onnxproto.ModelGraph, m.graphSize())
	if _, err := w.Write(append(start, m.nodes...)); err != nil {
		return err
	}
	const block = 16 << 10 // elements
	buffer := make([]byte, 0, block*8)
	for i := range m.weights {
		weight := &m.weights[i]
		if _, err := w.Write(weight.start()); err != nil {
			return err
		}
		for floats := range slices.Chunk(weight.data.Floats, block) {
			if _, err := w.Write(appendFloats(buffer, floats)); err != nil {
				return err
			}
		}
		for ints := range slices.Chunk(weight.data.Ints, block) {
			if _, err := w.Write(appendInts(buffer, ints, elemOf(weight.data.Type))); err != nil {
				return err
			}
		}
	}
	_, err := w.Write(append(m.ends, m.after...))
	return err
}

func encode(g *graph.Graph, producer, producerVersion string) (*encoded, error) {
	e := &encoder{opset: oldestEncoded, names: map[*graph.Value]string{}, taken: map[string]bool{}}
	for _, n := range g.Nodes {
		e.opset = max(e.opset, neededOpset(n))
	}
	for _, v := range slices.Concat(g.Inputs, g.Outputs) {
		e.names[v], e.taken[v.Name] = v.Name, true
	}
	for _, n := range g.Nodes {
		if err := e.node(n); err != nil {
			return nil, &graph.Error{Node: n.Name, Kind: n.Op.Kind(), Err: err}
		}
	}
	m := &encoded{nodes: onnxproto.AppendString(e.nodes, onnxproto.GraphName, "graph"), weights: e.weights}
	for _, v := range g.Inputs {
		m.ends = onnxproto.AppendBytes(m.ends, onnxproto.GraphInput, encodeValue(v))
	}
	for _, v := range g.Outputs {
		if v.Const != nil {
			return nil, fmt.Errorf("output %q is a constant", v.Name)
		}
		m.ends = onnxproto.AppendBytes(m.ends, onnxproto.GraphOutput, encodeValue(v))
	}
	m.before = onnxproto.AppendVarint(nil, onnxproto.ModelIRVersion, irFor(e.opset))
	m.before = onnxproto.AppendString(m.before, onnxproto.ModelProducer, producer)
	m.before = onnxproto.AppendString(m.before, onnxproto.ModelProducerVersion, producerVersion)
	m.after = onnxproto.AppendBytes(nil, onnxproto.ModelOpset, onnxproto.AppendVarint(nil, onnxproto.OpsetVersion, e.opset))
	return m, nil
}

// irFor is the version of the format that came with a version of the operators.
func irFor(opset int) int {
	switch {
	case opset <= 18:
		return 8
	case opset <= 20:
		return 9
	}
	return 10
}

// neededOpset is the first version of the operators that can say a node.
func neededOpset(n *graph.Node) int {
	constant := func(i int) bool { return i >= len(n.In) || n.In[i] == nil || n.In[i].Const != nil }
	switch o := n.Op.(type) {
	case *graph.Unary:
		if o.Name == "Gelu" && o.Tanh {
			return 20
		}
	case *graph.Binary:
		switch o.Name {
		case "Equal":
			return 11 // of floats
		case "GreaterOrEqual", "LessOrEqual":
			return 12
		}
	case *graph.Clip:
		if !constant(1) || !constant(2) || n.In[0].Type != graph.Float32 {
			return 12
		}
	case *graph.LayerNormalization:
		return 17
	case *graph.Pool:
		if !o.Max && slices.ContainsFunc(o.Dilations, func(d int) bool { return d != 1 }) {
			return 19
		}
	case *graph.Softmax:
		// Older versions take all axes from this one on as one.
		axis := o.Axis
		if axis < 0 {
			axis += len(n.In[0].Shape)
		}
		if !o.Flat && slices.ContainsFunc(n.In[0].Shape[axis+1:], func(d graph.Dim) bool { return d != graph.Dim{Const: 1} }) {
			return 13
		}
	case *graph.Range:
		return 11
	case *graph.Pad:
		if !constant(1) || !constant(2) || o.Mode == "wrap" {
			return 19
		}
	case *graph.Split, *graph.Squeeze, *graph.Unsqueeze:
		if !constant(1) {
			return 13
		}
	case *graph.Reduce:
		if !constant(1) || o.Noop {
			return 18
		}
	case *graph.Shape:
		if o.Start != 0 || o.End != math.MaxInt {
			return 15
		}
	case *graph.Reshape:
		if o.AllowZero {
			return 14
		}
	}
	return oldestEncoded
}

// encoder collects the fields of a graph.
type encoder struct {
	opset   int
	nodes   []byte
	weights []weight
	names   map[*graph.Value]string
	taken   map[string]bool
	values  int
}

// fresh is a name that nothing has.
func (e *encoder) fresh(prefix string) string {
	for {
		e.values++
		if name := fmt.Sprintf("%s%d", prefix, e.values); !e.taken[name] {
			return name
		}
	}
}

// name is that of a value; a constant is written when it is first named.
func (e *encoder) name(v *graph.Value) string {
	if v == nil {
		return ""
	}
	if name, ok := e.names[v]; ok {
		return name
	}
	if v.Const != nil {
		e.names[v] = e.constant(v.Const)
	} else {
		e.names[v] = e.fresh("v")
	}
	return e.names[v]
}

// elemOf is the type of elements in a file.
func elemOf(t graph.Type) elem {
	switch t {
	case graph.Int64:
		return elemInt64
	case graph.Int32:
		return elemInt32
	case graph.Uint8:
		return elemUint8
	case graph.Bool:
		return elemBool
	}
	return elemFloat
}

// constant makes a tensor an initializer, and names it.
func (e *encoder) constant(t *graph.Tensor) string {
	name := e.fresh("w")
	e.weights = append(e.weights, weight{name, tensorHead(name, t), t})
	return name
}

// tensorHead is the message of a tensor but for its elements.
func tensorHead(name string, t *graph.Tensor) []byte {
	var b []byte
	for _, d := range t.Shape {
		b = onnxproto.AppendVarint(b, onnxproto.TensorDims, d)
	}
	b = onnxproto.AppendVarint(b, onnxproto.TensorDataType, int(elemOf(t.Type)))
	return onnxproto.AppendString(b, onnxproto.TensorName, name)
}

// encodeTensor is the message of a small tensor.
func encodeTensor(name string, t *graph.Tensor) []byte {
	raw := appendInts(appendFloats(nil, t.Floats), t.Ints, elemOf(t.Type))
	return onnxproto.AppendBytes(tensorHead(name, t), onnxproto.TensorRawData, raw)
}

// appendFloats appends raw data.
func appendFloats(raw []byte, list []float32) []byte {
	for _, v := range list {
		raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(v))
	}
	return raw
}

// appendInts appends raw data of elements of a type.
func appendInts(raw []byte, list []int64, e elem) []byte {
	for _, v := range list {
		switch e.size() {
		case 8:
			raw = binary.LittleEndian.AppendUint64(raw, uint64(v))
		case 4:
			raw = binary.LittleEndian.AppendUint32(raw, uint32(v))
		default:
			raw = append(raw, byte(v))
		}
	}
	return raw
}

// encodeValue describes an input or an output. Of a dimension that is neither
// fixed nor the batch nothing is said.
func encodeValue(v *graph.Value) []byte {
	shape := []byte{}
	for _, d := range v.Shape {
		var dim []byte
		switch {
		case d.Fixed():
			dim = onnxproto.AppendVarint(nil, onnxproto.DimValue, d.Const)
		case d == graph.Dim{Batch: 1}:
			dim = onnxproto.AppendString(nil, onnxproto.DimParam, "N")
		}
		shape = onnxproto.AppendBytes(shape, onnxproto.ShapeDim, dim)
	}
	t := onnxproto.AppendVarint(nil, onnxproto.TypeElem, int(elemOf(v.Type)))
	t = onnxproto.AppendBytes(t, onnxproto.TypeShape, shape)
	b := onnxproto.AppendString(nil, onnxproto.ValueInfoName, v.Name)
	return onnxproto.AppendBytes(b, onnxproto.ValueInfoType, onnxproto.AppendBytes(nil, onnxproto.TypeTensor, t))
}

// emit writes a node.
func (e *encoder) emit(op string, in, out []string, attributes ...[]byte) {
	var b []byte
	for len(in) > 0 && in[len(in)-1] == "" {
		in = in[:len(in)-1]
	}
	for _, name := range in {
		b = onnxproto.AppendString(b, onnxproto.NodeInput, name)
	}
	for _, name := range out {
		b = onnxproto.AppendString(b, onnxproto.NodeOutput, name)
	}
	b = onnxproto.AppendString(b, onnxproto.NodeName, op+"_"+out[0])
	b = onnxproto.AppendString(b, onnxproto.NodeOpType, op)
	for _, a := range attributes {
		b = onnxproto.AppendBytes(b, onnxproto.NodeAttribute, a)
	}
	e.nodes = onnxproto.AppendBytes(e.nodes, onnxproto.GraphNode, b)
}

// then writes a node on the way to another, and names its result.
func (e *encoder) then(op string, in []string, attributes ...[]byte) string {
	name := e.fresh("v")
	e.emit(op, in, []string{name}, attributes...)
	return name
}

// number is a constant of its own.
func (e *encoder) number(v float64) string {
	return e.constant(graph.FloatTensor([]float32{float32(v)}))
}

func attributeHead(name string, k kind) []byte {
	b := onnxproto.AppendString(nil, onnxproto.AttributeName, name)
	return onnxproto.AppendVarint(b, onnxproto.AttributeType, int(k))
}

func encodeInt(name string, v int) []byte {
	return onnxproto.AppendVarint(attributeHead(name, kindInt), onnxproto.AttributeInt, v)
}

func encodeFlag(name string, v bool) []byte {
	if v {
		return encodeInt(name, 1)
	}
	return encodeInt(name, 0)
}

func encodeInts(name string, list []int) []byte {
	b := attributeHead(name, kindInts)
	for _, v := range list {
		b = onnxproto.AppendVarint(b, onnxproto.AttributeInts, v)
	}
	return b
}

func encodeFloat(name string, v float64) []byte {
	b := protowire.AppendTag(attributeHead(name, kindFloat), onnxproto.AttributeFloat, protowire.Fixed32Type)
	return protowire.AppendFixed32(b, math.Float32bits(float32(v)))
}

func encodeString(name, v string) []byte {
	return onnxproto.AppendString(attributeHead(name, kindString), onnxproto.AttributeString, v)
}

// encodeAxis writes an axis of v counted from the start: version 10 knows no
// other.
func encodeAxis(axis int, v *graph.Value) []byte {
	if axis < 0 {
		axis += len(v.Shape)
	}
	return encodeInt("axis", axis)
}

// listOf is a constant input as a list for an attribute.
func listOf(v *graph.Value) []int {
	list := []int{}
	for _, d := range v.Const.Ints {
		list = append(list, int(d))
	}
	return list
}

// fixedSides are those of a picture [N,C,...].
func fixedSides(v *graph.Value) ([]int, error) {
	var sides []int
	for _, d := range v.Shape[2:] {
		if !d.Fixed() {
			return nil, errors.New("the sides of its input depend on the batch")
		}
		sides = append(sides, d.Const)
	}
	return sides, nil
}

// window writes how windows move, with all paddings as numbers.
func window(w *graph.Window, x *graph.Value, kernel []int) ([][]byte, error) {
	sides, err := fixedSides(x)
	if err != nil {
		return nil, err
	}
	return windowOf(w, sides, kernel)
}

func windowOf(w *graph.Window, sides, kernel []int) ([][]byte, error) {
	pads, err := w.Padding(sides, kernel)
	if err != nil {
		return nil, err
	}
	attributes := [][]byte{encodeInts("kernel_shape", kernel), encodeInts("pads", pads)}
	if w.Strides != nil {
		attributes = append(attributes, encodeInts("strides", w.Strides))
	}
	if slices.ContainsFunc(w.Dilations, func(d int) bool { return d != 1 }) {
		attributes = append(attributes, encodeInts("dilations", w.Dilations))
	}
	return attributes, nil
}
