package main

import (
	"bytes"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
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
		"f1": {0, `"unsure_by": "f1"`}, "f1[red]": {0, `"unsure_by": "f1[red]"`}, "cost=3": {0, `"unsure_by": "cost=3"`},
		"precision=0.6": {0, `"unsure_wanted": 0.6`}, "precision[red]=60%": {0, `"unsure_by": "precision[red]=60%"`},
		"recall=0.3": {0, `"unsure_by": "recall=0.3"`}, "recall[green]=0.5": {0, `"unsure_by": "recall[green]=0.5"`},
		"1": {2, "--unsure 1: want a probability"}, "0": {2, "want a probability"}, "NaN": {2, "want"}, "100%": {2, "want"}, "x": {2, "want"},
		"f1=0.5": {2, "want"}, "precision": {2, "want"}, "recall=1": {2, "want"}, "recall=NaN": {2, "want"}, "cost=0": {2, "want"}, "cost=5%": {2, "want"},
		"cost[red]=5": {2, "want"}, "recall[]=0.5": {2, "want"}, "recall[red=0.5": {2, "want"}, "accuracy=0.5": {2, "want"}, "cost=Inf": {2, "want"},
		"recall[blue]=0.5": {1, `--unsure recall[blue]=0.5: no class is called "blue"`},
	} {
		got := runTrain(t, t.Context(), stream, "--epochs", "2", "--unsure", text)
		if got.code != tc.code || !strings.Contains(got.stderr+string(got.files["m.json"]), tc.want) {
			t.Errorf("%s: exit %d, want %d and %q; %s", text, got.code, tc.code, tc.want, got.stderr)
		}
		if tc.code != 0 {
			if got.files["m.onnx"] != nil {
				t.Errorf("%s: there is a model", text)
			}
			continue
		}
		if !strings.Contains(got.stdout, "% answered") || !strings.Contains(got.stdout, "on val: ") {
			t.Errorf("%s: %s", text, got.stdout)
		}
		// What the report says of test is what its items say.
		items, c := judgedRun(t, got)
		answered, right := 0, 0
		for _, item := range items {
			if item.Probability >= c.UnsureBelow {
				answered++
				if item.Answer == item.Truth {
					right++
				}
			}
		}
		if c.OnVal == nil || c.OnTest == nil || c.OnTest.Answered != float64(answered)/float64(len(items)) || answered > 0 && float64(c.OnTest.Accuracy) != float64(right)/float64(answered) {
			t.Errorf("%s: %d of %d answered, %d right, and the report has %+v", text, answered, len(items), right, c)
		}
	}
	for _, c := range []certainty{{calibrate: true}, {text: "95%", rule: &thresholdRule{kind: "precision", value: 0.95}}, {text: "f1", rule: &thresholdRule{kind: "f1"}}} {
		if err := c.possible(&data{}); err == nil || !strings.Contains(err.Error(), "goes by the set val, and no item is of it") {
			t.Errorf("%+v without val: %v", c, err)
		}
	}
	if err := (&certainty{text: "0.8", below: 0.8}).possible(&data{}); err != nil {
		t.Error(err)
	}
}

// TestCertaintyAfterInterrupt: what --calibrate and --unsure ask for is done to
// what training has come to, also when that was interrupted, and may be asked for
// otherwise by the run that goes on.
func TestCertaintyAfterInterrupt(t *testing.T) {
	input := encode(t, []string{"red", "green"}, twoClasses()...)
	s := newSession(t)
	code, stderr := s.interrupt(12, input, "--epochs", "9", "--calibrate", "--unsure", "f1")
	if code != 130 || s.file("m.onnx") == nil || !strings.Contains(stderr, "--resume goes on") {
		t.Fatalf("exit %d, a model of %d bytes: %s", code, len(s.file("m.onnx")), stderr)
	}
	// With --expect nothing is written before it can be compared.
	whole := runTrain(t, t.Context(), input, "--epochs", "9").files["m.json"]
	cut := newSession(t)
	if code, stderr := cut.interrupt(12, input, "--epochs", "9", "--expect", saveReport(t, whole, nil)); code != 130 || strings.Contains(stderr, "the weights are not") || !strings.Contains(stderr, "--resume goes on") ||
		cut.file("m.onnx") != nil || cut.file("m.json") != nil || cut.file("m.ckpt") == nil {
		t.Errorf("with --expect: exit %d: %s", code, stderr)
	}
	for _, args := range [][]string{{"--unsure", "0.6"}, {}} {
		copied := newSession(t)
		if err := os.WriteFile(filepath.Join(copied.dir, "m.ckpt"), s.file("m.ckpt"), 0o600); err != nil {
			t.Fatal(err)
		}
		code, stderr := copied.run(t.Context(), bytes.NewReader(input), nil, append(args, "--epochs", "9", "--resume")...)
		if code != 0 || !strings.Contains(stderr, "going on after epoch") {
			t.Errorf("%v: exit %d: %s", args, code, stderr)
		}
	}
}
