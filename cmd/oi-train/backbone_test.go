package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/opensandwich/oi/cmd/internal/cli"
	"github.com/opensandwich/oi/cmd/internal/cmdtest"
	"github.com/opensandwich/oi/cmd/internal/model"
	"github.com/opensandwich/oi/cmd/internal/transfer"
	"github.com/opensandwich/oi/record"
)

// fitHead runs oi-train with a backbone in a folder that is left as it is.
func fitHead(t *testing.T, ctx context.Context, dir, backbone string, stdin []byte, args ...string) outcome {
	t.Helper()
	return fitHeadBy(t, ctx, command(), dir, backbone, stdin, args...)
}

// fitHeadBy is the same by a command of other limits.
func fitHeadBy(t *testing.T, ctx context.Context, c *cli.Command, dir, backbone string, stdin []byte, args ...string) outcome {
	t.Helper()
	all := append([]string{"-o", filepath.Join(dir, "m"), "--backbone", backbone, "--normalize=imagenet"}, args...)
	code, stdout, stderr := cmdtest.Run(ctx, c, stdin, all...)
	result := outcome{code, string(stdout), stderr, map[string][]byte{}}
	names, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if result.files[name.Name()], err = os.ReadFile(filepath.Join(dir, name.Name())); err != nil {
			t.Fatal(err)
		}
	}
	return result
}

// fitted is fitHead in a new folder, which must succeed.
func fitted(t *testing.T, backbone string, stdin []byte, args ...string) outcome {
	t.Helper()
	got := fitHead(t, t.Context(), t.TempDir(), backbone, stdin, args...)
	if got.code != 0 {
		t.Fatalf("exit %d\n%s", got.code, got.stderr)
	}
	return got
}

// small is a backbone of the pictures' side.
func small(t *testing.T) string { return cmdtest.Backbone{Seed: 1, Side: side}.Write(t) }

func TestBackbone(t *testing.T) {
	backbone, input := small(t), encode(t, []string{"red", "green"}, twoClasses()...)
	got := fitted(t, backbone, input, "--backbone-licence", "CC0 <1.0>")
	for _, want := range []string{"C=", "test accuracy", "a linear head on 12 features of small"} {
		if !strings.Contains(got.stdout, want) {
			t.Errorf("no %q on standard output:\n%s", want, got.stdout)
		}
	}
	for _, want := range []string{"the input of the classifier", "licence CC0 <1.0>", "  chosen", "oi-eval"} {
		if !strings.Contains(got.stderr, want) {
			t.Errorf("no %q on standard error:\n%s", want, got.stderr)
		}
	}
	if strings.Contains(got.stderr, "--backbone") {
		t.Errorf("a run with a backbone hints at --backbone:\n%s", got.stderr)
	}
	if got.files["m.ckpt"] != nil {
		t.Error("the checkpoint is still there")
	}
	var r struct {
		Architecture string
		Weights      string `json:"weights_sha256"`
		Head         struct {
			C     float64
			Table []struct {
				C       float64
				ValLoss float64 `json:"val_loss"`
			}
		}
		Provenance struct{ Backbone model.Backbone }
		Evaluation struct{ Accuracy float64 }
	}
	if err := json.Unmarshal(got.files["m.json"], &r); err != nil {
		t.Fatal(err)
	}
	if r.Evaluation.Accuracy != 1 {
		t.Errorf("an accuracy of %v: the colours can be told apart", r.Evaluation.Accuracy)
	}
	best := slices.MinFunc(r.Head.Table, func(a, b struct {
		C       float64
		ValLoss float64 `json:"val_loss"`
	}) int {
		return int(1e9 * (a.ValLoss - b.ValLoss))
	})
	if best.C != r.Head.C || len(r.Head.Table) != 6 {
		t.Errorf("C=%g was chosen of %+v", r.Head.C, r.Head.Table)
	}
	c, err := model.ReadClassifier(got.files["m.onnx"])
	if err != nil {
		t.Fatal(err)
	}
	if b := r.Provenance.Backbone; c.Backbone != b || b.Name != "small" || b.Licence != "CC0 <1.0>" || b.Side != side || b.Dim != 12 || b.Producer != "a test 1" || b.DType != "float16" {
		t.Errorf("in the model %+v, in the report %+v", c.Backbone, b)
	}
	if !slices.Equal(c.Classes, []string{"green", "red"}) || c.Meta["head"] == "" || c.Meta["metrics"] == "" || c.Meta["trained_on_ids"] == "" {
		t.Errorf("classes %v, metadata %v", c.Classes, c.Meta)
	}
	page := string(got.files["m.html"])
	if !strings.Contains(page, "CC0 &lt;1.0&gt;") || !strings.Contains(page, c.Backbone.Of) || strings.Contains(page, "epoch") {
		t.Error("the page lacks the backbone, or speaks of epochs")
	}

	// The model is a backbone itself, and of the same features.
	path := filepath.Join(t.TempDir(), "again.onnx")
	if err := os.WriteFile(path, got.files["m.onnx"], 0o600); err != nil {
		t.Fatal(err)
	}
	b, err := transfer.Open(path, transfer.Options{Side: side})
	if err != nil {
		t.Fatal(err)
	}
	if b.Backbone != c.Backbone {
		t.Errorf("the model as a backbone is %+v, not %+v", b.Backbone, c.Backbone)
	}
}

// TestBackboneSameBytes: the files do not depend on threads, on where features
// are kept, or on the order of the stream.
func TestBackboneSameBytes(t *testing.T) {
	backbone, items := small(t), twoClasses()
	want := fitted(t, backbone, encode(t, nil, items...))
	reversed := slices.Clone(items)
	slices.Reverse(reversed)
	for name, args := range map[string][]string{"-j1": {"-j1"}, "-j5": {"-j5"}, "file": {"--spool-memory", "0"}, "order": nil} {
		input := encode(t, nil, items...)
		if name == "order" {
			input = encode(t, nil, reversed...)
		}
		got := fitted(t, backbone, input, args...)
		for _, file := range []string{"m.onnx", "m.json", "m.html"} {
			if !bytes.Equal(got.files[file], want.files[file]) {
				t.Errorf("%s: %s differs", name, file)
			}
		}
	}
}

// TestBackboneFew: one item a class, no validation set, no test set, and many
// classes.
func TestBackboneFew(t *testing.T) {
	backbone := small(t)
	colours := pictures(0, 2, "train", "red", "green")
	got := fitted(t, backbone, encode(t, nil, colours...))
	if !strings.Contains(got.stdout, "There is neither a test nor a validation set") {
		t.Errorf("no word about figures:\n%s", got.stdout)
	}
	if !strings.Contains(string(got.files["m.json"]), `"chosen_by": "the middle one`) {
		t.Error("another rule than the middle strength")
	}
	got = fitted(t, backbone, encode(t, nil, pictures(0, 40, "train", "red", "green")...))
	if !strings.Contains(string(got.files["m.json"]), `"chosen_by": "log loss in cross-validation"`) {
		t.Error("without val there was no cross-validation")
	}
	got = fitted(t, backbone, encode(t, nil, slices.Concat(pictures(0, 20, "train", "red", "green"), pictures(50, 3, "val", "red"))...))
	if !strings.Contains(got.stderr, "val has one class only") || !strings.Contains(string(got.files["m.json"]), "cross-validation") {
		t.Errorf("a strength was chosen on one class:\n%s", got.stderr)
	}
	var many []*record.Item
	for i := range 600 {
		item := picture(i, "red", "train")
		item.Label.Name = fmt.Sprintf("class %03d", i)
		many = append(many, item)
	}
	got = fitted(t, backbone, encode(t, nil, many...))
	c, err := model.ReadClassifier(got.files["m.onnx"])
	if err != nil || len(c.Classes) != 600 {
		t.Errorf("600 classes: %v", err)
	}
}

func TestBackboneVariants(t *testing.T) {
	backbone, items := small(t), twoClasses()
	got := fitted(t, backbone, encode(t, nil, variants(t, items, 2)...))
	rows := func(o outcome) int {
		var r struct{ Head struct{ Rows int } }
		if err := json.Unmarshal(o.files["m.json"], &r); err != nil {
			t.Fatal(err)
		}
		return r.Head.Rows
	}
	if n := rows(got); n != 64 {
		t.Errorf("two epochs of 32 items are %d rows", n)
	}
	got = fitted(t, backbone, encode(t, nil, variants(t, items, 3)...), "--epochs", "1", "--class-weights", "balanced")
	if n := rows(got); n != 32 {
		t.Errorf("--epochs 1 of 32 items is %d rows", n)
	}
}

// TestBackboneResume interrupts a run while features are computed, damages what
// it left, and goes on.
func TestBackboneResume(t *testing.T) {
	backbone := small(t)
	input := encode(t, nil, variants(t, twoClasses(), 3)...)
	want := fitted(t, backbone, input)
	cutAt := len(input) / 2
	interrupted := func(t *testing.T) string {
		ctx, cancel := context.WithCancel(t.Context())
		dir := t.TempDir()
		var out, errs bytes.Buffer
		env := cmdtest.Env(&leaves{bytes.NewReader(input[:cutAt]), cancel}, &out, &errs)
		code := command().Execute(ctx, env, []string{"-o", filepath.Join(dir, "m"), "--backbone", backbone, "--normalize=imagenet"})
		if code != 130 || !strings.Contains(errs.String(), "--resume") {
			t.Fatalf("exit %d, want 130: %s", code, errs.String())
		}
		return dir
	}
	for name, damage := range map[string]func([]byte) []byte{
		"whole":   func(b []byte) []byte { return b },
		"cut":     func(b []byte) []byte { return b[:len(b)-7] },
		"flipped": func(b []byte) []byte { b[featuresHead+200] ^= 1; return b },
		"empty":   func([]byte) []byte { return nil },
	} {
		t.Run(name, func(t *testing.T) {
			dir := interrupted(t)
			path := filepath.Join(dir, "m.ckpt")
			data, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, damage(data), 0o600); err != nil {
				t.Fatal(err)
			}
			got := fitHead(t, t.Context(), dir, backbone, input, "--resume")
			if got.code != 0 || name != "empty" && !strings.Contains(got.stderr, "going on with the features of") {
				t.Fatalf("exit %d\n%s", got.code, got.stderr)
			}
			if !bytes.Equal(got.files["m.onnx"], want.files["m.onnx"]) {
				t.Error("another model than that of a run that never stopped")
			}
			if got.files["m.ckpt"] != nil {
				t.Error("the checkpoint is still there")
			}
		})
	}
	t.Run("another", func(t *testing.T) {
		dir := interrupted(t)
		got := fitHead(t, t.Context(), dir, cmdtest.Backbone{Seed: 2, Side: side}.Write(t), input, "--resume")
		if got.code != 1 || !strings.Contains(got.stderr, "features of another backbone") {
			t.Errorf("exit %d\n%s", got.code, got.stderr)
		}
		code, _, stderr := cmdtest.Run(t.Context(), command(), input, append(quick(dir), "--resume")...)
		if code != 1 || !strings.Contains(stderr, "the features of a run with --backbone") {
			t.Errorf("exit %d\n%s", code, stderr)
		}
		got = fitHead(t, t.Context(), dir, backbone, input)
		if got.code != 0 || !strings.Contains(got.stderr, "is replaced") || !bytes.Equal(got.files["m.onnx"], want.files["m.onnx"]) {
			t.Errorf("exit %d\n%s", got.code, got.stderr)
		}
	})
}

// TestBackboneExpect: the same run again, and runs with another backbone.
func TestBackboneExpect(t *testing.T) {
	backbone, input := small(t), encode(t, nil, twoClasses()...)
	first := fitted(t, backbone, input)
	report := filepath.Join(t.TempDir(), "first.json")
	if err := os.WriteFile(report, first.files["m.json"], 0o600); err != nil {
		t.Fatal(err)
	}
	got := fitted(t, backbone, input, "--expect", report)
	if !bytes.Equal(got.files["m.onnx"], first.files["m.onnx"]) {
		t.Error("another model")
	}
	got = fitted(t, backbone, input, "--expect", report, "--backbone-licence", "MIT")
	if !strings.Contains(got.stderr, "backbone: licence unknown, now MIT") {
		t.Errorf("no word about the licence:\n%s", got.stderr)
	}
	got = fitHead(t, t.Context(), t.TempDir(), cmdtest.Backbone{Seed: 2, Side: side}.Write(t), input, "--expect", report)
	if got.code != 1 || !strings.Contains(got.stderr, "identity of the features") || got.files["m.onnx"] != nil {
		t.Errorf("exit %d\n%s", got.code, got.stderr)
	}
}

func TestBackboneRefuses(t *testing.T) {
	backbone, input := small(t), encode(t, nil, twoClasses()...)
	flat := cmdtest.Backbone{Seed: 1, Side: 32, Flat: true}.Write(t)
	alone := filepath.Join(t.TempDir(), "m.onnx")
	if err := os.WriteFile(alone, []byte("no network"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		args []string
		code int
		want []string
	}{
		"no normalisation": {[]string{"--backbone", backbone}, 1, []string{"imagenet, -1..1, 0..1", "oi-eval --labels"}},
		"another one":      {[]string{"--backbone", backbone, "--normalize=2..3"}, 2, []string{"--normalize"}},
		"channels alone":   {[]string{"--backbone", backbone, "--channels", "bgr"}, 2, []string{"--normalize"}},
		"scratch":          {[]string{"--backbone", backbone, "--normalize=0..1", "--lr", "0.1"}, 2, []string{"--lr is about training from scratch"}},
		"no backbone":      {[]string{"--normalize=0..1"}, 2, []string{"--backbone, which is not given"}},
		"no network":       {[]string{"--backbone", alone, "--normalize=0..1"}, 1, []string{"not an ONNX file"}},
		"side":             {[]string{"--backbone", flat, "--normalize=0..1"}, 1, []string{"takes pictures of 32x32, these are 24x24", "oi-crop --size 32"}},
		"no such value":    {[]string{"--backbone", backbone, "--normalize=0..1", "--features", "nose"}, 1, []string{`no value "nose"; it gives "logits"`}},
		"two choices":      {[]string{"--backbone", backbone, "--normalize=0..1", "--normalize=imagenet"}, 2, []string{`--normalize imagenet: it was given before, as "0..1"`}},
		"all the same":     {[]string{"--backbone", backbone, "--normalize=0/1e6"}, 1, []string{"pictures to train on have the same features", "another --normalize"}},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			code, _, stderr := cmdtest.Run(t.Context(), command(), input, append([]string{"-o", filepath.Join(dir, "m")}, c.args...)...)
			if code != c.code {
				t.Errorf("exit %d, want %d", code, c.code)
			}
			for _, want := range c.want {
				if !strings.Contains(stderr, want) {
					t.Errorf("no %q in %s", want, stderr)
				}
			}
			if _, err := os.Stat(filepath.Join(dir, "m.onnx")); err == nil {
				t.Error("there is a model")
			}
		})
	}
	// The backbone is not written over.
	dir := t.TempDir()
	data, err := os.ReadFile(backbone)
	if err != nil {
		t.Fatal(err)
	}
	own := filepath.Join(dir, "m.onnx")
	if err := os.WriteFile(own, data, 0o600); err != nil {
		t.Fatal(err)
	}
	if got := fitHead(t, t.Context(), dir, own, input); got.code == 0 || !bytes.Equal(got.files["m.onnx"], data) {
		t.Errorf("exit %d: the backbone was written over\n%s", got.code, got.stderr)
	}
	// Works at another side, and says so.
	got := fitted(t, cmdtest.Backbone{Seed: 1, Side: 64}.Write(t), input)
	if !strings.Contains(got.stderr, "declares pictures of 64x64 and works at 24x24") {
		t.Errorf("no word about the side:\n%s", got.stderr)
	}
}

// TestScratchHints: a run from scratch names the other way.
func TestScratchHints(t *testing.T) {
	got := runTrain(t, t.Context(), encode(t, nil, twoClasses()...), "--epochs", "1")
	if got.code != 0 || !strings.Contains(got.stderr, "oi-train --backbone") || strings.Contains(string(got.files["m.json"]), `"head"`) {
		t.Errorf("exit %d\n%s", got.code, got.stderr)
	}
}
