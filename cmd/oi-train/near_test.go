package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/opensandwich/oi/record"
)

// TestNearDuplicates: pictures that come again a little brighter are listed, or
// left out and counted in the report.
func TestNearDuplicates(t *testing.T) {
	items := twoClasses()
	again := func(of *record.Item, n int, set string) *record.Item {
		item := picture(n, of.Label.Name, set)
		for i, v := range of.Tensor.Data {
			item.Tensor.Data[i] = v/2 + 20
		}
		return item
	}
	test, val := items[len(items)-1], items[len(items)-9]
	if test.Set != "test" || val.Set != "val" {
		t.Fatal(test.Set, val.Set)
	}
	more := []*record.Item{again(test, 301, "train"), again(val, 302, "train"), again(test, 303, "val")}
	in := encode(t, []string{"red", "green"}, slices.Concat(items, more)...)
	list := filepath.Join(t.TempDir(), "near.csv")
	kept := runTrain(t, t.Context(), in, "--epochs", "1", "--near-list", list)
	text, err := os.ReadFile(list)
	if kept.code != 0 || err != nil {
		t.Fatal(err, kept.stderr)
	}
	checkSets(t, kept, map[string]int{"train": 34, "val": 9, "test": 8})
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	if len(lines) != 4 || lines[0] != "key,partner,correlation,set,partner_set,label,partner_label" {
		t.Fatalf("list:\n%s", text)
	}
	for i, want := range [][2]*record.Item{{more[2], test}, {more[0], test}, {more[1], val}} {
		if !strings.HasPrefix(lines[i+1], want[0].Key+","+want[1].Key+",") {
			t.Errorf("line %q, want %s and %s", lines[i+1], want[0].Key, want[1].Key)
		}
	}
	dropped := runTrain(t, t.Context(), in, "--epochs", "1", "--near-duplicates", "drop")
	checkSets(t, dropped, map[string]int{"train": 32, "val": 8, "test": 8})
	if !strings.Contains(string(dropped.files["m.json"]), `"near duplicate of a held-out picture": 3`) {
		t.Errorf("report:\n%.3000s", dropped.files["m.json"])
	}
	if without := runTrain(t, t.Context(), encode(t, []string{"red", "green"}, items...), "--epochs", "1"); weightsOf(t, without) != weightsOf(t, dropped) || weightsOf(t, without) == weightsOf(t, kept) {
		t.Error("the weights are not those of the items that are left")
	}

	// What cannot be.
	for _, tt := range []struct {
		want string
		in   []byte
		args []string
	}{
		{"want keep or drop", in, []string{"--near-duplicates", "never"}},
		{"no folder", in, []string{"--near-list", filepath.Join(t.TempDir(), "none", "x.csv")}},
		{"oi-augment passes on variants", encode(t, []string{"red", "green"}, variants(t, items, 1)...), []string{"--near-duplicates", "drop"}},
	} {
		if got := runTrain(t, t.Context(), tt.in, append(tt.args, "--epochs", "1")...); got.code == 0 || !strings.Contains(got.stderr, tt.want) {
			t.Errorf("%v: exit %d: %s", tt.args, got.code, got.stderr)
		}
	}
}

// weightsOf is the hash of the weights in a run's report.
func weightsOf(t *testing.T, got outcome) string {
	t.Helper()
	_, rest, ok := strings.Cut(string(got.files["m.json"]), `"weights_sha256": "`)
	if !ok {
		t.Fatalf("exit %d: %s", got.code, got.stderr)
	}
	return rest[:64]
}
