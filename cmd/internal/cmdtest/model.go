package cmdtest

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/opensandwich/oi/cmd/internal/graph"
	"github.com/opensandwich/oi/cmd/internal/onnx"
)

// MeansModel writes a foreign classifier whose answers can be worked out by
// hand: its features are the means of red, green and blue, and its three logits
// are four times these. It takes
// float32 [N,3,S,S]. The path of the file is returned.
func MeansModel(t testing.TB, side int) string {
	t.Helper()
	value := func(name string) *graph.Value { return &graph.Value{Name: name, Type: graph.Float32} }
	constant := func(data []float32, shape ...int) *graph.Value {
		return &graph.Value{Type: graph.Float32, Shape: graph.Fixed(shape), Const: graph.FloatTensor(data, shape...)}
	}
	image, pooled, means, logits := value("image"), value("pooled"), value("means"), value("logits")
	image.Declared = []int{-1, 3, side, side}
	g := &graph.Graph{
		Inputs: []*graph.Value{image}, Outputs: []*graph.Value{logits},
		Nodes: []*graph.Node{
			{Name: "pool", Op: &graph.Pool{}, In: []*graph.Value{image}, Out: []*graph.Value{pooled}},
			{Name: "flatten", Op: &graph.Flatten{Axis: 1}, In: []*graph.Value{pooled}, Out: []*graph.Value{means}},
			{
				Name: "answer", Op: &graph.Gemm{Alpha: 1, Beta: 1, TransB: true},
				In:  []*graph.Value{means, constant([]float32{4, 0, 0, 0, 4, 0, 0, 0, 4}, 3, 3), constant([]float32{0, 0, 0}, 3)},
				Out: []*graph.Value{logits},
			},
		},
	}
	if err := g.Simplify(nil); err != nil {
		t.Fatal(err)
	}
	file, err := onnx.Encode(g, "somebody", "1")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "means.onnx")
	if err := os.WriteFile(path, file, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
