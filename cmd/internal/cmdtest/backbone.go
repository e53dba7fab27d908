package cmdtest

import (
	"cmp"
	"os"
	"path/filepath"
	"testing"

	"github.com/opensandwich/oi/cmd/internal/graph"
	"github.com/opensandwich/oi/cmd/internal/onnx"
	"github.com/opensandwich/oi/cmd/internal/rng"
)

// A Backbone is a small network with random weights, for tests. It takes
// float32 [N,3,S,S] as "input": a convolution at stride 2, a depthwise and a 1x1
// convolution, the mean over the picture, and a classifier of 5 classes. Its
// features are 12 numbers unless it says otherwise.
type Backbone struct {
	Seed uint64
	Side int
	Flat bool // the map is flattened in place of its mean taken, so that it works at one side only

	Features int // before they are flattened, 0: 12
}

// Encode returns the network as an ONNX file.
func (b Backbone) Encode() ([]byte, error) {
	r := rng.Source(b.Seed)
	constant := func(spread float64, shape ...int) *graph.Value {
		t := graph.NewTensor(graph.Float32, shape...)
		for i := range t.Floats {
			t.Floats[i] = float32((rng.Float64(r.Uint64()) - 0.5) * spread)
		}
		return &graph.Value{Type: graph.Float32, Shape: graph.Fixed(shape), Const: t}
	}
	g := &graph.Graph{}
	v := &graph.Value{Name: "input", Type: graph.Float32, Declared: []int{-1, 3, b.Side, b.Side}}
	g.Inputs = []*graph.Value{v}
	add := func(op graph.Op, more ...*graph.Value) {
		out := &graph.Value{}
		g.Nodes = append(g.Nodes, &graph.Node{Op: op, In: append([]*graph.Value{v}, more...), Out: []*graph.Value{out}})
		v = out
	}
	window := func(stride int) graph.Window {
		return graph.Window{Strides: []int{stride, stride}, Pads: []int{2 - stride, 2 - stride, 1, 1}}
	}
	add(&graph.Conv{Window: window(2), Group: 1}, constant(1, 8, 3, 3, 3), constant(1, 8))
	add(&graph.Unary{Name: "Relu"})
	add(&graph.Conv{Window: window(1), Group: 8}, constant(1, 8, 1, 3, 3), constant(1, 8))
	add(&graph.Unary{Name: "HardSwish"})
	features := cmp.Or(b.Features, 12)
	add(&graph.Conv{Group: 1}, constant(1, features, 8, 1, 1), constant(1, features))
	if b.Flat {
		features *= (b.Side / 4) * (b.Side / 4)
		add(&graph.Pool{Window: graph.Window{Strides: []int{2, 2}}, Kernel: []int{2, 2}, Max: true})
	} else {
		add(&graph.Pool{})
	}
	add(&graph.Flatten{Axis: 1})
	add(&graph.Gemm{Alpha: 1, Beta: 1, TransB: true}, constant(1, 5, features), constant(1, 5))
	v.Name = "logits"
	g.Outputs = []*graph.Value{v}
	if err := g.Simplify(nil); err != nil {
		return nil, err
	}
	return onnx.Encode(g, "a test", "1")
}

// Write writes the network to a file of a folder of the test's own, and returns
// its path.
func (b Backbone) Write(t testing.TB) string {
	t.Helper()
	data, err := b.Encode()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "small.onnx")
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
