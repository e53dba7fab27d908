package model

import "github.com/opensandwich/oi/cmd/internal/onnxproto"

// Enumerations of ONNX.
const (
	elemFloat = 1
	elemUint8 = 2

	attrInt    = 2
	attrTensor = 4
	attrInts   = 7
)

// intAttr is a node's field for an attribute of one integer.
func intAttr(name string, v int) []byte {
	m := onnxproto.AppendString(nil, onnxproto.AttributeName, name)
	m = onnxproto.AppendVarint(m, onnxproto.AttributeInt, v)
	m = onnxproto.AppendVarint(m, onnxproto.AttributeType, attrInt)
	return onnxproto.AppendBytes(nil, onnxproto.NodeAttribute, m)
}

// intsAttr is a node's field for an attribute of several integers.
func intsAttr(name string, vs ...int) []byte {
	m := onnxproto.AppendString(nil, onnxproto.AttributeName, name)
	for _, v := range vs {
		m = onnxproto.AppendVarint(m, onnxproto.AttributeInts, v)
	}
	m = onnxproto.AppendVarint(m, onnxproto.AttributeType, attrInts)
	return onnxproto.AppendBytes(nil, onnxproto.NodeAttribute, m)
}

// valueInfo describes a tensor whose first dimension, N, is free.
func valueInfo(name string, elem int, dims []int) []byte {
	shape := onnxproto.AppendBytes(nil, onnxproto.ShapeDim, onnxproto.AppendString(nil, onnxproto.DimParam, "N"))
	for _, d := range dims {
		shape = onnxproto.AppendBytes(shape, onnxproto.ShapeDim, onnxproto.AppendVarint(nil, onnxproto.DimValue, d))
	}
	t := onnxproto.AppendVarint(nil, onnxproto.TypeElem, elem)
	t = onnxproto.AppendBytes(t, onnxproto.TypeShape, shape)
	m := onnxproto.AppendString(nil, onnxproto.ValueInfoName, name)
	return onnxproto.AppendBytes(m, onnxproto.ValueInfoType, onnxproto.AppendBytes(nil, onnxproto.TypeTensor, t))
}
