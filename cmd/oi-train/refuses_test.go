package main

import (
	"bytes"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/opensandwich/oi/record"
)

// The report must not take the place of what it is about.
func TestKeepsItsInput(t *testing.T) {
	dir := t.TempDir()
	crops := filepath.Join(dir, "m.json")
	whole := encode(t, []string{"red", "green"}, twoClasses()...)
	if err := os.WriteFile(crops, whole, 0o600); err != nil {
		t.Fatal(err)
	}
	got := runTrain(t, t.Context(), nil, "-o", filepath.Join(dir, "m"), crops)
	if after, err := os.ReadFile(crops); got.code != 2 || !strings.Contains(got.stderr, "m.json is also an input") || err != nil || !bytes.Equal(after, whole) {
		t.Errorf("exit %d: %s (%v)", got.code, got.stderr, err)
	}
}

func TestRefuses(t *testing.T) {
	classes := []string{"red", "green"}
	good := twoClasses()
	whole := encode(t, classes, good...)
	streamed := variants(t, good, 2)
	flipped := bytes.Clone(whole)
	flipped[len(flipped)/2] ^= 1
	bare := picture(1, "red", "train")
	bare.Tensor = nil
	small := picture(1, "red", "train")
	small.Tensor = &record.Tensor{Shape: []int{4, 4, 3}, DType: "uint8", Data: make([]byte, 48)}
	tiny := func(n int, label, set string) *record.Item {
		item := picture(n, label, set)
		item.Tensor = small.Tensor
		return item
	}
	for name, tc := range map[string]struct {
		stdin []byte
		args  []string
		code  int
		want  string
		hint  string
	}{
		"one class":          {encode(t, []string{"red"}, slices.Concat(pictures(0, 8, "train", "red"), pictures(100, 4, "val", "red"))...), nil, 1, "one class only, red", "oi-boxes --negatives"},
		"one class hint":     {encode(t, []string{"red"}, pictures(0, 8, "train", "red")...), nil, 1, "one class only, red", "--background always"},
		"no val":             {encode(t, classes, pictures(0, 8, "train", "red", "green")...), nil, 1, "the set val is empty", "--split hash"},
		"val of one class":   {encode(t, classes, append(pictures(0, 8, "train", "red", "green"), pictures(100, 4, "val", "red")...)...), nil, 1, "the set val has one class only, red", "--split hash"},
		"no train":           {encode(t, classes, pictures(100, 4, "val", "red", "green")...), nil, 1, "the set train is empty", "--subset"},
		"no tensor":          {encode(t, classes, bare), nil, 1, "item 0001-00000000 has no tensor", "run oi-crop before"},
		"sizes":              {encode(t, classes, picture(0, "red", "train"), small), nil, 1, "is 4x4 pixels, those before it are 24x24", "--size"},
		"too small":          {encode(t, classes, tiny(1, "red", "train"), tiny(2, "green", "train"), tiny(3, "red", "val"), tiny(4, "green", "val")), nil, 1, "pictures of 4x4 do not suit the network", "oi-crop --size 128"},
		"cut off":            {whole[:len(whole)-100], nil, 1, "stops early", ""},
		"cut in a variant":   {encode(t, classes, streamed...)[:len(whole)+500], nil, 1, "stops early", ""},
		"damaged":            {flipped, nil, 1, "checksum", "--salvage"},
		"empty":              {nil, nil, 1, "the input is empty: the stage before sent nothing", ""},
		"no items":           {encode(t, classes), nil, 1, "no items", "the stage before sent none"},
		"not records":        {[]byte("ceci n'est pas une pipe"), nil, 1, "", "want the output of an oi- command"},
		"mixed":              {encode(t, classes, append([]*record.Item{good[0]}, streamed...)...), nil, 1, "is to be trained on and is no variant", ""},
		"val after variants": {encode(t, classes, append(slices.Clone(streamed), picture(400, "red", "val"))...), nil, 1, `item 0400-00000000 of the set "val" comes after variants`, "cat a.oi b.oi | oi-augment"},
		"balanced variants":  {encode(t, classes, streamed...), []string{"--class-weights", "balanced"}, 1, "has to know how many items", "leave oi-augment out"},
		"a missing class":    {encode(t, []string{"red", "green", "blue"}, streamed...), nil, 1, "no blue to train on", "leave the class out"},
		"epochs":             {whole, []string{"--epochs", "0"}, 2, "--epochs 0", ""},
		"cutmix of one":      {whole, []string{"--cutmix", "0.5", "--batch", "1"}, 2, "--cutmix mixes the pictures of a batch", ""},
		"no name of teacher": {whole, []string{"--teacher", ""}, 2, "--teacher is given no name", "a shell variable"},
		"no name to expect":  {whole, []string{"--expect="}, 2, "--expect is given no name", "a shell variable"},
		"batch":              {whole, []string{"--batch", "0"}, 2, "--batch 0", ""},
		"learning rate":      {whole, []string{"--lr", "-1"}, 2, "--lr -1", ""},
		"architecture":       {whole, []string{"--arch", "vgg"}, 2, "--arch vgg: want one of reference, residual, wide-residual", ""},
		"optimizer":          {whole, []string{"--optimizer", "lion"}, 2, "--optimizer lion: want one of adam, muon, rmsprop, sgd", ""},
		"weights":            {whole, []string{"--class-weights", "heavy"}, 2, "--class-weights heavy", ""},
		"no folder":          {whole, []string{"-o", "no/such/folder/m"}, 1, "no folder no/such/folder", "mkdir -p"},
		"no name":            {whole, []string{"-o", "."}, 2, "want the beginning of a file name", ""},
		"no name in folder":  {whole, []string{"-o", "../"}, 2, "want the beginning of a file name", ""},
		"no report":          {whole, []string{"--expect", "missing.json"}, 1, "missing.json", ""},
	} {
		t.Run(name, func(t *testing.T) {
			got := runTrain(t, t.Context(), tc.stdin, tc.args...)
			if got.code != tc.code || !strings.Contains(got.stderr, tc.want) {
				t.Errorf("exit %d, want %d; stderr %q, want %q", got.code, tc.code, got.stderr, tc.want)
			}
			if tc.hint != "" && !strings.Contains(got.stderr, "hint: ") || !strings.Contains(got.stderr, tc.hint) {
				t.Errorf("stderr %q, want the hint %q", got.stderr, tc.hint)
			}
			delete(got.files, "m.ckpt") // of epochs before the fault
			if len(got.files) > 0 || got.stdout != "" {
				t.Errorf("files %v and %q were written all the same", slices.Sorted(maps.Keys(got.files)), got.stdout)
			}
		})
	}
}
