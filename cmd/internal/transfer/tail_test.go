package transfer

import (
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/opensandwich/oi/cmd/internal/graph"
	"github.com/opensandwich/oi/cmd/internal/nn"
	"github.com/opensandwich/oi/cmd/internal/oitest"
)

// smallBackbone has two blocks of a MobileNet on pictures of 8x8, one of them
// with a sum around it.
func smallBackbone(t *testing.T) *Backbone {
	t.Helper()
	image := &graph.Value{Name: inputName, Type: graph.Uint8, Declared: []int{-1, 8, 8, 3}}
	g := &graph.Graph{Inputs: []*graph.Value{image}}
	add := func(op graph.Op, in ...*graph.Value) *graph.Value {
		v := &graph.Value{}
		g.Nodes = append(g.Nodes, &graph.Node{Op: op, In: in, Out: []*graph.Value{v}})
		return v
	}
	constant := func(shape ...int) *graph.Value {
		tensor := graph.NewTensor(graph.Float32, shape...)
		for i := range tensor.Floats {
			tensor.Floats[i] = float32(math.Sin(float64(3*i + 7*len(g.Nodes))))
		}
		return &graph.Value{Type: graph.Float32, Shape: graph.Fixed(shape), Const: tensor}
	}
	scalar := func(v float32) *graph.Value {
		return &graph.Value{Type: graph.Float32, Shape: []graph.Dim{}, Const: &graph.Tensor{Type: graph.Float32, Shape: []int{}, Floats: []float32{v}}}
	}
	conv := func(x *graph.Value, groups, out, in, k int) *graph.Value {
		p := k / 2
		return add(&graph.Conv{Group: groups, Window: graph.Window{Pads: []int{p, p, p, p}}}, x, constant(out, in, k, k), constant(out))
	}
	relu6 := func(x *graph.Value) *graph.Value { return add(&graph.Clip{}, x, scalar(0), scalar(6)) }
	x := add(&graph.Transpose{Perm: []int{0, 3, 1, 2}}, add(&graph.Cast{To: graph.Float32}, image))
	x = add(&graph.Binary{Name: "Mul"}, x, scalar(1./255))
	x = relu6(conv(x, 1, 4, 3, 3))
	for range 2 {
		y := relu6(conv(x, 1, 8, 4, 1))
		y = relu6(conv(y, 8, 8, 1, 3))
		x = add(&graph.Binary{Name: "Add"}, conv(y, 1, 4, 8, 1), x)
	}
	x = add(&graph.Flatten{Axis: 1}, add(&graph.Pool{}, relu6(conv(x, 1, 6, 4, 1))))
	x.Name = featuresName
	g.Outputs = []*graph.Value{x}
	b := &Backbone{}
	b.Dim, b.Side, b.DType = 6, 8, string(Float32)
	if err := b.identify(g); err != nil {
		t.Fatal(err)
	}
	return b
}

func pictures(n, side int) [][]byte {
	list := make([][]byte, n)
	for i := range list {
		list[i] = make([]byte, side*side*3)
		for k := range list[i] {
			list[i][k] = byte((i + 3) * (k*k + k/5))
		}
	}
	return list
}

func TestTailDivision(t *testing.T) {
	b := smallBackbone(t)
	for _, test := range []struct {
		layers, want, size int
		begins             string
	}{
		{1, 1, 4 * 8 * 8, "[N,4,8,8]"}, // after the second sum
		{2, 4, 4 * 8 * 8, "[N,4,8,8]"}, // a sum goes around what lies between
		{4, 4, 4 * 8 * 8, "[N,4,8,8]"}, {0, 4, 4 * 8 * 8, "[N,4,8,8]"}, {5, 7, 4 * 8 * 8, "[N,4,8,8]"},
		{8, 8, 3 * 8 * 8, "[N,8,8,3]"}, {math.MaxInt, 8, 3 * 8 * 8, "[N,8,8,3]"},
	} {
		tail, err := b.Tail(test.layers)
		if err != nil {
			t.Fatal(err)
		}
		if tail.Layers != test.want || tail.All != 8 || tail.Size != test.size || !strings.HasSuffix(tail.Begins, test.begins) {
			t.Errorf("%d layers: %s from %s on, %d numbers; want %d", test.layers, tail.Text(), tail.Begins, tail.Size, test.want)
		}
	}
}

// TestTailAnswers: the frozen part, the tail and the head together are the
// backbone with the head, before and after the tail was trained; and training
// brings the loss down.
func TestTailAnswers(t *testing.T) {
	b := smallBackbone(t)
	for _, layers := range []int{1, 4, 7, 8} {
		t.Run(fmt.Sprint(layers), func(t *testing.T) { checkTail(t, b, layers, 60, 1e-2, 0.9) })
	}
}

// TestTailsOfFamilies trains the end, and all, of networks of many kinds.
func TestTailsOfFamilies(t *testing.T) {
	families, err := filepath.Glob(filepath.Join(oitest.Model(t, "families"), "*.onnx"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range families {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".onnx"), func(t *testing.T) {
			b, err := Open(path, Options{Normalization: parse(t, "imagenet", "")})
			if err != nil {
				t.Fatal(err)
			}
			if strings.Contains(path, "vit") || strings.Contains(path, "convnext") || strings.Contains(path, "swin") {
				t.Skip("its layers have no gradient yet")
			}
			checkTail(t, b, 3, 4, 1e-4, 1)
			checkTail(t, b, math.MaxInt, 4, 1e-4, 1)
		})
	}
}

func checkTail(t *testing.T, b *Backbone, layers, steps int, lr, target float64) {
	t.Helper()
	tail, err := b.Tail(layers)
	if err != nil {
		t.Fatal(err)
	}
	images := pictures(6, b.Side)
	e, err := nn.NewEvaluator(tail.Frozen, nn.EvaluatorOptions{Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	frozen, err := e.Run(images)
	if err != nil {
		t.Fatal(err)
	}
	if got := slices.Concat(evaluated(t, b.Graph, images)...); !slices.Equal(got, frozen[0]) {
		t.Error("the features are others where the map is wanted, too")
	}
	weights, bias := make([]float32, 3*b.Dim), []float32{0.1, 0, -0.1}
	for i := range weights {
		weights[i] = float32(math.Cos(float64(i))) / 4
	}
	g, params, err := tail.Training(weights, bias)
	if err != nil {
		t.Fatal(err)
	}
	tuner, err := nn.NewTuner(g, params, nn.Options{Batch: 6, Threads: 2, Optimizer: "adam", LR: lr})
	if err != nil {
		t.Fatal(err)
	}
	defer tuner.Close()
	first, last := 0., 0.
	for i := range steps {
		if last, _, err = tuner.Step(frozen[1], []int{0, 1, 2, 0, 1, 2}, nil); err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			first = last
		}
		if i == 0 || i == steps-1 {
			checkTuned(t, b, tail, tuner, images, frozen)
		}
	}
	if !(last < target*first) {
		t.Errorf("the loss went from %v to %v", first, last)
	}
}

// checkTuned compares the answers of the parts with those of the whole.
func checkTuned(t *testing.T, b *Backbone, tail *Tail, tuner *nn.Tuner, images [][]byte, frozen [][]float32) {
	t.Helper()
	answers, err := tail.Answers(tuner.Params())
	if err != nil {
		t.Fatal(err)
	}
	e, err := nn.NewEvaluator(answers, nn.EvaluatorOptions{Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	parts, err := e.RunFloats(frozen[1], len(images))
	if err != nil {
		t.Fatal(err)
	}
	tuned, weights, bias, err := tail.Tuned(tuner.Params())
	if err != nil {
		t.Fatal(err)
	}
	if tuned.Of == b.Of || tuned.FineTuned != tail.Text() || b.FineTuned != "" {
		t.Errorf("fine-tuned features are of %s, %q", tuned.Of, tuned.FineTuned)
	}
	whole, err := tuned.WithHead(weights, bias)
	if err != nil {
		t.Fatal(err)
	}
	if got := slices.Concat(evaluated(t, whole, images)...); !slices.Equal(got, parts[0]) {
		t.Errorf("the parts answer %v, the whole %v", parts[0], got)
	}
}
