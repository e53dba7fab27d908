package main

import (
	"bytes"
	"encoding/json"
	"math"
	"strings"
	"testing"

	"github.com/opensandwich/oi/cmd/internal/model"
	"github.com/opensandwich/oi/cmd/internal/report"
)

// judgedRun reads what a run's report says of each test item.
func judgedRun(t *testing.T, got outcome) (items []report.Judged, certainty *report.Certainty) {
	t.Helper()
	var r struct {
		Evaluation struct {
			Details struct{ Items []report.Judged }
		}
		Certainty *report.Certainty
	}
	if got.code != 0 {
		t.Fatalf("exit %d: %s", got.code, got.stderr)
	}
	if err := json.Unmarshal(got.files["m.json"], &r); err != nil {
		t.Fatal(err)
	}
	return r.Evaluation.Details.Items, r.Certainty
}

// TestCalibrate: every logit is divided by one number, in the model as well, so
// that no answer changes; and the same run again expects the same weights.
func TestCalibrate(t *testing.T) {
	stream := encode(t, []string{"red", "green"}, twoClasses()...)
	plain := runTrain(t, t.Context(), stream, "--epochs", "3")
	tempered := runTrain(t, t.Context(), stream, "--epochs", "3", "--calibrate")
	before, none := judgedRun(t, plain)
	after, certainty := judgedRun(t, tempered)
	if none != nil || certainty == nil || certainty.Temperature == 0 || certainty.Temperature == 1 {
		t.Fatalf("%v, %v", none, certainty)
	}
	logit := func(p float64) float64 { return math.Log(p / (1 - p)) }
	for i := range before {
		if before[i].Answer != after[i].Answer {
			t.Errorf("%s: %s became %s", before[i].Key, before[i].Answer, after[i].Answer)
		}
		if max(before[i].Probability, after[i].Probability) > 0.9999 {
			continue // of such numbers the last bit moves the logit
		}
		if got, want := logit(after[i].Probability), logit(before[i].Probability)/certainty.Temperature; math.Abs(got-want) > 1e-3*(1+math.Abs(want)) {
			t.Errorf("%s: logit %g, want %g", before[i].Key, got, want)
		}
	}
	n, meta, err := model.ReadONNX(bytes.NewReader(tempered.files["m.onnx"]))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(meta["certainty"], `"temperature"`) || !strings.Contains(string(tempered.files["m.json"]), n.WeightsHash()) {
		t.Error("the model does not have the tempered weights")
	}
}

func TestUnsure(t *testing.T) {
	stream := encode(t, []string{"red", "green"}, twoClasses()...)
	for text, tc := range map[string]struct {
		code int
		want string
	}{
		"0.8": {0, `"unsure_below": 0.8`}, "60%": {0, `"unsure_wanted": 0.6`},
		"1": {2, "--unsure 1: want a probability"}, "0": {2, "want a probability"}, "NaN": {2, "want"}, "100%": {2, "want"}, "x": {2, "want"},
	} {
		got := runTrain(t, t.Context(), stream, "--epochs", "2", "--unsure", text)
		if got.code != tc.code || !strings.Contains(got.stderr+string(got.files["m.json"]), tc.want) {
			t.Errorf("%s: exit %d, want %d and %q; %s", text, got.code, tc.code, tc.want, got.stderr)
		}
		if tc.code == 0 && !strings.Contains(got.stdout, "% answered") {
			t.Errorf("%s: %s", text, got.stdout)
		}
	}
	for _, c := range []certainty{{calibrate: true}, {text: "95%", wanted: 0.95}} {
		if err := c.possible(&data{}); err == nil || !strings.Contains(err.Error(), "goes by the set val, and no item is of it") {
			t.Errorf("%+v without val: %v", c, err)
		}
	}
	if err := (&certainty{text: "0.8", below: 0.8}).possible(&data{}); err != nil {
		t.Error(err)
	}
}

// TestThreshold: the lowest one that keeps what is wanted.
func TestThreshold(t *testing.T) {
	rows := [][]float32{{0.9, 0.1}, {0.2, 0.8}, {0.7, 0.3}, {0.45, 0.55}}
	truth := []int{0, 1, 1, 1} // the third, of a little less than 0.7, is wrong
	for _, tc := range []struct{ wanted, below, answered float64 }{{0.7, 0.001, 1}, {0.8, 0.7, 0.5}, {0.99, 0.7, 0.5}} {
		below, answered, err := threshold(rows, truth, tc.wanted)
		if err != nil || math.Abs(below-tc.below) > 1e-9 || answered != tc.answered {
			t.Errorf("%g: from %g on %g are answered (%v), want %v", tc.wanted, below, answered, err, tc)
		}
	}
	if _, _, err := threshold(rows, []int{1, 0, 0, 0}, 0.9); err == nil {
		t.Error("a threshold above which 90 % are right, of a model that is always wrong")
	}
}
