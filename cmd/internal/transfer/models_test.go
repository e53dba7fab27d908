package transfer

import (
	"bytes"
	"encoding/binary"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/opensandwich/oi/cmd/internal/oitest"
	"github.com/opensandwich/oi/cmd/internal/preprocess"
)

// parse reads the value of --normalize.
func parse(t testing.TB, normalize, channels string) *preprocess.Normalization {
	t.Helper()
	n, err := preprocess.Parse(normalize, channels)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// written puts a head on the backbone, writes the model, and reads it as a
// backbone.
func written(t *testing.T, b *Backbone, classes ...string) *Backbone {
	t.Helper()
	weights, bias := make([]float32, len(classes)*b.Dim), make([]float32, len(classes))
	for i := range weights {
		weights[i] = float32(math.Sin(float64(i))) / 10
	}
	g, err := b.WithHead(weights, bias)
	if err != nil {
		t.Fatal(err)
	}
	var file bytes.Buffer
	if err := b.Write(&file, g, classes, "v1", nil); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "burger.onnx")
	if err := os.WriteFile(path, file.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	again, err := Open(path, Options{Side: b.Side, DType: DType(b.DType)})
	if err != nil {
		t.Fatal(err)
	}
	return again
}

// TestFamiliesKeepTheirIdentity writes models with a head on networks of many
// kinds, and finds the same backbone in them.
func TestFamiliesKeepTheirIdentity(t *testing.T) {
	families, err := filepath.Glob(filepath.Join(oitest.Model(t, "families"), "*.onnx"))
	if err != nil {
		t.Fatal(err)
	}
	pixels := make([]byte, 64*64*3)
	for i := range pixels {
		pixels[i] = byte(7*i + 13*(i>>8))
	}
	for _, path := range families {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".onnx"), func(t *testing.T) {
			for _, normalize := range []string{"imagenet", "-1..1", "caffe-bgr"} {
				b, err := Open(path, Options{Normalization: parse(t, normalize, ""), Licence: "CC0"})
				if err != nil {
					t.Fatal(err)
				}
				again := written(t, b, "a", "b", "c")
				if again.Of != b.Of {
					t.Errorf("%s: the model with a head is of %s, its backbone of %s", normalize, again.Of, b.Of)
				}
				if again.Backbone != b.Backbone {
					t.Errorf("%s: read again it is\n%+v, want\n%+v", normalize, again.Backbone, b.Backbone)
				}
				if normalize == "imagenet" {
					sameFeatures(t, b, again, pixels)
				}
			}
		})
	}
}

func sameFeatures(t *testing.T, a, b *Backbone, pixels []byte) {
	t.Helper()
	var all [][]float32
	for _, x := range []*Backbone{a, b} {
		e, err := x.Extractor(1, 1)
		if err != nil {
			t.Fatal(err)
		}
		defer e.Close()
		f, err := e.Features([][]byte{pixels})
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, f)
	}
	if !slices.Equal(all[0], all[1]) {
		t.Error("the features differ")
	}
}

// TestReference compares the features of two pretrained networks with those of
// another program.
func TestReference(t *testing.T) {
	for name, dim := range map[string]int{"mnv1_025": 256, "mnv2_qat": 1280} {
		if testing.Short() {
			break
		}
		b, err := Open(oitest.Model(t, name+".onnx"), Options{Side: 128, Normalization: parse(t, "-1..1", ""), DType: Float32})
		if err != nil {
			t.Fatal(err)
		}
		if b.Dim != dim {
			t.Errorf("%s: %d features, want %d", name, b.Dim, dim)
		}
		const size = 128 * 128 * 3
		pixels := make([]byte, 2*size)
		for i := range pixels {
			pixels[i] = byte(7*i + 13*(i>>8))
		}
		x, err := b.Extractor(2, 2)
		if err != nil {
			t.Fatal(err)
		}
		defer x.Close()
		got, err := x.Features([][]byte{pixels[:size], pixels[size:]})
		if err != nil {
			t.Fatal(err)
		}
		raw, err := os.ReadFile(oitest.Model(t, name+"_features.ref.f32"))
		if err != nil {
			t.Fatal(err)
		}
		if len(raw) != 4*len(got) {
			t.Fatalf("%s: %d features, the reference has %d", name, len(got), len(raw)/4)
		}
		most := 0.0
		for i, v := range got {
			want := float64(math.Float32frombits(binary.LittleEndian.Uint32(raw[4*i:])))
			most = max(most, math.Abs(float64(v)-want)/max(1, math.Abs(want)))
		}
		if most > 1e-4 {
			t.Errorf("%s: the features differ by up to %g", name, most)
		}
	}
}
