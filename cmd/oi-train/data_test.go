package main

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/opensandwich/oi/cmd/internal/dataset"
)

// One class with background; background next to two classes.
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
