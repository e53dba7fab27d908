package nn

import (
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/opensandwich/oi/cmd/internal/model"
)

func TestDiverged(t *testing.T) {
	net := Reference(22, 22, 2, 1)
	images, labels := noise(net, 2, 5)
	tr := newTrainer(t, net, Options{Batch: 2, LR: 1e38})
	var err error
	for range 10 {
		if _, _, err = tr.Step(Batch{Images: images, Labels: labels}); err != nil {
			break
		}
	}
	var diverged *NonFiniteError
	if !errors.As(err, &diverged) {
		t.Fatalf("got %v", err)
	}
	if diverged.Step != tr.State().Step || diverged.Index < -1 || diverged.Index > 1 || !strings.Contains(err.Error(), "diverged") {
		t.Errorf("%v, at step %d", err, tr.State().Step)
	}
}

// TestNonFinitePicture: the first picture for which the network overflows is
// named.
func TestNonFinitePicture(t *testing.T) {
	for _, classes := range []int{2, 3} {
		net := &model.Network{Height: 1, Width: 2, Channels: 3, Classes: []string{"a", "b", "c"}[:classes], Arch: "tiny"}
		net.Layers = []model.Layer{{Kind: model.Flatten}, {Kind: model.Dense, Out: net.Outputs()}}
		if err := Initialise(net, 1); err != nil {
			t.Fatal(err)
		}
		for i := range net.Params[0].Data {
			net.Params[0].Data[i] = -3e38
		}
		black, white := make([]byte, 6), []byte{255, 255, 255, 255, 255, 255}
		tr := newTrainer(t, net, Options{Batch: 4})
		_, _, err := tr.Step(Batch{Images: [][]byte{black, black, white, white}, Labels: []int{1, 1, 1, 1}})
		var diverged *NonFiniteError
		if !errors.As(err, &diverged) || diverged.Index != 2 {
			t.Errorf("%d classes: %v (%+v), want picture 2", classes, err, diverged)
		}
	}
}

func TestErrors(t *testing.T) {
	net := Reference(22, 22, 2, 1)
	for _, test := range []struct {
		o    Options
		want string
	}{
		{Options{Batch: -1}, "batch of -1"}, {Options{Batch: 1 << 20}, "batch of"}, {Options{LR: -1}, "learning rate"},
		{Options{LR: math.NaN()}, "learning rate"}, {Options{Rho: 1}, "rho"}, {Options{Eps: -1}, "epsilon"},
		{Options{Optimizer: "lion"}, `optimizer "lion"`}, {Options{Beta1: 1}, "beta1"}, {Options{Beta2: -0.1}, "beta2"},
		{Options{Momentum: math.NaN()}, "momentum"}, {Options{WeightDecay: 0.1}, "rmsprop has none"},
		{Options{Optimizer: "adam", WeightDecay: -1}, "weight decay"}, {Options{Optimizer: "sgd", WeightDecay: math.NaN()}, "weight decay"},
		{Options{Optimizer: "adam", LR: 1, WeightDecay: 1}, "weight decay"}, {Options{LabelSmoothing: 1}, "label smoothing"},
		{Options{LabelSmoothing: math.NaN()}, "label smoothing"}, {Options{EMADecay: 1}, "average"}, {Options{EMADecay: -0.5}, "average"},
		{Options{backend: "abacus"}, `no kernels for "abacus"`},
	} {
		if _, err := NewTrainer(net, test.o); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%+v: %v", test.o, err)
		}
	}
	if _, err := NewTrainer(Reference(8, 8, 2, 1), Options{}); err == nil || !strings.Contains(err.Error(), "too small") {
		t.Errorf("too small a picture: %v", err)
	}
	if _, err := NewPredictor(net, 0, 1); err == nil {
		t.Error("a batch of 0 was taken")
	}
	bad := net.Clone()
	bad.Params[2].Data[1] = float32(math.NaN())
	if _, err := NewPredictor(bad, 1, 1); err == nil || !strings.Contains(err.Error(), "NaN") {
		t.Errorf("a weight of NaN: %v", err)
	}

	tr := newTrainer(t, net, Options{Batch: 2})
	images, labels := noise(net, 3, 1)
	before := tr.Network().WeightsHash()
	nan := float32(math.NaN())
	for name, args := range map[string]struct {
		images  [][]byte
		labels  []int
		weights []float32
	}{
		"0 pictures": {nil, nil, nil}, "too many": {images, labels, nil}, "labels": {images[:2], labels[:1], nil},
		"weights": {images[:2], labels[:2], []float32{1}}, "label 2": {images[:1], []int{2}, nil}, "label -1": {images[:1], []int{-1}, nil},
		"short picture": {[][]byte{images[0], images[1][1:]}, labels[:2], nil}, "NaN": {images[:1], labels[:1], []float32{nan}},
		"negative": {images[:1], labels[:1], []float32{-1}},
	} {
		if _, _, err := tr.Step(Batch{Images: args.images, Labels: args.labels, Weights: args.weights}); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if tr.Network().WeightsHash() != before || tr.State().Step != 0 {
		t.Error("a refused batch changed the trainer")
	}
	p, err := tr.Predictor()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Predict([][]byte{images[0][1:]}); err == nil {
		t.Error("a short picture was predicted")
	}
}
