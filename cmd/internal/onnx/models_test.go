package onnx

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/opensandwich/oi/cmd/internal/graph"
	"github.com/opensandwich/oi/cmd/internal/oitest"
)

// TestFamilies compares small networks of ten families with what PyTorch made
// of them, as they are and simplified, with the batch free and fixed.
func TestFamilies(t *testing.T) {
	families, err := filepath.Glob(filepath.Join(oitest.Model(t, "families"), "*.onnx"))
	if err != nil || len(families) < 10 {
		t.Fatalf("%d networks, %v", len(families), err)
	}
	for _, path := range families {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".onnx"), func(t *testing.T) { testFamily(t, path) })
	}
}

func testFamily(t *testing.T, path string) {
	base := strings.TrimSuffix(path, ".onnx")
	pixels, want := oitest.ReadFloats(t, base+".in.f32"), oitest.ReadFloats(t, base+".out.f32")
	m, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	input := m.Graph.Inputs[0]
	for _, batch := range []int{0, -1, 2, 1} { // 0: not simplified
		g := m.Graph.Clone()
		if batch != 0 {
			if err := g.Simplify(map[string][]int{input.Name: {batch, 3, 64, 64}}); err != nil {
				t.Fatalf("batch %d: %v", batch, err)
			}
			checkSimple(t, g)
		}
		n := 2
		if batch == 1 {
			n = 1
		}
		picture := graph.FloatTensor(pixels[:n*3*64*64], n, 3, 64, 64)
		outputs, err := g.Evaluate(map[string]*graph.Tensor{input.Name: picture})
		if err != nil {
			t.Fatalf("batch %d: %v", batch, err)
		}
		off := oitest.RelativeDifference(t, outputs["logits"].Floats, want[:n*10])
		t.Logf("batch %d: %d operators, relative difference %.1e", batch, len(g.Nodes), off)
		if !(off <= 1e-4) {
			t.Errorf("batch %d: relative difference %g", batch, off)
		}
	}
}

// TestFeatures finds the features of each family, and the same ones when the
// network ends before its classifier.
func TestFeatures(t *testing.T) {
	families, err := filepath.Glob(filepath.Join(oitest.Model(t, "families"), "*.onnx"))
	if err != nil {
		t.Fatal(err)
	}
	lengths := map[string]int{
		"convnext": 96, "densenet": 32, "efficientnet_b0": 320, "mobilenet_v2": 1280, "mobilenet_v3_small": 64, "resnet_basic": 48,
		"resnet_bottleneck": 96, "shufflenet_v2": 64, "squeezenet1_1": 512, "vit": 64,
	}
	for _, path := range families {
		name := strings.TrimSuffix(filepath.Base(path), ".onnx")
		t.Run(name, func(t *testing.T) {
			m, err := Open(path)
			if err != nil {
				t.Fatal(err)
			}
			input := m.Graph.Inputs[0].Name
			picture := graph.FloatTensor(oitest.ReadFloats(t, strings.TrimSuffix(path, ".onnx")+".in.f32"), 2, 3, 64, 64)
			var vectors [2]*graph.Tensor
			cut := ""
			for i := range vectors {
				g := m.Graph.Clone()
				if cut != "" {
					if err := g.Cut(cut); err != nil {
						t.Fatal(err)
					}
				}
				if err := g.Simplify(map[string][]int{input: {-1, 3, 64, 64}}); err != nil {
					t.Fatal(err)
				}
				f, err := g.Features()
				if err != nil {
					t.Fatal(err)
				}
				t.Logf("%q %s %s, %d numbers: %s", f.Value.Name, graph.ShapeString(f.Value.Shape), f.Pooling, f.Length, f.Reason)
				if cut = f.Value.Name; f.Length != lengths[name] {
					t.Errorf("%d numbers, not %d", f.Length, lengths[name])
				}
				g.Outputs = []*graph.Value{f.Value}
				y, err := g.Evaluate(map[string]*graph.Tensor{input: picture})
				if err != nil {
					t.Fatal(err)
				}
				vectors[i] = pooled(f, y[f.Value.Name])
			}
			if err := compareTensors(vectors[1], vectors[0], 0); err != nil {
				t.Errorf("cut before its classifier: %v", err)
			}
		})
	}
}

// pooled makes a vector for each picture of the value of the features.
func pooled(f *graph.Features, y *graph.Tensor) *graph.Tensor {
	pictures := y.Shape[0]
	out := graph.NewTensor(graph.Float32, pictures, f.Length)
	row := len(y.Floats) / pictures
	for n := range pictures {
		from, to := y.Floats[n*row:][:row], out.Floats[n*f.Length:][:f.Length]
		switch f.Pooling {
		case graph.MeanPixel:
			pixels := row / f.Length
			for i, v := range from {
				to[i/pixels] += v / float32(pixels)
			}
		default: // all, or the first token
			copy(to, from)
		}
	}
	return out
}

// checkSimple looks for what Simplify should have left out. Where something is
// repeated for each picture of a free batch, the shape is still computed.
func checkSimple(t *testing.T, g *graph.Graph) {
	t.Helper()
	for _, n := range g.Nodes {
		if n.Op.Kind() == "Expand" && n.In[1].Const == nil && !n.Out[0].Shape[0].Fixed() {
			return
		}
	}
	for _, n := range g.Nodes {
		switch n.Op.Kind() {
		case "Identity", "Dropout", "Shape", "Cast", "ConstantOfShape", "Where", "Equal":
			t.Errorf("%s %q is left, of shape %v", n.Op.Kind(), n.Name, n.Out[0].Shape)
		}
		for _, v := range n.Out {
			if v != nil && v.Shape == nil {
				t.Errorf("the shape of %q is not known", v.Name)
			}
		}
	}
}

// TestPretrained compares the features of two pretrained networks with what
// onnxruntime made of them.
func TestPretrained(t *testing.T) {
	for _, name := range []string{"mnv1_025", "mnv2_qat"} {
		t.Run(name, func(t *testing.T) {
			m, err := Open(oitest.Model(t, name+".onnx"))
			if err != nil {
				t.Fatal(err)
			}
			const n, side = 2, 128
			if err := m.Graph.Simplify(map[string][]int{"image": {-1, 3, side, side}}); err != nil {
				t.Fatal(err)
			}
			if f, err := m.Graph.Features(); err != nil || f.Value.Name != "features" || f.Pooling != graph.AsIs {
				t.Errorf("features %+v, %v", f, err)
			}
			picture := graph.NewTensor(graph.Float32, n, 3, side, side)
			for i := range n * side * side * 3 {
				image, pixel, channel := i/(side*side*3), i/3%(side*side), i%3
				v := (7*i + 13*(i>>8)) % 256
				picture.Floats[(image*3+channel)*side*side+pixel] = float32(v)/127.5 - 1
			}
			outputs, err := m.Graph.Evaluate(map[string]*graph.Tensor{"image": picture})
			if err != nil {
				t.Fatal(err)
			}
			off := oitest.RelativeDifference(t, outputs["features"].Floats, oitest.ReadFloats(t, oitest.Model(t, name+"_features.ref.f32")))
			t.Logf("%v, relative difference %.1e", m.Graph.Outputs[0].Shape, off)
			if !(off <= 1e-5) {
				t.Errorf("relative difference %g", off)
			}
		})
	}
}
