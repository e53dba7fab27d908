package openimages

import (
	"encoding/hex"
	"strings"
	"testing"
)

// TestCatalogue pins the official relative paths: a typo here is a 404 for
// every user of that version.
func TestCatalogue(t *testing.T) {
	const hierarchy = "2018_04/bbox_labels_600_hierarchy.json"
	images := []string{
		"2018_04/train/train-images-boxable-with-rotation.csv",
		"2018_04/validation/validation-images-with-rotation.csv",
		"2018_04/test/test-images-with-rotation.csv",
	}
	tests := []struct {
		name, classes string
		boxes         []string
	}{
		{"v7", "v7/oidv7-class-descriptions-boxable.csv",
			[]string{"v6/oidv6-train-annotations-bbox.csv", "v5/validation-annotations-bbox.csv", "v5/test-annotations-bbox.csv"}},
		{"sample", "v7/oidv7-class-descriptions-boxable.csv",
			[]string{"v6/oidv6-train-annotations-bbox.csv", "v5/validation-annotations-bbox.csv", "v5/test-annotations-bbox.csv"}},
		{"v6", "v5/class-descriptions-boxable.csv",
			[]string{"v6/oidv6-train-annotations-bbox.csv", "v5/validation-annotations-bbox.csv", "v5/test-annotations-bbox.csv"}},
		{"v5", "v5/class-descriptions-boxable.csv",
			[]string{"2018_04/train/train-annotations-bbox.csv", "v5/validation-annotations-bbox.csv", "v5/test-annotations-bbox.csv"}},
		{"V4", "2018_04/class-descriptions-boxable.csv",
			[]string{"2018_04/train/train-annotations-bbox.csv", "2018_04/validation/validation-annotations-bbox.csv", "2018_04/test/test-annotations-bbox.csv"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d, err := LookupDataset(tt.name)
			if err != nil {
				t.Fatal(err)
			}
			if d.Name != strings.ToLower(tt.name) || d.Classes.Path != tt.classes || d.Hierarchy.Path != hierarchy {
				t.Errorf("got %q, classes %q, hierarchy %q", d.Name, d.Classes.Path, d.Hierarchy.Path)
			}
			for i, subset := range Subsets() {
				boxes, err := d.Boxes(subset)
				if err != nil || boxes.Path != tt.boxes[i] {
					t.Errorf("%s boxes: %q, %v, want %q", subset, boxes.Path, err, tt.boxes[i])
				}
				list, err := d.Images(subset)
				if err != nil || list.Path != images[i] {
					t.Errorf("%s images: %q, %v, want %q", subset, list.Path, err, images[i])
				}
			}
			for _, f := range d.Files() {
				if sum, err := hex.DecodeString(f.MD5); err != nil || (f.MD5 != "" && len(sum) != 16) {
					t.Errorf("%s: bad MD5 %q", f.Path, f.MD5)
				}
			}
		})
	}
}

func TestCatalogueUnknown(t *testing.T) {
	if _, err := LookupDataset("v9"); err == nil || !strings.Contains(err.Error(), "v7, v6, v5, v4, sample") {
		t.Errorf("got %v, want the known names", err)
	}
	d, err := LookupDataset("v7")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.Boxes("val"); err == nil || !strings.Contains(err.Error(), "train, validation, test") {
		t.Errorf("got %v, want the known subsets", err)
	}
}
