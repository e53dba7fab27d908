package main

import (
	"encoding/csv"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/opensandwich/oi/cmd/internal/report"
	"github.com/opensandwich/oi/record"
)

// TestPoorCrops: crops that show little are listed, shown on the page, and left
// out of train alone.
func TestPoorCrops(t *testing.T) {
	items := twoClasses()
	poor := func(n int, label, set string, width, height int, plain bool) *record.Item {
		item := picture(n, label, set)
		item.Crop = &record.Crop{Width: width, Height: height}
		if plain {
			for i := range item.Tensor.Data {
				item.Tensor.Data[i] = byte(40 + 20*(i%3))
			}
		}
		return item
	}
	more := []*record.Item{
		poor(401, "red", "train", 12, 90, false), poor(402, "green", "train", 200, 40, false), poor(403, "red", "train", 90, 90, true),
		poor(404, "red", "val", 31, 31, true), poor(405, "red", "test", 60, 60, true), poor(406, "red", "train", 60, 60, false),
	}
	in := encode(t, []string{"red", "green"}, slices.Concat(items, more)...)
	list := filepath.Join(t.TempDir(), "poor.csv")
	kept := runTrain(t, t.Context(), in, "--epochs", "1", "--poor-list", list)
	checkSets(t, kept, map[string]int{"train": 36, "val": 9, "test": 9})
	file, err := os.Open(list)
	if err != nil {
		t.Fatal(err, kept.stderr)
	}
	defer file.Close()
	rows, err := csv.NewReader(file).ReadAll()
	if err != nil || strings.Join(rows[0], ",") != "key,problem,side,aspect,sharpness,set,label" {
		t.Fatal(err, rows)
	}
	got := map[string]string{}
	for _, row := range rows[1:] {
		got[row[0]] = row[1] + " " + row[2] + " " + row[3]
	}
	want := map[string]string{
		more[0].Key: "tiny 12 7.50", more[1].Key: "extreme shape 40 5.00", more[2].Key: "blurred 90 1.00", more[3].Key: "tiny 31 1.00", more[4].Key: "blurred 60 1.00",
	}
	for key, line := range want {
		if got[key] != line {
			t.Errorf("%s: %q, want %q", key, got[key], line)
		}
	}
	if len(got) != len(want) {
		t.Errorf("%v", got)
	}
	var r struct{ Faults []report.FaultList }
	if err := json.Unmarshal(kept.files["m.json"], &r); err != nil {
		t.Fatal(err)
	}
	if f := r.Faults; len(f) != 1 || f[0].Items != 5 || f[0].Counts["tiny"] != 2 || f[0].Left || len(f[0].Examples) != 5 || f[0].Examples[0].Key != more[0].Key {
		t.Errorf("%+v", f)
	}
	for _, want := range []string{"<h3>5 tiny, extreme or blurred crops</h3>", "tiny: 12 pixels of the photo", "extreme shape: 1 to 5.0", "blurred: sharpness 0.0"} {
		if !strings.Contains(string(kept.files["m.html"]), want) {
			t.Errorf("the page does not say %q", want)
		}
	}
	dropped := runTrain(t, t.Context(), in, "--epochs", "1", "--poor-crops", "drop")
	checkSets(t, dropped, map[string]int{"train": 33, "val": 9, "test": 9})
	if !strings.Contains(string(dropped.files["m.json"]), `"tiny, extreme or blurred crop": 3`) || !strings.Contains(dropped.stderr, "left out 3 train items") {
		t.Errorf("%s\n%.3000s", dropped.stderr, dropped.files["m.json"])
	}
	without := encode(t, []string{"red", "green"}, slices.Concat(items, more[3:])...)
	if other := runTrain(t, t.Context(), without, "--epochs", "1"); weightsOf(t, other) != weightsOf(t, dropped) || weightsOf(t, other) == weightsOf(t, kept) {
		t.Error("the weights are not those of the items that are left")
	}

	// What cannot be.
	for _, tt := range []struct {
		want string
		in   []byte
		args []string
	}{
		{"want keep or drop", in, []string{"--poor-crops", "never"}},
		{"want two files", in, []string{"--poor-list", list, "--near-list", list}},
		{"m.json would be written twice", in, []string{"-o", filepath.Join(filepath.Dir(list), "m"), "--poor-list", filepath.Join(filepath.Dir(list), "m.json")}},
		{"m.ckpt would be written twice", in, []string{"-o", filepath.Join(filepath.Dir(list), "m"), "--near-list", filepath.Join(filepath.Dir(list), "m.ckpt")}},
		{"no folder", in, []string{"--poor-list", filepath.Join(t.TempDir(), "none", "x.csv")}},
		{"oi-augment passes on variants", encode(t, []string{"red", "green"}, variants(t, items, 1)...), []string{"--poor-crops", "drop"}},
	} {
		if got := runTrain(t, t.Context(), tt.in, append(tt.args, "--epochs", "1")...); got.code == 0 || !strings.Contains(got.stderr, tt.want) {
			t.Errorf("%v: exit %d: %s", tt.args, got.code, got.stderr)
		}
	}
}
