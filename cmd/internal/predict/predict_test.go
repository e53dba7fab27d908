package predict

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/opensandwich/oi/cmd/internal/cmdtest"
	"github.com/opensandwich/oi/cmd/internal/imagefile"
	"github.com/opensandwich/oi/cmd/internal/model"
	"github.com/opensandwich/oi/cmd/internal/nn"
	"github.com/opensandwich/oi/cmd/internal/oitest"
	"github.com/opensandwich/oi/cmd/internal/onnx"
	"github.com/opensandwich/oi/cmd/internal/pix"
	"github.com/opensandwich/oi/cmd/internal/preprocess"
	"github.com/opensandwich/oi/cmd/internal/rng"
	"github.com/opensandwich/oi/cmd/internal/transfer"
)

// tolerance is what two ways to the same probabilities may differ by: the
// softmax of one is in float32, of the other in float64.
const tolerance = 1e-6

// photo is a JPEG of coloured stripes, rotated by EXIF if that is not 0.
func photo(t *testing.T, seed uint64, orientation byte) []byte {
	t.Helper()
	r := rng.Source(seed)
	img := image.NewRGBA(image.Rect(0, 0, 211, 160))
	for x := range 211 {
		bits := r.Uint64()
		for y := range 160 {
			img.Set(x, y, color.RGBA{byte(bits), byte(bits>>8) + byte(y), byte(bits >> 16), 255})
		}
	}
	var b bytes.Buffer
	if err := jpeg.Encode(&b, img, nil); err != nil {
		t.Fatal(err)
	}
	if orientation == 0 {
		return b.Bytes()
	}
	exif := []byte("\xff\xe1\x00\x22Exif\x00\x00MM\x00*\x00\x00\x00\x08\x00\x01\x01\x12\x00\x03\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x00")
	exif[len(exif)-7] = orientation
	data := append(append([]byte("\xff\xd8"), exif...), b.Bytes()[2:]...)
	if got := imagefile.Orientation(data); got != int(orientation) {
		t.Fatalf("orientation %d, not %d", got, orientation)
	}
	return data
}

// answerer is how oi-eval asks a model.
type answerer func(pixels []byte) ([]float32, error)

// compare asks a predictor and oi-eval's way about some photos.
func compare(t *testing.T, file []byte, side int, want answerer) {
	t.Helper()
	p, err := New(file)
	if err != nil {
		t.Fatal(err)
	}
	if p.Side != side {
		t.Errorf("side %d, not %d", p.Side, side)
	}
	for i := range byte(4) {
		data := photo(t, uint64(i), 2*i)
		pixels, err := pix.DecodeOriented(data, 1e6, p.Target())
		if err != nil {
			t.Fatal(err)
		}
		answers, err := want(pixels)
		if err != nil {
			t.Fatal(err)
		}
		got, err := p.Photo(data, 1e6)
		if err != nil || len(got) != len(answers) || p.Answers != len(answers) {
			t.Fatalf("%v, %v, not %v", got, err, answers)
		}
		for k, v := range answers {
			if math.Abs(float64(got[k])-float64(v)) > tolerance {
				t.Errorf("photo %d, class %d: %v, not %v", i, k, got[k], v)
			}
		}
	}
}

// The networks that oi-train trains from scratch are answered for as in
// oi-eval, with one logit or several.
func TestOwnNetworks(t *testing.T) {
	for name, network := range map[string]*model.Network{
		"residual":           nn.Residual(32, 32, 5, 8, 1),
		"residual, a logit":  nn.Residual(32, 32, 2, 8, 2),
		"reference":          nn.Reference(32, 32, 4, 3),
		"reference, a logit": nn.Reference(32, 32, 2, 4),
	} {
		t.Run(name, func(t *testing.T) {
			if network.Params == nil {
				if err := nn.Initialise(network, 1); err != nil {
					t.Fatal(err)
				}
			}
			var file bytes.Buffer
			if err := network.WriteONNX(&file, "test", nil); err != nil {
				t.Fatal(err)
			}
			p, err := nn.NewPredictor(network, 1, 1)
			if err != nil {
				t.Fatal(err)
			}
			defer p.Close()
			compare(t, file.Bytes(), 32, func(pixels []byte) ([]float32, error) {
				rows, err := p.Predict([][]byte{pixels})
				if err != nil {
					return nil, err
				}
				return rows[0], nil
			})
		})
	}
}

// evaluated asks a classifier as oi-eval does.
func evaluated(t *testing.T, c *transfer.Classifier) answerer {
	t.Helper()
	e, err := c.Evaluator(1, 1)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.Close)
	return func(pixels []byte) ([]float32, error) {
		out, err := e.Run([][]byte{pixels})
		if err != nil {
			return nil, err
		}
		return out[0], nil
	}
}

// A network of somebody else, as package transfer prepares it, is answered for
// as in oi-eval, bit for bit.
func TestForeignNetworks(t *testing.T) {
	for _, test := range []struct {
		path          string
		side, answers int
	}{
		{cmdtest.Backbone{Seed: 1, Side: 24}.Write(t), 24, 5},
		{cmdtest.Backbone{Seed: 2, Side: 32, Flat: true}.Write(t), 32, 5},
		{"mnv2_qat.onnx", 96, 1001},
		{"mnv1_025.onnx", 128, 1001},
	} {
		t.Run(fmt.Sprint(filepath.Base(test.path), test.side), func(t *testing.T) {
			if !filepath.IsAbs(test.path) {
				test.path = oitest.Model(t, test.path)
			}
			n, err := preprocess.Parse("-1..1", "")
			if err != nil {
				t.Fatal(err)
			}
			f, err := transfer.Load(test.path, transfer.Options{Normalization: n})
			if err != nil {
				t.Fatal(err)
			}
			c, err := f.Classifier(test.side, test.answers)
			if err != nil {
				t.Fatal(err)
			}
			file, err := onnx.Encode(c.Graph, "test", "1")
			if err != nil {
				t.Fatal(err)
			}
			compare(t, file, test.side, evaluated(t, c))
		})
	}
}

// Errors about a photo become sentences, each of its own.
func TestSentences(t *testing.T) {
	network := nn.Residual(32, 32, 2, 8, 2)
	var file bytes.Buffer
	if err := network.WriteONNX(&file, "test", nil); err != nil {
		t.Fatal(err)
	}
	p, err := New(file.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	good := photo(t, 1, 0)
	damaged := bytes.Clone(good)
	copy(damaged[len(damaged)/2:], bytes.Repeat([]byte{0xff, 0x00, 0x13}, 100))
	seen := map[string]bool{}
	for name, data := range map[string][]byte{
		"nothing": {}, "text": []byte("a sandwich"), "cut": good[:len(good)/2], "large": good, "damaged": damaged,
		"iPhone": []byte("\x00\x00\x00\x18ftypheic"),
	} {
		most := imagefile.DefaultMaxPixels
		if name == "large" {
			most = 1000
		}
		_, err := p.Photo(data, most)
		if err == nil {
			t.Errorf("%s: no error", name)
			continue
		}
		text := Sentence(err)
		if !strings.HasSuffix(text, ".") || strings.Contains(text, "--") {
			t.Errorf("%s: %q", name, text)
		}
		seen[text] = true
	}
	if len(seen) < 4 {
		t.Errorf("the same sentence for different errors: %v", seen)
	}
	if _, err := p.Photo(good, imagefile.DefaultMaxPixels); err != nil {
		t.Errorf("a good photo after bad ones: %v", err)
	}
}

// Files that are no classifiers of pictures are errors.
func TestNotAClassifier(t *testing.T) {
	for _, data := range [][]byte{nil, []byte("model"), {8, 8}} {
		if _, err := New(data); err == nil {
			t.Errorf("%q is taken", data)
		}
	}
	small, err := os.ReadFile(cmdtest.Backbone{Side: 24}.Write(t)) // it takes floats
	if err != nil {
		t.Fatal(err)
	}
	if _, err := New(small); err == nil || !strings.Contains(err.Error(), "float32") {
		t.Errorf("a network that takes floats: %v", err)
	}
}
