package transfer

import (
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/opensandwich/oi/cmd/internal/graph"
	"github.com/opensandwich/oi/cmd/internal/model"
	"github.com/opensandwich/oi/cmd/internal/nn"
	"github.com/opensandwich/oi/cmd/internal/oitest"
)

// smallBackbone has two blocks of a MobileNet on pictures of a side, one of them
// with a sum around it.
func smallBackbone(t *testing.T, side int) *Backbone {
	t.Helper()
	image := &graph.Value{Name: inputName, Type: graph.Uint8, Declared: []int{-1, side, side, 3}}
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
	b.Dim, b.Side, b.DType = 6, side, string(Float32)
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
	b := smallBackbone(t, 8)
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
	b := smallBackbone(t, 8)
	for _, layers := range []int{1, 4, 7, 8} {
		t.Run(fmt.Sprint(layers), func(t *testing.T) { checkTail(t, b, layers, 60, 1e-2, 0.9) })
	}
}

// smallTwoViews is smallBackbone on two views.
func smallTwoViews(t *testing.T, side, context int) *Backbone {
	t.Helper()
	crop, around := smallBackbone(t, side), smallBackbone(t, context)
	two := &Backbone{Backbone: crop.Backbone}
	two.Dim, two.ContextSide = crop.Dim+around.Dim, context
	two, err := two.withViews([]*Backbone{crop, around})
	if err != nil {
		t.Fatal(err)
	}
	return two
}

// TestTailOfTwoViews: as TestTailAnswers, with views of one side and of two. The
// weights of the tail are there once.
func TestTailOfTwoViews(t *testing.T) {
	for _, sides := range [][2]int{{8, 8}, {8, 5}, {6, 11}} {
		two := smallTwoViews(t, sides[0], sides[1])
		one := smallBackbone(t, sides[0])
		for _, layers := range []int{1, 4, 7, 8} {
			t.Run(fmt.Sprint(sides, layers), func(t *testing.T) {
				checkTail(t, two, layers, 60, 1e-2, 0.9)
				checkSharing(t, one, two, layers)
			})
		}
	}
}

// checkSharing: the parameters of two views are those of one but for the head,
// and what is tuned has them once.
func checkSharing(t *testing.T, one, two *Backbone, layers int) {
	t.Helper()
	var params [2][]model.Param
	for i, b := range []*Backbone{one, two} {
		tail, err := b.Tail(layers)
		if err != nil {
			t.Fatal(err)
		}
		if _, params[i], err = tail.Training(make([]float32, 2*b.Dim), make([]float32, 2)); err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			continue
		}
		for _, p := range params[i] {
			for k := range p.Data {
				p.Data[k] += float32(k%3) / 8
			}
		}
		tuned, _, _, err := tail.Tuned(params[i])
		if err != nil {
			t.Fatal(err)
		}
		if tuned.Parameters != two.Parameters || two.Parameters != one.Parameters {
			t.Errorf("%d parameters tuned, %d before, %d of one view", tuned.Parameters, two.Parameters, one.Parameters)
		}
	}
	if len(params[0]) != len(params[1]) {
		t.Fatalf("%d parameters for two views, %d for one", len(params[1]), len(params[0]))
	}
	for i, p := range params[0] {
		if q := params[1][i]; p.Name != q.Name || p.Name != headWeight && !slices.Equal(p.Shape, q.Shape) {
			t.Errorf("parameter %s %v of one view, %s %v of two", p.Name, p.Shape, q.Name, q.Shape)
		}
	}
}

// TestTailOfTwoViewsGradients: the gradient of each parameter is that of both
// views together. A step of plain descent shows it, and the loss on both sides
// of the start must differ by its square.
func TestTailOfTwoViewsGradients(t *testing.T) {
	b := smallTwoViews(t, 8, 5)
	tail, err := b.Tail(7)
	if err != nil {
		t.Fatal(err)
	}
	e, err := nn.NewEvaluator(tail.Frozen, nn.EvaluatorOptions{Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	frozen, err := e.Run(picturesOf(b, 6))
	if err != nil {
		t.Fatal(err)
	}
	weights := make([]float32, 3*b.Dim)
	for i := range weights {
		weights[i] = float32(math.Cos(float64(i))) / 4
	}
	g, start, err := tail.Training(weights, make([]float32, 3))
	if err != nil {
		t.Fatal(err)
	}
	step := func(params []model.Param, lr float64) (float64, []model.Param) {
		tuner, err := nn.NewTuner(g, params, nn.Options{Batch: 6, Threads: 2, Optimizer: "sgd", Momentum: 1e-9, LR: lr})
		if err != nil {
			t.Fatal(err)
		}
		defer tuner.Close()
		loss, _, err := tuner.Step(frozen[1], []int{0, 1, 2, 0, 1, 2}, nil)
		if err != nil {
			t.Fatal(err)
		}
		return loss, tuner.Params()
	}
	_, after := step(start, 1)
	for i, p := range start {
		square := 0.
		direction := make([]float32, len(p.Data))
		for k := range direction {
			direction[k] = p.Data[k] - after[i].Data[k]
			square += float64(direction[k]) * float64(direction[k])
		}
		var losses [2]float64
		h := 4e-3 / math.Sqrt(square)
		for side, sign := range []float64{-1, 1} {
			moved := slices.Clone(start)
			moved[i].Data = slices.Clone(p.Data)
			for k, d := range direction {
				moved[i].Data[k] += float32(sign * h * float64(d))
			}
			losses[side], _ = step(moved, 1)
		}
		if want := (losses[1] - losses[0]) / (2 * h); math.Abs(square-want) > 0.02*want {
			t.Errorf("%s: the square of the gradient is %v, want %v", p.Name, square, want)
		}
	}
}

// TestTailsOfOtherLayers: where the views have other weights there is no tail of
// both.
func TestTailsOfOtherLayers(t *testing.T) {
	two := smallTwoViews(t, 8, 6)
	tail, err := two.views[1].Tail(1)
	if err != nil {
		t.Fatal(err)
	}
	_, params, err := tail.Training(make([]float32, 12), make([]float32, 2))
	if err != nil {
		t.Fatal(err)
	}
	params[1].Data[0]++ // a bias
	if two.views[1], _, _, err = tail.Tuned(params); err != nil {
		t.Fatal(err)
	}
	if _, err := two.Tail(1); err == nil || !strings.Contains(err.Error(), "other layers") {
		t.Errorf("a tail of both: %v", err)
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
			f, err := Load(path, Options{Normalization: parse(t, "imagenet", "")})
			if err != nil {
				t.Fatal(err)
			}
			two, err := f.TwoViews(b.Side, b.Side)
			if err != nil {
				t.Fatal(err)
			}
			checkTail(t, two, 3, 4, 1e-4, 1)
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
	for i, context := range pictures(6, b.ContextSide) {
		images[i] = append(images[i], context...)
	}
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
