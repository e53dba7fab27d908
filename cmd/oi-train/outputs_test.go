package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/opensandwich/oi/cmd/internal/cmdtest"
	"github.com/opensandwich/oi/cmd/internal/dataset"
	"github.com/opensandwich/oi/cmd/internal/model"
	"github.com/opensandwich/oi/record"
)

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

// TestTrains trains once and looks at everything that comes out.
func TestTrains(t *testing.T) {
	got := runTrain(t, t.Context(), encode(t, []string{"red", "green"}, twoClasses()...), "--epochs", "12", "--lr", "0.003", "--patience", "12")
	if got.code != 0 {
		t.Fatalf("exit %d: %s", got.code, got.stderr)
	}
	if names := slices.Sorted(maps.Keys(got.files)); !slices.Equal(names, []string{"m.html", "m.json", "m.onnx"}) {
		t.Errorf("files %v", names)
	}
	var r trainedReport
	if err := json.Unmarshal(got.files["m.json"], &r); err != nil {
		t.Fatal(err)
	}
	t.Run("history", func(t *testing.T) { checkHistory(t, &r) })
	t.Run("report", func(t *testing.T) { checkReport(t, &r) })
	t.Run("model", func(t *testing.T) { checkModel(t, got, &r) })
	t.Run("words", func(t *testing.T) { checkWords(t, got) })
}

// trainedReport is the report as a reader of it in another language sees it.
type trainedReport struct {
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

func checkHistory(t *testing.T, r *trainedReport) {
	if len(r.History) != 12 || r.History[11].Epoch != 12 || r.History[0].ImagesPerSecond <= 0 || r.History[0].Seconds <= 0 {
		t.Errorf("history %+v", r.History)
	}
	best := slices.MinFunc(r.History, func(a, b epoch) int { return cmp.Compare(a.ValLoss, b.ValLoss) })
	if r.BestEpoch != best.Epoch || !strings.Contains(r.Stopped, "all 12 epochs") {
		t.Errorf("best epoch %d (want %d), stopped %q", r.BestEpoch, best.Epoch, r.Stopped)
	}
}

func checkReport(t *testing.T, r *trainedReport) {
	if !slices.Equal(r.Classes, []string{"green", "red"}) || r.Sets["train"]["red"] != 16 || r.Sets["test"]["green"] != 4 {
		t.Errorf("classes %v, sets %v", r.Classes, r.Sets)
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
}

// checkModel checks that the model is the one of the report, and what it
// remembers of its photos.
func checkModel(t *testing.T, got outcome, r *trainedReport) {
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
}

// checkWords checks what people read during and after the run.
func checkWords(t *testing.T, got outcome) {
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

func TestSafetensors(t *testing.T) {
	got := runTrain(t, t.Context(), encode(t, []string{"green", "red"}, twoClasses()...), "--epochs", "1", "--safetensors")
	if got.code != 0 || len(got.files) != 4 {
		t.Fatalf("%+v", got)
	}
	network, metadata, err := model.ReadONNX(bytes.NewReader(got.files["m.onnx"]))
	if err != nil {
		t.Fatal(err)
	}
	if metadata["run"] == "" {
		t.Error("no run")
	}
	var want bytes.Buffer
	if err := network.WriteSafetensors(&want, map[string]string{"run": metadata["run"]}); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got.files["m.safetensors"], want.Bytes()) {
		t.Error("the weights are not those of the model")
	}
}
