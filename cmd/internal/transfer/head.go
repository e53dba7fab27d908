package transfer

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"
	"math"

	"github.com/opensandwich/oi/cmd/internal/graph"
	"github.com/opensandwich/oi/cmd/internal/onnx"
)

// WithHead returns the graph of the features with a dense layer, weights [K][D]
// and bias [K], and a softmax: input "image", uint8 [N,S,S,3], output
// "probabilities", float32 [N,K].
func (b *Backbone) WithHead(weights, bias []float32) (*graph.Graph, error) {
	classes := len(bias)
	if classes < 2 || len(weights) != classes*b.Dim {
		return nil, fmt.Errorf("a head of %d weights and %d biases on %d features", len(weights), classes, b.Dim)
	}
	g := b.Graph.Clone()
	addHead(g, weights, bias)
	return g, g.Simplify(nil)
}

// addHead adds the head to a graph whose output is features.
func addHead(g *graph.Graph, weights, bias []float32) {
	classes := len(bias)
	constant := func(data []float32, shape ...int) *graph.Value {
		return &graph.Value{Type: graph.Float32, Shape: graph.Fixed(shape), Const: graph.FloatTensor(data, shape...)}
	}
	features := g.Outputs[0]
	logits, answers := &graph.Value{}, &graph.Value{Name: answersName}
	g.Nodes = append(g.Nodes,
		&graph.Node{
			Name: "head", Op: &graph.Gemm{Alpha: 1, Beta: 1, TransB: true},
			In: []*graph.Value{features, constant(weights, classes, len(weights)/classes), constant(bias, classes)}, Out: []*graph.Value{logits},
		},
		&graph.Node{Name: answersName, Op: &graph.Softmax{Axis: 1}, In: []*graph.Value{logits}, Out: []*graph.Value{answers}})
	g.Outputs = []*graph.Value{answers}
}

// Head returns the head alone: input "features", float32 [N,D], output
// "probabilities", float32 [N,K].
func Head(weights, bias []float32) (*graph.Graph, error) {
	in := &graph.Value{Name: featuresName, Type: graph.Float32, Declared: []int{-1, len(weights) / len(bias)}}
	g := &graph.Graph{Inputs: []*graph.Value{in}, Outputs: []*graph.Value{in}}
	addHead(g, weights, bias)
	return g, g.Simplify(nil)
}

// Write writes the model of a head on the backbone as an ONNX file, with the
// metadata of model.Backbone.Complete.
func (b *Backbone) Write(w io.Writer, g *graph.Graph, classes []string, producerVersion string, meta map[string]string) error {
	write := func(w io.Writer) error { return onnx.Write(w, g, "oi-train", producerVersion) }
	return b.Complete(w, write, classes, meta)
}

// WeightsHash identifies a model of the backbone and a head: the SHA-256, in
// hexadecimal, over Of and a line feed, and the weights [K][D] and biases [K]
// as 32-bit little-endian floats.
func (b *Backbone) WeightsHash(weights, bias []float32) string {
	h := sha256.New() // whose Write never fails
	_, _ = fmt.Fprintln(h, b.Of)
	var buffer []byte
	for _, list := range [][]float32{weights, bias} {
		for len(list) > 0 {
			part := list[:min(len(list), 4096)]
			list, buffer = list[len(part):], buffer[:0]
			for _, v := range part {
				buffer = binary.LittleEndian.AppendUint32(buffer, math.Float32bits(v))
			}
			h.Write(buffer)
		}
	}
	return hex.EncodeToString(h.Sum(nil))
}
