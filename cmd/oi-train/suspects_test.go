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

	"github.com/opensandwich/oi/cmd/internal/cmdtest"
	"github.com/opensandwich/oi/cmd/internal/dataset"
	"github.com/opensandwich/oi/cmd/internal/report"
	"github.com/opensandwich/oi/record"
)

// mislabelled returns a data set in which some labels are wrong, one of each
// set, and the keys of these items.
func mislabelled() (items []*record.Item, wrong []string) {
	items = slices.Concat(pictures(0, 60, "train", "red", "green"), pictures(100, 16, "val", "red", "green"), pictures(200, 16, "test", "red", "green"))
	for _, i := range []int{7, 20, 63, 80} {
		items[i].Label.Name = map[string]string{"red": "green", "green": "red"}[items[i].Label.Name]
		wrong = append(wrong, items[i].Key)
	}
	slices.Sort(wrong)
	return items, wrong
}

// suspectsOf returns the keys of the list and what the report counts.
func suspectsOf(t *testing.T, got outcome) (keys []string, counts *report.Suspects) {
	t.Helper()
	if got.code != 0 {
		t.Fatalf("exit %d: %s", got.code, got.stderr)
	}
	for line := range strings.Lines(string(got.files["m.suspects.txt"])) {
		if key, _, _ := strings.Cut(line, ","); key != "key" && !strings.HasPrefix(key, "#") {
			keys = append(keys, key)
		}
	}
	var r report.Report
	if err := json.Unmarshal(got.files["m.json"], &struct{ Suspects **report.Suspects }{&r.Suspects}); err != nil {
		t.Fatal(err)
	}
	return keys, r.Suspects
}

// Labels that are wrong are found in all sets, by a head and by networks from
// scratch; the model is that of a run that did not look for them.
func TestSuspects(t *testing.T) {
	items, wrong := mislabelled()
	backbone, input := small(t), encode(t, []string{"red", "green"}, items...)
	head := func(args ...string) outcome { return fitted(t, backbone, input, args...) }
	scratch := func(args ...string) outcome {
		return runTrain(t, t.Context(), input, append([]string{"--epochs", "6"}, args...)...)
	}
	for name, run := range map[string]func(...string) outcome{"head": head, "scratch": scratch} {
		t.Run(name, func(t *testing.T) {
			got := run("--suspects", "4")
			keys, counts := suspectsOf(t, got)
			if slices.Sort(keys); !slices.Equal(keys, wrong) {
				t.Errorf("suspects %v, want %v\n%s", keys, wrong, got.stderr)
			}
			if counts.Items != len(items) || counts.Folds != 5 || counts.Groups != len(items) || counts.Listed != 4 || counts.Differing < 4 || len(counts.Pairs) != 2 {
				t.Errorf("%+v", counts)
			}
			page := string(got.files["m.suspects.html"])
			for _, key := range wrong {
				if !strings.Contains(page, key) {
					t.Errorf("%s is not on the page", key)
				}
			}
			if strings.Count(page, "data:image/jpeg") != 4 || strings.Contains(page, "<script>alert") {
				t.Error("not the pictures of the four, or a script")
			}
			if !strings.Contains(got.stdout, "suspected labels: ") || !strings.Contains(got.stdout, "the first 4 are in ") {
				t.Errorf("no word on standard output: %s", got.stdout)
			}
			other := run("--suspects", "4", "-j", "3")
			for _, file := range []string{"m.suspects.txt", "m.suspects.html", "m.onnx"} {
				if !bytes.Equal(got.files[file], other.files[file]) {
					t.Errorf("%s differs with -j 3", file)
				}
			}
			if without := run(); !bytes.Equal(got.files["m.onnx"], without.files["m.onnx"]) || without.files["m.suspects.txt"] != nil || bytes.Contains(without.files["m.json"], []byte("suspects")) {
				t.Error("another model than without --suspects, or files of it")
			}
		})
	}
}

// The time that networks from scratch take is said before it is spent.
func TestSuspectsTime(t *testing.T) {
	items, _ := mislabelled()
	got := runTrain(t, t.Context(), encode(t, nil, items...), "--epochs", "2", "--suspects", "1")
	first, second := strings.Index(got.stderr, "epoch 2/2"), strings.Index(got.stderr, "fold 1/5")
	announced, started := strings.Index(got.stderr, "--suspects then trains 5 more networks"), strings.Index(got.stderr, "--suspects: training 5 networks for")
	if announced < 0 || announced > first || started < first || started > second {
		t.Errorf("exit %d: %s", got.code, got.stderr)
	}
	for _, tc := range []struct {
		speed float64
		want  float64
	}{{0, 0}, {10, 100 * 4 * 3 / 10}} {
		if s := foldSeconds(report.Epoch{ImagesPerSecond: tc.speed}, 100, 5, 3); s != tc.want {
			t.Errorf("at %g pictures a second %g s, want %g", tc.speed, s, tc.want)
		}
	}
}

// The labels of an author are answered for by models that saw none of them: a
// photo of which there are many boxes, all with the same wrong label, is
// suspected as a whole, and so are equal pictures of several authors.
func TestSuspectsOfOneAuthor(t *testing.T) {
	backbone := small(t)
	for name, connect := range map[string]func(i int, item, first *record.Item){
		"author": func(_ int, item, first *record.Item) { item.Image = first.Image },
		"photo":  func(_ int, item, first *record.Item) { item.ID = first.ID },
		"file":   func(_ int, item, first *record.Item) { item.Fetched = first.Fetched },
		"pixels": func(i int, item, first *record.Item) { item.Tensor = first.Tensor },
	} {
		t.Run(name, func(t *testing.T) {
			items := slices.Concat(pictures(0, 40, "train", "red", "green"), pictures(100, 8, "val", "red", "green"))
			first := picture(300, "red", "train")
			var want []string
			for i := range 12 { // red, labelled green
				item := picture(300, "red", "train")
				item.ID, item.Key, item.Image = fmt.Sprintf("03%02d", i), fmt.Sprintf("03%02d-0000000a", i), &record.Image{Author: fmt.Sprint("somebody ", i)}
				item.Fetched = picture(300+i, "red", "").Fetched
				// A pixel tells them apart, where pixels are not what connects them.
				item.Tensor.Data[0] ^= byte(i)
				item.Label.Name = "green"
				connect(i, item, first)
				items = append(items, item)
				want = append(want, item.Key)
			}
			got := fitted(t, backbone, encode(t, nil, items...), "--suspects", "12")
			keys, counts := suspectsOf(t, got)
			if slices.Sort(keys); !slices.Equal(keys, want) || counts.Groups != 49 {
				t.Errorf("%d groups, suspects %v", counts.Groups, keys)
			}
		})
	}
}

// An object that has two labels is said to have them.
func TestSuspectsAlsoLabelled(t *testing.T) {
	backbone := small(t)
	items := slices.Concat(pictures(0, 40, "train", "red", "green"), pictures(100, 8, "val", "red", "green"))
	twice, beside := picture(300, "red", "train"), picture(301, "red", "train")
	box := &record.Box{XMin: .1, XMax: .3, YMin: .2, YMax: .6}
	for i, item := range []*record.Item{twice, beside} { // both red and labelled green, one of them next to red
		red := *item
		red.Key, red.Label = red.Key[:len(red.Key)-1]+"f", &record.Label{MID: item.Label.MID, Name: "red"}
		item.Label.Name = "green"
		other := *box
		if i == 1 {
			other.XMin, other.XMax = box.XMax, box.XMax+(box.XMax-box.XMin)
		}
		item.Box, red.Box = box, &other
		items = append(items, item, &red)
	}
	got := fitted(t, backbone, encode(t, nil, items...), "--suspects", "2")
	_, counts := suspectsOf(t, got)
	list := string(got.files["m.suspects.txt"])
	for _, want := range []string{"\n" + twice.Key + ",green,red,", "\n" + beside.Key + ",green,red,", ",red\n", ",\n"} {
		if !strings.Contains(list, want) {
			t.Errorf("no %q in\n%s", want, list)
		}
	}
	if counts.AlsoLabelled != 1 || strings.Count(string(got.files["m.suspects.html"]), "the same object is also labelled red") != 1 {
		t.Errorf("%+v", counts)
	}
}

// What cannot be answered for is counted, and nothing is made up about it.
func TestSuspectsFew(t *testing.T) {
	backbone := small(t)
	items := pictures(0, 40, "train", "red", "green")
	rare := pictures(400, 3, "train", "background")
	for _, item := range rare {
		item.Label.Name, item.Image = "blue", &record.Image{Author: "the only one"}
	}
	bare := pictures(500, 6, "train", "red", "green")
	for _, item := range bare { // of no author, file or key
		item.Image, item.Fetched, item.Key = nil, nil, ""
	}
	_, counts := suspectsOf(t, fitted(t, backbone, encode(t, nil, slices.Concat(items, rare, bare)...), "--suspects", "5", "--class-weights", "balanced"))
	if counts.Unanswered != 3 || counts.Items != 46 || counts.Groups != 47 {
		t.Errorf("%+v", counts)
	}
	// Two items in all, of which nothing can be learnt without either.
	keys, counts := suspectsOf(t, fitted(t, backbone, encode(t, nil, items[:2]...), "--suspects", "5"))
	if len(keys) > 0 || counts.Unanswered != 2 || counts.Folds != 2 || counts.Pairs == nil {
		t.Errorf("%+v", counts)
	}
	var many []*record.Item
	for i := range 1200 {
		item := picture(i, "red", "train")
		item.Label.Name = fmt.Sprintf("class %03d", i%600)
		many = append(many, item)
	}
	got := fitted(t, backbone, encode(t, nil, many...), "--suspects", "1000000")
	if _, counts = suspectsOf(t, got); counts.Items != 1200 || len(counts.Pairs) != mostPairs {
		t.Errorf("%+v", counts)
	}
}

// Items that came as embeddings are listed without pictures, and windows of
// background so that oi-boxes passes over them.
func TestSuspectsOfEmbeddings(t *testing.T) {
	backbone := small(t)
	items, wrong := mislabelled()
	want := fitted(t, backbone, encode(t, nil, items...), "--suspects", "4")
	got := fitted(t, backbone, encode(t, nil, embed(t, backbone, items)...), "--suspects", "4")
	if !bytes.Equal(got.files["m.suspects.txt"], want.files["m.suspects.txt"]) {
		t.Error("embeddings make another list")
	}
	if page := string(got.files["m.suspects.html"]); strings.Contains(page, "data:image") || strings.Count(page, "without a picture") != 4 || !strings.Contains(page, wrong[0]) {
		t.Error("there are pictures, or the page does not say that there are none")
	}
	one := slices.Concat(pictures(0, 40, "train", "red", "background"), pictures(100, 8, "val", "red", "background"))
	one[3].Label.Name, one[4].Label.Name = "red", dataset.Background
	got = fitted(t, backbone, encode(t, []string{"red"}, one...), "--suspects", "2")
	list := string(got.files["m.suspects.txt"])
	if !strings.Contains(list, "\n#"+one[4].Key+",background,red,") || !strings.Contains(list, "\n"+one[3].Key+",red,background,") {
		t.Errorf("%s", list)
	}
}

func TestSuspectsRefuses(t *testing.T) {
	items, _ := mislabelled()
	one := pictures(0, 8, "train", "red", "green")
	for _, item := range one {
		item.Image = &record.Image{Author: "the only one"}
	}
	backbone := small(t)
	own := filepath.Join(t.TempDir(), "own.onnx")
	scratch := runTrain(t, t.Context(), encode(t, nil, items...), "--epochs", "1")
	if err := os.WriteFile(own, scratch.files["m.onnx"], 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		stdin []byte
		args  []string
		code  int
		want  []string
	}{
		"negative":   {encode(t, nil, items...), []string{"--suspects", "-1"}, 2, []string{"--suspects -1: want 1 or more"}},
		"variants":   {encode(t, nil, variants(t, items, 2)...), []string{"--suspects", "9"}, 1, []string{"these come from oi-augment", "hint: leave oi-augment out"}},
		"one author": {encode(t, nil, one...), []string{"--suspects", "9", "--backbone", backbone, "--normalize=0..1"}, 1, []string{"all items are of one author or photo"}},
		"features that saw the labels": {encode(t, nil, items...), []string{"--suspects", "9", "--backbone", own}, 1,
			[]string{"were themselves trained on the labels of 60 of the 92 items", "hint: take a backbone that never saw them"}},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			code, _, stderr := cmdtest.Run(t.Context(), command(), c.stdin, append([]string{"-o", filepath.Join(dir, "m")}, c.args...)...)
			for _, want := range c.want {
				if code != c.code || !strings.Contains(stderr, want) {
					t.Errorf("exit %d, no %q in %s", code, want, stderr)
				}
			}
			if files, err := os.ReadDir(dir); err != nil || slices.ContainsFunc(files, func(f os.DirEntry) bool {
				return strings.Contains(f.Name(), "suspects") || strings.HasSuffix(f.Name(), ".onnx")
			}) {
				t.Errorf("left %v, %v", files, err)
			}
		})
	}
	// Of other items such a model may be a backbone: its features never saw
	// their labels.
	others := pictures(700, 40, "train", "red", "green")
	if code, _, stderr := cmdtest.Run(t.Context(), command(), encode(t, nil, others...), "-o", filepath.Join(t.TempDir(), "m"), "--suspects", "9", "--backbone", own); code != 0 {
		t.Errorf("exit %d: %s", code, stderr)
	}
	// And a model with a head on a backbone, of any.
	if err := os.WriteFile(own, fitted(t, backbone, encode(t, nil, items...)).files["m.onnx"], 0o600); err != nil {
		t.Fatal(err)
	}
	if code, _, stderr := cmdtest.Run(t.Context(), command(), encode(t, nil, items...), "-o", filepath.Join(t.TempDir(), "m"), "--suspects", "9", "--backbone", own); code != 0 {
		t.Errorf("exit %d: %s", code, stderr)
	}
}

// An interrupt while networks are trained for the folds leaves the model without
// a list, and the checkpoint from which the same command comes to the files of a run that never
// stopped.
func TestSuspectsResume(t *testing.T) {
	items, _ := mislabelled()
	input := encode(t, nil, items...)
	args := []string{"--epochs", "2", "--suspects", "4"}
	want := runTrain(t, t.Context(), input, args...)
	dir := t.TempDir()
	ctx, cancel := context.WithCancel(t.Context())
	var out bytes.Buffer
	errs := &cancelAt{text: "fold 2/5", cancel: cancel}
	code := command().Execute(ctx, cmdtest.Env(bytes.NewReader(input), &out, errs), append(quick(dir), args...))
	if code != 130 || !strings.Contains(errs.written.String(), "hint: the same command with --resume need not train the model again") {
		t.Fatalf("exit %d: %s", code, errs.written.String())
	}
	if _, err := os.Stat(filepath.Join(dir, "m.suspects.txt")); err == nil {
		t.Error("a list was written")
	}
	if got, err := os.ReadFile(filepath.Join(dir, "m.onnx")); err != nil || !bytes.Equal(got, want.files["m.onnx"]) {
		t.Errorf("the model is not that of a run that never stopped: %v", err)
	}
	code, _, stderr := cmdtest.Run(t.Context(), command(), input, append(append(quick(dir), args...), "--resume")...)
	if code != 0 || strings.Contains(stderr, "epoch 1/2  ") {
		t.Fatalf("exit %d: %s", code, stderr)
	}
	for _, name := range []string{"m.onnx", "m.suspects.txt", "m.suspects.html"} {
		got, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil || !bytes.Equal(got, want.files[name]) {
			t.Errorf("%s differs from that of a run that never stopped: %v", name, err)
		}
	}
}

// cancelAt cancels once a text was written.
type cancelAt struct {
	written bytes.Buffer
	text    string
	cancel  func()
}

func (c *cancelAt) Write(p []byte) (int, error) {
	if bytes.Contains(p, []byte(c.text)) {
		c.cancel()
	}
	return c.written.Write(p)
}
