package onnx

import "fmt"

// kind is the type of an attribute.
type kind uint64

const (
	kindFloat  kind = 1
	kindInt    kind = 2
	kindString kind = 3
	kindTensor kind = 4
	kindFloats kind = 6
	kindInts   kind = 7
)

func (k kind) String() string {
	return nameOf(uint64(k), []string{"undefined", "float", "int", "string", "tensor", "graph", "floats", "ints", "strings", "tensors",
		"graphs", "sparse_tensor", "sparse_tensors", "type_proto", "type_protos"})
}

// elem is the type of a tensor's elements.
type elem uint64

const (
	elemFloat   elem = 1
	elemUint8   elem = 2
	elemInt32   elem = 6
	elemInt64   elem = 7
	elemBool    elem = 9
	elemFloat16 elem = 10
)

func (e elem) String() string {
	return nameOf(uint64(e), []string{"undefined", "float32", "uint8", "int8", "uint16", "int16", "int32", "int64", "string", "bool", "float16",
		"float64", "uint32", "uint64", "complex64", "complex128", "bfloat16", "float8e4m3fn", "float8e4m3fnuz", "float8e5m2",
		"float8e5m2fnuz", "uint4", "int4", "float4e2m1"})
}

// nameOf is a name from a list, or the number of one that is not in it.
func nameOf(number uint64, names []string) string {
	if number < uint64(len(names)) {
		return names[number]
	}
	return fmt.Sprintf("number %d", number)
}
