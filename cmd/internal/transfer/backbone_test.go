package transfer

import (
	"errors"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/opensandwich/oi/cmd/internal/cmdtest"
	"github.com/opensandwich/oi/cmd/internal/graph"
	"github.com/opensandwich/oi/cmd/internal/onnx"
	"github.com/opensandwich/oi/cmd/internal/zoo"
)

// means is a network that gives the mean of each channel: of planes, or of
// pixels that it transposes first, or sums up as they are, or of bytes.
func means(t *testing.T, layout string) string {
	t.Helper()
	in := &graph.Value{Name: "x", Type: graph.Float32, Declared: []int{-1, 8, 8, 3}}
	g := &graph.Graph{Inputs: []*graph.Value{in}}
	v := in
	add := func(op graph.Op, more ...*graph.Value) {
		out := &graph.Value{}
		g.Nodes = append(g.Nodes, &graph.Node{Op: op, In: append([]*graph.Value{v}, more...), Out: []*graph.Value{out}})
		v = out
	}
	planes := func() {
		add(&graph.Transpose{Perm: []int{0, 3, 1, 2}})
		add(&graph.Pool{})
		add(&graph.Flatten{Axis: 1})
	}
	switch layout {
	case "planes":
		in.Declared = []int{-1, 3, 8, 8}
		add(&graph.Pool{})
		add(&graph.Flatten{Axis: 1})
	case "pixels":
		planes()
	case "pixels as they are":
		axes := graph.IntTensor(1, 2)
		add(&graph.Reduce{Name: "Mean"}, &graph.Value{Type: graph.Int64, Shape: graph.Fixed(axes.Shape), Const: axes})
	case "bytes":
		in.Type = graph.Uint8
		add(&graph.Cast{To: graph.Float32})
		planes()
	}
	v.Name = "features"
	g.Outputs = []*graph.Value{v}
	if err := g.Simplify(nil); err != nil {
		t.Fatal(err)
	}
	data, err := onnx.Encode(g, "a test", "")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "means.onnx")
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestNormalization compares the means of the channels with those computed by
// hand, for all ways in which networks take pictures.
func TestNormalization(t *testing.T) {
	const side = 8
	pixels := make([]byte, side*side*3)
	var mean [3]float64 // of the bytes
	for i := range pixels {
		pixels[i] = byte(31*i + i>>3)
		mean[i%3] += float64(pixels[i]) / (side * side)
	}
	imagenet := func(c int) float64 {
		return (mean[c]/255 - []float64{.485, .456, .406}[c]) / []float64{.229, .224, .225}[c]
	}
	for _, c := range []struct {
		layout, normalize, channels string
		want                        func(c int) float64
	}{
		{"bytes", "", "", func(c int) float64 { return mean[c] }},
		{"planes", "0..255", "", func(c int) float64 { return mean[c] }},
		{"planes", "0..1", "", func(c int) float64 { return mean[c] / 255 }},
		{"planes", "-1..1", "", func(c int) float64 { return mean[c]/127.5 - 1 }},
		{"planes", "imagenet", "", imagenet},
		{"planes", "imagenet", "bgr", func(c int) float64 { return imagenet(2 - c) }},
		{"planes", "caffe-bgr", "", func(c int) float64 { return mean[2-c] - []float64{103.939, 116.779, 123.68}[c] }},
		{"planes", "0.5/0.25", "", func(c int) float64 { return (mean[c]/255 - 0.5) / 0.25 }},
		{"pixels", "imagenet", "", imagenet},
		{"pixels", "-1..1", "bgr", func(c int) float64 { return mean[2-c]/127.5 - 1 }},
		{"pixels as they are", "imagenet", "", imagenet},
		{"pixels as they are", "0..255", "", func(c int) float64 { return mean[c] }},
	} {
		o := Options{DType: Float32}
		if c.normalize != "" {
			o.Normalization = parse(t, c.normalize, c.channels)
		}
		b, err := Open(means(t, c.layout), o)
		if err != nil {
			t.Fatal(err)
		}
		x, err := b.Extractor(1, 1)
		if err != nil {
			t.Fatal(err)
		}
		defer x.Close()
		got, err := x.Features([][]byte{pixels})
		if err != nil {
			t.Fatal(err)
		}
		for i, v := range got {
			if math.Abs(float64(v)-c.want(i)) > 1e-4*max(1, math.Abs(c.want(i))) {
				t.Errorf("%s, %s %s: channel %d is %v, want %v", c.layout, c.normalize, c.channels, i, v, c.want(i))
			}
		}
		if again := written(t, b, "a", "b"); again.Of != b.Of {
			t.Errorf("%s, %s: the model with a head has another identity", c.layout, c.normalize)
		}
	}
}

// TestIdentity lists what changes the identity of features, and what does not.
func TestIdentity(t *testing.T) {
	plain := func() Options { return Options{Side: 32, Normalization: parse(t, "imagenet", "")} }
	of := func(b cmdtest.Backbone, o Options) string {
		t.Helper()
		got, err := Open(b.Write(t), o)
		if err != nil {
			t.Fatal(err)
		}
		return got.Of
	}
	network := cmdtest.Backbone{Seed: 1, Side: 32}
	want := of(network, plain())
	if got := of(cmdtest.Backbone{Seed: 1, Side: 64}, plain()); got != want {
		t.Error("the declared side changes it")
	}
	licensed := plain()
	licensed.Licence = "MIT"
	if of(network, licensed) != want {
		t.Error("the licence changes it")
	}
	seen := map[string]string{want: "the plain one"}
	for name, change := range map[string]func(*cmdtest.Backbone, *Options){
		"weights":       func(b *cmdtest.Backbone, _ *Options) { b.Seed = 2 },
		"side":          func(_ *cmdtest.Backbone, o *Options) { o.Side = 48 },
		"normalisation": func(_ *cmdtest.Backbone, o *Options) { o.Normalization = parse(t, "clip", "") },
		"channels":      func(_ *cmdtest.Backbone, o *Options) { o.Normalization = parse(t, "imagenet", "bgr") },
		"rounding":      func(_ *cmdtest.Backbone, o *Options) { o.DType = Float32 },
		"cut":           func(_ *cmdtest.Backbone, o *Options) { o.Features = "logits" },
	} {
		b, o := network, plain()
		change(&b, &o)
		got := of(b, o)
		if seen[got] != "" {
			t.Errorf("%s does not change it: it is that of %s", name, seen[got])
		}
		seen[got] = name
	}
}

func TestOpenErrors(t *testing.T) {
	path := cmdtest.Backbone{Seed: 1, Side: 32}.Write(t)
	if _, err := Open(path, Options{}); !errors.As(err, new(*NormalizationError)) || !strings.Contains(err.Error(), "caffe-bgr") {
		t.Errorf("no normalisation: %v", err)
	}
	if _, err := Open(means(t, "bytes"), Options{Normalization: parse(t, "0..1", "")}); err == nil || !strings.Contains(err.Error(), "takes bytes") {
		t.Errorf("normalised twice: %v", err)
	}
	flat := cmdtest.Backbone{Seed: 1, Side: 32, Flat: true}.Write(t)
	var side *SideError
	if _, err := Open(flat, Options{Side: 48, Normalization: parse(t, "0..1", "")}); !errors.As(err, &side) || side.Declared != 32 || side.Side != 48 {
		t.Errorf("another side: %v", err)
	}
	b, err := Open(path, Options{Side: 48, Normalization: parse(t, "0..1", "")})
	if err != nil || b.DeclaredSide != 32 || b.Dim != 12 {
		t.Errorf("%+v, %v", b, err)
	}
	// A companion of the file says it.
	if err := os.WriteFile(filepath.Join(filepath.Dir(path), "preprocessor_config.json"),
		[]byte(`{"do_rescale":true,"rescale_factor":0.00392156862745098,"do_normalize":true,"image_mean":[0.5,0.5,0.5],"image_std":[0.5,0.5,0.5]}`), 0o600); err != nil {
		t.Fatal(err)
	}
	if b, err = Open(path, Options{Facts: zoo.Backbones().Facts}); err != nil || !strings.Contains(b.Preprocessing, "preprocessor_config.json") {
		t.Errorf("%+v, %v", b, err)
	}
}

// TestUnusableFeatures names the picture whose features cannot be used.
func TestUnusableFeatures(t *testing.T) {
	b, err := Open(means(t, "planes"), Options{Normalization: parse(t, "0/0.001", "")})
	if err != nil {
		t.Fatal(err)
	}
	x, err := b.Extractor(2, 1)
	if err != nil {
		t.Fatal(err)
	}
	defer x.Close()
	dark, bright := make([]byte, 8*8*3), make([]byte, 8*8*3)
	for i := range bright {
		bright[i] = 255
	}
	if f, err := x.Features([][]byte{dark, bright}); err != nil || !slices.Equal(f, []float32{0, 0, 0, 1000, 1000, 1000}) {
		t.Errorf("%v, %v", f, err)
	}
	if b, err = Open(means(t, "planes"), Options{Normalization: parse(t, "0/0.00001", "")}); err != nil {
		t.Fatal(err)
	}
	y, err := b.Extractor(2, 1)
	if err != nil {
		t.Fatal(err)
	}
	defer y.Close()
	var unusable *ValueError
	if _, err := y.Features([][]byte{dark, bright}); !errors.As(err, &unusable) || unusable.Picture != 1 || unusable.Feature != 0 {
		t.Errorf("%v", err)
	}
}
