package main

import (
	"bytes"
	"encoding/csv"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/opensandwich/oi/cmd/internal/oitest"
	"github.com/opensandwich/oi/record"
)

// credited is three photos of which one has two boxes and one cannot be had.
func credited(t *testing.T) (input []byte, folder string) {
	t.Helper()
	folder = t.TempDir()
	if err := os.CopyFS(folder, fstest.MapFS{"train/b1.jpg": {Data: oitest.JPEG(1)}, "test/a1.jpg": {Data: oitest.JPEG(2)}}); err != nil {
		t.Fatal(err)
	}
	item := func(subset, id string, n int, im record.Image) *record.Item {
		it := box(subset, id, n, "https://farm1.staticflickr.com/"+id)
		it.Image = &im
		return it
	}
	first := record.Image{URL: "https://farm1.staticflickr.com/b1", LandingURL: "https://www.flickr.com/photos/x/1", License: "https://creativecommons.org/licenses/by/2.0/",
		Author: `Ünï "quoted", <b>`, AuthorURL: "https://www.flickr.com/people/x/", Title: "Tom &amp; Jerry,\nat lunch"}
	input = binary(t, []*record.Item{
		item("train", "b1", 0, first),
		item("train", "missing", 1, record.Image{URL: "u", Author: "nobody"}),
		item("test", "a1", 2, record.Image{URL: "u", LandingURL: "javascript:alert(1)", License: "=all mine"}),
		item("train", "b1", 3, first),
	})
	return input, folder
}

func TestAttributionCSV(t *testing.T) {
	input, folder := credited(t)
	path := filepath.Join(t.TempDir(), "credits.csv")
	out, _ := oiFetch(t, input, 0, "--images", folder, "--max-skips", "1", "--attribution", path)
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(bytes.NewReader(data)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	items, _ := read(t, out)
	want := [][]string{
		{"ImageID", "Subset", "Title", "Author", "AuthorProfileURL", "License", "OriginalLandingURL", "URL", "Source", "SHA256"},
		{"b1", "train", "Tom &amp; Jerry,\nat lunch", `Ünï "quoted", <b>`, "https://www.flickr.com/people/x/", "https://creativecommons.org/licenses/by/2.0/",
			"https://www.flickr.com/photos/x/1", "file:train/b1.jpg", "dir", items[0].Fetched.SHA256},
		{"a1", "test", "", "", "", "'=all mine", "javascript:alert(1)", "file:test/a1.jpg", "dir", items[1].Fetched.SHA256},
	}
	if d := cmp.Diff(want, rows); d != "" {
		t.Error(d)
	}
}

func TestAttributionPage(t *testing.T) {
	input, folder := credited(t)
	path := filepath.Join(t.TempDir(), "credits.HTML")
	oiFetch(t, input, 0, "--images", folder, "--max-skips", "1", "--attribution", path)
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	page := string(data)
	for _, want := range []string{
		"<!DOCTYPE html>", "<a href=\"https://www.flickr.com/photos/x/1\">Tom &amp; Jerry,\nat lunch</a> by <a href=\"https://www.flickr.com/people/x/\">Ünï &#34;quoted&#34;, &lt;b&gt;</a>",
		`<a href="https://creativecommons.org/licenses/by/2.0/">CC BY 2.0</a> <code>b1</code>`, "untitled by author unknown, =all mine <code>a1</code>", "<p>2 photos; of 1 the author is not known.</p>", "</html>",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %s:\n%s", want, page)
		}
	}
	for _, bad := range []string{"javascript:", "missing", "nobody", "ZgotmplZ"} {
		if strings.Contains(page, bad) {
			t.Errorf("the page has %s", bad)
		}
	}
}

// TestNoAttributionForAFailure: a run that fails leaves no file of credits, not
// even a part.
func TestNoAttributionForAFailure(t *testing.T) {
	input, folder := credited(t)
	dir := t.TempDir()
	oiFetch(t, input, 1, "--images", folder, "--max-skips", "0", "--attribution", filepath.Join(dir, "credits.csv"))
	oiFetch(t, input[:len(input)-30], 1, "--images", folder, "--max-skips", "1", "--attribution", filepath.Join(dir, "credits.html"))
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}
