package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/opensandwich/oi/cmd/internal/cmdtest"
	"github.com/opensandwich/oi/cmd/internal/dataset"
	"github.com/opensandwich/oi/cmd/internal/model"
	"github.com/opensandwich/oi/record"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"oi-train": main})
}

func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{Dir: "testdata", RequireExplicitExec: true, RequireUniqueNames: true})
}

// epoch is a line of the history as a reader of the report sees it.
type epoch struct {
	Epoch           int
	Loss, Accuracy  float64
	TrainLoss       float64 `json:"train_loss"`
	TrainAccuracy   float64 `json:"train_accuracy"`
	ValLoss         float64 `json:"val_loss"`
	ValAccuracy     float64 `json:"val_accuracy"`
	ImagesPerSecond float64 `json:"images_per_second"`
	Seconds         float64
}

func TestTrains(t *testing.T) {
	got := runTrain(t, t.Context(), encode(t, []string{"red", "green"}, twoClasses()...), "--epochs", "12", "--lr", "0.003", "--patience", "12")
	if got.code != 0 {
		t.Fatalf("exit %d: %s", got.code, got.stderr)
	}
	if names := slices.Sorted(maps.Keys(got.files)); !slices.Equal(names, []string{"m.html", "m.json", "m.onnx"}) {
		t.Errorf("files %v", names)
	}
	var r struct {
		Run        string
		Classes    []string
		History    []epoch
		Stopped    string
		BestEpoch  int `json:"best_epoch"`
		Parameters int
		Options    map[string]any
		Sets       map[string]map[string]int
		Trail      []struct{ Tool string }
		Licences   []struct {
			License         string
			Photos, Authors int
		}
		Accounts   []struct{ Tool string }
		Weights    string `json:"weights_sha256"`
		Provenance struct {
			Data        string
			Code        struct{ Version string }
			Environment struct {
				Go   string
				Seed uint64
			}
		}
		Evaluation struct {
			Set       string
			Accuracy  float64
			Report    map[string]any
			Confusion [][]int
		}
	}
	if err := json.Unmarshal(got.files["m.json"], &r); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(r.Classes, []string{"green", "red"}) || r.Sets["train"]["red"] != 16 || r.Sets["test"]["green"] != 4 {
		t.Errorf("classes %v, sets %v", r.Classes, r.Sets)
	}
	if len(r.History) != 12 || r.History[11].Epoch != 12 || r.History[0].ImagesPerSecond <= 0 || r.History[0].Seconds <= 0 {
		t.Errorf("history %+v", r.History)
	}
	best := slices.MinFunc(r.History, func(a, b epoch) int { return cmp.Compare(a.ValLoss, b.ValLoss) })
	if r.BestEpoch != best.Epoch || !strings.Contains(r.Stopped, "all 12 epochs") {
		t.Errorf("best epoch %d (want %d), stopped %q", r.BestEpoch, best.Epoch, r.Stopped)
	}
	if r.Evaluation.Set != "test" || r.Evaluation.Accuracy < 0.8 || r.Evaluation.Report["macro avg"] == nil || len(r.Evaluation.Confusion) != 2 {
		t.Errorf("evaluation %+v", r.Evaluation)
	}
	if len(r.Licences) != 1 || r.Licences[0].Photos != 48 || r.Licences[0].Authors != 48 {
		t.Errorf("licences %+v", r.Licences)
	}
	if len(r.Trail) != 2 || len(r.Accounts) != 2 || r.Accounts[1].Tool != "oi-train" || r.Options["batch"] != 16.0 || len(r.Provenance.Data) != 64 || r.Provenance.Environment.Seed != 1 {
		t.Errorf("trail %v, accounts %v, options %v, provenance %+v", r.Trail, r.Accounts, r.Options, r.Provenance)
	}

	network, meta, err := model.ReadONNX(bytes.NewReader(got.files["m.onnx"]))
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(network.Classes, r.Classes) || network.Parameters() != r.Parameters || network.WeightsHash() != r.Weights || network.Height != side {
		t.Errorf("the model is not the one of the report: %v %d", network.Classes, network.Parameters())
	}
	if meta["run"] != r.Run || !bytes.Contains(got.files["m.html"], []byte(r.Run)) {
		t.Errorf("the files carry different runs: %q, %q", meta["run"], r.Run)
	}
	known, err := dataset.DecodeKnown(meta["trained_on_ids"], meta["trained_on"])
	if ids, pictures := known.Len(); err != nil || ids != 32 || pictures != 32 {
		t.Errorf("trained on %d ids and %d pictures (%v), want the 32 of train", ids, pictures, err)
	}
	for n, want := range map[int]bool{3: true, 200: false} {
		if item := picture(n, "red", ""); known.Has(item.ID, dataset.Picture{}) != want || known.Has("", dataset.PictureOf(item)) != want {
			t.Errorf("picture %d is known: %v", n, !want)
		}
	}
	for _, key := range []string{"metrics", "trail", "licences", "provenance", "options", "sets"} {
		if !json.Valid([]byte(meta[key])) {
			t.Errorf("metadata %s = %q", key, meta[key])
		}
	}
	if strings.Contains(got.stdout, "note:") {
		t.Errorf("a note where there is nothing to note:\n%s", got.stdout)
	}
	if !strings.HasPrefix(got.stdout, "              precision    recall  f1-score   support\n\n       green ") || !strings.Contains(got.stdout, "test accuracy") || !strings.Contains(got.stdout, "95% interval") {
		t.Errorf("stdout:\n%s", got.stdout)
	}
	for _, want := range []string{"classes: green, red", "parameters", "train 32 (green 16, red 16)", "epoch  1/12", "val_loss", "img/s", "stopped: all 12 epochs"} {
		if !strings.Contains(got.stderr, want) {
			t.Errorf("stderr lacks %q:\n%s", want, got.stderr)
		}
	}
}

// Equal runs give the same model, whatever the threads, the memory and the
// order of the items; another seed gives another.
func TestDeterminism(t *testing.T) {
	items := twoClasses()
	input := encode(t, []string{"red", "green"}, items...)
	want := runTrain(t, t.Context(), input, "--epochs", "2", "-j1").files["m.onnx"]
	if len(want) == 0 {
		t.Fatal("no model")
	}
	for _, args := range [][]string{{"-j2"}, {"-j", "3", "--spool-memory", "0"}, {"--spool-memory=40K"}} {
		if got := runTrain(t, t.Context(), input, append(args, "--epochs", "2")...); !bytes.Equal(got.files["m.onnx"], want) {
			t.Errorf("%v: another model\n%s", args, got.stderr)
		}
	}
	turned := slices.Clone(items)
	slices.Reverse(turned)
	if got := runTrain(t, t.Context(), encode(t, []string{"red", "green"}, turned...), "--epochs", "2"); !bytes.Equal(got.files["m.onnx"], want) {
		t.Error("the order of the items makes a difference")
	}
	if got := runTrain(t, t.Context(), input, "--epochs", "2", "--seed", "2"); bytes.Equal(got.files["m.onnx"], want) {
		t.Error("the seed makes no difference")
	}
	if got := runTrain(t, t.Context(), input, "--epochs", "2", "--class-weights", "balanced"); got.code != 0 {
		t.Errorf("balanced weights: %s", got.stderr)
	}
}

// The architecture says how it is trained where the command line does not.
func TestArchitectures(t *testing.T) {
	input := encode(t, []string{"red", "green"}, twoClasses()...)
	for _, tc := range []struct {
		args            []string
		arch, optimizer string
		lr              float64
		parameters      int
	}{
		{[]string{"--arch", "residual"}, "residual", "adam", 0.001, 485089},
		{[]string{"--arch", "residual", "--optimizer", "sgd"}, "residual", "sgd", 0.01, 485089},
		{[]string{"--optimizer", "adam", "--lr", "0.002"}, "reference", "adam", 0.002, 32865},
		{nil, "reference", "rmsprop", 0.0005, 32865},
	} {
		got := runTrain(t, t.Context(), input, append([]string{"--epochs", "1"}, tc.args...)...)
		var r struct {
			Architecture string
			Parameters   int
			Options      struct {
				Arch, Optimizer string
				LR              float64
			}
		}
		if err := json.Unmarshal(got.files["m.json"], &r); err != nil {
			t.Fatalf("%v: %v\n%s", tc.args, err, got.stderr)
		}
		if r.Architecture != tc.arch || r.Options.Arch != tc.arch || r.Options.Optimizer != tc.optimizer || r.Options.LR != tc.lr || r.Parameters != tc.parameters {
			t.Errorf("%v: %+v", tc.args, r)
		}
	}
}

// variants returns the items as oi-augment would send them, unchanged, in the
// order oi-train gives them itself.
func variants(t *testing.T, items []*record.Item, epochs int) []*record.Item {
	t.Helper()
	var held, train []*record.Item
	for _, item := range items {
		if item.Set == dataset.Train {
			train = append(train, item)
		} else {
			held = append(held, item)
		}
	}
	slices.SortFunc(train, func(a, b *record.Item) int { return strings.Compare(a.Key, b.Key) })
	for epoch := 1; epoch <= epochs; epoch++ {
		for _, k := range dataset.Permutation(1, epoch, len(train)) {
			v := *train[k]
			v.Augment = &record.Augment{Epoch: epoch, Seed: 1, ZX: 1, ZY: 1}
			held = append(held, &v)
		}
	}
	return held
}

// Epochs that come through the pipe give the weights that the same epochs
// from the spool give.
func TestStreamed(t *testing.T) {
	items := twoClasses()
	classes := []string{"red", "green"}
	weights := func(got outcome) string {
		t.Helper()
		network, _, err := model.ReadONNX(bytes.NewReader(got.files["m.onnx"]))
		if err != nil {
			t.Fatalf("exit %d: %v\n%s", got.code, err, got.stderr)
		}
		return network.WeightsHash()
	}
	want := runTrain(t, t.Context(), encode(t, classes, items...), "--epochs", "3")
	got := runTrain(t, t.Context(), encode(t, classes, variants(t, items, 3)...))
	if weights(got) != weights(want) {
		t.Error("other weights than from the spool")
	}
	if !strings.Contains(got.stderr, "stopped: the input ended after epoch 3") {
		t.Errorf("stderr: %s", got.stderr)
	}
	// What is held out is the same; what is trained on are variants, even if they
	// look like the items.
	var a, b struct {
		Sets       map[string]map[string]int
		Provenance struct {
			Version int               `json:"data_version"`
			Sets    map[string]string `json:"data_sets"`
		}
	}
	for _, x := range []struct {
		from outcome
		to   any
	}{{want, &a}, {got, &b}} {
		if err := json.Unmarshal(x.from.files["m.json"], x.to); err != nil {
			t.Fatal(err)
		}
	}
	if fmt.Sprint(a.Sets) != fmt.Sprint(b.Sets) || a.Provenance.Version != 2 || b.Provenance.Version != 2 || len(a.Provenance.Sets) != 3 {
		t.Errorf("streamed %v, spooled %v", b, a)
	}
	for set, sum := range a.Provenance.Sets {
		if (b.Provenance.Sets[set] == sum) != (set != dataset.Train) {
			t.Errorf("%s: spooled %s, streamed %s", set, sum, b.Provenance.Sets[set])
		}
	}
}

// oi-augment --epochs 0 never says that it has ended.
func TestEarlyStoppingLeaves(t *testing.T) {
	stream := encode(t, []string{"red", "green"}, variants(t, twoClasses(), 6)...)
	reader, writer := io.Pipe()
	go func() {
		if _, err := writer.Write(stream[:len(stream)-200]); err == nil {
			select {} // an endless stage: no more, and no end
		}
	}()
	dir := t.TempDir()
	var out, errs bytes.Buffer
	env := cmdtest.Env(reader, &out, &errs)
	// Nothing gets better by a million, so patience counts from epoch 2.
	code := command().Execute(t.Context(), env, []string{"-o", filepath.Join(dir, "m"), "--patience", "2", "--min-delta", "1e6"})
	if code != 0 || !strings.Contains(errs.String(), "got no better for 2 epochs; the best weights are those of epoch 1") {
		t.Errorf("exit %d: %s", code, errs.String())
	}
	if _, err := os.Stat(filepath.Join(dir, "m.onnx")); err != nil {
		t.Error(err)
	}
}

// One class with background; background beside two classes.
func TestBackground(t *testing.T) {
	one := slices.Concat(pictures(0, 24, "train", "red", "background"), pictures(100, 8, "val", "red", "background"))
	got := runTrain(t, t.Context(), encode(t, []string{"red"}, one...), "--epochs", "1")
	if got.code != 0 || !strings.Contains(got.stderr, "classes: background, red") {
		t.Errorf("exit %d: %s", got.code, got.stderr)
	}
	const note = "There is no test set: the figures are those of the validation set, by which the best epoch was chosen, and are too good by that much."
	if !strings.Contains(string(got.files["m.html"]), note) || !strings.Contains(got.stdout, "val accuracy") || !strings.HasSuffix(got.stdout, "\nnote: "+note+"\n") {
		t.Errorf("nothing says that the figures are those of the validation set:\n%s", got.stdout)
	}
	two := append(twoClasses(), pictures(300, 5, "train", "background")...)
	got = runTrain(t, t.Context(), encode(t, []string{"red", "green"}, two...), "--epochs", "1")
	if got.code != 0 || !strings.Contains(got.stderr, "classes: green, red") || !strings.Contains(got.stderr, "left out 5 windows of background") {
		t.Errorf("exit %d: %s", got.code, got.stderr)
	}
	if !bytes.Contains(got.files["m.json"], []byte(`"background beside several classes": 5`)) {
		t.Error("the report does not count them")
	}
	// From oi-augment, too.
	held := append(twoClasses(), pictures(300, 2, "val", "background")...)
	got = runTrain(t, t.Context(), encode(t, []string{"red", "green"}, variants(t, append(held, pictures(310, 3, "train", "background")...), 2)...))
	if got.code != 0 || !bytes.Contains(got.files["m.json"], []byte(`"background beside several classes": 5`)) {
		t.Errorf("exit %d: %s", got.code, got.stderr)
	}
}

func TestDuplicatesAndAuthors(t *testing.T) {
	items := twoClasses()
	items[0].Fetched.SHA256 = picture(100, "", "").Fetched.SHA256 // train, as val 100
	for _, i := range []int{1, 2, 40, 41} {                       // two of train, two of test
		items[i].Image.Author = "the same"
	}
	got := runTrain(t, t.Context(), encode(t, []string{"red", "green"}, items...), "--epochs", "1")
	if got.code != 0 || !strings.Contains(got.stderr, "left out 1 train items whose photo is that of a held-out item") {
		t.Errorf("exit %d: %s", got.code, got.stderr)
	}
	if !strings.Contains(got.stdout, "2 of 8 test items are by authors of whom train has photos too; without them accuracy") {
		t.Errorf("stdout: %s", got.stdout)
	}
}

func TestJSON(t *testing.T) {
	items := twoClasses()
	records := make([]record.Record, 0, len(items)+2)
	records = append(records, &record.Header{Version: 1})
	for _, item := range items {
		item.Set, item.Subset = "", map[string]string{"train": "train", "val": "validation", "test": "test"}[item.Set]
		records = append(records, item)
	}
	got := runTrain(t, t.Context(), cmdtest.Encode(t, record.JSON, append(records, &record.End{})...), "--epochs", "1", "--json")
	if got.code != 0 || !strings.Contains(got.stderr, "completeness: unchecked") || !strings.Contains(got.stderr, "48 items carried no set") {
		t.Errorf("exit %d: %s", got.code, got.stderr)
	}
	if got.stdout != string(got.files["m.json"]) || !strings.Contains(got.stdout, `"completeness": "unchecked"`) {
		t.Errorf("stdout is not the report: %s", got.stdout)
	}
}

// leaves cancels ctx when it has been read to the end, and then fails as a
// stage that was interrupted too.
type leaves struct {
	r      io.Reader
	cancel func()
}

func (l *leaves) Read(p []byte) (int, error) {
	n, err := l.r.Read(p)
	if err == io.EOF {
		l.cancel()
	}
	return n, err
}

func TestInterrupt(t *testing.T) {
	stream := encode(t, []string{"red", "green"}, variants(t, twoClasses(), 3)...)
	for name, tc := range map[string]struct {
		length int
		files  int
	}{
		"in epoch 3": {len(stream) - 5000, 4}, // with the checkpoint
		"in epoch 1": {len(stream) * 4 / 10, 0},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			dir := t.TempDir()
			var out, errs bytes.Buffer
			env := cmdtest.Env(&leaves{bytes.NewReader(stream[:tc.length]), cancel}, &out, &errs)
			if code := command().Execute(ctx, env, []string{"-o", filepath.Join(dir, "m")}); code != 130 {
				t.Errorf("exit %d, want 130: %s", code, errs.String())
			}
			if names, err := os.ReadDir(dir); err != nil || len(names) != tc.files {
				t.Errorf("files %v (%v), want %d\n%s", names, err, tc.files, errs.String())
			}
		})
	}
}

// Items that lost their set on the way get the one back that oi-boxes gave
// them, so that streams with and without agree.
func TestDividesAsBoxesDoes(t *testing.T) {
	items := pictures(0, 80, "", "red", "green")
	want := map[string]int{}
	for _, item := range items {
		want[dataset.Split{Val: 0.15, Test: 0.15, Seed: 1}.Of(dataset.GroupOf(item))]++
	}
	got := runTrain(t, t.Context(), encode(t, []string{"red", "green"}, items...), "--epochs", "1")
	checkSets(t, got, want)
}

// checkSets compares the sizes of the sets in a run's report.
func checkSets(t *testing.T, got outcome, want map[string]int) {
	t.Helper()
	var r struct{ Sets map[string]map[string]int }
	if err := json.Unmarshal(got.files["m.json"], &r); err != nil {
		t.Fatal(err, got.stderr)
	}
	for set, n := range want {
		if sum := r.Sets[set]["red"] + r.Sets[set]["green"]; sum != n {
			t.Errorf("%s has %d items, want %d", set, sum, n)
		}
	}
}

// The report must not take the place of what it is about.
func TestKeepsItsInput(t *testing.T) {
	dir := t.TempDir()
	crops := filepath.Join(dir, "m.json")
	whole := encode(t, []string{"red", "green"}, twoClasses()...)
	if err := os.WriteFile(crops, whole, 0o600); err != nil {
		t.Fatal(err)
	}
	got := runTrain(t, t.Context(), nil, "-o", filepath.Join(dir, "m"), crops)
	if after, err := os.ReadFile(crops); got.code != 2 || !strings.Contains(got.stderr, "m.json is also an input") || err != nil || !bytes.Equal(after, whole) {
		t.Errorf("exit %d: %s (%v)", got.code, got.stderr, err)
	}
}

func TestRefuses(t *testing.T) {
	classes := []string{"red", "green"}
	good := twoClasses()
	whole := encode(t, classes, good...)
	streamed := variants(t, good, 2)
	flipped := bytes.Clone(whole)
	flipped[len(flipped)/2] ^= 1
	bare := picture(1, "red", "train")
	bare.Tensor = nil
	small := picture(1, "red", "train")
	small.Tensor = &record.Tensor{Shape: []int{4, 4, 3}, DType: "uint8", Data: make([]byte, 48)}
	tiny := func(n int, label, set string) *record.Item {
		item := picture(n, label, set)
		item.Tensor = small.Tensor
		return item
	}
	for name, tc := range map[string]struct {
		stdin []byte
		args  []string
		code  int
		want  string
		hint  string
	}{
		"one class":          {encode(t, []string{"red"}, slices.Concat(pictures(0, 8, "train", "red"), pictures(100, 4, "val", "red"))...), nil, 1, "one class only, red", "oi-boxes --negatives"},
		"one class hint":     {encode(t, []string{"red"}, pictures(0, 8, "train", "red")...), nil, 1, "one class only, red", "--background always"},
		"no val":             {encode(t, classes, pictures(0, 8, "train", "red", "green")...), nil, 1, "the set val is empty", "--split hash"},
		"val of one class":   {encode(t, classes, append(pictures(0, 8, "train", "red", "green"), pictures(100, 4, "val", "red")...)...), nil, 1, "the set val has one class only, red", "--split hash"},
		"no train":           {encode(t, classes, pictures(100, 4, "val", "red", "green")...), nil, 1, "the set train is empty", "--subset"},
		"no tensor":          {encode(t, classes, bare), nil, 1, "item 0001-00000000 has no tensor", "run oi-crop before"},
		"sizes":              {encode(t, classes, picture(0, "red", "train"), small), nil, 1, "is 4x4 pixels, those before it are 24x24", "--size"},
		"too small":          {encode(t, classes, tiny(1, "red", "train"), tiny(2, "green", "train"), tiny(3, "red", "val"), tiny(4, "green", "val")), nil, 1, "pictures of 4x4 do not suit the network", "oi-crop --size 128"},
		"cut off":            {whole[:len(whole)-100], nil, 1, "stops early", ""},
		"cut in a variant":   {encode(t, classes, streamed...)[:len(whole)+500], nil, 1, "stops early", ""},
		"damaged":            {flipped, nil, 1, "checksum", "--salvage"},
		"empty":              {nil, nil, 1, "empty", "the stage before sent nothing"},
		"no items":           {encode(t, classes), nil, 1, "no items", "the stage before sent none"},
		"not records":        {[]byte("ceci n'est pas une pipe"), nil, 1, "", "want the output of an oi- command"},
		"mixed":              {encode(t, classes, append([]*record.Item{good[0]}, streamed...)...), nil, 1, "is to be trained on and is no variant", ""},
		"val after variants": {encode(t, classes, append(slices.Clone(streamed), picture(400, "red", "val"))...), nil, 1, `item 0400-00000000 of the set "val" comes after variants`, "cat a.oi b.oi | oi-augment"},
		"balanced variants":  {encode(t, classes, streamed...), []string{"--class-weights", "balanced"}, 1, "has to know how many items", "leave oi-augment out"},
		"a missing class":    {encode(t, []string{"red", "green", "blue"}, streamed...), nil, 1, "no blue to train on", "leave the class out"},
		"epochs":             {whole, []string{"--epochs", "0"}, 2, "--epochs 0", ""},
		"batch":              {whole, []string{"--batch", "0"}, 2, "--batch 0", ""},
		"learning rate":      {whole, []string{"--lr", "-1"}, 2, "--lr -1", ""},
		"architecture":       {whole, []string{"--arch", "vgg"}, 2, "--arch vgg: want one of reference, residual", ""},
		"optimizer":          {whole, []string{"--optimizer", "lion"}, 2, "--optimizer lion: want one of adam, rmsprop, sgd", ""},
		"weights":            {whole, []string{"--class-weights", "heavy"}, 2, "--class-weights heavy", ""},
		"no folder":          {whole, []string{"-o", "no/such/folder/m"}, 1, "no folder no/such/folder", "mkdir -p"},
		"no name":            {whole, []string{"-o", "."}, 2, "want the beginning of a file name", ""},
		"no name in folder":  {whole, []string{"-o", "../"}, 2, "want the beginning of a file name", ""},
		"no report":          {whole, []string{"--expect", "missing.json"}, 1, "missing.json", ""},
	} {
		t.Run(name, func(t *testing.T) {
			got := runTrain(t, t.Context(), tc.stdin, tc.args...)
			if got.code != tc.code || !strings.Contains(got.stderr, tc.want) {
				t.Errorf("exit %d, want %d; stderr %q, want %q", got.code, tc.code, got.stderr, tc.want)
			}
			if tc.hint != "" && !strings.Contains(got.stderr, "hint: ") || !strings.Contains(got.stderr, tc.hint) {
				t.Errorf("stderr %q, want the hint %q", got.stderr, tc.hint)
			}
			delete(got.files, "m.ckpt") // of epochs before the fault
			if len(got.files) > 0 || got.stdout != "" {
				t.Errorf("files %v and %q were written all the same", slices.Sorted(maps.Keys(got.files)), got.stdout)
			}
		})
	}
}

func TestSafetensors(t *testing.T) {
	got := runTrain(t, t.Context(), encode(t, []string{"green", "red"}, twoClasses()...), "--epochs", "1", "--safetensors")
	if got.code != 0 || len(got.files) != 4 {
		t.Fatalf("%+v", got)
	}
	params, meta, err := model.ReadSafetensors(bytes.NewReader(got.files["m.safetensors"]))
	if err != nil {
		t.Fatal(err)
	}
	network, metadata, err := model.ReadONNX(bytes.NewReader(got.files["m.onnx"]))
	if err != nil {
		t.Fatal(err)
	}
	if meta["run"] == "" || meta["run"] != metadata["run"] {
		t.Errorf("run %q and %q", meta["run"], metadata["run"])
	}
	for i, p := range network.Params {
		if params[i].Name != p.Name || !slices.Equal(params[i].Data, p.Data) {
			t.Errorf("%s differs", p.Name)
		}
	}
}
