package nn

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/opensandwich/oi/cmd/internal/graph"
	"github.com/opensandwich/oi/cmd/internal/oitest"
	"github.com/opensandwich/oi/cmd/internal/onnx"
)

// resnet18 is the network of He et al., 2016, for pictures of side x side, with
// random weights.
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

// timedNetworks are those whose speed is watched.
var timedNetworks = []struct {
	name string
	side int
}{{"mnv2_qat", 128}, {"mnv2_qat", 224}, {"resnet18", 224}}

// timedNetwork is one of timedNetworks, simplified.
func timedNetwork(b *testing.B, name string, side int) *graph.Graph {
	if name != "resnet18" {
		return opened(b, oitest.Model(b, name+".onnx"), -1, side)
	}
	g := resnet18(side)
	if err := g.Simplify(nil); err != nil {
		b.Fatal(err)
	}
	return g
}

// BenchmarkEvaluate runs batches of 16 pictures and single ones.
func BenchmarkEvaluate(b *testing.B) {
	for _, network := range timedNetworks {
		for _, batch := range []int{16, 1} {
			for _, threads := range []int{1, 2} {
				b.Run(fmt.Sprintf("%s-%d/batch=%d/threads=%d", network.name, network.side, batch, threads), func(b *testing.B) {
					e := newEvaluator(b, timedNetwork(b, network.name, network.side), EvaluatorOptions{Batch: batch, Threads: threads})
					x := uniform(1, -1, 1, batch, 3, network.side, network.side).Floats
					run := func() {
						if _, err := e.RunFloats(x, batch); err != nil {
							b.Fatal(err)
						}
					}
					run()
					b.ReportAllocs()
					for b.Loop() {
						run()
					}
					b.ReportMetric(float64(batch*b.N)/b.Elapsed().Seconds(), "images/s")
				})
			}
		}
	}
}

// BenchmarkEvaluatorShare takes the time on one thread that is spent outside of
// the steps: in Gorgonia's tape, in copying inputs and outputs, and in
// collecting garbage. It reports its share of the whole.
func BenchmarkEvaluatorShare(b *testing.B) {
	for _, batch := range []int{16, 1} {
		b.Run(fmt.Sprintf("batch=%d", batch), func(b *testing.B) {
			e := newEvaluator(b, timedNetwork(b, "mnv2_qat", 128), EvaluatorOptions{Batch: batch, Threads: 1})
			x := uniform(1, -1, 1, batch, 3, 128, 128).Floats
			var inside time.Duration
			steps := e.lanes[0].steps.compiled
			for i, step := range steps {
				steps[i] = func(n int) error {
					start := time.Now()
					defer func() { inside += time.Since(start) }()
					return step(n)
				}
			}
			for b.Loop() {
				if _, err := e.RunFloats(x, batch); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(100*(1-inside.Seconds()/b.Elapsed().Seconds()), "%outside")
		})
	}
}

// BenchmarkAgainstONNXRuntime alternates a batch of 16 with the same in
// onnxruntime, and prints pictures a second of both by the fastest run of each,
// and their ratio; once by the clock, and once by processor time, which other
// work on the machine disturbs less. The threads of onnxruntime do not spin when
// they have nothing to do: otherwise they would still take the processors while
// ours run. OI_ONNXRUNTIME_SPINNING=1 lets them. OI_ONNXRUNTIME_MODELS lists
// files of more networks.
func BenchmarkAgainstONNXRuntime(b *testing.B) {
	if os.Getenv("OI_ONNXRUNTIME") == "" {
		b.Skip("OI_ONNXRUNTIME does not name a folder with onnxruntime-node")
	}
	for _, network := range timedNetworks {
		for _, threads := range []int{1, 2} {
			b.Run(fmt.Sprintf("%s-%d/threads=%d", network.name, network.side, threads), func(b *testing.B) {
				g := timedNetwork(b, network.name, network.side)
				againstONNXRuntime(b, g, 16, network.side, threads)
			})
		}
	}
	// Any other, such as a vision transformer, in batches of 4.
	for _, path := range filepath.SplitList(os.Getenv("OI_ONNXRUNTIME_MODELS")) {
		for _, threads := range []int{1, 2} {
			b.Run(fmt.Sprintf("%s/threads=%d", filepath.Base(path), threads), func(b *testing.B) {
				againstONNXRuntime(b, opened(b, path, -1, 224), 4, 224, threads)
			})
		}
	}
}

func againstONNXRuntime(b *testing.B, g *graph.Graph, batch, side, threads int) {
	g.Outputs = g.Outputs[len(g.Outputs)-1:]
	theirs := startONNXRuntime(b, g, threads, batch, side)
	e := newEvaluator(b, g, EvaluatorOptions{Batch: batch, Threads: threads})
	x := uniform(1, -1, 1, batch, 3, side, side).Floats
	ours := func() (passed, used time.Duration) {
		start, before := time.Now(), processorTime(b)
		if _, err := e.RunFloats(x, batch); err != nil {
			b.Fatal(err)
		}
		return time.Since(start), processorTime(b) - before
	}
	least := [4]time.Duration{time.Hour, time.Hour, time.Hour, time.Hour}
	ours()
	theirs()
	for b.Loop() {
		for i, run := range []func() (passed, used time.Duration){ours, theirs} {
			passed, used := run()
			least[i], least[2+i] = min(least[i], passed), min(least[2+i], used)
		}
	}
	for i, unit := range []string{"images/s", "ort-images/s", "cpu-images/s", "ort-cpu-images/s"} {
		b.ReportMetric(float64(batch)/least[i].Seconds(), unit)
	}
	b.ReportMetric(least[1].Seconds()/least[0].Seconds(), "ratio")
	b.ReportMetric(least[3].Seconds()/least[2].Seconds(), "cpu-ratio")
}

// processorTime is that of this process.
func processorTime(b *testing.B) time.Duration {
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// startONNXRuntime returns a function that runs a batch in onnxruntime.
func startONNXRuntime(b *testing.B, g *graph.Graph, threads, batch, side int) func() (passed, used time.Duration) {
	model, err := onnx.Encode(g, "test", "")
	if err != nil {
		b.Fatal(err)
	}
	path := filepath.Join(b.TempDir(), "model.onnx")
	if err := os.WriteFile(path, model, 0o600); err != nil {
		b.Fatal(err)
	}
	args := []string{"testdata/onnxruntime_bench.mjs", path, fmt.Sprint(threads), fmt.Sprint(batch), "3", fmt.Sprint(side), fmt.Sprint(side)}
	// The context of the benchmark ends before its cleanups run.
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
	b.Cleanup(cancel)
	node := exec.CommandContext(ctx, "node", args...)
	ask := oitest.StartPeer(b, node)
	return func() (passed, used time.Duration) {
		var answer [2]float64 // milliseconds
		ask(&answer)
		return time.Duration(answer[0] * float64(time.Millisecond)), time.Duration(answer[1] * float64(time.Millisecond))
	}
}
