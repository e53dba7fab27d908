package transfer

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"

	"github.com/opensandwich/oi/cmd/internal/graph"
	"github.com/opensandwich/oi/cmd/internal/model"
	"github.com/opensandwich/oi/cmd/internal/nn"
	"github.com/opensandwich/oi/cmd/internal/oitest"
)

// checkMaps compares the means of activation maps with the logits that the
// network gives, to 1e-5 of their size.
func checkMaps(t *testing.T, g *graph.Graph, side, classes int) {
	t.Helper()
	m, err := NewActivationMaps(g, classes, 1)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	r := rand.New(rand.NewPCG(1, uint64(side)))
	for range 2 {
		picture := make([]byte, side*side*3)
		for i := range picture {
			picture[i] = byte(r.UintN(256))
		}
		for class := range min(classes, 5) {
			scores, logit, err := m.scores(picture, class)
			if err != nil {
				t.Fatal(err)
			}
			if len(scores) != m.Height*m.Width || m.Height < 2 {
				t.Fatalf("%d scores of %dx%d places", len(scores), m.Height, m.Width)
			}
			sum, size := 0.0, 1.0
			for _, s := range scores {
				sum += float64(s)
				size = max(size, math.Abs(float64(s)))
			}
			got := sum/float64(len(scores)) + float64(m.Bias(class))
			if math.Abs(got-float64(logit)) > 1e-5*size {
				t.Errorf("class %d: the mean of the map and the bias are %g, the logit %g", class, got, logit)
			}
		}
	}
}

// TestActivationMaps: what the places contribute adds up to the logits.
func TestActivationMaps(t *testing.T) {
	for _, classes := range []int{2, 5} {
		t.Run(fmt.Sprint(classes, " classes from scratch"), func(t *testing.T) {
			checkMaps(t, graphOf(t, nn.Residual(32, 32, classes, 4, 1)), 32, classes)
		})
	}
	t.Run("without a mean", func(t *testing.T) {
		n := &model.Network{
			Height: 4, Width: 4, Channels: 3, Classes: []string{"a", "b"}, Arch: "flat",
			Layers: []model.Layer{{Kind: model.Flatten}, {Kind: model.Dense, Out: 1}},
			Params: []model.Param{
				{Name: "dense1.weight", Shape: []int{48, 1}, Data: make([]float32, 48)}, {Name: "dense1.bias", Shape: []int{1}, Data: make([]float32, 1)},
			},
		}
		if _, err := NewActivationMaps(graphOf(t, n), 2, 1); !errors.Is(err, errNoMean) {
			t.Errorf("%v", err)
		}
	})
}

// TestActivationMapsOfFamilies: networks of many kinds with a head on them have
// maps that add up, or none.
func TestActivationMapsOfFamilies(t *testing.T) {
	families, err := filepath.Glob(filepath.Join(oitest.Model(t, "families"), "*.onnx"))
	if err != nil {
		t.Fatal(err)
	}
	none := map[string]bool{"convnext": true, "vit": true, "mobilenet_v3_small": true}
	for _, path := range families {
		name := strings.TrimSuffix(filepath.Base(path), ".onnx")
		t.Run(name, func(t *testing.T) {
			b, err := Open(path, Options{Normalization: parse(t, "imagenet", ""), Licence: "CC0"})
			if err != nil {
				t.Fatal(err)
			}
			weights, bias := make([]float32, 3*b.Dim), []float32{1, 2, 3}
			for i := range weights {
				weights[i] = float32(math.Sin(float64(i))) / 10
			}
			g, err := b.WithHead(weights, bias)
			if err != nil {
				t.Fatal(err)
			}
			var file bytes.Buffer
			if err := b.Write(&file, g, []string{"a", "b", "c"}, "v1", nil); err != nil {
				t.Fatal(err)
			}
			c, err := ParseClassifier(file.Bytes())
			if err != nil {
				t.Fatal(err)
			}
			if none[name] {
				if _, err := NewActivationMaps(c.Graph, 3, 1); !errors.Is(err, errNoMean) {
					t.Errorf("%v", err)
				}
				return
			}
			checkMaps(t, c.Graph, c.Side, 3)
		})
	}
}
