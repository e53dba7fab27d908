package main

import (
	"encoding/csv"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"

	"github.com/opensandwich/oi/cmd/internal/cmdtest"
	"github.com/opensandwich/oi/cmd/internal/oitest"
	"github.com/opensandwich/oi/cmd/internal/openimages"
	"github.com/opensandwich/oi/record"
)

// labelRows lays out the first rows of the oldest lists of image-level labels
// as the newer ones are, and returns the rows by photo, then MID.
func labelRows(t *testing.T) (dir string, said map[string]map[string]bool) {
	t.Helper()
	real := oitest.RealData(t, "openimages/mirror")
	from := filepath.Join(real, "..", "metadata", "2017_11")
	dir = t.TempDir()
	d, err := openimages.LookupDataset("v4")
	if err != nil {
		t.Fatal(err)
	}
	carry := func(from, to string) {
		data, err := os.ReadFile(from)
		if err != nil {
			t.Fatal(err)
		}
		writeFile(t, filepath.Join(dir, to), string(data))
	}
	carry(filepath.Join(from, "class-descriptions.csv"), d.AllClasses.Path)
	carry(filepath.Join(real, d.Hierarchy.Path), d.Hierarchy.Path)
	said = map[string]map[string]bool{}
	for _, subset := range openimages.Subsets() {
		labels, err1 := d.Labels(subset)
		images, err2 := d.Labelled(subset)
		if err := errors.Join(err1, err2); err != nil {
			t.Fatal(err)
		}
		carry(filepath.Join(from, subset, "annotations-human.csv"), labels.Path)
		carry(filepath.Join(from, subset, "images.csv"), images.Path)
		f, err := os.Open(filepath.Join(dir, labels.Path))
		if err != nil {
			t.Fatal(err)
		}
		rows, err := csv.NewReader(f).ReadAll()
		if err = errors.Join(err, f.Close()); err != nil {
			t.Fatal(err)
		}
		for _, row := range rows[1:] {
			if said[row[0]] == nil {
				said[row[0]] = map[string]bool{}
			}
			said[row[0]][row[2]] = said[row[0]][row[2]] || row[3] == "1"
		}
	}
	return dir, said
}

// TestImageLabels compares with real rows: positives are those that people
// verified, negatives those that they denied, as long as there are enough.
func TestImageLabels(t *testing.T) {
	dir, said := labelRows(t)
	// Tree is one of the classes with boxes, Produce is not.
	for name, mid := range map[string]string{"Tree": "/m/07j7r", "Produce": "/m/036qh8"} {
		positive, negative := 0, 0
		for _, labels := range said {
			if yes, ok := labels[mid]; ok && yes {
				positive++
			} else if ok {
				negative++
			}
		}
		if positive < 10 || negative < 1 {
			t.Fatalf("%s: %d positives, %d negatives in the rows", name, positive, negative)
		}
		for _, n := range []int{0, negative, negative + 30} {
			code, stdout, stderr := execute(t.Context(), "", "--dataset", "v4", "--metadata", dir, "--subset", "train,validation,test",
				"--image-labels", "--negatives", strconv.Itoa(n), name)
			if code != 0 {
				t.Fatalf("exit code %d\n%s", code, stderr)
			}
			h, items, end := cmdtest.Decode(t, stdout)
			if h.Stages[0].Args["image-labels"] != "true" || !end.Stages[0].Balanced() {
				t.Errorf("trail %v, end %+v", h.Stages[0].Args, end.Stages[0])
			}
			got, verified, others := 0, 0, 0
			for _, item := range items {
				yes, known := said[item.ID][mid]
				switch {
				case item.Box.XMin != 0 || item.Box.XMax != 1 || item.Box.YMin != 0 || item.Box.YMax != 1 || item.Box.Occluded != -1:
					t.Errorf("%s is no whole photo: %+v", item.Key, item.Box)
				case item.Label.MID == mid && yes:
					got++
				case item.Label.Name == "not "+name && known && !yes:
					verified++
				case item.Label.Name == "not "+name && !known:
					others++
				default:
					t.Errorf("%s is called %s, but %v %v", item.Key, item.Label.Name, known, yes)
				}
			}
			if got != positive || verified+others != n {
				t.Errorf("%s: %d of %d positives, %d and %d of %d negatives", name, got, positive, verified, others, n)
			}
			if n > negative && others == 0 {
				t.Errorf("%s: where do %d negatives come from?", name, verified)
			}
		}
	}
	code, stdout, stderr := execute(t.Context(), "", "--dataset", "v4", "--metadata", dir, "--subset", "train,validation,test", "--image-labels", "--json", "Tree", "Produce")
	if code != 0 {
		t.Fatalf("exit code %d\n%s", code, stderr)
	}
	_, items, _ := cmdtest.Decode(t, stdout)
	ids := map[string]bool{}
	for _, item := range items {
		if both := said[item.ID]["/m/07j7r"] && said[item.ID]["/m/036qh8"]; both || ids[item.ID] {
			t.Errorf("%s is of both classes, or twice there", item.ID)
		}
		ids[item.ID] = true
	}
	if !slices.ContainsFunc(items, func(i *record.Item) bool { return i.Label.Name == "Produce" }) {
		t.Error("no produce")
	}
}
