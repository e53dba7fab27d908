package onnx

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/opensandwich/oi/cmd/internal/float16"
	"github.com/opensandwich/oi/cmd/internal/graph"
	"github.com/opensandwich/oi/cmd/internal/lower"
	"github.com/opensandwich/oi/cmd/internal/nn"
)

// TestVersions gives operators whose form changed in each of their forms: all
// forms of a case must give the same.
func TestVersions(t *testing.T) {
	x2 := []string{"x"}
	with := func(names ...string) []string { return append([]string{"x"}, names...) }
	type form struct {
		opset     uint64
		node      node
		constants []tensor
	}
	number := func(name string, v float32) tensor { return floatTensor(name, nil, v) }
	for _, c := range []struct {
		name  string
		shape []int
		x     []float32
		want  []float32
		dims  []int
		forms []form
	}{
		{"clip", []int{4}, []float32{-2, 0, 3, 9}, []float32{-1, 0, 3, 6}, []int{4}, []form{
			{7, nodeOf("Clip", "", x2, nil, float("min", -1), float("max", 6)), nil},
			{10, nodeOf("Clip", "", x2, nil, float("min", -1), float("max", 6)), nil},
			{11, nodeOf("Clip", "", with("lo", "hi"), nil), []tensor{number("lo", -1), number("hi", 6)}},
			{21, nodeOf("Clip", "", with("lo", "hi"), nil), []tensor{number("lo", -1), number("hi", 6)}},
		}},
		{"clip above", []int{3}, []float32{-math.MaxFloat32, 0, 9}, []float32{-math.MaxFloat32, 0, 6}, []int{3}, []form{
			{7, nodeOf("Clip", "", x2, nil, float("max", 6)), nil},
			{11, nodeOf("Clip", "", with("", "hi"), nil), []tensor{number("hi", 6)}},
		}},
		{"pad", []int{1, 2}, []float32{1, 2}, []float32{5, 1, 2, 5, 5}, []int{1, 5}, []form{
			{7, nodeOf("Pad", "", x2, nil, ints("pads", 0, 1, 0, 2), float("value", 5)), nil},
			{11, nodeOf("Pad", "", with("p", "v"), nil), []tensor{intTensor("p", 0, 1, 0, 2), number("v", 5)}},
			{18, nodeOf("Pad", "", with("p", "v", "a"), nil), []tensor{intTensor("p", 1, 2), number("v", 5), intTensor("a", -1)}},
		}},
		{"pad reflect", []int{3}, []float32{1, 2, 3}, []float32{3, 2, 1, 2, 3, 2}, []int{6}, []form{
			{7, nodeOf("Pad", "", x2, nil, ints("pads", 2, 1), text8("mode", "reflect")), nil},
			{13, nodeOf("Pad", "", with("p"), nil, text8("mode", "reflect")), []tensor{intTensor("p", 2, 1)}},
		}},
		{"slice", []int{2, 3}, []float32{1, 2, 3, 4, 5, 6}, []float32{2, 3, 5, 6}, []int{2, 2}, []form{
			{7, nodeOf("Slice", "", x2, nil, ints("starts", 1), ints("ends", 99), ints("axes", 1)), nil},
			{10, nodeOf("Slice", "", with("s", "e", "a"), nil), []tensor{intTensor("s", -2), intTensor("e", math.MaxInt64), intTensor("a", 1)}},
			{13, nodeOf("Slice", "", with("s", "e", "a", "t"), nil), []tensor{intTensor("s", 0, 1), intTensor("e", 2, 3), intTensor("a", 0, -1), intTensor("t", 1, 1)}},
		}},
		{"squeeze", []int{1, 2, 1}, []float32{1, 2}, []float32{1, 2}, []int{1, 2}, []form{
			{7, nodeOf("Squeeze", "", x2, nil, ints("axes", 2)), nil},
			{11, nodeOf("Squeeze", "", x2, nil, ints("axes", -1)), nil},
			{13, nodeOf("Squeeze", "", with("a"), nil), []tensor{intTensor("a", 2)}},
		}},
		{"unsqueeze", []int{2}, []float32{1, 2}, []float32{1, 2}, []int{1, 2, 1}, []form{
			{7, nodeOf("Unsqueeze", "", x2, nil, ints("axes", 0, 2)), nil},
			{13, nodeOf("Unsqueeze", "", with("a"), nil), []tensor{intTensor("a", -1, 0)}},
		}},
		{"reduce mean", []int{2, 2}, []float32{1, 2, 3, 5}, []float32{1.5, 4}, []int{2, 1}, []form{
			{7, nodeOf("ReduceMean", "", x2, nil, ints("axes", 1)), nil},
			{17, nodeOf("ReduceMean", "", x2, nil, ints("axes", -1), integer("keepdims", 1)), nil},
			{18, nodeOf("ReduceMean", "", with("a"), nil), []tensor{intTensor("a", 1)}},
		}},
		{"reduce sum of all", []int{2, 2}, []float32{1, 2, 3, 5}, []float32{11}, []int{}, []form{
			{12, nodeOf("ReduceSum", "", x2, nil, integer("keepdims", 0)), nil},
			{13, nodeOf("ReduceSum", "", x2, nil, integer("keepdims", 0)), nil},
			{13, nodeOf("ReduceSum", "", with("a"), nil, integer("keepdims", 0)), []tensor{intTensor("a", 0, 1)}},
		}},
		{"split", []int{3}, []float32{1, 2, 3}, []float32{1, 2}, []int{2}, []form{
			{7, nodeOf("Split", "", x2, []string{"rest"}, ints("split", 2, 1)), nil},
			{13, nodeOf("Split", "", with("s"), []string{"rest"}), []tensor{intTensor("s", 2, 1)}},
			{18, nodeOf("Split", "", x2, []string{"rest"}, integer("num_outputs", 2)), nil},
		}},
		{"softmax of all after the first axis", []int{1, 2, 2}, []float32{0, 0, 0, 0}, []float32{.25, .25, .25, .25}, []int{1, 2, 2}, []form{
			{7, nodeOf("Softmax", "", x2, nil), nil},
			{12, nodeOf("Softmax", "", x2, nil, integer("axis", 1)), nil},
		}},
		{"softmax of one axis", []int{1, 2, 2}, []float32{0, 0, 0, 0}, []float32{.5, .5, .5, .5}, []int{1, 2, 2}, []form{
			{13, nodeOf("Softmax", "", x2, nil), nil},
			{13, nodeOf("Softmax", "", x2, nil, integer("axis", 1)), nil},
			{12, nodeOf("Softmax", "", x2, nil, integer("axis", 2)), nil},
		}},
		{"dropout", []int{2}, []float32{1, 2}, []float32{1, 2}, []int{2}, []form{
			{7, nodeOf("Dropout", "", x2, nil, float("ratio", .9)), nil},
			{12, nodeOf("Dropout", "", with("r"), nil), []tensor{number("r", .9)}},
			{13, nodeOf("Dropout", "", with("r", "t"), nil), []tensor{number("r", .9), {name: "t", elem: elemBool, ints: []int64{0}}}},
		}},
		{"batch normalization", []int{1, 2}, []float32{3, 5}, []float32{5, 3}, []int{1, 2}, []form{
			{7, nodeOf("BatchNormalization", "", with("s", "b", "m", "v"), nil, integer("spatial", 1), float("epsilon", 0)), normalization()},
			{9, nodeOf("BatchNormalization", "", with("s", "b", "m", "v"), nil, float("epsilon", 0), float("momentum", .5)), normalization()},
			{15, nodeOf("BatchNormalization", "", with("s", "b", "m", "v"), nil, float("epsilon", 0), integer("training_mode", 0)), normalization()},
		}},
		{"gemm", []int{1, 2}, []float32{1, 2}, []float32{5}, []int{1, 1}, []form{
			{7, nodeOf("Gemm", "", with("w", "c"), nil), []tensor{floatTensor("w", []int{2, 1}, 1, 2), number("c", 0)}},
			{11, nodeOf("Gemm", "", with("w"), nil, integer("transB", 1)), []tensor{floatTensor("w", []int{1, 2}, 1, 2)}},
		}},
	} {
		for i, f := range c.forms {
			t.Run(fmt.Sprintf("%s %d opset %d", c.name, i, f.opset), func(t *testing.T) {
				m, err := Parse(one(f.opset, f.node, c.shape, f.constants...).encode())
				if err != nil {
					t.Fatal(err)
				}
				y, err := m.Graph.Evaluate(map[string]*graph.Tensor{"x": graph.FloatTensor(c.x, c.shape...)})
				if err != nil {
					t.Fatal(err)
				}
				if got := y["y"]; !slices.Equal(got.Floats, c.want) || !slices.Equal(got.Shape, c.dims) {
					t.Errorf("%v %v where %v %v was expected", got.Shape, got.Floats, c.dims, c.want)
				}
			})
		}
	}
}

// normalization is scale, bias, mean and variance of two channels.
func normalization() []tensor {
	return []tensor{
		floatTensor("s", []int{2}, 2, -1), floatTensor("b", []int{2}, 1, 4),
		floatTensor("m", []int{2}, 1, 4), floatTensor("v", []int{2}, 1, 1),
	}
}

// TestRefused looks for errors that name what is at fault.
func TestRefused(t *testing.T) {
	x := []string{"x"}
	relu := func(change func(*file)) *file {
		f := one(13, nodeOf("Relu", "act", x, nil), []int{2})
		change(f)
		return f
	}
	constant := func(c tensor) *file {
		return one(13, nodeOf("Add", "sum", []string{"x", c.name}, nil), []int{2}, c)
	}
	huge := floatTensor("w", []int{1 << 14, 1 << 14, 2}, 1)
	for _, c := range []struct {
		name string
		file *file
		want []string
	}{
		{"operator", one(13, nodeOf("Einsum", "odd", x, nil), []int{2}), []string{`"odd"`, "operator Einsum"}},
		{"quantized", one(13, nodeOf("DequantizeLinear", "dq", x, nil), []int{2}), []string{`"dq"`, "operator DequantizeLinear"}},
		{"domain", one(13, node{op: "Gelu", domain: "com.microsoft", name: "act", in: x}, []int{2}), []string{`"act"`, "com.microsoft", "Gelu"}},
		{"newer operator", one(13, nodeOf("HardSwish", "act", x, nil), []int{2}), []string{`"act"`, "since version 14", "version 13"}},
		{"attribute", one(13, nodeOf("Relu", "act", x, nil, integer("odd", 1)), []int{2}), []string{`"act"`, "attribute odd"}},
		{"attribute of another kind", one(13, nodeOf("Softmax", "act", x, nil, float("axis", 1)), []int{2}), []string{`"act"`, "axis", "float"}},
		{"attribute twice", one(13, nodeOf("Softmax", "act", x, nil, integer("axis", 0), integer("axis", 0)), []int{2}), []string{`"act"`, "axis is given twice"}},
		{"wrapped and cut", one(21, nodeOf("Pad", "pad", []string{"x", "p"}, nil, text8("mode", "wrap")), []int{3}, intTensor("p", -1, 1)), []string{`"pad"`, "mode wrap"}},
		{"training", one(14, nodeOf("BatchNormalization", "bn", []string{"x", "s", "b", "m", "v"}, nil, integer("training_mode", 1)), []int{1, 2}, normalization()...), []string{`"bn"`, "training_mode"}},
		{"no maker", one(13, nodeOf("Add", "sum", []string{"x", "z"}, nil), []int{2}), []string{`"sum"`, `input "z" is made by no node`}},
		{"no output", relu(func(f *file) { f.outputs[0].name = "z" }), []string{`output "z"`}},
		{"no outputs", relu(func(f *file) { f.outputs = nil }), []string{"no outputs"}},
		{"cycle", relu(func(f *file) {
			f.nodes = []node{
				nodeOf("Add", "one", []string{"x", "b"}, []string{"a"}), nodeOf("Relu", "two", []string{"a"}, []string{"b"}),
				nodeOf("Relu", "three", []string{"b"}, []string{"y"}),
			}
		}), []string{"cycle", `"`}},
		{"own input", relu(func(f *file) { f.nodes[0].in = []string{"y"} }), []string{`"act"`, "cycle"}},
		{"two makers", relu(func(f *file) { f.nodes = append(f.nodes, nodeOf("Relu", "again", x, []string{"y"})) }), []string{`"again"`, `"act"`, `"y"`}},
		{"input made", relu(func(f *file) { f.nodes = append(f.nodes, nodeOf("Relu", "again", x, []string{"x"})) }), []string{`"again"`, `"x"`}},
		{"inputs twice", relu(func(f *file) { f.inputs = append(f.inputs, f.inputs[0]) }), []string{`input "x" is listed twice`}},
		{"tensors twice", relu(func(f *file) { f.tensors = []tensor{intTensor("w", 1), intTensor("w", 1)} }), []string{`tensor "w"`}},
		{"IR 2", relu(func(f *file) { f.ir = 2 }), []string{"version 2 of the ONNX format", "3 to 11"}},
		{"IR 12", relu(func(f *file) { f.ir = 12 }), []string{"version 12 of the ONNX format"}},
		{"opset 6", relu(func(f *file) { f.opsets[""] = 6 }), []string{"version 6 of the operators", "7 to 21"}},
		{"opset 22", relu(func(f *file) { f.opsets[""] = 22 }), []string{"version 22 of the operators"}},
		{"bfloat16", constant(tensor{name: "w", dims: []int{1}, elem: 16, raw: []byte{1, 2}, hasRaw: true}), []string{`"w"`, "bfloat16"}},
		{"double", constant(tensor{name: "w", dims: []int{1}, elem: 11, raw: make([]byte, 8), hasRaw: true}), []string{`"w"`, "float64"}},
		{"int8", constant(tensor{name: "w", dims: []int{1}, elem: 3, ints: []int64{1}}), []string{`"w"`, "int8"}},
		{"double input", relu(func(f *file) { f.inputs[0].elem = 11 }), []string{`"x"`, "float64"}},
		{"huge", constant(huge), []string{`"w"`, "too large"}},
		{"huge dimension", constant(tensor{name: "w", dims: []int{math.MaxInt}, elem: elemFloat}), []string{`"w"`, "dimension of"}},
		{"short raw", constant(tensor{name: "w", dims: []int{2}, elem: elemFloat, raw: make([]byte, 4), hasRaw: true}), []string{`"w"`, "4 bytes", "needs 8"}},
		{"short list", constant(floatTensor("w", []int{2}, 1)), []string{`"w"`, "1 elements", "needs 2"}},
		{"no data", constant(tensor{name: "w", dims: []int{2}, elem: elemFloat}), []string{`"w"`, "0 elements"}},
		{"both data", constant(tensor{name: "w", dims: []int{1}, elem: elemFloat, floats: []float32{1}, raw: make([]byte, 4), hasRaw: true}), []string{`"w"`, "both"}},
		{"not a bool", constant(tensor{name: "w", dims: []int{1}, elem: elemBool, ints: []int64{2}}), []string{`"w"`, "2 is no bool"}},
		{"not in a file", constant(tensor{name: "w", dims: []int{1}, elem: elemFloat, external: map[string]string{"location": "a"}, outside: true}), []string{`"w"`, "not read from a file"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			m, err := Parse(c.file.encode())
			if err == nil {
				err = m.Graph.Simplify(nil)
			}
			if err == nil {
				t.Fatal("it was read")
			}
			for _, part := range c.want {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("%q does not say %s", err, part)
				}
			}
		})
	}
}

// TestBombs are small files that ask for much.
func TestBombs(t *testing.T) {
	big := int64(1) << 27
	for name, f := range map[string]*file{
		"fill":   one(13, nodeOf("ConstantOfShape", "bomb", []string{"w"}, nil), []int{2}, intTensor("w", big)),
		"expand": one(13, nodeOf("Expand", "bomb", []string{"v", "w"}, nil), []int{2}, intTensor("v", 1), intTensor("w", big)),
		"tile":   one(13, nodeOf("Tile", "bomb", []string{"v", "w"}, nil), []int{2}, intTensor("v", 1), intTensor("w", big)),
		"pad":    one(13, nodeOf("Pad", "bomb", []string{"v", "w"}, nil), []int{2}, intTensor("v", 1), intTensor("w", 0, big)),
		"range": one(13, nodeOf("Range", "bomb", []string{"a", "b", "c"}, nil), []int{2}, tensor{name: "a", elem: elemInt64, ints: []int64{0}},
			tensor{name: "b", elem: elemInt64, ints: []int64{big}}, tensor{name: "c", elem: elemInt64, ints: []int64{1}}),
		"gather":   one(13, nodeOf("Gather", "bomb", []string{"e", "w"}, nil), []int{2}, tensor{name: "e", dims: []int{1 << 27, 1, 0}, elem: elemFloat}, intTensor("w", 0), intTensor("v", 0)),
		"negative": one(13, nodeOf("ConstantOfShape", "bomb", []string{"w"}, nil), []int{2}, intTensor("w", -1)),
		"overflow": one(13, nodeOf("ConstantOfShape", "bomb", []string{"w"}, nil), []int{2}, intTensor("w", math.MaxInt64, math.MaxInt64)),
		"group":    one(13, nodeOf("Conv", "bomb", []string{"x", "w"}, nil, integer("group", math.MaxInt64)), []int{1, 1, 1, 1}, floatTensor("w", []int{1, 1, 1, 1}, 1)),
		"run":      one(13, nodeOf("Expand", "bomb", []string{"x", "w"}, nil), []int{2, 1}, intTensor("w", 1, 1<<28)),
	} {
		t.Run(name, func(t *testing.T) {
			m, err := Parse(f.encode())
			if err == nil {
				err = m.Graph.Simplify(nil)
			}
			if name == "gather" { // it has no elements
				return
			}
			if err == nil || !strings.Contains(err.Error(), `"bomb"`) {
				t.Errorf("%v", err)
			}
		})
	}
}

// TestMany are files of many small things.
func TestMany(t *testing.T) {
	x := []string{"x"}
	chain := one(13, nodeOf("Relu", "last", x, nil), []int{2}, floatTensor("w", []int{1 << 16}, make([]float32, 1<<16)...))
	for i := range 400 {
		sum := nodeOf("ReduceSum", fmt.Sprintf("sum%d", i), []string{"w"}, []string{fmt.Sprintf("s%d", i)})
		chain.nodes = append(chain.nodes, sum)
	}
	wide := one(13, nodeOf("Sum", "sum", slices.Repeat([]string{"x"}, 1<<14+1), nil), []int{2})
	all := one(13, nodeOf("Sum", "sum", x, nil), []int{2})
	for i := range 70 {
		all.nodes = append(all.nodes, nodeOf("Sum", "", slices.Repeat([]string{"x"}, 1<<14), []string{fmt.Sprint(i)}))
	}
	named := one(13, nodeOf("Relu", strings.Repeat("n", 1<<12+1), x, nil), []int{2})
	for name, c := range map[string]struct {
		file *file
		want string
	}{
		"computations": {chain, "too many computations"},
		"inputs":       {wide, "too many inputs"},
		"all inputs":   {all, "too many operators, inputs"},
		"name":         {named, "a name of 4097 bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			m, err := Parse(c.file.encode())
			if err == nil {
				err = m.Graph.FoldConstants()
			}
			if err == nil || !strings.Contains(err.Error(), c.want) || len(err.Error()) > 1000 {
				t.Errorf("%.1000v", err)
			}
		})
	}
}

// TestBytesOfNames has names that are the same only once they are text.
func TestBytesOfNames(t *testing.T) {
	f := one(13, nodeOf("Neg", "", []string{"\xff"}, nil), []int{1})
	f.inputs = []valueInfo{input("\xfe", 1), input("\xff", 1)}
	m, err := Parse(f.encode())
	if err != nil {
		t.Fatal(err)
	}
	y, err := m.Graph.Evaluate(map[string]*graph.Tensor{"\xfe": graph.FloatTensor([]float32{1}, 1), "\xff": graph.FloatTensor([]float32{2}, 1)})
	if err != nil || y["y"].Floats[0] != -2 {
		t.Errorf("%v, %v", y["y"], err)
	}
}

// TestInitialValuesAmongInputs is the form of version 3 of the format.
func TestInitialValuesAmongInputs(t *testing.T) {
	f := one(8, nodeOf("Add", "sum", []string{"x", "w"}, nil), []int{2}, floatTensor("w", []int{2}, 1, 2))
	f.ir = 3
	f.inputs = append([]valueInfo{input("w", 2)}, f.inputs...)
	m, err := Parse(f.encode())
	if err != nil {
		t.Fatal(err)
	}
	if len(m.Graph.Inputs) != 1 || m.Graph.Inputs[0].Name != "x" {
		t.Errorf("%d inputs", len(m.Graph.Inputs))
	}
}

// TestUnsorted is a file whose nodes are in the wrong order.
func TestUnsorted(t *testing.T) {
	f := one(13, nodeOf("Neg", "second", []string{"a"}, nil), []int{2})
	f.nodes = append(f.nodes, nodeOf("Abs", "first", []string{"x"}, []string{"a"}))
	m, err := Parse(f.encode())
	if err != nil {
		t.Fatal(err)
	}
	y, err := m.Graph.Evaluate(map[string]*graph.Tensor{"x": graph.FloatTensor([]float32{-1, 2}, 2)})
	if err != nil || !slices.Equal(y["y"].Floats, []float32{-1, -2}) {
		t.Errorf("%v, %v", y, err)
	}
}

// TestHalf compares float16 numbers, raw and listed, with their values.
func TestHalf(t *testing.T) {
	bits := []int64{0x3c00, 0xc000, 0x7bff, 0x0001, 0x8000, 0x7c00}
	want := []float32{1, -2, 65504, 5.9604645e-08, 0, float32(math.Inf(1))}
	listed := tensor{name: "w", dims: []int{6}, elem: elemFloat16, ints: bits}
	raw := tensor{name: "w", dims: []int{6}, elem: elemFloat16, hasRaw: true}
	for _, b := range bits {
		raw.raw = append(raw.raw, byte(b), byte(b>>8))
	}
	for _, c := range []tensor{listed, raw} {
		f := one(13, nodeOf("Add", "sum", []string{"x", "w"}, nil), []int{6}, c)
		f.inputs[0].elem = elemFloat16
		m, err := Parse(f.encode())
		if err != nil {
			t.Fatal(err)
		}
		y, err := m.Graph.Evaluate(map[string]*graph.Tensor{"x": graph.NewTensor(graph.Float32, 6)})
		if err != nil || !slices.Equal(y["y"].Floats, want) {
			t.Errorf("%v, %v", y["y"], err)
		}
	}
	if v := float16.ToFloat32(0x7e01); v == v {
		t.Errorf("%g is no NaN", v)
	}
}

func TestNotONNX(t *testing.T) {
	whole := one(13, nodeOf("Relu", "act", []string{"x"}, nil), []int{2}).encode()
	for _, data := range [][]byte{nil, []byte("GIF89a"), whole[:1]} {
		if _, err := Parse(data); err == nil {
			t.Errorf("%q was read", data)
		}
	}
	for n := 2; n < len(whole); n++ {
		if _, err := Parse(whole[:n]); err == nil {
			t.Errorf("%d of %d bytes were read", n, len(whole))
		}
	}
}

// FuzzParse reads and simplifies whatever comes. What becomes of it can be
// written and read again.
func FuzzParse(f *testing.F) {
	f.Add(one(13, nodeOf("Conv", "conv", []string{"x", "w"}, nil, ints("pads", 0, 1, 1, 0)), []int{-1, 1, 4, 4}, floatTensor("w", []int{1, 1, 1, 1}, 1)).encode())
	f.Add(one(9, nodeOf("Slice", "", []string{"x"}, nil, ints("starts", 1), ints("ends", -1)), []int{-1, 4}).encode())
	f.Add(one(18, nodeOf("Pad", "", []string{"x", "p"}, nil, text8("mode", "reflect")), []int{3, 4}, intTensor("p", 1, 1, 2, 2)).encode())
	f.Add(one(13, nodeOf("Reshape", "", []string{"x", "p"}, nil), []int{-1, 4}, intTensor("p", 0, 2, -1)).encode())
	f.Add(one(13, nodeOf("Split", "", []string{"x"}, []string{"z"}, integer("axis", 1)), []int{-1, 4}).encode())
	f.Add(one(7, nodeOf("BatchNormalization", "", []string{"x", "s", "b", "m", "v"}, nil), []int{1, 2}, normalization()...).encode())
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := Parse(data)
		if err != nil {
			return
		}
		free := m.Graph.Clone()
		for _, v := range m.Graph.Inputs {
			for i := range v.Declared {
				v.Declared[i] = max(v.Declared[i], 1)
			}
		}
		for _, g := range []*graph.Graph{free, m.Graph} {
			if g.Simplify(nil) != nil {
				continue
			}
			if err := runs(g); err != nil {
				t.Error(err)
			}
			again, err := Encode(g, "", "")
			if err != nil {
				continue
			}
			if _, err := Parse(again); err != nil {
				t.Errorf("what was written is not read: %v", err)
			}
		}
	})
}

// runs computes a graph, if it is small and the reference can, for zeros as
// package nn does: neither may fail alone.
func runs(g *graph.Graph) error {
	p, err := lower.Plan(g, 2)
	if err != nil || p.Memory > 1<<14 || g.Parameters() > 1<<14 {
		return nil
	}
	inputs := map[string]*graph.Tensor{}
	for _, v := range g.Inputs {
		shape := make([]int, len(v.Shape))
		size := 1
		for i, d := range v.Shape {
			shape[i] = d.Of(2)
			size *= shape[i]
		}
		if size > 1<<14 {
			return nil
		}
		inputs[v.Name] = graph.NewTensor(v.Type, shape...)
	}
	want, err := g.Evaluate(inputs)
	if err != nil {
		return nil
	}
	e, err := nn.NewEvaluator(g, nn.EvaluatorOptions{Batch: 2, Threads: 1})
	if err != nil {
		return fmt.Errorf("evaluator: %w", err)
	}
	defer e.Close()
	got, err := e.Evaluate(inputs)
	if err != nil {
		return fmt.Errorf("evaluator: %w", err)
	}
	for name, y := range want {
		if got[name] == nil || !slices.Equal(got[name].Shape, y.Shape) {
			return fmt.Errorf("output %q of shape %v is %+v", name, y.Shape, got[name])
		}
	}
	return nil
}
