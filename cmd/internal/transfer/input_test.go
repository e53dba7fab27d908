package transfer

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/opensandwich/oi/cmd/internal/graph"
	"github.com/opensandwich/oi/cmd/internal/onnx"
)

// TestOneBatch opens a network that reshapes to a batch of one.
func TestOneBatch(t *testing.T) {
	image := &graph.Value{Name: "image", Type: graph.Float32, Declared: []int{1, 3, 8, 8}}
	mean, row := &graph.Value{Name: "mean"}, &graph.Value{Name: "row"}
	shape := graph.IntTensor(1, 3)
	g := &graph.Graph{
		Inputs: []*graph.Value{image}, Outputs: []*graph.Value{row},
		Nodes: []*graph.Node{
			{Name: "pool", Op: &graph.Pool{}, In: []*graph.Value{image}, Out: []*graph.Value{mean}},
			{Name: "reshape", Op: &graph.Reshape{}, In: []*graph.Value{mean, {Type: graph.Int64, Shape: graph.Fixed(shape.Shape), Const: shape}}, Out: []*graph.Value{row}},
		},
	}
	if err := g.Simplify(nil); err != nil {
		t.Fatal(err)
	}
	file, err := onnx.Encode(g, "somebody", "1")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "one.onnx")
	if err := os.WriteFile(path, file, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err = Open(path, Options{Side: 8, Normalization: parse(t, "0..1", "")})
	if err == nil || !strings.Contains(err.Error(), "batches of 1") || strings.Contains(err.Error(), "\n") {
		t.Errorf("%v: want one line about batches of 1", err)
	}
}
