package sample

import (
	"slices"
	"testing"
)

// TestLabelFiles checks that what is said of whole photos agrees with the
// boxes, and that the image list knows the photos.
func TestLabelFiles(t *testing.T) {
	s := New()
	for subset, short := range map[string]string{"train": "train", "validation": "val", "test": "test"} {
		_, boxes := readTable(t, s, boxFiles[subset])
		has := map[[2]string]bool{}
		for _, row := range boxes {
			has[[2]string{row[0], row[2]}] = true
		}
		images := imageFiles[subset]
		if subset == "train" {
			images = "v6/oidv6-train-images-with-labels-with-rotation.csv"
		}
		_, list := readTable(t, s, images)
		listed := map[string]bool{}
		for _, row := range list {
			listed[row[0]] = true
		}
		header, rows := readTable(t, s, "v7/oidv7-"+short+"-annotations-human-imagelabels.csv")
		if !slices.Equal(header, []string{"ImageID", "Source", "LabelName", "Confidence"}) {
			t.Errorf("%s: header %q", subset, header)
		}
		said := map[string]int{}
		for _, row := range rows {
			key := [2]string{row[0], row[2]}
			if !listed[row[0]] {
				t.Errorf("%s is not listed", row[0])
			}
			if has[key] != (row[3] == "1") {
				t.Errorf("%s: %s is said to be %s", row[0], row[2], row[3])
			}
			said[row[3]]++
			delete(has, key)
		}
		for key := range has {
			t.Errorf("nothing is said of %v, though there is a box", key)
		}
		if said["0"] < said["1"]/2 || !slices.IsSortedFunc(rows, func(a, b []string) int { return slices.Compare(a[:1], b[:1]) }) {
			t.Errorf("%s: %v", subset, said)
		}
	}
}
