package model

import "google.golang.org/protobuf/encoding/protowire"

// Field numbers of the ONNX messages that are written and read, from
// onnx.proto3 of ONNX 1.12.
const (
	modelIRVersion       = 1
	modelProducer        = 2
	modelProducerVersion = 3
	modelDoc             = 6
	modelGraph           = 7
	modelOpset           = 8
	modelMetadata        = 14

	opsetVersion = 2

	entryKey   = 1
	entryValue = 2

	graphNode        = 1
	graphName        = 2
	graphInitializer = 5
	graphInput       = 11
	graphOutput      = 12
	graphValueInfo   = 13

	nodeInput     = 1
	nodeOutput    = 2
	nodeName      = 3
	nodeOpType    = 4
	nodeAttribute = 5

	attributeName   = 1
	attributeInt    = 3
	attributeTensor = 5
	attributeInts   = 8
	attributeType   = 20

	tensorDims     = 1
	tensorDataType = 2
	tensorName     = 8
	tensorRawData  = 9

	valueInfoName = 1
	valueInfoType = 2
	typeTensor    = 1
	typeElem      = 1
	typeShape     = 2
	shapeDim      = 1
	dimValue      = 1
	dimParam      = 2
)

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
	m := appendString(nil, attributeName, name)
	m = appendVarint(m, attributeInt, v)
	m = appendVarint(m, attributeType, attrInt)
	return appendBytes(nil, nodeAttribute, m)
}

// intsAttr is a node's field for an attribute of several integers.
func intsAttr(name string, vs ...int) []byte {
	m := appendString(nil, attributeName, name)
	for _, v := range vs {
		m = appendVarint(m, attributeInts, v)
	}
	m = appendVarint(m, attributeType, attrInts)
	return appendBytes(nil, nodeAttribute, m)
}

// valueInfo describes a tensor whose first dimension, N, is free.
func valueInfo(name string, elem int, dims []int) []byte {
	shape := appendBytes(nil, shapeDim, appendString(nil, dimParam, "N"))
	for _, d := range dims {
		shape = appendBytes(shape, shapeDim, appendVarint(nil, dimValue, d))
	}
	t := appendVarint(nil, typeElem, elem)
	t = appendBytes(t, typeShape, shape)
	m := appendString(nil, valueInfoName, name)
	return appendBytes(m, valueInfoType, appendBytes(nil, typeTensor, t))
}

func appendVarint(b []byte, field protowire.Number, v int) []byte {
	return protowire.AppendVarint(protowire.AppendTag(b, field, protowire.VarintType), uint64(v))
}

func appendBytes(b []byte, field protowire.Number, v []byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(b, field, protowire.BytesType), v)
}

func appendString(b []byte, field protowire.Number, v string) []byte {
	return protowire.AppendString(protowire.AppendTag(b, field, protowire.BytesType), v)
}

// field is one field of a protobuf message; bytes is a part of the message.
type field struct {
	number protowire.Number
	varint uint64
	bytes  []byte
}

// eachField calls do for every field of a message. A message that ends inside a
// field gives io.ErrUnexpectedEOF.
func eachField(b []byte, do func(field) error) error {
	for len(b) > 0 {
		number, kind, n := protowire.ConsumeTag(b)
		if n < 0 {
			return protowire.ParseError(n)
		}
		b = b[n:]
		f := field{number: number}
		switch kind {
		case protowire.VarintType:
			f.varint, n = protowire.ConsumeVarint(b)
		case protowire.BytesType:
			f.bytes, n = protowire.ConsumeBytes(b)
		default:
			n = protowire.ConsumeFieldValue(number, kind, b)
		}
		if n < 0 {
			return protowire.ParseError(n)
		}
		b = b[n:]
		if err := do(f); err != nil {
			return err
		}
	}
	return nil
}
