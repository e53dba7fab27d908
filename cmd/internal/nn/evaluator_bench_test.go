package nn

import (
	"fmt"
	"testing"

	"github.com/opensandwich/oi/cmd/internal/graph"
	"github.com/opensandwich/oi/cmd/internal/oitest"
)

// resnet18 is the network of He et al., 2016, for pictures of side x side, with
// random weights: the larger of two that are timed.
func resnet18(side int) *graph.Graph {
	image := &graph.Value{Name: "image", Type: graph.Float32, Declared: []int{-1, 3, side, side}}
	g := &graph.Graph{Inputs: []*graph.Value{image}}
	add := func(op graph.Op, in ...*graph.Value) *graph.Value {
		name := fmt.Sprintf("%s%d", op.Kind(), len(g.Nodes))
		v := &graph.Value{Name: name}
		g.Nodes = append(g.Nodes, &graph.Node{Name: name, Op: op, In: in, Out: []*graph.Value{v}})
		return v
	}
	conv := func(x *graph.Value, in, out, k, stride int) *graph.Value {
		pad := k / 2
		w := window(stride, pad)
		limit := 1.7 / float64(k) / float64(in) // keeps the numbers finite
		return add(&graph.Conv{Group: 1, Window: w}, x, constantOf("w", uniform(uint64(len(g.Nodes)), -limit, limit, out, in, k, k)),
			constantOf("b", uniform(uint64(len(g.Nodes)+1), -.1, .1, out)))
	}
	relu := func(x *graph.Value) *graph.Value { return add(&graph.Unary{Name: "Relu"}, x) }
	x := relu(conv(image, 3, 64, 7, 2))
	x = add(&graph.Pool{Max: true, Kernel: []int{3, 3}, Window: window(2, 1)}, x)
	in := 64
	for stage, out := range []int{64, 128, 256, 512} {
		for block := range 2 {
			stride, skip := 1, x
			if stage > 0 && block == 0 {
				stride = 2
				skip = conv(x, in, out, 1, 2)
			}
			y := conv(relu(conv(x, in, out, 3, stride)), out, out, 3, 1)
			x, in = relu(add(&graph.Binary{Name: "Add"}, y, skip)), out
		}
	}
	x = add(&graph.Flatten{Axis: 1}, add(&graph.Pool{}, x))
	x = add(&graph.Gemm{Alpha: 1, Beta: 1, TransB: true}, x, constantOf("w", uniform(7, -.04, .04, 1000, 512)), constantOf("b", uniform(8, -.1, .1, 1000)))
	g.Outputs = []*graph.Value{x}
	return g
}

func window(stride, pad int) graph.Window {
	return graph.Window{Strides: []int{stride, stride}, Pads: []int{pad, pad, pad, pad}}
}

// BenchmarkEvaluate runs the networks whose speed is watched on batches of 16
// pictures and on single ones.
func BenchmarkEvaluate(b *testing.B) {
	for _, network := range []struct {
		name string
		side int
	}{{"mnv2_qat", 128}, {"mnv2_qat", 224}, {"resnet18", 224}} {
		for _, batch := range []int{16, 1} {
			for _, threads := range []int{1, 2} {
				b.Run(fmt.Sprintf("%s/%d/batch=%d/threads=%d", network.name, network.side, batch, threads), func(b *testing.B) {
					var g *graph.Graph
					if network.name == "resnet18" {
						g = resnet18(network.side)
						if err := g.Simplify(nil); err != nil {
							b.Fatal(err)
						}
					} else {
						g = opened(b, oitest.Model(b, network.name+".onnx"), -1, network.side)
					}
					e := newEvaluator(b, g, EvaluatorOptions{Batch: batch, Threads: threads})
					x := uniform(1, -1, 1, batch, 3, network.side, network.side).Floats
					if _, err := e.RunFloats(x, batch); err != nil {
						b.Fatal(err)
					}
					b.ReportAllocs()
					for b.Loop() {
						if _, err := e.RunFloats(x, batch); err != nil {
							b.Fatal(err)
						}
					}
					b.ReportMetric(float64(batch*b.N)/b.Elapsed().Seconds(), "images/s")
				})
			}
		}
	}
}
