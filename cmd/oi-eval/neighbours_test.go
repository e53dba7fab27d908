package main

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/opensandwich/oi/cmd/internal/cmdtest"
	"github.com/opensandwich/oi/cmd/internal/report"
	"github.com/opensandwich/oi/record"
)

// shade is item n, all of one colour with some blue in it.
func shade(n int, shows, label, set string, blue byte) *record.Item {
	item := picture(n, shows, label, set)
	for i := 2; i < len(item.Tensor.Data); i += 3 {
		item.Tensor.Data[i] = blue
	}
	return item
}

func neighbourhoodStream(t *testing.T) []byte {
	t.Helper()
	return embedded(t, encode(t,
		shade(1, "red", "red", "train", 0), shade(2, "red", "red", "train", 50), shade(3, "red", "green", "train", 100), // one label is wrong
		shade(4, "green", "green", "train", 0), shade(5, "green", "green", "train", 50),
		shade(6, "red", "red", "test", 10), shade(7, "green", "green", "test", 10), shade(8, "red", "green", "test", 95),
	), writeMeans(t, side))
}

// The nearest train items answer, whatever the number of threads.
func TestNeighbours(t *testing.T) {
	in := neighbourhoodStream(t)
	for k, want := range map[int][2][2]int{1: {{2, 0}, {0, 1}}, 3: {{1, 1}, {0, 1}}} {
		for _, jobs := range []string{"-j1", "-j2"} {
			code, out, stderr := eval(t, in, "--neighbours", fmt.Sprint(k), jobs, "-")
			if code != 0 || out != text(t, want) || strings.Contains(stderr, `\n`) {
				t.Errorf("%d neighbours, %s: exit %d: %s%s\nwant %s", k, jobs, code, stderr, out, text(t, want))
			}
		}
	}
	if code, _, stderr := eval(t, in, "--neighbours=3", "--require=accuracy>=0.9", "-"); code != 1 || !strings.Contains(stderr, "accuracy is 0.6667") {
		t.Errorf("exit %d: %s", code, stderr)
	}
}

// The report is one like a model's, with what made the vectors in its place.
func TestNeighboursReport(t *testing.T) {
	in, dir := neighbourhoodStream(t), t.TempDir()
	page, data, text := filepath.Join(dir, "a.html"), filepath.Join(dir, "a.json"), filepath.Join(dir, "a.md")
	code, out, stderr := eval(t, in, "--neighbours=3", "--json", "--report", page, "--report", data, "--report", text, "-")
	if code != 0 {
		t.Fatalf("exit %d: %s", code, stderr)
	}
	files := map[string]string{}
	for _, path := range []string{page, data, text} {
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		files[path] = string(content)
	}
	var r report.Report
	if err := json.Unmarshal([]byte(out), &r); err != nil || files[data] != out {
		t.Fatalf("%v: other JSON in the file than on standard output", err)
	}
	_, items, _ := cmdtest.Decode(t, in)
	of := items[0].Embedding.Of
	if b := r.Provenance.Backbone; b == nil || b.Of != of || b.Dim != 3 || len(b.FileSHA256) != 64 || r.WeightsSHA256 != "" || len(r.Provenance.Data) != 64 {
		t.Errorf("provenance %+v", r.Provenance)
	}
	if r.Evaluation.Items != 3 || math.Abs(r.Evaluation.Accuracy-2./3) > 1e-9 || r.Sets["test"]["green"] != 2 || r.Architecture != "the 3 nearest neighbours of 5 train items, by 3 numbers of float16 each" {
		t.Errorf("%+v", r)
	}
	for path, wants := range map[string][]string{page: {of, report.NoPictures}, text: {of, report.NoPictures}} {
		for _, want := range wants {
			if !strings.Contains(files[path], want) || strings.Contains(files[path], "weights</td>") || strings.Contains(files[path], "<td>licence</td>") {
				t.Errorf("%s lacks %q, or has empty rows", path, want)
			}
		}
	}
	// One with fewer neighbours is compared with it as a model is.
	if code, _, stderr := eval(t, in, "--neighbours=1", "--baseline", data, "-"); code != 0 || !strings.Contains(stderr, "on 3 common items: +0.3333") {
		t.Errorf("exit %d: %s", code, stderr)
	}
}

// With --emit each item has its neighbours, of other photos and the nearest
// first, which show the wrong label.
func TestEmitNeighbours(t *testing.T) {
	in := neighbourhoodStream(t)
	code, out, stderr := eval(t, in, "--neighbours=2", "--emit", "--json", "-")
	if code != 0 {
		t.Fatalf("exit %d: %s", code, stderr)
	}
	var suspects []string
	for line := range strings.Lines(out) {
		var item struct {
			ID         string
			Label      struct{ Name string }
			Prediction struct {
				Label      string
				Neighbours []struct {
					Key, Label string
					Similarity float64
				}
			}
		}
		if err := json.Unmarshal([]byte(line), &item); err != nil {
			t.Fatal(err)
		}
		n := item.Prediction.Neighbours
		if len(n) != 2 || n[0].Similarity < n[1].Similarity || strings.HasPrefix(n[0].Key, item.ID) {
			t.Errorf("%+v", item)
		}
		if n[0].Label != item.Label.Name && n[1].Label != item.Label.Name {
			suspects = append(suspects, item.ID)
		}
		if item.ID == "0006" && math.Abs(n[0].Similarity-1/math.Hypot(1, 10./255)) > 1e-3 {
			t.Errorf("%+v", n)
		}
	}
	if got := strings.Join(suspects, " "); got != "0003" {
		t.Errorf("suspects %s", got)
	}
	_, first, _ := eval(t, in, "--neighbours=2", "--emit", "-j1", "-")
	_, second, _ := eval(t, in, "--neighbours=2", "--emit", "-j3", "-")
	_, items, end := cmdtest.Decode(t, []byte(first))
	if first != second || len(items) != 8 || end.Stages[len(end.Stages)-1].Out != 8 {
		t.Errorf("other bytes, or %d items", len(items))
	}
}

// TestNeighboursFew: of fewer train items than neighbours, all answer, which is
// said.
func TestNeighboursFew(t *testing.T) {
	const warning = "there are only 5 train items"
	for k, want := range map[string]bool{"5": false, "6": true} {
		code, _, stderr := eval(t, neighbourhoodStream(t), "--neighbours="+k, "-")
		if code != 0 || strings.Contains(stderr, warning) != want {
			t.Errorf("%s neighbours: exit %d: %s", k, code, stderr)
		}
	}
}

func TestNeighboursRefuses(t *testing.T) {
	whole := encode(t, held()...)
	for name, tc := range map[string]struct {
		stdin []byte
		args  []string
		code  int
		want  string
	}{
		"no embeddings":  {whole, []string{"--neighbours=3", "-"}, 1, "has no embedding"},
		"no train":       {embedded(t, whole, writeMeans(t, side)), []string{"--neighbours=3", "-"}, 1, "there are no train items"},
		"too many":       {whole, []string{"--neighbours=1001", "-"}, 2, "want 1 to 1000"},
		"--emit, report": {whole, []string{"--neighbours=1", "--emit", "--report=a.html", "-"}, 2, "does not go with --report"},
		"odd figure":     {neighbourhoodStream(t), []string{"--neighbours=1", "--require=recall[blue]>=1", "-"}, 2, "no figure is called"},
		"with --embed":   {whole, []string{"--neighbours=1", "--embed", "-"}, 2, "does not go with --embed"},
	} {
		if code, _, stderr := eval(t, tc.stdin, tc.args...); code != tc.code || !strings.Contains(stderr, tc.want) {
			t.Errorf("%s: exit %d: %s", name, code, stderr)
		}
	}
}
