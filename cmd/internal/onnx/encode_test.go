package onnx

import (
	"encoding/binary"
	"maps"
	"math"
	"reflect"
	"slices"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/opensandwich/oi/cmd/internal/onnxproto"
)

// encode writes a file as it is read: the tests' models are made with it.
func (f *file) encode() []byte {
	b := onnxproto.AppendVarint(nil, onnxproto.ModelIRVersion, int(f.ir))
	b = onnxproto.AppendString(b, onnxproto.ModelProducer, f.producer)
	b = onnxproto.AppendString(b, onnxproto.ModelProducerVersion, f.version)
	for _, domain := range slices.Sorted(maps.Keys(f.opsets)) {
		m := onnxproto.AppendString(nil, onnxproto.OpsetDomain, domain)
		b = onnxproto.AppendBytes(b, onnxproto.ModelOpset, onnxproto.AppendVarint(m, onnxproto.OpsetVersion, int(f.opsets[domain])))
	}
	for _, key := range slices.Sorted(maps.Keys(f.meta)) {
		b = onnxproto.AppendBytes(b, onnxproto.ModelMetadata, encodeEntry(key, f.meta[key]))
	}
	var g []byte
	for _, n := range f.nodes {
		g = onnxproto.AppendBytes(g, onnxproto.GraphNode, n.encode())
	}
	for _, t := range f.tensors {
		g = onnxproto.AppendBytes(g, onnxproto.GraphInitializer, t.encode())
	}
	for _, v := range f.inputs {
		g = onnxproto.AppendBytes(g, onnxproto.GraphInput, v.encode())
	}
	for _, v := range f.outputs {
		g = onnxproto.AppendBytes(g, onnxproto.GraphOutput, v.encode())
	}
	return onnxproto.AppendBytes(b, onnxproto.ModelGraph, g)
}

func encodeEntry(key, value string) []byte {
	return onnxproto.AppendString(onnxproto.AppendString(nil, onnxproto.EntryKey, key), onnxproto.EntryValue, value)
}

func (n node) encode() []byte {
	var b []byte
	for _, in := range n.in {
		b = onnxproto.AppendString(b, onnxproto.NodeInput, in)
	}
	for _, out := range n.out {
		b = onnxproto.AppendString(b, onnxproto.NodeOutput, out)
	}
	b = onnxproto.AppendString(b, onnxproto.NodeName, n.name)
	b = onnxproto.AppendString(b, onnxproto.NodeOpType, n.op)
	b = onnxproto.AppendString(b, onnxproto.NodeDomain, n.domain)
	for _, a := range n.attributes {
		b = onnxproto.AppendBytes(b, onnxproto.NodeAttribute, a.encode())
	}
	return b
}

func (a attribute) encode() []byte {
	b := onnxproto.AppendString(nil, onnxproto.AttributeName, a.name)
	b = onnxproto.AppendVarint(b, onnxproto.AttributeType, int(a.kind))
	switch a.kind {
	case kindInt:
		b = onnxproto.AppendVarint(b, onnxproto.AttributeInt, int(a.number))
	case kindFloat:
		b = protowire.AppendFixed32(protowire.AppendTag(b, onnxproto.AttributeFloat, protowire.Fixed32Type), math.Float32bits(a.float))
	case kindString:
		b = onnxproto.AppendString(b, onnxproto.AttributeString, a.text)
	case kindTensor:
		b = onnxproto.AppendBytes(b, onnxproto.AttributeTensor, a.tensor.encode())
	}
	for _, v := range a.ints { // one by one: tensors have them packed
		b = onnxproto.AppendVarint(b, onnxproto.AttributeInts, int(v))
	}
	for _, v := range a.floats {
		b = protowire.AppendFixed32(protowire.AppendTag(b, onnxproto.AttributeFloats, protowire.Fixed32Type), math.Float32bits(v))
	}
	return b
}

func (t tensor) encode() []byte {
	var b []byte
	for _, d := range t.dims {
		b = onnxproto.AppendVarint(b, onnxproto.TensorDims, d)
	}
	b = onnxproto.AppendVarint(b, onnxproto.TensorDataType, int(t.elem))
	b = onnxproto.AppendString(b, onnxproto.TensorName, t.name)
	var floats, ints []byte
	for _, v := range t.floats {
		floats = binary.LittleEndian.AppendUint32(floats, math.Float32bits(v))
	}
	for _, v := range t.ints {
		ints = protowire.AppendVarint(ints, uint64(v))
	}
	if floats != nil {
		b = onnxproto.AppendBytes(b, onnxproto.TensorFloatData, floats)
	}
	if ints != nil && t.elem == elemInt64 {
		b = onnxproto.AppendBytes(b, onnxproto.TensorInt64Data, ints)
	} else if ints != nil {
		b = onnxproto.AppendBytes(b, onnxproto.TensorInt32Data, ints)
	}
	if t.hasRaw {
		b = onnxproto.AppendBytes(b, onnxproto.TensorRawData, t.raw)
	}
	for _, key := range slices.Sorted(maps.Keys(t.external)) {
		b = onnxproto.AppendBytes(b, onnxproto.TensorExternalData, encodeEntry(key, t.external[key]))
	}
	if t.outside {
		b = onnxproto.AppendVarint(b, onnxproto.TensorDataLocation, 1)
	}
	return b
}

func (v valueInfo) encode() []byte {
	var shape []byte
	for i, d := range v.shape {
		var dim []byte
		if d >= 0 {
			dim = onnxproto.AppendVarint(nil, onnxproto.DimValue, d)
		} else {
			dim = onnxproto.AppendString(nil, onnxproto.DimParam, v.names[i])
		}
		shape = onnxproto.AppendBytes(shape, onnxproto.ShapeDim, dim)
	}
	t := onnxproto.AppendVarint(nil, onnxproto.TypeElem, int(v.elem))
	if v.shape != nil {
		t = onnxproto.AppendBytes(t, onnxproto.TypeShape, shape)
	}
	b := onnxproto.AppendString(nil, onnxproto.ValueInfoName, v.name)
	return onnxproto.AppendBytes(b, onnxproto.ValueInfoType, onnxproto.AppendBytes(nil, onnxproto.TypeTensor, t))
}

// Parts of small models.

func ints(name string, v ...int64) attribute { return attribute{name: name, kind: kindInts, ints: v} }

func integer(name string, v int64) attribute {
	return attribute{name: name, kind: kindInt, number: v}
}

func float(name string, v float32) attribute { return attribute{name: name, kind: kindFloat, float: v} }

func text8(name, v string) attribute { return attribute{name: name, kind: kindString, text: v} }

func floatTensor(name string, dims []int, v ...float32) tensor {
	return tensor{name: name, dims: dims, elem: elemFloat, floats: v}
}

func intTensor(name string, v ...int64) tensor {
	return tensor{name: name, dims: []int{len(v)}, elem: elemInt64, ints: v}
}

func nodeOf(op, name string, in, out []string, attributes ...attribute) node {
	return node{op: op, name: name, in: in, out: out, attributes: attributes}
}

func input(name string, shape ...int) valueInfo {
	v := valueInfo{name: name, typed: true, elem: elemFloat, shape: shape, names: make([]string, len(shape))}
	for i, d := range shape {
		if d < 0 {
			v.names[i] = "N"
		}
	}
	return v
}

// one is a model of one node from x to y, with constants.
func one(opset uint64, n node, shape []int, constants ...tensor) *file {
	n.out = append([]string{"y"}, n.out...)
	return &file{
		ir: 8, opsets: map[string]uint64{"": opset}, meta: map[string]string{}, nodes: []node{n}, tensors: constants,
		inputs: []valueInfo{input("x", shape...)}, outputs: []valueInfo{{name: "y", typed: true, elem: elemFloat}},
	}
}

// TestParseFile compares what is read with what was written.
func TestParseFile(t *testing.T) {
	inner := floatTensor("inner", []int{1}, 3)
	want := &file{
		ir: 7, opsets: map[string]uint64{"": 13, "com.example": 2}, producer: "maker", version: "1.2",
		meta: map[string]string{"key": "value"}, graphs: 1,
		nodes: []node{
			nodeOf("Conv", "first", []string{"x", "w"}, []string{"a"}, ints("pads", 0, 1, -1), text8("auto_pad", "VALID"), integer("group", 2)),
			{op: "Odd", domain: "com.example", name: "second", in: []string{"a", "", "b"}, out: []string{"y", "z"}, attributes: []attribute{
				float("alpha", 0.5), {name: "many", kind: kindFloats, floats: []float32{1, -2}},
				{name: "value", kind: kindTensor, tensor: &inner},
			}},
		},
		tensors: []tensor{
			floatTensor("w", []int{2, 1}, 1, 2), intTensor("b", 1, -1),
			{name: "raw", dims: []int{1}, elem: elemUint8, raw: []byte{7}, hasRaw: true},
			{name: "out", dims: []int{1}, elem: elemFloat, external: map[string]string{"location": "w.bin"}, outside: true},
		},
		inputs:  []valueInfo{input("x", -1, 3, 8, 8)},
		outputs: []valueInfo{input("y"), {name: "z", typed: true, elem: elemInt64}},
	}
	want.outputs[0].shape, want.outputs[0].names = []int{}, nil
	got, err := parseFile(want.encode())
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("read\n%+v\nwhere\n%+v\nwas written", got, want)
	}
}
