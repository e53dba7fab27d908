package report

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/opensandwich/oi/cmd/internal/dataset"
	"github.com/opensandwich/oi/record"
)

const hostile = `<script>alert("x")</script>&'`

// item returns an item with a picture and an author.
func item(n int) *record.Item {
	data := make([]byte, 8*6*3)
	for i := range data {
		data[i] = byte(i * n)
	}
	return &record.Item{
		ID: fmt.Sprintf("%04d", n), Key: fmt.Sprintf("%04d-0", n),
		Image: &record.Image{
			License: "https://example.org/by/2.0/", Author: fmt.Sprintf("author %d %s", n/2, hostile),
			Title: hostile, LandingURL: "javascript:alert(1)",
		},
		Tensor: &record.Tensor{Shape: []int{8, 6, 3}, DType: "uint8", Data: data},
	}
}

// example is a report of 100 answers of which every fourth is wrong.
func example(t *testing.T) *Report {
	t.Helper()
	classes := []string{"Hamburger", hostile}
	answers := NewAccumulator(dataset.Test, classes)
	licences := NewAttribution()
	for i := range 100 {
		truth := i % 2
		said := truth
		if i%4 == 0 {
			said = 1 - truth
		}
		p := make([]float32, 2)
		p[said] = 0.5 + float32(i+1)/250
		p[1-said] = 1 - p[said]
		if err := answers.Add(item(i), truth, p, i < 10); err != nil {
			t.Fatal(err)
		}
		licences.Add(item(i))
		licences.Add(item(i)) // a second box of the photo
	}
	return &Report{
		Run: "0123456789abcdef", Classes: classes, Architecture: "reference", Input: Input{Height: 8, Width: 6, Channels: 3}, Parameters: 831585,
		Options: map[string]any{"seed": uint64(1), "lr": 0.0005, "class_weights": "none"},
		Sets:    dataset.Counts{"train": {"Hamburger": 10, hostile: 5}, "val": {"Hamburger": 2}},
		Removed: map[string]int{"duplicate": 3},
		History: []Epoch{
			{1, 0.7, 0.5, 0.65, 0.625, 0.69, 0.55, 100, 1}, {2, 0.5, 0.8, 0.4, 0.875, 0.45, 0.8, 100, 1},
			{3, Number(math.NaN()), 0.7, Number(math.NaN()), Number(math.NaN()), Number(math.Inf(1)), 0.6, 100, 1},
		},
		Measured: &Measured{Items: 8, Variants: true},
		Stopped:  "all 3 epochs are done", BestEpoch: 2, Evaluation: answers.Evaluation(), Licences: licences.Summary(),
		Stages:       []Stage{{"oi-boxes", "1", map[string]string{"classes": hostile}}},
		Accounts:     []StageCounts{{Tool: "oi-crop", In: 3, Out: 2, Skipped: map[string]int64{"decode": 1}}},
		Completeness: "unchecked", WeightsSHA256: strings.Repeat("ab", 32), Notes: []string{hostile},
		Provenance: Provenance{Data: strings.Repeat("cd", 32), Code: Code{Version: "1"}, Environment: ThisEnvironment(1)},
	}
}

func TestHTML(t *testing.T) {
	var b bytes.Buffer
	if err := example(t).WriteHTML(&b); err != nil {
		t.Fatal(err)
	}
	page := b.String()
	for _, want := range []string{
		"<title>Hamburger or &lt;script&gt;", "<svg", "polyline", "75.0 %", "831585 parameters", "Confusion", "Most confident mistakes",
		"data:image/jpeg;base64,", "Licences", "https://example.org/by/2.0/", "oi-boxes 1", "skipped 1 decode", "unchecked", "The weights are those of epoch 2",
		"10 of these 100 are by authors", "duplicate", "epoch 1: train 0.6500", "epoch 2: train 0.8750", "epoch 1: validation 0.6900", "at most 8 of the epoch&#39;s variants", "65.7 to 82.5 (95 %, by author, 50 groups)", "65.8 to 83.3, by author, 45 groups)",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	if n := strings.Count(page, "data:image/jpeg"); n != MaxMistakes+2*6+2*maxOfClass {
		t.Errorf("%d pictures", n)
	}
	// Nothing of others runs, and nothing is loaded.
	for _, bad := range []string{"<script", "javascript:alert", "ZgotmplZ<", "NaN", "Inf", "url(", "@import", "<link", "<iframe"} {
		if strings.Contains(page, bad) {
			t.Errorf("the page contains %q", bad)
		}
	}
	for _, src := range regexp.MustCompile(`(?:src|srcset)\s*=\s*"([^"]*)"`).FindAllStringSubmatch(page, -1) {
		if !strings.HasPrefix(src[1], "data:image/jpeg;base64,") {
			t.Errorf("the page loads %q", src[1])
		}
	}
	for _, tag := range []string{"div", "table", "tbody", "tr", "td", "svg", "ol", "li", "b", "span", "p"} {
		opened := len(regexp.MustCompile("<"+tag+"[ >]").FindAllString(page, -1))
		if closed := strings.Count(page, "</"+tag+">"); opened != closed {
			t.Errorf("%d <%s> are opened, %d closed", opened, tag, closed)
		}
	}
	unsorted := example(t)
	unsorted.Sets = dataset.Counts{"all": {"Hamburger": 71}}
	var other bytes.Buffer
	if err := unsorted.WriteHTML(&other); err != nil || !strings.Contains(other.String(), `<th scope="col">class</th><th scope="col">all</th>`) || !strings.Contains(other.String(), "<td>71</td>") {
		t.Errorf("the page of items without a set does not count them (%v)", err)
	}
	var again bytes.Buffer
	if err := example(t).WriteHTML(&again); err != nil || !bytes.Equal(again.Bytes(), b.Bytes()) {
		t.Errorf("the same report gives another page (%v)", err)
	}
}

func TestJSON(t *testing.T) {
	var b bytes.Buffer
	if err := example(t).WriteJSON(&b); err != nil {
		t.Fatal(err)
	}
	var r map[string]any
	if err := json.Unmarshal(b.Bytes(), &r); err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"run", "classes", "history", "stopped", "best_epoch", "evaluation", "parameters", "options", "trail", "weights_sha256", "provenance", "train_measured_on", "licences", "sets", "accounts", "notes"} {
		if r[key] == nil {
			t.Errorf("no key %q", key)
		}
	}
	history := r["history"].([]any)
	for _, key := range []string{"epoch", "loss", "accuracy", "train_loss", "train_accuracy", "val_loss", "val_accuracy", "images_per_second", "seconds"} {
		if _, ok := history[0].(map[string]any)[key]; !ok {
			t.Errorf("no key %q in the history", key)
		}
	}
	if last := history[2].(map[string]any); last["loss"] != nil || last["val_loss"] != nil || last["train_loss"] != nil || last["train_accuracy"] != nil {
		t.Errorf("numbers that are none: %v", last)
	}
	evaluation := r["evaluation"].(map[string]any)
	for _, key := range []string{"set", "report", "confusion", "accuracy", "accuracy_interval", "log_loss", "shared_authors", "without_shared_authors"} {
		if evaluation[key] == nil {
			t.Errorf("no key %q in the evaluation", key)
		}
	}
	if n, ok := evaluation["without_shared_authors"].(map[string]any)["shared_authors"]; ok {
		t.Errorf("%v shared authors are told of where none are known", n)
	}
	interval := evaluation["accuracy_interval"].(map[string]any)
	if interval["low"] == nil || interval["high"] == nil || interval["by"] != "author" || interval["groups"] != 50.0 || interval["design_effect"] == nil {
		t.Errorf("interval %v", interval)
	}
	if evaluation["report"].(map[string]any)["accuracy"] != 0.75 {
		t.Errorf("report %v", evaluation["report"])
	}
}

func TestMarkdown(t *testing.T) {
	var b bytes.Buffer
	r := example(t)
	r.Classes[1], r.Evaluation.classes[1] = "a|b*", "a|b*"
	if err := r.WriteMarkdown(&b); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`# Hamburger or a\|b\*`, "| Hamburger | 1.00 | 0.50 | 0.67 | 50 |", `| a\|b\* | 0.67 | 1.00 | 0.80 | 50 |`, "| Hamburger | 25 | 25 |", "| *macro avg* |", "- &lt;script", "---\npipeline_tag: image-classification", "    - {type: accuracy, name: accuracy, value: 0.7500}", "## Intended use", "## Limits", "## Data", "oi-eval MODEL.onnx", "| class | train | val |", "0.6570 to 0.8245 by author, 50 groups; 75 of 100 right"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("lacks %q:\n%s", want, b.String())
		}
	}
}

func TestAccumulator(t *testing.T) {
	e := example(t).Evaluation
	if e.Items != 100 || e.Accuracy != 0.75 || e.Baseline != 0.5 || e.Interval.Low > 0.75 || e.Interval.High < 0.75 {
		t.Errorf("%d items, accuracy %g in %v, baseline %g", e.Items, e.Accuracy, e.Interval, e.Baseline)
	}
	if e.SharedAuthors != 10 || e.Unshared == nil || e.Unshared.Items != 90 || e.Unshared.Unshared != nil || e.Unshared.Mistakes != nil {
		t.Errorf("%d items of shared authors", e.SharedAuthors)
	}
	if len(e.Mistakes) != MaxMistakes || e.Mistakes[0].Key != "0096-0" || e.Mistakes[1].Key != "0092-0" || e.Mistakes[0].Truth != "Hamburger" {
		t.Errorf("%d mistakes, first %s, %s", len(e.Mistakes), e.Mistakes[0].Key, e.Mistakes[1].Key)
	}
	for _, text := range []string{"test accuracy 0.7500 (95% interval 0.6570 to 0.8245 by author, 50 groups; 75 of 100 right)", "10 of 100 test items are by authors", "by author, 45 groups; 68 of 90 right)", "the largest class alone is 0.5000"} {
		if !strings.Contains(e.Summary(), text) {
			t.Errorf("summary lacks %q:\n%s", text, e.Summary())
		}
	}
	answers := NewAccumulator("test", []string{"a", "b"})
	for name, p := range map[string][]float32{"too few": {1}, "not a number": {float32(math.NaN()), 1}} {
		if err := answers.Add(item(1), 0, p, false); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if err := answers.Add(item(1), 2, []float32{1, 0}, false); err == nil {
		t.Error("a class that is none: no error")
	}
	if e := answers.Evaluation(); e.Items != 0 || e.Unshared != nil {
		t.Errorf("an empty accumulator has %d items", e.Items)
	}
}

// Items count in the interval by author, by photo where he is not known, and
// fewer than ten of them are too few.
func TestInterval(t *testing.T) {
	intervalOf := func(n int, of func(i int) *record.Item) Interval {
		t.Helper()
		sum := NewAccumulator("test", []string{"a", "b"})
		for i := range n {
			said := []float32{1, 0}
			if i%2 == 0 { // for each author and photo all right or all wrong
				said = []float32{0, 1}
			}
			for range 4 {
				if err := sum.Add(of(i), 0, said, false); err != nil {
					t.Fatal(err)
				}
			}
		}
		return sum.Evaluation().Interval
	}
	by := func(authors, photos bool) func(i int) *record.Item {
		return func(i int) *record.Item {
			item := &record.Item{Key: fmt.Sprint("key ", i)}
			if photos {
				item.ID = fmt.Sprint("photo", i)
			}
			if authors {
				item.Image = &record.Image{Author: fmt.Sprint("author ", i)}
			}
			return item
		}
	}
	bare := intervalOf(60, by(false, false)) // by their keys
	for _, tc := range []struct {
		name  string
		n     int
		of    func(i int) *record.Item
		basis string
	}{
		{"authors", 60, by(true, true), "by author, 60 groups"},
		{"photos", 60, by(false, true), "by photo, 60 groups"},
		{"both", 60, func(i int) *record.Item { return by(i%3 > 0, true)(i) }, "by author or photo, 60 groups"},
		{"nine", 9, by(true, true), "by author, 9 groups, too few to judge"},
		{"ten", 10, by(true, true), "by author, 10 groups"},
		{"one", 1, by(false, true), "by photo, 1 group, too few to judge"},
	} {
		got := intervalOf(tc.n, tc.of)
		if got.Basis() != tc.basis || got.TooFew != strings.Contains(tc.basis, "too few") || got.Groups != tc.n {
			t.Errorf("%s: %q, %+v", tc.name, got.Basis(), got)
		}
		if tc.n == 60 && (got.Interval != bare.Interval || got.DesignEffect < 4 || got.DesignEffect > 4.3) {
			t.Errorf("%s: %+v, want %v", tc.name, got, bare.Interval)
		}
	}
	// An author who is known for one box of each photo is that of all its
	// boxes.
	n := 0
	some := intervalOf(60, func(i int) *record.Item {
		n++
		return by(n%4 == 0, true)(i)
	})
	if some.Basis() != "by author, 60 groups" || some.Interval != bare.Interval {
		t.Errorf("known for one box of each photo: %q, %+v", some.Basis(), some)
	}
	if same := intervalOf(60, func(int) *record.Item { return by(true, true)(1) }); same.Groups != 1 || same.High-same.Low < 0.7 {
		t.Errorf("of one author %+v", same)
	}
}

func TestValue(t *testing.T) {
	e := example(t).Evaluation
	for name, want := range map[string]float64{
		"accuracy": 0.75, "precision:Hamburger": 1, "recall:Hamburger": 0.5, "f1:" + hostile: 0.8, "macro_recall": 0.75, "weighted_recall": 0.75,
		"macro_precision": (1 + 2.0/3) / 2, "weighted_f1": (2.0/3 + 0.8) / 2, "log_loss": e.LogLoss,
	} {
		if got, err := e.Value(name); err != nil || math.Abs(got-want) > 1e-12 {
			t.Errorf("%s = %g, %v; want %g", name, got, err, want)
		}
	}
	for _, name := range []string{"", "precision", "recall:nobody", "mood:Hamburger"} {
		if _, err := e.Value(name); err == nil {
			t.Errorf("%q has a value", name)
		}
	}
}

func TestAttribution(t *testing.T) {
	l := NewAttribution()
	for i := range 6 {
		l.Add(item(i))
	}
	l.Add(&record.Item{ID: "x"})
	l.Add(&record.Item{Tensor: item(9).Tensor}) // known by its pixels alone
	got := l.Summary()
	if len(got) != 2 || got[0] != (LicenceCount{"https://example.org/by/2.0/", 6, 3}) || got[1] != (LicenceCount{"unknown", 2, 0}) {
		t.Errorf("licences %+v", got)
	}
}

func TestWriteFiles(t *testing.T) {
	dir := t.TempDir()
	text := func(s string) func(io.Writer) error {
		return func(w io.Writer) error { _, err := io.WriteString(w, s); return err }
	}
	a, b := filepath.Join(dir, "a"), filepath.Join(dir, "b")
	if err := WriteFiles(File{a, text("one")}, File{b, text("two")}); err != nil {
		t.Fatal(err)
	}
	bad := errors.New("no")
	if err := WriteFiles(File{a, text("new")}, File{b, func(io.Writer) error { return bad }}); !errors.Is(err, bad) || !strings.Contains(err.Error(), b) {
		t.Errorf("error %v", err)
	}
	if err := WriteFiles(File{a, text("new")}, File{filepath.Join(dir, "no", "c"), text("")}); err == nil {
		t.Error("a file in a missing folder was written")
	}
	for path, want := range map[string]string{a: "one", b: "two"} {
		if got, err := os.ReadFile(path); err != nil || string(got) != want {
			t.Errorf("%s = %q, %v; want %q", path, got, err, want)
		}
	}
	if names, err := os.ReadDir(dir); err != nil || len(names) != 2 {
		t.Errorf("left behind: %v (%v)", names, err)
	}
}

func TestNiceTicks(t *testing.T) {
	for _, tc := range [][2]float64{{0, 1}, {0.31, 0.69}, {0.5, 0.5}, {-3, 1000}, {1e-7, 2e-7}, {0.999, 1}} {
		ticks := niceTicks(tc[0], tc[1])
		if n := len(ticks); n < 3 || n > 13 || ticks[0] > tc[0]+1e-12 || ticks[n-1] < tc[1]-1e-12 {
			t.Errorf("niceTicks(%g, %g) = %v", tc[0], tc[1], ticks)
		}
	}
}

func TestOtherArithmetic(t *testing.T) {
	old := func(platform string, cpu ...string) Environment { return Environment{Platform: platform, CPU: cpu} }
	now := func(arithmetic string) Environment {
		return Environment{Platform: "linux/amd64", Arithmetic: arithmetic}
	}
	for _, tc := range []struct {
		then, now Environment
		was, is   string // "": no difference
	}{
		{now("AVX2"), now("AVX2"), "", ""},
		{now("plain Go on amd64"), now("AVX2"), "plain Go on amd64", "AVX2"},
		{old("linux/amd64", "avx2", "fma"), now("AVX2"), "", ""},
		{old("linux/amd64", "avx2", "fma", "avx512f"), now("AVX2"), "", ""},
		{old("darwin/amd64", "avx2", "fma"), now("AVX2"), "", ""},
		{old("linux/amd64", "fma"), now("AVX2"), "plain Go on amd64 with FMA", "AVX2"},
		{old("linux/amd64"), now("AVX2"), "plain Go on amd64", "AVX2"},
		{old("linux/arm64", "asimd"), now("AVX2"), "plain Go on arm64", "AVX2"},
		{old("linux/arm64", "asimd"), now("plain Go on arm64"), "", ""},
		{Environment{}, now("AVX2"), "", ""},
	} {
		got := tc.now.OtherArithmetic(tc.then)
		if tc.was == "" && got != "" || tc.was != "" && !strings.Contains(got, "with "+tc.was+", here it is with "+tc.is+":") {
			t.Errorf("%+v, now %+v: %q", tc.then, tc.now, got)
		}
	}
	if e := ThisEnvironment(1); e.Arithmetic == "" {
		t.Error("it does not say what is computed with")
	}
}
