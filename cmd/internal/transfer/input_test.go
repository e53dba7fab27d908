package transfer

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/opensandwich/oi/cmd/internal/graph"
	"github.com/opensandwich/oi/cmd/internal/onnx"
)

// oneBatch writes a network that gives the means of the colours of one picture,
// which it reshapes.
func oneBatch(t *testing.T, shape ...int64) string {
	t.Helper()
	image := &graph.Value{Name: "image", Type: graph.Float32, Declared: []int{1, 3, 8, 8}}
	mean, row := &graph.Value{Name: "mean"}, &graph.Value{Name: "row"}
	wanted := graph.IntTensor(shape...)
	g := &graph.Graph{
		Inputs: []*graph.Value{image}, Outputs: []*graph.Value{row},
		Nodes: []*graph.Node{
			{Name: "pool", Op: &graph.Pool{}, In: []*graph.Value{image}, Out: []*graph.Value{mean}},
			{Name: "reshape", Op: &graph.Reshape{}, In: []*graph.Value{mean, {Type: graph.Int64, Shape: graph.Fixed(wanted.Shape), Const: wanted}}, Out: []*graph.Value{row}},
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
	return path
}

// TestOneBatch opens networks that were exported for one picture: some take more.
func TestOneBatch(t *testing.T) {
	options := Options{Side: 8, Normalization: parse(t, "0..255", ""), DType: Float32}
	for _, shape := range [][]int64{{1, 3}, {1, -1}} {
		b, err := Open(oneBatch(t, shape...), options)
		if err != nil {
			t.Fatal(err)
		}
		x, err := b.Extractor(4, 2)
		if err != nil {
			t.Fatal(err)
		}
		var pictures [][]byte
		var want []float32
		for i := range 5 {
			pictures = append(pictures, bytes.Repeat([]byte{byte(i), byte(10 * i), byte(20 * i)}, 64))
			want = append(want, float32(i), float32(10*i), float32(20*i))
		}
		got, err := x.Features(pictures)
		x.Close()
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%v: %v, %v, want %v", shape, got, err, want)
		}
	}
	_, err := Open(oneBatch(t, 3, 1), options)
	if err == nil || !strings.Contains(err.Error(), "batches of 1") || strings.Contains(err.Error(), "\n") {
		t.Errorf("%v: want one line about batches of 1", err)
	}
}
