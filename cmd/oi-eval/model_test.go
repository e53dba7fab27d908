package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestInfo(t *testing.T) {
	m := writeModel(t)
	code, stdout, stderr := eval(t, nil, "--info", m)
	for _, want := range []string{"classes      green, red", "4x4 pixels", "49 parameters in 2 layers", "preprocessing: in the network", "dense", "accuracy 0.9000", "95% interval of the accuracy 0.5100 to 0.9700 by author, 7 groups, too few to judge", "2 photos", `CC \x1b[31m`, "oi-boxes", "epoch 2"} {
		if !strings.Contains(stdout, want) {
			t.Errorf("--info lacks %q:\n%s", want, stdout)
		}
	}
	for _, want := range []string{"trail        oi-boxes 1 classes=/m/a,/m/b limit=40", "trail        oi-fetch 2", "             flatten   -> 48", "             dense     -> 1"} {
		if !slices.Contains(strings.Split(stdout, "\n"), want) {
			t.Errorf("--info lacks the line %q:\n%s", want, stdout)
		}
	}
	for line := range strings.Lines(stdout) {
		if strings.Contains(line, "map[") || strings.Contains(line, "{") || strings.Contains(line, "-> [") {
			t.Errorf("written as Go prints it: %s", line)
		}
	}
	if code != 0 {
		t.Errorf("exit %d: %s", code, stderr)
	}
	_, stdout, _ = eval(t, nil, "--info", "--json", m)
	var d description
	if err := json.Unmarshal([]byte(stdout), &d); err != nil || d.Parameters != 49 || len(d.SHA256) != 64 || d.TrainedOn != 2 || len(d.Layers) != 2 || d.Layers[1].Out != 1 {
		t.Errorf("%v: %+v", err, d)
	}
}

// How a head was fitted, on what, and what is known of its answers.
func TestInfoOfHead(t *testing.T) {
	m := writeCombinedOf(t, map[string]string{
		"metrics":  `{"set":"test","items":10,"accuracy":0.9,"baseline":0.6,"report":{"macro avg":{"f1-score":0.875}}}`,
		"sets":     `{"train":{"green":20,"red":22},"val":{"red":3},"test":{"green":6,"red":4}}`,
		"head":     `{"c":0.003,"chosen_by":"log loss on val","rows":42,"table":[{"c":0.003,"val_loss":null}]}`,
		"licences": `[{"license":"https://creativecommons.org/licenses/by/2.0/","photos":2,"authors":1}]`,
		"certainty": `{"unsure_below":0.7,"unsure_by":"cost=5","unsure_on_val":{"threshold":0.7,"answered":0.5,"accuracy":1},` +
			`"unsure_on_test":{"threshold":0.7,"answered":0,"accuracy":null}}`,
	})
	code, stdout, stderr := eval(t, nil, "--info", m)
	for _, want := range []string{
		"             macro F1 0.8750; always the largest class would be right for 0.6000",
		"training     a head fitted to 42 rows, C=0.003 chosen by log loss on val",
		"items        train 42, val 3, test 10",
		"licence      CC BY 2.0, https://creativecommons.org/licenses/by/2.0/: 2 photos by 1 known authors",
		"certainty    An answer of less than 0.7 is unsure, chosen on val by cost=5. On val 50 % answered, 100 % of these right. On test 0 % answered.",
	} {
		if code != 0 || !slices.Contains(strings.Split(stdout, "\n"), want) {
			t.Errorf("exit %d, --info lacks the line %q:\n%s%s", code, want, stdout, stderr)
		}
	}
	_, stdout, _ = eval(t, nil, "--info", "--json", m)
	var d description
	if err := json.Unmarshal([]byte(stdout), &d); err != nil || d.Head == nil || d.Head.C != 0.003 || d.Certainty.UnsureBy != "cost=5" || d.Sets["val"]["red"] != 3 {
		t.Errorf("%v: %+v", err, d)
	}
}

// What is said of a file that is no model to be used is true, and so is what to
// do about it.
func TestRefusesModels(t *testing.T) {
	good, err := os.ReadFile(writeModel(t))
	if err != nil {
		t.Fatal(err)
	}
	const again = "hint: copy the file again"
	for name, tc := range map[string]struct {
		file string
		want string
		hint string
	}{
		"PyTorch's":           {"\x08\x07\x12\x07pytorch\x1a\x061.13.1\x3a\x02\x12\x00", "an ONNX model that oi-train did not write: its producer is pytorch 1.13.1", "hint: oi-eval --labels NAMES.txt asks models that oi-train did not write"},
		"a page":              {"<!DOCTYPE html><title>Sign in</title>", "not an ONNX file", "hint: look what it begins with"},
		"a pointer":           {"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n", "not an ONNX file", "hint: look what it begins with"},
		"empty":               {"", "not an ONNX file", "hint: look what it begins with"},
		"cut":                 {string(good[:len(good)-9]), "the model file is truncated", again},
		"swapped class names": {strings.Replace(string(good), `["green","red"]`, `["red","green"]`, 1), "the model file is damaged, or was changed after oi-train had written it", again},
		"another figure":      {strings.Replace(string(good), `"accuracy":0.9`, `"accuracy":1.0`, 1), "the model file is damaged, or was changed", again},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "x.onnx")
			if err := os.WriteFile(path, []byte(tc.file), 0o600); err != nil {
				t.Fatal(err)
			}
			for _, args := range [][]string{{path}, {"--info", path}} {
				code, stdout, stderr := eval(t, encode(t, held()...), args...)
				if code != 1 || stdout != "" || !strings.Contains(stderr, "model "+path+": "+tc.want) || !strings.Contains(stderr, tc.hint) {
					t.Errorf("%v: exit %d, stderr %q; want %q and %q", args, code, stderr, tc.want, tc.hint)
				}
			}
		})
	}
}
