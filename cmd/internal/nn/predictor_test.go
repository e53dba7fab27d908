package nn

import (
	"bytes"
	"math"
	"slices"
	"testing"

	"github.com/opensandwich/oi/cmd/internal/model"
)

func TestPredictMatchesFloat64(t *testing.T) {
	for _, net := range []*model.Network{mixed(t, 2), mixed(t, 4), Reference(30, 27, 2, 9), Reference(22, 23, 5, 9), skipping(t, 2), skipping(t, 4), Residual(33, 20, 2, 4, 9)} {
		p, err := NewPredictor(net, 2, 2)
		if err != nil {
			t.Fatal(err)
		}
		defer p.Close()
		images, _ := noise(net, 5, 3)
		rows, err := p.Predict(images)
		if err != nil {
			t.Fatal(err)
		}
		for n, row := range rows {
			z, _ := logits64(net, params64(net.Params), images[n], 0, 1, 0, 0)
			if len(row) != len(net.Classes) {
				t.Fatalf("%d probabilities for %d classes", len(row), len(net.Classes))
			}
			for c, got := range row {
				if want := math.Exp(-crossEntropy64(z, c)); math.Abs(float64(got)-want) > 1e-6 {
					t.Errorf("picture %d, class %d: %v, want %v", n, c, got, want)
				}
			}
		}
	}
}

func TestPredictDependsOnThePictureAlone(t *testing.T) {
	net := Reference(26, 31, 3, 2)
	images, _ := noise(net, 19, 8)
	var want [][]float32
	for _, setting := range []struct{ batch, threads int }{{1, 1}, {16, 1}, {5, 2}, {19, 3}, {64, 2}} {
		p, err := NewPredictor(net, setting.batch, setting.threads)
		if err != nil {
			t.Fatal(err)
		}
		got, err := p.Predict(images)
		if err != nil {
			t.Fatal(err)
		}
		p.Close()
		if want == nil {
			want = got
		}
		if !slices.EqualFunc(got, want, slices.Equal) {
			t.Errorf("batch %d, %d threads: other answers", setting.batch, setting.threads)
		}
	}
	p, err := NewPredictor(net, 4, 1)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	if rows, err := p.Predict(nil); err != nil || len(rows) != 0 {
		t.Errorf("no picture: %v, %v", rows, err)
	}
}

// TestPredictorMemory: a large network works on fewer pictures at once than it
// was asked to.
func TestPredictorMemory(t *testing.T) {
	net := &model.Network{Height: 1024, Width: 1024, Channels: 3, Classes: []string{"a", "b"}}
	net.Layers = append(slices.Repeat([]model.Layer{{Kind: model.Conv, Out: 4, Kernel: 1, Stride: 1}}, 15),
		model.Layer{Kind: model.AvgPool}, model.Layer{Kind: model.Dense, Out: 1})
	if err := Initialise(net, 1); err != nil {
		t.Fatal(err)
	}
	for batch, want := range map[int]int{1: 1, 4: 4, 64: 4} { // 60 million numbers a picture
		p, err := NewPredictor(net, batch, 1)
		if err != nil {
			t.Fatal(err)
		}
		if p.batch != want {
			t.Errorf("batch %d: %d pictures at once, want %d", batch, p.batch, want)
		}
		p.Close()
	}
}

func TestPredictorOfTrainerFollowsItsWeights(t *testing.T) {
	for _, test := range []struct {
		net *model.Network
		o   Options
	}{
		{Reference(22, 22, 2, 1), Options{}},
		{Residual(16, 16, 3, 4, 1), modern(Options{})},
		{Residual(16, 16, 2, 4, 1), Options{WeightStandardization: true}},
		{Reference(22, 22, 2, 1), Options{EMADecay: 0.5}},
	} {
		images, labels := noise(test.net, 3, 5)
		test.o.Batch, test.o.Threads = 3, 2
		tr := newTrainer(t, test.net, test.o)
		live, err := tr.Predictor()
		if err != nil {
			t.Fatal(err)
		}
		for range 4 {
			fixed, err := NewPredictor(tr.Network(), 3, 1)
			if err != nil {
				t.Fatal(err)
			}
			a, errA := live.Predict(images)
			b, errB := fixed.Predict(images)
			fixed.Close()
			if errA != nil || errB != nil || !slices.EqualFunc(a, b, slices.Equal) {
				t.Errorf("%v (%v), want %v (%v)", a, errA, b, errB)
			}
			step(t, tr, images, labels, nil)
		}
	}
}

func TestONNXKeepsPredictions(t *testing.T) {
	for _, net := range []*model.Network{mixed(t, 2), mixed(t, 3), Reference(40, 30, 2, 1), skipping(t, 3), Residual(25, 32, 4, 6, 1)} {
		images, labels := noise(net, 6, 5)
		o := Options{Batch: 6, Seed: 3}
		if net.Arch == "residual" {
			o = modern(o)
		}
		tr := newTrainer(t, net, o)
		for range 3 {
			step(t, tr, images, labels, nil)
		}
		trained := tr.Network()
		var file bytes.Buffer
		if err := trained.WriteONNX(&file, "test", map[string]string{"trail": "none"}); err != nil {
			t.Fatal(err)
		}
		loaded, _, err := model.ReadONNX(&file)
		if err != nil {
			t.Fatal(err)
		}
		var rows [2][][]float32
		for i, n := range []*model.Network{trained, loaded} {
			p, err := NewPredictor(n, 4, 2)
			if err != nil {
				t.Fatal(err)
			}
			if rows[i], err = p.Predict(images); err != nil {
				t.Fatal(err)
			}
			p.Close()
		}
		if !slices.EqualFunc(rows[0], rows[1], slices.Equal) {
			t.Errorf("%s: a loaded model answers %v, before it was saved %v", net.Arch, rows[1], rows[0])
		}
	}
}
