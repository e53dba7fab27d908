package main

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/opensandwich/oi/cmd/internal/cmdtest"
	"github.com/opensandwich/oi/cmd/internal/dataset"
	"github.com/opensandwich/oi/cmd/internal/model"
	"github.com/opensandwich/oi/record"
)

// TestInherited: what has learnt from a model, of any kind and however far back,
// remembers the photos that one was trained on, and is not judged by them.
func TestInherited(t *testing.T) {
	items := twoClasses() // of which 0 to 31 are train, by their ids
	first := scratchTeacher(t, items, "--arch", "residual")
	// Of the items here and below the first has seen none but the first 32.
	others := slices.Concat(pictures(300, 16, "train", "red", "green"), pictures(400, 8, "val", "red", "green"), pictures(500, 8, "test", "red", "green"))
	again := slices.Concat(pictures(600, 16, "train", "red", "green"), pictures(700, 8, "val", "red", "green"), pictures(0, 8, "test", "red", "green"))
	with := func(items []*record.Item, args ...string) (code int, file, stderr string) {
		t.Helper()
		name := filepath.Join(t.TempDir(), "m")
		code, _, stderr = cmdtest.Run(t.Context(), command(), encode(t, nil, items...), append([]string{"-o", name}, args...)...)
		return code, name + ".onnx", stderr
	}
	made := func(args ...string) (file string) {
		t.Helper()
		code, file, stderr := with(others, args...)
		if code != 0 {
			t.Fatalf("%v: exit %d\n%s", args, code, stderr)
		}
		return file
	}
	student := made("--arch", "residual", "--epochs", "1", "--teacher", first)
	head := made("--backbone", first)
	for name, from := range map[string][]string{
		"teacher":                                {"--teacher", first, "--epochs", "1"},
		"teacher of its teacher":                 {"--teacher", student, "--epochs", "1"},
		"teacher with it as its backbone":        {"--teacher", head, "--epochs", "1"},
		"backbone":                               {"--backbone", first},
		"backbone whose teacher it was":          {"--backbone", student},
		"backbone's backbone":                    {"--backbone", head},
		"teacher of the backbone of the teacher": {"--teacher", made("--backbone", student), "--epochs", "1"},
	} {
		code, _, stderr := with(again, from...)
		if code != 1 || !strings.Contains(stderr, " was trained on photos of 8 of the 16 validation and test items, which cannot judge what learns from it") {
			t.Errorf("%s: exit %d\n%s", name, code, stderr)
		}
	}
	// The labels on which a head was fitted are not in its features.
	if code, _, stderr := with(slices.Concat(again[:24], pictures(300, 8, "test", "red", "green")), "--backbone", made("--backbone", small(t), "--normalize", "imagenet")); code != 0 {
		t.Errorf("a foreign backbone: exit %d\n%s", code, stderr)
	}
	data, err := os.ReadFile(student)
	if err != nil {
		t.Fatal(err)
	}
	_, meta, err := model.ReadONNX(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	known, err := dataset.DecodeKnown(meta["trained_on_ids"], meta["trained_on"])
	if err != nil {
		t.Fatal(err)
	}
	for _, item := range slices.Concat(items[:1], others[:1]) {
		if !known.Has(item.ID, dataset.Picture{}) {
			t.Errorf("the student does not remember %s", item.ID)
		}
	}
	if known.Has(again[0].ID, dataset.Picture{}) {
		t.Error("the student remembers what nobody has seen")
	}
}
