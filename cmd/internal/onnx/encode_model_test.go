package onnx

import (
	"bytes"
	"fmt"
	"math"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
	"testing"

	"github.com/opensandwich/oi/cmd/internal/graph"
	"github.com/opensandwich/oi/cmd/internal/oitest"
)

// again encodes a simplified graph and reads what was written.
func again(t *testing.T, g *graph.Graph) *Model {
	t.Helper()
	data, err := Encode(g, "maker", "v1")
	if err != nil {
		t.Fatal(err)
	}
	if twice, err := Encode(g, "maker", "v1"); err != nil || !bytes.Equal(data, twice) {
		t.Errorf("encoded twice, it differs: %v", err)
	}
	m, err := Parse(data)
	if err != nil {
		t.Fatal(err)
	}
	direct, err := Reread(g)
	if err != nil || !reflect.DeepEqual(direct, m.Graph) {
		t.Errorf("not what is read of the file: %v", err)
	}
	mine := map[*float32]bool{} // first elements
	for _, n := range g.Nodes {
		for _, v := range n.In {
			if v != nil && v.Const != nil && len(v.Const.Floats) > 0 {
				mine[&v.Const.Floats[0]] = true
			}
		}
	}
	for _, n := range direct.Nodes {
		for i, v := range n.In {
			if v.Const != nil && len(v.Const.Floats) > 1 && !mine[&v.Const.Floats[0]] {
				t.Errorf("input %d of %s is a copy", i, n.Name)
			}
		}
	}
	return m
}

// TestEncode writes nodes of all kinds and compares what the written model
// gives.
func TestEncode(t *testing.T) {
	with := func(names ...string) []string { return append([]string{"x"}, names...) }
	x := with()
	scalar := func(name string, v float32) tensor { return floatTensor(name, nil, v) }
	for _, c := range []struct {
		opset     uint64
		node      node
		shape     []int
		constants []tensor
		want      int // version of the operators
	}{
		{21, nodeOf("Conv", "", with("w", "b"), nil, ints("pads", 0, 1, 1, 2), ints("strides", 2, 1), ints("dilations", 1, 2), integer("group", 2)),
			[]int{-1, 2, 7, 7}, []tensor{floatTensor("w", []int{2, 1, 1, 2}, 1, 2, 3, 4), floatTensor("b", []int{2}, 1, -1)}, 10},
		{21, nodeOf("Conv", "", with("w"), nil, text8("auto_pad", "SAME_LOWER"), ints("strides", 2, 2)), []int{-1, 1, 6, 7}, []tensor{floatTensor("w", []int{1, 1, 2, 2}, 1, 2, 3, 4)}, 10},
		{21, nodeOf("MaxPool", "", x, nil, ints("kernel_shape", 3, 3), ints("strides", 2, 2), integer("ceil_mode", 1), ints("pads", 1, 1, 0, 1)), []int{-1, 2, 8, 9}, nil, 10},
		{21, nodeOf("AveragePool", "", x, nil, ints("kernel_shape", 3, 3), ints("pads", 1, 1, 1, 1), integer("count_include_pad", 1)), []int{-1, 2, 8, 9}, nil, 10},
		{21, nodeOf("AveragePool", "", x, nil, ints("kernel_shape", 2, 3), ints("strides", 2, 2), text8("auto_pad", "SAME_UPPER"), integer("count_include_pad", 1)), []int{-1, 2, 7, 9}, nil, 10},
		{21, nodeOf("AveragePool", "", x, nil, ints("kernel_shape", 3, 3), ints("strides", 2, 2), ints("pads", 1, 1, 1, 1), integer("count_include_pad", 1), ints("dilations", 2, 1)), []int{-1, 2, 8, 9}, nil, 19},
		{21, nodeOf("AveragePool", "", x, nil, ints("kernel_shape", 2, 2), ints("dilations", 2, 1)), []int{-1, 2, 8, 9}, nil, 19},
		{21, nodeOf("GlobalMaxPool", "", x, nil), []int{-1, 2, 8, 9}, nil, 10},
		{21, nodeOf("BatchNormalization", "", with("s", "b", "m", "v"), nil, float("epsilon", 0.5)), []int{-1, 2, 3}, normalization(), 10},
		{21, nodeOf("LayerNormalization", "", with("g"), nil, float("epsilon", 0.5)), []int{-1, 2}, []tensor{floatTensor("g", []int{2}, 3, -1)}, 17},
		{21, nodeOf("Clip", "", with("lo", "hi"), nil), []int{-1, 6}, []tensor{scalar("lo", -1), scalar("hi", 1)}, 10},
		{21, nodeOf("Clip", "", with("", "hi"), nil), []int{-1, 6}, []tensor{scalar("hi", 1)}, 10},
		{21, nodeOf("HardSwish", "", x, nil), []int{-1, 6}, nil, 10},
		{21, nodeOf("HardSigmoid", "", x, nil, float("alpha", 0.3)), []int{-1, 6}, nil, 10},
		{21, nodeOf("LeakyRelu", "", x, nil, float("alpha", 0.3)), []int{-1, 6}, nil, 10},
		{21, nodeOf("Gelu", "", x, nil), []int{-1, 6}, nil, 10},
		{21, nodeOf("Gelu", "", x, nil, text8("approximate", "tanh")), []int{-1, 6}, nil, 20},
		{21, nodeOf("Softmax", "", x, nil), []int{-1, 2, 3}, nil, 10},
		{21, nodeOf("Softmax", "", x, nil, integer("axis", 1)), []int{-1, 2, 3}, nil, 13},
		{9, nodeOf("Softmax", "", x, nil, integer("axis", 1)), []int{-1, 2, 3}, nil, 10},
		{9, nodeOf("Softmax", "", x, nil, integer("axis", 2)), []int{-1, 2, 3}, nil, 10},
		{21, nodeOf("Softmax", "", x, nil, integer("axis", 1)), []int{-1, 5, 1, 1}, nil, 10},
		{21, nodeOf("Gemm", "", with("w"), nil, integer("transB", 1), float("alpha", 0.5)), []int{-1, 2}, []tensor{floatTensor("w", []int{1, 2}, 3, 4)}, 10},
		{21, nodeOf("MatMul", "", with("w"), nil), []int{-1, 3, 2}, []tensor{floatTensor("w", []int{2, 1}, 3, 4)}, 10},
		{21, nodeOf("Mod", "", with("w"), nil, integer("fmod", 1)), []int{-1, 2}, []tensor{floatTensor("w", []int{2}, 3, 4)}, 10},
		{21, nodeOf("Sum", "", with("w", "x"), nil), []int{-1, 2}, []tensor{floatTensor("w", []int{2}, 3, 4)}, 10},
		{21, nodeOf("PRelu", "", with("w"), nil), []int{-1, 2}, []tensor{floatTensor("w", []int{2}, 3, 4)}, 10},
		{21, nodeOf("ReduceMean", "", with("a"), nil), []int{-1, 2, 3}, []tensor{intTensor("a", -1, 1)}, 10},
		{21, nodeOf("ReduceSum", "", with("a"), nil, integer("keepdims", 0)), []int{-1, 2, 3}, []tensor{intTensor("a", -2)}, 10},
		{21, nodeOf("Split", "", x, []string{"z"}, integer("axis", -1), integer("num_outputs", 2)), []int{-1, 4}, nil, 10},
		{21, nodeOf("Split", "", with("s"), []string{"z"}, integer("axis", 1)), []int{-1, 4}, []tensor{intTensor("s", 1, 3)}, 10},
		{21, nodeOf("Squeeze", "", with("a"), nil), []int{-1, 1, 3}, []tensor{intTensor("a", -2)}, 10},
		{21, nodeOf("Unsqueeze", "", with("a"), nil), []int{-1, 3}, []tensor{intTensor("a", -1, 1)}, 10},
		{21, nodeOf("Concat", "", with("x"), nil, integer("axis", -1)), []int{-1, 3}, nil, 10},
		{21, nodeOf("Flatten", "", x, nil, integer("axis", -1)), []int{2, 3, 2}, nil, 10},
		{21, nodeOf("Gather", "", with("i"), nil, integer("axis", -1)), []int{-1, 3}, []tensor{intTensor("i", 2, 0)}, 10},
		{21, nodeOf("Transpose", "", x, nil, ints("perm", 0, 2, 1)), []int{-1, 3, 2}, nil, 10},
		{21, nodeOf("Reshape", "", with("s"), nil), []int{-1, 3, 2}, []tensor{intTensor("s", -1, 6)}, 10},
		{21, nodeOf("Tile", "", with("r"), nil), []int{-1, 3}, []tensor{intTensor("r", 1, 2)}, 10},
		{21, nodeOf("Expand", "", with("r"), nil), []int{-1, 1, 3}, []tensor{intTensor("r", 1, 2, 1)}, 10},
		{21, nodeOf("Slice", "", with("s", "e", "a", "t"), nil), []int{-1, 5}, []tensor{intTensor("s", -1), intTensor("e", math.MinInt64), intTensor("a", 1), intTensor("t", -2)}, 10},
		{21, nodeOf("Pad", "", with("p", "v", "a"), nil), []int{-1, 3, 2}, []tensor{intTensor("p", 1, 2), scalar("v", 7), intTensor("a", -1)}, 10},
		{21, nodeOf("Pad", "", with("p"), nil, text8("mode", "wrap")), []int{-1, 3}, []tensor{intTensor("p", 0, 1, 0, 2)}, 19},
		{21, nodeOf("Cast", "", x, nil, integer("to", int64(elemInt32))), []int{-1, 3}, nil, 10},
	} {
		t.Run(fmt.Sprintf("%s %v", c.node.op, c.node.attributes), func(t *testing.T) {
			f := one(c.opset, c.node, c.shape, c.constants...)
			if c.node.out != nil {
				f.outputs = append(f.outputs, valueInfo{name: "z", typed: true, elem: elemFloat})
			}
			m, err := Parse(f.encode())
			if err != nil {
				t.Fatal(err)
			}
			if err := m.Graph.Simplify(nil); err != nil {
				t.Fatal(err)
			}
			written := again(t, m.Graph)
			if written.Opset != c.want {
				t.Errorf("version %d of the operators, not %d", written.Opset, c.want)
			}
			shape := append([]int{}, c.shape...)
			if shape[0] == -1 {
				shape[0] = 2
			}
			input := graph.NewTensor(graph.Float32, shape...)
			for i := range input.Floats {
				input.Floats[i] = float32(math.Sin(float64(i+1)) * 4)
			}
			compareGraphs(t, m.Graph, written.Graph, input)
		})
	}
}

// compareGraphs gives both graphs the same input.
func compareGraphs(t *testing.T, want, got *graph.Graph, input *graph.Tensor) {
	t.Helper()
	inputs := map[string]*graph.Tensor{want.Inputs[0].Name: input}
	w, err := want.Evaluate(inputs)
	if err != nil {
		t.Fatal(err)
	}
	g, err := got.Evaluate(inputs)
	if err != nil {
		t.Fatal(err)
	}
	for name, y := range w {
		if g[name] == nil {
			t.Fatalf("no output %q", name)
		}
		if err := compareTensors(g[name], y, 1e-5); err != nil {
			t.Errorf("output %q: %v", name, err)
		}
	}
}

// TestEncodeFamilies writes whole networks: in version 10 of the operators
// what is convolutional, in 17 what has layer normalization.
func TestEncodeFamilies(t *testing.T) {
	families, err := filepath.Glob(filepath.Join(oitest.Model(t, "families"), "*.onnx"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range families {
		name := strings.TrimSuffix(filepath.Base(path), ".onnx")
		t.Run(name, func(t *testing.T) {
			m, err := Open(path)
			if err != nil {
				t.Fatal(err)
			}
			if err := m.Graph.Simplify(nil); err != nil {
				t.Fatal(err)
			}
			written, want := again(t, m.Graph), 10
			if name == "convnext" || name == "vit" {
				want = 17
			}
			if written.Opset != want {
				t.Errorf("version %d of the operators, not %d", written.Opset, want)
			}
			compareGraphs(t, m.Graph, written.Graph, graph.FloatTensor(oitest.ReadFloats(t, strings.TrimSuffix(path, ".onnx")+".in.f32"), 2, 3, 64, 64))
		})
	}
}

// TestEncodeRefused are graphs that no version can say.
func TestEncodeRefused(t *testing.T) {
	f := one(13, nodeOf("Identity", "same", []string{"w"}, nil), []int{2}, floatTensor("w", []int{1}, 1))
	m, err := Parse(f.encode())
	if err != nil {
		t.Fatal(err)
	}
	if err := m.Graph.Simplify(nil); err != nil {
		t.Fatal(err)
	}
	if _, err := Encode(m.Graph, "", ""); err == nil || !strings.Contains(err.Error(), `output "y" is a constant`) {
		t.Errorf("%v", err)
	}
}

// TestWriteInPieces: writing a model and rereading a graph need no memory for
// its weights.
func TestWriteInPieces(t *testing.T) {
	const size = 1 << 22 // elements
	x := &graph.Value{Name: "x", Type: graph.Float32, Declared: []int{-1, 1 << 11}}
	w := &graph.Value{Type: graph.Float32, Shape: graph.Fixed([]int{1 << 11, 1 << 11}), Const: graph.NewTensor(graph.Float32, 1<<11, 1<<11)}
	y := &graph.Value{Name: "y"}
	g := &graph.Graph{Inputs: []*graph.Value{x}, Outputs: []*graph.Value{y}, Nodes: []*graph.Node{{Op: &graph.MatMul{}, In: []*graph.Value{x, w}, Out: []*graph.Value{y}}}}
	if err := g.Simplify(nil); err != nil {
		t.Fatal(err)
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	written := new(counter)
	if err := Write(written, g, "", ""); err != nil || *written < 4*size {
		t.Errorf("%d bytes, %v", *written, err)
	}
	if _, err := Reread(g); err != nil {
		t.Error(err)
	}
	if runtime.ReadMemStats(&after); after.TotalAlloc-before.TotalAlloc > size {
		t.Errorf("%d bytes for weights of %d", after.TotalAlloc-before.TotalAlloc, 4*size)
	}
}

// counter counts bytes.
type counter int

func (c *counter) Write(p []byte) (int, error) {
	*c += counter(len(p))
	return len(p), nil
}
