package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/opensandwich/oi/record"
)

// TestBaseline: a model is compared with the report of another, item by item.
func TestBaseline(t *testing.T) {
	m, dir := writeModel(t), t.TempDir()
	old := filepath.Join(dir, "old.json")
	if code, _, stderr := eval(t, encode(t, held()...), "--report", old, m); code != 0 {
		t.Fatalf("exit %d: %s", code, stderr)
	}
	changed := func(name string, change func(items []any) []any) string {
		t.Helper()
		raw, err := os.ReadFile(old)
		if err != nil {
			t.Fatal(err)
		}
		var r map[string]any
		if err := json.Unmarshal(raw, &r); err != nil {
			t.Fatal(err)
		}
		details := r["evaluation"].(map[string]any)["details"].(map[string]any)
		details["items"] = change(details["items"].([]any))
		if raw, err = json.Marshal(r); err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, raw, 0o666); err != nil {
			t.Fatal(err)
		}
		return path
	}
	perfect := changed("perfect.json", func(items []any) []any {
		for _, i := range items {
			i := i.(map[string]any)
			i["answer"] = i["truth"]
		}
		return items
	})
	relabelled := changed("relabelled.json", func(items []any) []any {
		items[0].(map[string]any)["truth"] = "other"
		return items
	})
	none := changed("none.json", func([]any) []any { return nil })
	broken := filepath.Join(dir, "broken.json")
	if err := os.WriteFile(broken, []byte("{"), 0o666); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{"--baseline", old}, 0, "beside the baseline 0.8000 on 5 common items: +0.0000 (95% interval -0.4345 to +0.4345 by photo, 5 groups, too few to judge; 0 gained, 0 lost; McNemar's p, as if boxes were independent, 1)"},
		{[]string{"--baseline", old, "--no-worse-than", "0.5"}, 0, ""},
		{[]string{"--baseline", old, "--no-worse-than", "0.01"}, 1, "more items would tell"},
		{[]string{"--baseline", perfect}, 0, "beside the baseline 1.0000 on 5 common items: -0.2000 ("},
		{[]string{"--baseline", perfect, "--no-worse-than", "0.1"}, 1, "the accuracy may be lower than that of the baseline by 0."},
		{[]string{"--baseline", relabelled}, 1, "relabelled.json: only 4 items are in both, of 5 here and 5 in the baseline"},
		{[]string{"--baseline", none}, 1, "none.json lists no items"},
		{[]string{"--baseline", broken}, 1, "broken.json is no report in JSON"},
		{[]string{"--baseline", filepath.Join(dir, "missing.json")}, 1, "missing.json"},
		{[]string{"--no-worse-than", "0.1"}, 2, "--no-worse-than says nothing without --baseline"},
		{[]string{"--baseline", old, "--no-worse-than", "2"}, 2, "--no-worse-than 2: want a difference of accuracies"},
		{[]string{"--baseline", old, "--emit"}, 2, "does not go with --emit"},
	} {
		code, _, stderr := eval(t, encode(t, held()...), append(tc.args, m)...)
		if code != tc.code || !strings.Contains(stderr, tc.want) {
			t.Errorf("%v: exit %d, want %d; stderr %q, want %q", tc.args, code, tc.code, stderr, tc.want)
		}
		if strings.Contains(stderr, `\n`) {
			t.Errorf("%v: two lines became one: %s", tc.args, stderr)
		}
	}
}

// TestBaselineOfManyItems: where the items of a report are in a file next to
// it, both are needed, and neither may be an input.
func TestBaselineOfManyItems(t *testing.T) {
	m, dir := writeModel(t), t.TempDir()
	var items []*record.Item
	for n := range 20_001 {
		items = append(items, picture(100+n, "red", []string{"red", "red", "green"}[n%3], "test"))
	}
	crops := encode(t, items...)
	old, listed := filepath.Join(dir, "old.json"), filepath.Join(dir, "old.items.zst")
	if code, _, stderr := eval(t, crops, "--report", old, m); code != 0 {
		t.Fatalf("exit %d: %s", code, stderr)
	}
	if code, _, stderr := eval(t, crops, "--baseline", old, "--no-worse-than", "0.001", m); code != 0 || !strings.Contains(stderr, "beside the baseline 0.6667 on 20001 common items: +0.0000") {
		t.Errorf("exit %d: %s", code, stderr)
	}
	if code, _, stderr := eval(t, nil, "--report", old, m, listed); code != 2 || !strings.Contains(stderr, "old.items.zst is also an input") {
		t.Errorf("exit %d: %s", code, stderr)
	}
	if err := os.Remove(listed); err != nil {
		t.Fatal(err)
	}
	if code, _, stderr := eval(t, crops, "--baseline", old, m); code != 1 || !strings.Contains(stderr, "old.items.zst, which is not there") {
		t.Errorf("exit %d: %s", code, stderr)
	}
}
