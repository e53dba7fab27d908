package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/opensandwich/oi/cmd/internal/cmdtest"
	"github.com/opensandwich/oi/cmd/internal/model"
	"github.com/opensandwich/oi/cmd/internal/preprocess"
	"github.com/opensandwich/oi/cmd/internal/report"
	"github.com/opensandwich/oi/cmd/internal/transfer"
	"github.com/opensandwich/oi/record"
)

// tuningOf is what a report says of fine-tuning.
func tuningOf(t *testing.T, got outcome) *report.FineTuning {
	t.Helper()
	var r struct {
		Head struct {
			FineTuning *report.FineTuning `json:"fine_tuning"`
		}
	}
	if err := json.Unmarshal(got.files["m.json"], &r); err != nil {
		t.Fatal(err)
	}
	return r.Head.FineTuning
}

// withContexts gives items a second view of another side: each second pixel of
// the first.
func withContexts(items []*record.Item) []*record.Item {
	const half = side / 2
	for _, item := range items {
		data := make([]byte, 0, half*half*3)
		for y := range half {
			for x := range half {
				at := (2*y*side + 2*x) * 3
				data = append(data, item.Tensor.Data[at:at+3]...)
			}
		}
		item.Context = &record.Tensor{DType: item.Tensor.DType, Shape: []int{half, half, 3}, Data: data}
	}
	return items
}

// eachViews calls do with items of one view and of two.
func eachViews(t *testing.T, do func(t *testing.T, items []*record.Item)) {
	t.Helper()
	t.Run("one view", func(t *testing.T) { do(t, twoClasses()) })
	t.Run("two views", func(t *testing.T) { do(t, withContexts(twoClasses())) })
}

// TestFineTune: the result is better on val than its start, says so, and does
// not depend on threads. Its features are others than those of the backbone.
func TestFineTune(t *testing.T) { eachViews(t, testFineTune) }

func testFineTune(t *testing.T, items []*record.Item) {
	backbone, input := small(t), encode(t, []string{"red", "green"}, items...)
	flags := []string{"--fine-tune", "2", "--epochs", "3", "--batch", "4", "--lr", "0.003"}
	got := fitted(t, backbone, input, append(flags, "-j", "1")...)
	tuning := tuningOf(t, got)
	if tuning == nil || len(tuning.Epochs) != 3 || tuning.Best == 0 || tuning.Layers != "the last 2 of 3 layers" {
		t.Fatalf("the report has %+v\n%s", tuning, got.stderr)
	}
	for i, e := range tuning.Epochs {
		if e.ValLoss < tuning.Epochs[tuning.Best-1].ValLoss || i == tuning.Best-1 && !(e.ValLoss < tuning.Before.ValLoss) {
			t.Errorf("epoch %d was chosen of %+v", tuning.Best, tuning)
		}
	}
	for _, want := range []string{"fine-tuned the last 2 of 3 layers", "test accuracy"} {
		if !strings.Contains(got.stdout, want) {
			t.Errorf("no %q on standard output:\n%s", want, got.stdout)
		}
	}
	if !strings.Contains(string(got.files["m.html"]), "fine-tuned the last 2 of 3 layers") {
		t.Error("the page does not say what was fine-tuned")
	}
	if len(got.files) != 3 {
		t.Errorf("%d files are left", len(got.files))
	}
	other := fitted(t, backbone, input, append(flags, "-j", "3")...)
	if !bytes.Equal(got.files["m.onnx"], other.files["m.onnx"]) {
		t.Error("another number of threads gives another model")
	}
	decayed := fitted(t, backbone, input, append(flags, "--weight-decay", "1")...)
	if bytes.Equal(got.files["m.onnx"], decayed.files["m.onnx"]) || !strings.Contains(string(decayed.files["m.json"]), `"weight_decay": 1`) {
		t.Error("--weight-decay changes nothing, or is not in the report")
	}

	c, err := model.ReadClassifier(got.files["m.onnx"])
	if err != nil {
		t.Fatal(err)
	}
	if items[0].Context != nil {
		before, err := model.ReadClassifier(fitted(t, backbone, input).files["m.onnx"])
		if err != nil {
			t.Fatal(err)
		}
		if c.Backbone.FineTuned != tuning.Layers || c.Backbone.Of == before.Backbone.Of || c.Backbone.ContextSide != side/2 || c.Backbone.Dim != before.Backbone.Dim {
			t.Errorf("the model is of %+v", c.Backbone)
		}
		return // a model of two views is no backbone
	}
	path := filepath.Join(t.TempDir(), "again.onnx")
	if err := os.WriteFile(path, got.files["m.onnx"], 0o600); err != nil {
		t.Fatal(err)
	}
	again, err := transfer.Open(path, transfer.Options{Side: side})
	if err != nil {
		t.Fatal(err)
	}
	before, err := transfer.Open(backbone, transfer.Options{Side: side, Normalization: parsed(t, "imagenet")})
	if err != nil {
		t.Fatal(err)
	}
	if again.Backbone != c.Backbone || c.Backbone.FineTuned != tuning.Layers || again.Of == before.Of || c.Backbone.FileSHA256 != before.FileSHA256 {
		t.Errorf("the model is of %+v, read again of %+v", c.Backbone, again.Backbone)
	}
}

// TestFineTuneOnVariants: an epoch of training is one of oi-augment.
func TestFineTuneOnVariants(t *testing.T) { eachViews(t, testFineTuneOnVariants) }

func testFineTuneOnVariants(t *testing.T, items []*record.Item) {
	input := encode(t, []string{"red", "green"}, variants(t, items, 2)...)
	got := fitted(t, small(t), input, "--fine-tune", "all", "--batch", "4", "--lr", "0.003")
	tuning := tuningOf(t, got)
	if tuning == nil || len(tuning.Epochs) != 2 || tuning.Layers != "all 3 layers" {
		t.Errorf("the report has %+v\n%s", tuning, got.stderr)
	}
}

// TestFineTuneKeepsItsStart: with a rate at which everything is forgotten, the
// head on the backbone stays, and the report shows both.
func TestFineTuneKeepsItsStart(t *testing.T) {
	backbone, input := small(t), encode(t, []string{"red", "green"}, twoClasses()...)
	want := fitted(t, backbone, input)
	got := fitted(t, backbone, input, "--fine-tune", "1", "--epochs", "1", "--lr", "1", "--batch", "2")
	tuning := tuningOf(t, got)
	if tuning == nil || tuning.Best != 0 || !strings.Contains(got.stdout, "made it no better") {
		t.Fatalf("%+v\n%s", tuning, got.stdout)
	}
	weights := func(o outcome) (hash string) {
		var r struct {
			Weights string `json:"weights_sha256"`
		}
		if err := json.Unmarshal(o.files["m.json"], &r); err != nil {
			t.Fatal(err)
		}
		return r.Weights
	}
	if weights(got) != weights(want) {
		t.Error("the weights are not those of the head alone")
	}
}

// cancelling cancels when a text is written.
type cancelling struct {
	buffer bytes.Buffer
	text   string
	cancel func()
}

func (c *cancelling) Write(p []byte) (int, error) {
	n, err := c.buffer.Write(p)
	if bytes.Contains(c.buffer.Bytes(), []byte(c.text)) {
		c.cancel()
	}
	return n, err
}

// TestFineTuneExpect: options that differ are named, and not taken for another
// backbone.
func TestFineTuneExpect(t *testing.T) {
	backbone, input := small(t), encode(t, []string{"red", "green"}, twoClasses()...)
	flags := []string{"--fine-tune", "2", "--epochs", "1", "--batch", "4"}
	before := saveReport(t, fitted(t, backbone, input, flags...).files["m.json"], nil)
	got := fitHead(t, t.Context(), t.TempDir(), backbone, input, "--fine-tune", "2", "--batch", "4", "--weight-decay", "0.2", "--expect", before)
	if got.code != 1 || !strings.Contains(got.stderr, "other options: --weight-decay not given, now 0.2; --epochs 1, now not given\n") || strings.Contains(got.stderr, "identity of the features") {
		t.Errorf("exit %d: %s", got.code, got.stderr)
	}
	if got := fitHead(t, t.Context(), t.TempDir(), backbone, input, append(flags, "--expect", before)...); got.code != 0 {
		t.Errorf("the same options: exit %d: %s", got.code, got.stderr)
	}
	// There is nothing for it to count without variants or fine-tuning.
	if got := fitHead(t, t.Context(), t.TempDir(), backbone, input, "--epochs", "2"); got.code != 1 || !strings.Contains(got.stderr, "--epochs counts epochs of variants, and the items have none") {
		t.Errorf("--epochs for a head: exit %d: %s", got.code, got.stderr)
	}
}

// TestFineTuneResume: an interrupted run goes on as if it had never stopped, and
// one of other options or items does not.
func TestFineTuneResume(t *testing.T) { eachViews(t, testFineTuneResume) }

func testFineTuneResume(t *testing.T, items []*record.Item) {
	backbone, input := small(t), encode(t, []string{"red", "green"}, items...)
	flags := []string{"--fine-tune", "2", "--epochs", "4", "--batch", "4", "--lr", "0.003"}
	want := fitted(t, backbone, input, flags...)

	dir := t.TempDir()
	ctx, cancel := context.WithCancel(t.Context())
	errs := &cancelling{text: "fine-tuning 2/4", cancel: cancel}
	var out bytes.Buffer
	args := append([]string{"-o", filepath.Join(dir, "m"), "--backbone", backbone, "--normalize=imagenet"}, flags...)
	if code := command().Execute(ctx, cmdtest.Env(bytes.NewReader(input), &out, errs), args); code != 130 {
		t.Fatalf("exit %d, want 130: %s", code, errs.buffer.String())
	}
	kept, err := os.ReadFile(filepath.Join(dir, "m.tune.ckpt"))
	if err != nil {
		t.Fatal(err)
	}
	other := fitHead(t, t.Context(), dir, backbone, input, "--fine-tune", "2", "--epochs", "5", "--batch", "4", "--lr", "0.003", "--resume")
	if other.code == 0 || !strings.Contains(other.stderr, "other options: --epochs 4, now 5\n") {
		t.Errorf("with other options: exit %d\n%s", other.code, other.stderr)
	}
	for i := range 3 { // a damaged one
		bad := bytes.Clone(kept)
		bad[len(bad)*(i+1)/4] ^= 1
		if err := os.WriteFile(filepath.Join(dir, "m.tune.ckpt"), bad, 0o600); err != nil {
			t.Fatal(err)
		}
		if got := fitHead(t, t.Context(), dir, backbone, input, append(flags, "--resume")...); got.code == 0 || !strings.Contains(got.stderr, "m.tune.ckpt") {
			t.Errorf("a damaged checkpoint: exit %d\n%s", got.code, got.stderr)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "m.tune.ckpt"), kept, 0o600); err != nil {
		t.Fatal(err)
	}
	got := fitHead(t, t.Context(), dir, backbone, input, append(flags, "--resume")...)
	if got.code != 0 || !strings.Contains(got.stderr, "going on after epoch 2 of fine-tuning") {
		t.Fatalf("exit %d\n%s", got.code, got.stderr)
	}
	if !bytes.Equal(got.files["m.onnx"], want.files["m.onnx"]) {
		t.Error("the model is another than that of a run that never stopped")
	}
	if got.files["m.tune.ckpt"] != nil || got.files["m.ckpt"] != nil {
		t.Error("a checkpoint is still there")
	}
}

func TestFineTuneRefuses(t *testing.T) {
	backbone, input := small(t), encode(t, []string{"red", "green"}, twoClasses()...)
	for want, args := range map[string][]string{
		"want a number of layers from 1": {"--fine-tune", "0"},
		"training from scratch":          {"--lr", "0.1"},
	} {
		if got := fitHead(t, t.Context(), t.TempDir(), backbone, input, args...); got.code != 2 || !strings.Contains(got.stderr, want) {
			t.Errorf("%v: exit %d, %s", args, got.code, got.stderr)
		}
	}
	items := twoClasses()
	for _, item := range items {
		if item.Set == "val" {
			item.Set = "train"
		}
	}
	if got := fitHead(t, t.Context(), t.TempDir(), backbone, encode(t, []string{"red", "green"}, items...), "--fine-tune", "1"); got.code == 0 || !strings.Contains(got.stderr, "--val") {
		t.Errorf("without val: exit %d, %s", got.code, got.stderr)
	}
}

func parsed(t *testing.T, normalize string) *preprocess.Normalization {
	t.Helper()
	n, err := preprocess.Parse(normalize, "")
	if err != nil {
		t.Fatal(err)
	}
	return n
}
