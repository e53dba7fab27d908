package nn

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/opensandwich/oi/cmd/internal/graph"
	"github.com/opensandwich/oi/cmd/internal/model"
	"github.com/opensandwich/oi/cmd/internal/oitest"
	"github.com/opensandwich/oi/cmd/internal/onnx"
	"github.com/opensandwich/oi/cmd/internal/rng"
)

// opened reads and simplifies a model for square pictures of [N,3,side,side].
func opened(t testing.TB, path string, batch, side int) *graph.Graph {
	t.Helper()
	m, err := onnx.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := m.Graph.Simplify(map[string][]int{m.Graph.Inputs[0].Name: {batch, 3, side, side}}); err != nil {
		t.Fatal(err)
	}
	return m.Graph
}

func newEvaluator(t testing.TB, g *graph.Graph, o EvaluatorOptions) *Evaluator {
	t.Helper()
	e, err := NewEvaluator(g, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.Close)
	return e
}

// TestEvaluateFamilies compares small networks of ten families with what
// PyTorch made of them.
func TestEvaluateFamilies(t *testing.T) {
	evaluateFamilies(t, oitest.Model(t, "families"), 10)
}

// TestEvaluateOlderFamilies is the same for what PyTorch writes for older
// versions of the operators, and without folding constants. They are written
// here, if PyTorch is there.
func TestEvaluateOlderFamilies(t *testing.T) {
	if testing.Short() {
		t.Skip("PyTorch takes half a minute to write the networks")
	}
	script := oitest.Model(t, "families/make.py")
	python := oitest.Python(t, "torch", "torchvision", "onnx")
	for _, version := range [][]string{{"9", "fold"}, {"11", "nofold"}, {"13", "nofold"}} {
		t.Run(strings.Join(version, " "), func(t *testing.T) {
			folder := t.TempDir()
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
			defer cancel()
			args, families := append([]string{script, folder}, version...), 10
			if version[0] == "9" {
				// PyTorch cannot write ShuffleNet for that version.
				without := `import sys; source = open(sys.argv[1]).read(); sys.argv.pop(0)
exec(source.replace("for k,m in F", "F.pop('shufflenet_v2')\nfor k,m in F"))`
				args, families = append([]string{"-c", without}, args...), 9
			}
			if out, err := exec.CommandContext(ctx, python, args...).CombinedOutput(); err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			evaluateFamilies(t, folder, families)
		})
	}
}

func evaluateFamilies(t *testing.T, folder string, least int) {
	families, err := filepath.Glob(filepath.Join(folder, "*.onnx"))
	if err != nil || len(families) < least {
		t.Fatalf("%d networks, %v", len(families), err)
	}
	for _, path := range families {
		base := strings.TrimSuffix(path, ".onnx")
		t.Run(filepath.Base(base), func(t *testing.T) {
			pixels, want := oitest.ReadFloats(t, base+".in.f32"), oitest.ReadFloats(t, base+".out.f32")
			for _, batch := range []int{-1, 2, 1} { // as the graph has it
				e := newEvaluator(t, opened(t, path, batch, 64), EvaluatorOptions{Batch: 2, Threads: 1})
				got, err := e.RunFloats(pixels, 2)
				if err != nil {
					t.Fatalf("batch %d: %v", batch, err)
				}
				if off := oitest.RelativeDifference(t, got[0], want); !(off <= 1e-4) {
					t.Errorf("batch %d: relative difference %g", batch, off)
				}
				if batch != -1 {
					continue
				}
				// The second picture alone, and in a batch of a threaded
				// evaluator.
				size := len(pixels) / 2
				alone, err := e.RunFloats(pixels[size:], 1)
				if err != nil {
					t.Fatal(err)
				}
				five := slices.Concat(pixels[size:], pixels, pixels)
				e = newEvaluator(t, opened(t, path, batch, 64), EvaluatorOptions{Batch: 5, Threads: 2})
				many, err := e.RunFloats(five, 5)
				if err != nil {
					t.Fatal(err)
				}
				for at, y := range map[int][]float32{0: many[0][:10], 1: many[0][20:30], 2: got[0][10:]} {
					if !slices.Equal(y, alone[0]) {
						t.Errorf("a picture alone has %v, in batch %d %v", alone[0], at, y)
					}
				}
			}
		})
	}
}

// coralPictures are two pictures of a pattern as [N,3,side,side] in [-1,1].
func coralPictures(side int) []float32 {
	const n = 2
	x := make([]float32, n*3*side*side)
	for i := range x {
		image, pixel, channel := i/(side*side*3), i/3%(side*side), i%3
		x[(image*3+channel)*side*side+pixel] = float32((7*i+13*(i>>8))%256)/127.5 - 1
	}
	return x
}

// TestEvaluatePretrained compares the features of two pretrained networks with
// what onnxruntime made of them.
func TestEvaluatePretrained(t *testing.T) {
	for _, name := range []string{"mnv1_025", "mnv2_qat"} {
		t.Run(name, func(t *testing.T) {
			g := opened(t, oitest.Model(t, name+".onnx"), -1, 128)
			e := newEvaluator(t, g, EvaluatorOptions{Threads: 2})
			got, err := e.RunFloats(coralPictures(128), 2)
			if err != nil {
				t.Fatal(err)
			}
			at := slices.IndexFunc(g.Outputs, func(v *graph.Value) bool { return v.Name == "features" })
			off := oitest.RelativeDifference(t, got[at], oitest.ReadFloats(t, oitest.Model(t, name+"_features.ref.f32")))
			t.Logf("relative difference %.1e", off)
			if !(off <= 1e-5) {
				t.Errorf("relative difference %g", off)
			}
		})
	}
}

// constantOf is a constant in a graph.
func constantOf(name string, t *graph.Tensor) *graph.Value {
	return &graph.Value{Name: name, Type: t.Type, Shape: graph.Fixed(t.Shape), Const: t}
}

// uniform is a tensor of numbers from lo to hi that depend on the seed.
func uniform(seed uint64, lo, hi float64, shape ...int) *graph.Tensor {
	t := graph.NewTensor(graph.Float32, shape...)
	for i := range t.Floats {
		t.Floats[i] = float32(lo + (hi-lo)*float64(rng.At(seed, uint64(i)+1)>>11)/(1<<53))
	}
	return t
}

// byteGraph takes uint8 pictures [N,side,side,3], as an exported model does: a
// convolution, a depthwise one, a mean, a product.
func byteGraph(side, answers int) *graph.Graph {
	image := &graph.Value{Name: "image", Type: graph.Uint8, Declared: []int{-1, side, side, 3}}
	g := &graph.Graph{Inputs: []*graph.Value{image}}
	add := func(op graph.Op, in ...*graph.Value) *graph.Value {
		name := fmt.Sprintf("%s%d", op.Kind(), len(g.Nodes))
		v := &graph.Value{Name: name}
		g.Nodes = append(g.Nodes, &graph.Node{Name: name, Op: op, In: in, Out: []*graph.Value{v}})
		return v
	}
	weights := func(shape ...int) *graph.Value {
		return constantOf("w", uniform(uint64(len(g.Nodes)), -.5, .5, shape...))
	}
	scalar := func(v float32) *graph.Value { return constantOf("c", graph.FloatTensor([]float32{v})) }
	x := add(&graph.Cast{To: graph.Float32}, image)
	x = add(&graph.Transpose{Perm: []int{0, 3, 1, 2}}, x)
	x = add(&graph.Binary{Name: "Mul"}, x, scalar(1/127.5))
	x = add(&graph.Binary{Name: "Sub"}, x, scalar(1))
	x = add(&graph.Conv{Group: 1, Window: graph.Window{Strides: []int{2, 2}, Pads: []int{0, 0, 1, 1}}}, x, weights(8, 3, 3, 3), weights(8))
	x = add(&graph.Clip{}, x, scalar(0), scalar(6))
	x = add(&graph.Conv{Group: 8, Window: graph.Window{Pads: []int{1, 1, 1, 1}}}, x, weights(8, 1, 3, 3), weights(8))
	x = add(&graph.Unary{Name: "HardSwish"}, x)
	x = add(&graph.Pool{}, x)
	x = add(&graph.Flatten{Axis: 1}, x)
	x = add(&graph.Gemm{Alpha: 1, Beta: 1, TransB: true}, x, weights(answers, 8), weights(answers))
	g.Outputs = []*graph.Value{add(&graph.Softmax{Axis: 1}, x)}
	return g
}

// TestEvaluatorDependsOnThePictureAlone: a picture's answer is the same, bit
// for bit, whatever the batch, the threads and the other pictures are.
func TestEvaluatorDependsOnThePictureAlone(t *testing.T) {
	const side, pictures = 13, 11
	g := byteGraph(side, 5)
	if err := g.Simplify(nil); err != nil {
		t.Fatal(err)
	}
	images := make([][]byte, pictures)
	for i := range images {
		images[i] = make([]byte, side*side*3)
		for k := range images[i] {
			images[i][k] = byte(rng.At(uint64(i), uint64(k)))
		}
	}
	var want []float32
	for _, o := range []EvaluatorOptions{{1, 1}, {4, 2}, {16, 3}, {11, 1}} {
		e := newEvaluator(t, g, o)
		got, err := e.Run(images)
		if err != nil {
			t.Fatal(err)
		}
		if want == nil {
			want = got[0]
		}
		if len(got) != 1 || !slices.Equal(got[0], want) {
			t.Errorf("%+v: other answers", o)
		}
		for n := 1; n < pictures; n++ { // also fewer than threads
			if got, err := e.Run(images[:n]); err != nil || !slices.Equal(got[0], want[:n*5]) {
				t.Errorf("%+v: other answers of %d pictures (%v)", o, n, err)
			}
		}
		backwards := slices.Clone(images)
		slices.Reverse(backwards)
		if got, err = e.Run(backwards); err != nil || !slices.Equal(got[0][:5], want[50:]) {
			t.Errorf("%+v: other answers in another order (%v)", o, err)
		}
	}
	// A graph that takes four pictures, of which the last are not there.
	g = byteGraph(side, 5)
	if err := g.Simplify(map[string][]int{"image": {4, side, side, 3}}); err != nil {
		t.Fatal(err)
	}
	e := newEvaluator(t, g, EvaluatorOptions{Batch: 3})
	if got, err := e.Run(images); err != nil || !slices.Equal(got[0], want) {
		t.Errorf("fixed batch: other answers (%v)", err)
	}
	if got, err := e.Run(nil); err != nil || len(got) != 1 || len(got[0]) != 0 {
		t.Errorf("no pictures: %v, %v", got, err)
	}
}

func TestEvaluatorErrors(t *testing.T) {
	g := byteGraph(13, 5)
	if err := g.Simplify(nil); err != nil {
		t.Fatal(err)
	}
	e := newEvaluator(t, g, EvaluatorOptions{})
	for want, call := range map[string]func() error{
		"picture 2 has 3 bytes, the graph takes 507": func() error { _, err := e.Run([][]byte{make([]byte, 507), make([]byte, 3)}); return err },
		"is uint8, not float32":                      func() error { _, err := e.RunFloats(nil, 1); return err },
		`input "image" is not given`:                 func() error { _, err := e.Evaluate(nil); return err },
		"a batch of 17: from 1 to 16": func() error {
			_, err := e.Evaluate(map[string]*graph.Tensor{"image": graph.NewTensor(graph.Uint8, 17, 13, 13, 3)})
			return err
		},
		"the graph takes uint8 [N,13,13,3]": func() error {
			_, err := e.Evaluate(map[string]*graph.Tensor{"image": graph.NewTensor(graph.Uint8, 1, 13, 12, 3)})
			return err
		},
		"batch of -1": func() error { _, err := NewEvaluator(g, EvaluatorOptions{Batch: -1}); return err },
	} {
		if err := call(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, not %s", err, want)
		}
	}
}

// TestEvaluateOwnNetworks: the files of our own networks, read as anybody's,
// give what a Predictor does.
func TestEvaluateOwnNetworks(t *testing.T) {
	for _, net := range []*model.Network{mixed(t, 2), mixed(t, 4), Reference(30, 27, 3, 9), skipping(t, 2), Residual(33, 20, 3, 4, 9)} {
		var file bytes.Buffer
		if err := net.WriteONNX(&file, "test", nil); err != nil {
			t.Fatal(err)
		}
		m, err := onnx.Parse(file.Bytes())
		if err != nil {
			t.Fatal(err)
		}
		if err := m.Graph.Simplify(nil); err != nil {
			t.Fatal(err)
		}
		images, _ := noise(net, 7, 3)
		got, err := newEvaluator(t, m.Graph, EvaluatorOptions{Batch: 3, Threads: 2}).Run(images)
		if err != nil {
			t.Fatal(err)
		}
		p, err := NewPredictor(net, 3, 2)
		if err != nil {
			t.Fatal(err)
		}
		want, err := p.Predict(images)
		p.Close()
		if err != nil {
			t.Fatal(err)
		}
		for i, w := range slices.Concat(want...) {
			if d := math.Abs(float64(got[0][i] - w)); !(d <= 1e-6) {
				t.Errorf("%s: number %d is %v, not %v", net.Arch, i, got[0][i], w)
			}
		}
	}
}
