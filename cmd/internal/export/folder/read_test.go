package folder

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/opensandwich/oi/record"
)

// A text on one line is read back as it was, whatever it looks like.
func TestWritten(t *testing.T) {
	words := []string{"", "unknown", "'", "=", "7", "nan", "'unknown", "-1", " ", "Ann"}
	for _, a := range words {
		for _, b := range words {
			for _, c := range words {
				if text := a + b + c; written(plainText(text)) != text {
					t.Errorf("%q was read as %q", text, written(plainText(text)))
				}
			}
		}
	}
}

// What is in a folder is what went in, but for the pixels.
func TestRows(t *testing.T) {
	dir := t.TempDir()
	stages := []record.Stage{{Tool: "oi-boxes", Version: "1", Args: map[string]string{"dataset": "v7"}}}
	f := New(Options{Path: dir, Ending: "png", Warn: t.Logf})
	if err := f.Begin(t.Context(), &record.Header{Classes: []record.Class{{MID: "/m/1", Name: "Cat"}}, Stages: stages}); err != nil {
		t.Fatal(err)
	}
	full := &record.Item{
		ID: "0012", Key: "0012-a", Subset: "train", Set: "train", Label: &record.Label{Name: "Cat", MID: "/m/1"},
		Box:     &record.Box{XMin: 0, XMax: 0.1, YMin: 1. / 3, YMax: 1, Occluded: -1, Truncated: 1},
		Crop:    &record.Crop{X: 1, Y: 2, Width: 3, Height: 4, Rotation: 90, SourceWidth: 5, SourceHeight: 6, Background: true},
		Image:   &record.Image{URL: "u", LandingURL: "l", License: "c", Author: "unknown", AuthorURL: "a", Title: "=7"},
		Fetched: &record.Fetched{SHA256: strings.Repeat("f", 64)},
	}
	bare := &record.Item{ID: "b", Key: "b-1", Set: "val", Label: &record.Label{Name: "unknown"}, Image: &record.Image{}}
	for _, item := range []*record.Item{full, bare} {
		if err := f.Saw(item); err != nil {
			t.Fatal(err)
		}
		if err := f.Save(item, []byte("picture")); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := Open(dir); err == nil || !strings.Contains(err.Error(), "is not complete") {
		t.Errorf("got %v", err)
	}
	if _, err := f.Finish(t.Context()); err != nil {
		t.Fatal(err)
	}
	contents, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]*record.Item{}
	for _, set := range contents.Sets {
		for row, err := range contents.Rows(set) {
			if err != nil {
				t.Fatal(err)
			}
			name, err := filepath.Rel(dir, row.Path)
			if err != nil {
				t.Fatal(err)
			}
			got[filepath.ToSlash(name)] = row.Item
		}
	}
	if d := cmp.Diff(map[string]*record.Item{"train/Cat/0012-a.png": full, "val/unknown/b-1.png": bare}, got); d != "" {
		t.Error(d)
	}
	header := contents.Header()
	if d := cmp.Diff(stages, header.Stages); d != "" || len(header.Classes) != 2 {
		t.Error(d, header.Classes)
	}
	// A picture whose row is gone is not left out without a word.
	extra := filepath.Join(dir, "train", "Cat", "extra.png")
	if err := os.WriteFile(extra, []byte("picture"), 0o600); err != nil {
		t.Fatal(err)
	}
	var last error
	for _, err := range contents.Rows("train") {
		last = err
	}
	if last == nil || !strings.Contains(last.Error(), "has 2 pictures") {
		t.Errorf("a picture without a row: %v", last)
	}
	if err := os.Remove(extra); err != nil {
		t.Fatal(err)
	}
	// Names from the list lead nowhere else, and numbers are numbers.
	list := filepath.Join(dir, "train", metadataName)
	text, err := os.ReadFile(list)
	if err != nil {
		t.Fatal(err)
	}
	for _, change := range [][2]string{{"Cat/0012-a.png", "../../x.png"}, {"Cat/0012-a.png", "/etc/x"}, {",90,", ",x,"}, {"file_name", "name"}, {",0,0,'0012", ",1,0,'0012"}} {
		if !strings.Contains(string(text), change[0]) {
			t.Fatalf("no %s in %s", change[0], text)
		}
		if err := os.WriteFile(list, []byte(strings.ReplaceAll(string(text), change[0], change[1])), 0o600); err != nil {
			t.Fatal(err)
		}
		failed := false
		for _, err := range contents.Rows("train") {
			failed = failed || err != nil
		}
		if !failed {
			t.Errorf("%v: no error", change)
		}
	}
}
