package main

import (
	"bytes"
	"encoding/json"
	"image/color"
	"maps"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/opensandwich/oi/cmd/internal/cmdtest"
	"github.com/opensandwich/oi/cmd/internal/dataset"
	"github.com/opensandwich/oi/cmd/internal/preprocess"
	"github.com/opensandwich/oi/cmd/internal/transfer"
)

// write writes a file in a folder of its own.
func write(t *testing.T, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// writeCombined writes a model of oi-train whose features are the means of the
// colours and whose head tells green from red as network does. It was trained on
// pictures 0 and 1.
func writeCombined(t *testing.T) string { return writeCombinedOf(t, nil) }

// writeCombinedOf writes the same model with more metadata.
func writeCombinedOf(t *testing.T, more map[string]string) string {
	t.Helper()
	n, err := preprocess.Parse("0..1", "")
	if err != nil {
		t.Fatal(err)
	}
	b, err := transfer.Open(writeMeans(t, side), transfer.Options{Side: side, Normalization: n, Licence: "CC0"})
	if err != nil {
		t.Fatal(err)
	}
	g, err := b.WithHead([]float32{0, 4, 0, 4, 0, 0}, []float32{0, 0})
	if err != nil {
		t.Fatal(err)
	}
	var photos dataset.Photos
	for n := range 2 {
		item := picture(n, "red", "red", "")
		photos.Mark(photos.Add(item.ID, dataset.PictureOf(item)), dataset.Trained)
	}
	known := photos.Known(dataset.Trained)
	meta := map[string]string{"run": "0123456789abcdef", "trained_on": known.Pictures(), "trained_on_ids": known.IDs()}
	maps.Copy(meta, more)
	var file bytes.Buffer
	if err := b.Write(&file, g, []string{"green", "red"}, "test", meta); err != nil {
		t.Fatal(err)
	}
	return write(t, "burger.onnx", file.String())
}

// A model with a backbone is read like one that was trained from scratch: its
// figures, what it leaves out, its answers for photos and items.
func TestCombinedModel(t *testing.T) {
	own, m := writeModel(t), writeCombined(t)
	stream := encode(t, append(held(), picture(0, "red", "red", "test"))...)
	photo := write(t, "red.jpg", string(photo(t, color.RGBA{255, 0, 0, 255})))
	for _, args := range [][]string{{}, {"--require=accuracy>=0.8"}, {"--set=val"}, {"--json"}, {"--batch=2", "-j1"}} {
		wantCode, want, wantErr := eval(t, stream, append(args, own)...)
		code, got, stderr := eval(t, stream, append(args, m)...)
		if args := strings.Join(args, " "); args == "--json" {
			var full struct {
				Architecture string
				Parameters   int
				Evaluation   struct{ Accuracy float64 }
			}
			if err := json.Unmarshal([]byte(got), &full); err != nil || full.Architecture != "means, linear head" || full.Evaluation.Accuracy != 0.8 {
				t.Errorf("%v: %+v", err, full)
			}
		} else if code != wantCode || got != want || !strings.Contains(stderr, "left out 1 items") && args != "--set=val" || code != 0 {
			t.Errorf("%s: exit %d, want %d\n%s\nwant %s\n%s\n%s", args, code, wantCode, got, want, stderr, wantErr)
		}
	}
	_, want, _ := eval(t, nil, own, photo)
	if code, got, stderr := eval(t, nil, m, photo); code != 0 || !strings.HasPrefix(got, photo+"\tred\t") {
		t.Errorf("exit %d: %s%s\nwant %s", code, got, stderr, want)
	}
	_, out, _ := eval(t, stream, "--emit", m)
	_, items, _ := cmdtest.Decode(t, []byte(out))
	for _, item := range items {
		if p := item.Prediction; p == nil || math.Abs(math.Max(p.Probabilities["red"], p.Probabilities["green"])-sure) > 1e-6 || p.Seen != (item.ID == "0000") {
			t.Errorf("%s: %+v", item.Key, p)
		}
	}
	code, out, _ := eval(t, nil, "--info", m)
	for _, want := range []string{"classes      green, red", "4x4 pixels", "means, linear head, 8 parameters", "licence: CC0, made by somebody 1", "preprocessing: 0..1 (from --normalize)", "2 photos known by their ids"} {
		if !strings.Contains(out, want) {
			t.Errorf("--info lacks %q, exit %d:\n%s", want, code, out)
		}
	}
	_, out, _ = eval(t, nil, "--info", "--json", m)
	var d description
	if err := json.Unmarshal([]byte(out), &d); err != nil || d.Backbone == nil || d.Backbone.Dim != 3 || len(d.Weights) != 64 {
		t.Errorf("%v: %s", err, out)
	}
	data, err := os.ReadFile(m)
	if err != nil {
		t.Fatal(err)
	}
	for name, file := range map[string]string{
		"cut": string(data[:len(data)-5]), "changed": strings.Replace(string(data), `["green","red"]`, `["red","green"]`, 1),
	} {
		if code, _, stderr := eval(t, stream, write(t, "x.onnx", file)); code != 1 || !strings.Contains(stderr, "hint: copy the file again") {
			t.Errorf("%s: exit %d: %s", name, code, stderr)
		}
	}
	if code, _, stderr := eval(t, stream, "--labels=x.txt", m); code != 2 || !strings.Contains(stderr, "are for models that oi-train did not write") {
		t.Errorf("with --labels: exit %d: %s", code, stderr)
	}
}

// Any classifier answers once its answers have names and it is said what it
// wants done to the bytes.
func TestForeignClassifier(t *testing.T) {
	m, labels := writeMeans(t, side), write(t, "names.txt", "red\r\ngreen\nblue\n")
	red := write(t, "red.jpg", string(photo(t, color.RGBA{255, 0, 0, 255})))
	ask := []string{"--labels", labels, "--normalize=0..1"}
	code, out, stderr := eval(t, nil, append(ask, m, red)...)
	if code != 0 || !strings.HasPrefix(out, red+"\tred\tred=0.9") || !strings.Contains(stderr, `and the softmax of them; pictures of 4x4`) {
		t.Errorf("exit %d: %s%s", code, out, stderr)
	}
	if _, out, _ := eval(t, nil, append(ask, "--top=1", m, red)...); strings.Count(out, "=") != 1 {
		t.Errorf("--top 1: %s", out)
	}
	// The other order of the channels is seen in the answer.
	if _, out, _ := eval(t, nil, append(ask, "--channels=bgr", m, red)...); !strings.Contains(out, "\tblue\t") {
		t.Errorf("bgr: %s", out)
	}
	// At another side than the declared one, on a labelled stream.
	code, out, stderr = eval(t, encode(t, held()...), append(ask, writeMeans(t, 8))...)
	if code != 0 || !strings.Contains(stderr, "declares pictures of 8x8 and works at 4x4") || !strings.Contains(out, "micro avg") {
		t.Errorf("exit %d: %s%s", code, out, stderr)
	}
	// Items whose label is none of its own are answered for all the same.
	other := picture(3, "red", "Hamburger", "test")
	code, out, stderr = eval(t, encode(t, other), append(ask, "--emit", m)...)
	_, items, _ := cmdtest.Decode(t, []byte(out))
	if code != 0 || len(items) != 1 || items[0].Prediction.Label != "red" {
		t.Errorf("exit %d: %s", code, stderr)
	}
	// A name that stands there twice is the name of no answer, which is said.
	twice := write(t, "twice.txt", "red\ngreen\nred\n")
	if _, _, stderr := eval(t, encode(t, held()...), "--labels", twice, "--normalize=0..1", "--max-skips=90%", m); !strings.Contains(stderr, "red stands in --labels several times, so that the model answers red (N)") {
		t.Errorf("a name that comes twice: %s", stderr)
	}
	for name, tc := range map[string]struct {
		args []string
		want string
	}{
		"no labels":        {[]string{m, red}, "hint: oi-eval --labels NAMES.txt asks models"},
		"no preprocessing": {[]string{"--labels", labels, m, red}, "imagenet, -1..1"},
		"too few":          {[]string{"--labels", write(t, "two.txt", "a\nb\n"), "--normalize=0..1", m, red}, `no output of 2 answers, one for each label: its outputs are "logits" [N,3]`},
		"an empty line":    {[]string{"--labels", write(t, "gap.txt", "a\n\nb\n"), "--normalize=0..1", m, red}, "name 2 is empty"},
		"no number":        {[]string{"--labels", labels, "--normalize=0/1e-38", m, red}, red + ": predict: picture 1: probability NaN"},
		"no file":          {[]string{"--labels", "missing.txt", "--normalize=0..1", m, red}, "--labels missing.txt"},
	} {
		if code, _, stderr := eval(t, nil, tc.args...); code != 1 || !strings.Contains(stderr, tc.want) {
			t.Errorf("%s: exit %d: %s\nwant %q", name, code, stderr, tc.want)
		}
	}
}

func TestReadLabels(t *testing.T) {
	for content, want := range map[string]string{
		"a\nb\na\n":                            "a (0)|b|a (2)",
		"\ufeffa\r\nb c, d\r\n":                "a|b c, d",
		`["x", "y"]`:                           "x|y",
		`{"1": ["n2", "y"], "0": ["n1", "x"]}`: "x|y",
		`{"id2label": {"0": "x", "1": "y"}}`:   "x|y",
		`{"0": "x", "2": "y"}`:                 "",
		`{"0": "x", "00": "y"}`:                "",
		`["x", ""]`:                            "",
		`["x"`:                                 "",
		"one":                                  "",
	} {
		got, err := readLabels(write(t, "l", content))
		if strings.Join(got, "|") != want || (err == nil) != (want != "") {
			t.Errorf("%q: %q, %v", content, got, err)
		}
	}
}
