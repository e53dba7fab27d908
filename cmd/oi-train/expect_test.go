package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/opensandwich/oi/cmd/internal/dataset"
	"github.com/opensandwich/oi/record"
)

// saveReport writes the report of a run, after a change to it, to a file.
func saveReport(t *testing.T, report []byte, change func(r map[string]any)) string {
	t.Helper()
	var r map[string]any
	if err := json.Unmarshal(report, &r); err != nil {
		t.Fatal(err)
	}
	if change != nil {
		change(r)
	}
	changed, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "first.json")
	if err := os.WriteFile(path, changed, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// invert returns the items with negatives of the pictures of a set.
func invert(items []*record.Item, set string) []*record.Item {
	items = slices.Clone(items)
	for i, item := range items {
		if item.Set != set {
			continue
		}
		other, tensor := *item, *item.Tensor
		tensor.Data = slices.Clone(tensor.Data)
		for k := range tensor.Data {
			tensor.Data[k] ^= 0xff
		}
		other.Tensor = &tensor
		items[i] = &other
	}
	return items
}

// Whether a run is another's is said of its weights and of its items; that of
// what it ran on, by itself.
func TestExpect(t *testing.T) {
	classes := []string{"red", "green"}
	items := twoClasses()
	input := encode(t, classes, items...)
	first := runTrain(t, t.Context(), input, "--epochs", "1").files["m.json"]
	provenance := func(change func(map[string]any)) func(map[string]any) {
		return func(r map[string]any) { change(r["provenance"].(map[string]any)) }
	}
	older := provenance(func(p map[string]any) {
		delete(p, "data_version")
		delete(p, "data_sets")
		p["data"] = strings.Repeat("0", 64)
	})
	const same = "data: the same; code: the same; environment: the same; the figures can be compared\n"
	for name, tc := range map[string]struct {
		change func(map[string]any)
		input  []byte
		args   []string
		code   int
		want   []string
		not    string
	}{
		"the same": {nil, input, nil, 0, []string{"first.json, bit for bit; " + same}, "is of a run"},
		"in another order": {nil, encode(t, classes, append(slices.Clone(items[8:]), items[:8]...)...), nil, 0,
			[]string{"first.json, bit for bit; " + same}, "is of a run"},
		"other options": {nil, input, []string{"--seed", "2", "--optimizer", "sgd"}, 1, []string{
			"other options: --lr 0.0005, now 0.01; --optimizer rmsprop, now sgd; --seed 1, now 2\n", "the weights are not those of", "; " + same,
		}, "bit for bit"},
		"options of the report alone": {func(r map[string]any) { r["options"].(map[string]any)["unsure"] = "f1" }, input, nil, 0, []string{
			"other options: --unsure f1, now not given\n", "bit for bit; " + same,
		}, ""},
		"options of this run alone": {nil, input, []string{"--unsure", "0.6"}, 0, []string{"other options: --unsure not given, now 0.6\n", "bit for bit; " + same}, ""},
		"what others follow from":   {nil, input, []string{"--cutmix", "0.5", "--lr-schedule", "linear"}, 1, []string{"other options: --cutmix not given, now 0.5; --lr-schedule not given, now linear\n"}, "--patience"},
		"another test set": {nil, encode(t, classes, invert(items, dataset.Test)...), nil, 1, []string{
			"first.json is of a run on other test items: this one is going to fail\n",
			"the weights are those of", "bit for bit, but the items are not; data: other test items; code: the same", "the figures cannot be compared\n",
		}, ""},
		"a test item less": {nil, encode(t, classes, items[:len(items)-1]...), nil, 1, []string{"data: other test items", "the figures cannot be compared\n"}, ""},
		"no test set":      {nil, encode(t, classes, items[:40]...), nil, 1, []string{"data: other test items", "the figures cannot be compared\n"}, ""},
		"another train set": {nil, encode(t, classes, invert(items, dataset.Train)...), nil, 1, []string{
			"the weights are not those of", "data: other train items;", "the figures can be compared\n",
		}, ""},
		"all pixels inverted": {nil, encode(t, classes, invert(invert(invert(items, dataset.Train), dataset.Val), dataset.Test)...), nil, 1, []string{
			"data: other train, val, test items", "the figures cannot be compared\n",
		}, ""},
		"another query": {provenance(func(p map[string]any) { p["data"] = strings.Repeat("0", 64) }), input, nil, 0, []string{
			"bit for bit; data: the same items, asked for in other words; code", "the figures can be compared\n",
		}, ""},
		"a report of version 1": {older, input, nil, 0, []string{
			"bit for bit; data: cannot be compared (version 1", "the figures can be compared only if the test items are the same\n",
		}, "data: other"},
		"version 1, another test set": {older, encode(t, classes, invert(items, dataset.Test)...), nil, 0, []string{"data: cannot be compared (version 1"}, "data: other"},
		"version 1, other weights":    {older, input, []string{"--seed", "2"}, 1, []string{"the weights are not those of", "data: cannot be compared (version 1"}, "data: other"},
		"a later version": {provenance(func(p map[string]any) { p["data_version"] = 3 }), input, nil, 0, []string{
			"data: cannot be compared (the report has version 3 of the hash, this is version 2)",
		}, "data: other"},
		"other code": {provenance(func(p map[string]any) { p["code"] = map[string]any{"version": "v0.1", "revision": "abc"} }), input, nil, 0, []string{
			"first.json is of a run of other code: v0.1, revision abc, now ", "bit for bit; data: the same; code: another; environment: the same; the figures can be compared\n",
		}, ""},
		"another environment": {provenance(func(p map[string]any) {
			p["environment"] = map[string]any{"go": "go1.99", "platform": "plan9/riscv", "cpu": []string{"abacus"}}
		}), input, nil, 0, []string{
			"first.json is of a run in another environment: go1.99, now go", "; plan9/riscv, now ", "; CPU with abacus, now ",
			"data: the same; code: the same; environment: another; the figures can be compared\n",
		}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			path := saveReport(t, first, tc.change)
			got := runTrain(t, t.Context(), tc.input, append(tc.args, "--epochs", "1", "--expect", path)...)
			if got.code != tc.code || (len(got.files) == 0) != (tc.code != 0) {
				t.Errorf("exit %d, want %d; %d files", got.code, tc.code, len(got.files))
			}
			for _, want := range tc.want {
				if !strings.Contains(got.stderr, want) {
					t.Errorf("no %q in\n%s", want, got.stderr)
				}
			}
			if tc.not != "" && strings.Contains(got.stderr, tc.not) {
				t.Errorf("%q in\n%s", tc.not, got.stderr)
			}
		})
	}
}

// Of epochs that come from oi-augment the variants are what counts.
func TestExpectStreamed(t *testing.T) {
	classes := []string{"red", "green"}
	epochs := variants(t, twoClasses(), 1)
	first := runTrain(t, t.Context(), encode(t, classes, epochs...)).files["m.json"]
	path := saveReport(t, first, nil)
	if got := runTrain(t, t.Context(), encode(t, classes, epochs...), "--expect", path); got.code != 0 || !strings.Contains(got.stderr, "data: the same;") {
		t.Errorf("exit %d: %s", got.code, got.stderr)
	}
	got := runTrain(t, t.Context(), encode(t, classes, invert(epochs, dataset.Train)...), "--expect", path)
	if got.code != 1 || !strings.Contains(got.stderr, "data: other train items;") || strings.Contains(got.stderr, "going to fail") || !strings.Contains(got.stderr, "the figures can be compared\n") {
		t.Errorf("exit %d: %s", got.code, got.stderr)
	}
}

// What differs about the items is named: by their keys where the report has
// them, else by how many there are.
func TestExpectNamesItems(t *testing.T) {
	classes := []string{"red", "green"}
	first := runTrain(t, t.Context(), encode(t, classes, twoClasses()...), "--epochs", "1").files["m.json"]
	changed := twoClasses()
	lost, other := changed[47].Key, changed[46]
	other.Label.Name = "green"
	changed = append(changed[:47], picture(900, "red", dataset.Test), picture(901, "green", dataset.Test))
	few := twoClasses()[2:]
	many := slices.Concat(twoClasses(), pictures(700, 24, dataset.Test, "red", "green"))
	for name, tc := range map[string]struct {
		items  []*record.Item
		change func(map[string]any)
		want   []string
	}{
		"test": {changed, nil, []string{
			"oi-train: test: 1 missing: " + lost + "; 2 added: " + changed[47].Key + ", " + changed[48].Key + "; 1 labelled otherwise: " + other.Key + " (red, now green)\n",
		}},
		"train":    {few, nil, []string{"oi-train: train: 32 items, now 30: green 16, now 15, red 16, now 15\n"}},
		"pictures": {invert(twoClasses(), dataset.Test), nil, []string{"oi-train: test: the same 8 keys and labels, so the pictures are others\n"}},
		"val": {invert(twoClasses(), dataset.Val), nil, []string{
			"oi-train: val: 8 items as then, as many of each label, but not the same ones or not of the same pictures\n",
		}},
		"many":            {many, nil, []string{"24 added: " + many[48].Key + ", ", " and 14 more\n"}},
		"no items listed": {changed, func(r map[string]any) { r["evaluation"].(map[string]any)["details"] = nil }, []string{"test: which items differ cannot be said (", "lists no items"}},
	} {
		t.Run(name, func(t *testing.T) {
			got := runTrain(t, t.Context(), encode(t, classes, tc.items...), "--epochs", "1", "--expect", saveReport(t, first, tc.change))
			if got.code != 1 {
				t.Errorf("exit %d", got.code)
			}
			for _, want := range tc.want {
				if !strings.Contains(got.stderr, want) {
					t.Errorf("no %q in\n%s", want, got.stderr)
				}
			}
		})
	}
	epochs := variants(t, twoClasses(), 1)
	first = runTrain(t, t.Context(), encode(t, classes, epochs...)).files["m.json"]
	got := runTrain(t, t.Context(), encode(t, classes, slices.Delete(epochs, 20, 21)...), "--expect", saveReport(t, first, nil))
	if got.code != 1 || !strings.Contains(got.stderr, "oi-train: train: 32 items, now 31: ") {
		t.Errorf("exit %d: %s", got.code, got.stderr)
	}
}

// A long difference is named in its first places.
func TestLabelChanges(t *testing.T) {
	then := map[string]int{"a": 9, "b": 5, "c": 1, "d": 2, "e": 3, "f": 4, "gone": 7}
	now := map[string]int{"a": 9, "b": 6, "c": 3, "d": 5, "e": 7, "f": 9, "new": 20}
	if got, want := labelChanges(then, now), "31 items, now 59: new 0, now 20, gone 7, now 0, f 4, now 9, e 3, now 7, d 2, now 5 and 2 more"; got != want {
		t.Errorf("got %s", got)
	}
}
