package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/opensandwich/oi/cmd/internal/metrics"
	"github.com/opensandwich/oi/cmd/internal/model"
	"github.com/opensandwich/oi/cmd/internal/nn"
	"github.com/opensandwich/oi/cmd/internal/report"
	"github.com/opensandwich/oi/record"
)

// history returns the history of a report without its times.
func history(t *testing.T, file []byte) []epoch {
	t.Helper()
	var r struct{ History []epoch }
	if err := json.Unmarshal(file, &r); err != nil {
		t.Fatal(err)
	}
	for i := range r.History {
		r.History[i].ImagesPerSecond, r.History[i].Seconds = 0, 0
	}
	return r.History
}

// lossOf returns log loss and accuracy of a model file on items.
func lossOf(t *testing.T, file []byte, items []*record.Item) (loss, accuracy float64) {
	t.Helper()
	network, _, err := model.ReadONNX(bytes.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	p, err := nn.NewPredictor(network, 8, 1)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	var mean metrics.LogLoss
	right := 0
	for _, item := range items {
		rows, err := p.Predict([][]byte{item.Tensor.Data})
		if err != nil {
			t.Fatal(err)
		}
		class := slices.Index(network.Classes, item.Label.Name)
		mean.Add(float64(rows[0][class]))
		if report.ArgMax(rows[0]) == class {
			right++
		}
	}
	return mean.Mean(), float64(right) / float64(len(items))
}

// What is measured on train items is the loss of the model that is kept,
// without smoothing and dropout, as that on the validation items.
func TestMeasured(t *testing.T) {
	train, val := pictures(0, 32, "train", "red", "green"), pictures(100, 32, "val", "red", "green")
	classes := []string{"red", "green"}
	blurred := variants(t, slices.Concat(train, val), 1)
	rng := rand.New(rand.NewPCG(1, 1))
	for _, item := range blurred {
		if item.Augment != nil {
			tensor := *item.Tensor
			tensor.Data = slices.Clone(tensor.Data)
			for i := range tensor.Data {
				tensor.Data[i] = byte(min(255, int(tensor.Data[i])/2+rng.IntN(128)))
			}
			item.Tensor = &tensor
		}
	}
	for name, tc := range map[string]struct {
		items, train []*record.Item
		args         []string
		say          string
	}{
		"smoothed and averaged": {slices.Concat(train, val), train, []string{"--arch", "residual", "--epochs", "1"}, "on 32 train items, drawn by the seed\n"},
		"with dropout":          {slices.Concat(train, val), train, []string{"--epochs", "1"}, "on 32 train items"},
		"weighted":              {slices.Concat(train, val), train, []string{"--epochs", "1", "--class-weights", "balanced"}, "on 32 train items"},
		"variants":              {blurred, blurred[32:], nil, "on at most 32 of the epoch's variants"},
	} {
		t.Run(name, func(t *testing.T) {
			got := runTrain(t, t.Context(), encode(t, classes, tc.items...), tc.args...)
			if got.code != 0 || !strings.Contains(got.stderr, tc.say) {
				t.Fatalf("exit %d: %s", got.code, got.stderr)
			}
			line := history(t, got.files["m.json"])[0]
			for _, of := range []struct {
				set            string
				items          []*record.Item
				loss, accuracy float64
			}{{"train", tc.train, line.TrainLoss, line.TrainAccuracy}, {"val", val, line.ValLoss, line.ValAccuracy}} {
				loss, accuracy := lossOf(t, got.files["m.onnx"], of.items)
				if math.Abs(of.loss-loss) > 1e-6 || of.accuracy != accuracy {
					t.Errorf("%s: loss %g, accuracy %g; the model has %g and %g", of.set, of.loss, of.accuracy, loss, accuracy)
				}
			}
			if line.Loss == line.TrainLoss || line.Loss == 0 {
				t.Errorf("loss %g, train_loss %g", line.Loss, line.TrainLoss)
			}
			if want := fmt.Sprintf("train_loss %.4f  train_acc %.4f  val_loss %.4f", line.TrainLoss, line.TrainAccuracy, line.ValLoss); !strings.Contains(got.stderr, want) {
				t.Errorf("no %q in %s", want, got.stderr)
			}
			if want := fmt.Sprintf("epoch 1: train %.4f", line.TrainLoss); !bytes.Contains(got.files["m.html"], []byte(want)) {
				t.Errorf("no %q on the page", want)
			}
		})
	}
}

// Neither threads nor the order of the items nor an interruption make a
// difference, and a sample is measured where there are more items than need be.
func TestMeasuredSample(t *testing.T) {
	items := twoClasses()
	classes := []string{"red", "green"}
	input := encode(t, classes, items...)
	want := history(t, runTrain(t, t.Context(), input, "--epochs", "3").files["m.json"])
	turned := slices.Clone(items)
	slices.Reverse(turned)
	streamed := encode(t, classes, variants(t, items, 3)...)
	for name, got := range map[string]outcome{
		"threads": runTrain(t, t.Context(), input, "--epochs", "3", "-j3", "--spool-memory", "0"),
		"order":   runTrain(t, t.Context(), encode(t, classes, turned...), "--epochs", "3"),
		// Variants that are the items themselves.
		"streamed": runTrain(t, t.Context(), streamed),
	} {
		if h := history(t, got.files["m.json"]); !slices.Equal(h, want) {
			t.Errorf("%s: %+v, want %+v", name, h, want)
		}
	}
	for name, stdin := range map[string][]byte{"spooled": input, "streamed": streamed} {
		s := newSession(t)
		if code, stderr := s.interrupt(7, stdin, "--epochs", "3"); code != 130 {
			t.Fatalf("exit %d: %s", code, stderr)
		}
		code, stderr := s.run(t.Context(), bytes.NewReader(stdin), nil, "--epochs", "3", "--resume")
		if h := history(t, s.file("m.json")); code != 0 || !strings.Contains(stderr, "going on after epoch") || !slices.Equal(h, want) {
			t.Errorf("%s, resumed: %+v, want %+v\n%s", name, h, want, stderr)
		}
	}
	// 8 of 32, as many as there are to validate with.
	if a := want[0].TrainAccuracy * 8; a != math.Trunc(a) {
		t.Errorf("accuracy %g is not one of 8 items", want[0].TrainAccuracy)
	}
}

func TestMeasuredItems(t *testing.T) {
	for _, tc := range [][4]int{ // train, val, batch, measured
		{100, 8, 16, 8}, {10, 100, 16, 10}, {100, 100, 16, 32}, {100, 23, 16, 16}, {100, 100, 64, 32}, {768, 100, 16, 32},
		{2400, 400, 20, 100}, {2400, 400, 16, 96}, {2400, 90, 16, 80}, {1 << 20, 1 << 18, 16, 1024},
	} {
		if got := measuredItems(tc[0], tc[1], tc[2]); got != tc[3] {
			t.Errorf("of %d train and %d val items, in batches of %d, %d are measured, want %d", tc[0], tc[1], tc[2], got, tc[3])
		}
	}
}

// Variants are drawn as items are, whatever their order and their number.
func TestMeasuredVariants(t *testing.T) {
	var items []*record.Item
	for i := range 3000 {
		key := fmt.Sprint("item-", i)
		items = append(items, &record.Item{ID: fmt.Sprint(i), Key: key, Label: &record.Label{Name: "red"}, Set: "train", Tensor: &record.Tensor{Shape: []int{1, 1, 3}, DType: "uint8", Data: make([]byte, 3)}})
	}
	entries := collected(t, items).Entries()
	for _, item := range items {
		item.Augment = &record.Augment{}
	}
	keys := func(seed uint64, val int, items []*record.Item) []string {
		m := measuredVariants{options: &options{seed: seed, batch: 16}, val: val}
		for range 2 { // epochs
			m.begin()
			for i, item := range items {
				m.add(item, i%2)
			}
		}
		var keys []string
		for _, v := range m.variants() {
			keys = append(keys, v.key)
		}
		return keys
	}
	for _, val := range []int{5, 100, 2000} {
		var want []string
		for _, entry := range measuredEntries(&options{seed: 3, batch: 16}, entries, val).All() {
			want = append(want, entry.Key)
		}
		if got := keys(3, val, items); !slices.Equal(got, want) || len(got) != measuredItems(len(items), val, 16) {
			t.Errorf("val %d: variants of %d items, not of the %d of the spool", val, len(got), len(want))
		}
	}
	turned := slices.Clone(items)
	slices.Reverse(turned)
	if !slices.Equal(keys(3, 100, items), keys(3, 100, turned)) {
		t.Error("the order of the variants makes a difference")
	}
	if slices.Equal(keys(3, 100, items), keys(4, 100, items)) {
		t.Error("the seed makes no difference")
	}
	if got := keys(3, 2000, items[:20]); len(got) != 16 {
		t.Errorf("%d of 20 variants, want a batch of 16", len(got))
	}
}

// An epoch in the checkpoint of an older version has no such figures.
func TestOlderHistory(t *testing.T) {
	var e savedEpoch
	if err := json.Unmarshal([]byte(`{"loss":"0x1p-01","accuracy":"0x1p-02","val_loss":"NaN"}`), &e); err != nil {
		t.Fatal(err)
	}
	h := checkpointHead{History: []savedEpoch{e}}
	got := h.history()[0]
	if got.Loss != 0.5 || got.Accuracy != 0.25 || !math.IsNaN(float64(got.TrainLoss)) || !math.IsNaN(float64(got.TrainAccuracy)) {
		t.Errorf("%+v", got)
	}
}
