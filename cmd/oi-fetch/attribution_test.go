package main

import (
	"bytes"
	"encoding/csv"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/opensandwich/oi/cmd/internal/oitest"
	"github.com/opensandwich/oi/record"
)

// credited is three photos of which one has two boxes and one is dead.
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
		item("train", "dead", 1, record.Image{URL: "u", Author: "nobody"}),
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
		`<a href="https://creativecommons.org/licenses/by/2.0/">CC BY 2.0</a> <code>b1</code>`, "untitled by author unknown, =all mine <code>a1</code>", "<p>2 photos.</p>", "</html>",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %s:\n%s", want, page)
		}
	}
	for _, bad := range []string{"javascript:", "dead", "nobody", "ZgotmplZ"} {
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

func TestPlain(t *testing.T) {
	for s, want := range map[string]string{
		"": "", "Lunch": "Lunch", "a=b": "a=b", "=1+1": "'=1+1", "+1": "'+1", "-1": "'-1", "@home": "'@home", "\t=1": "'\t=1", "\r=1": "'\r=1",
	} {
		if got := plain(s); got != want {
			t.Errorf("%q: %q, want %q", s, got, want)
		}
	}
}

func TestLicenceName(t *testing.T) {
	for licence, want := range map[string]string{
		"https://creativecommons.org/licenses/by/2.0/":        "CC BY 2.0",
		"http://creativecommons.org/licenses/by-nc-sa/4.0/de": "CC BY-NC-SA 4.0 DE",
		"https://example.org/":                                "https://example.org/",
		"":                                                    "licence unknown",
	} {
		if got := licenceName(licence); got != want {
			t.Errorf("%q: %q, want %q", licence, got, want)
		}
	}
}

// TestRecordsSayWhy: the record has the sources before the one that served, the
// failures file what became of the others.
func TestRecordsSayWhy(t *testing.T) {
	tree := fstest.MapFS{"train/a1.jpg": {Data: oitest.JPEG(1)}}
	first, second := oitest.New(t, fstest.MapFS{}), oitest.New(t, tree)
	second.Fault("train/b1.jpg", oitest.Status(410))
	folder, cache := t.TempDir(), t.TempDir()
	failed := filepath.Join(t.TempDir(), "failed.json")
	args := []string{"--images", folder + "," + first.URL + "," + second.URL, "--cache", cache, "--max-skips", "1", "--failures", failed}
	input := binary(t, []*record.Item{box("train", "a1", 0, ""), box("train", "b1", 1, ""), box("train", "a1", 2, "")})
	for range 2 {
		out, _ := oiFetch(t, input, 0, args...)
		items, _ := read(t, out)
		want := []record.Attempt{{Source: "dir", Reason: "not found"}, {Source: "url", Reason: "not found", Status: 404}}
		for _, it := range items {
			if d := cmp.Diff(want, it.Fetched.Earlier); d != "" {
				t.Errorf("%s: %s", it.Key, d)
			}
		}
		second.Fault("train/b1.jpg", oitest.Status(410))
	}
	data, err := os.ReadFile(failed)
	if err != nil {
		t.Fatal(err)
	}
	items, _ := read(t, data)
	if len(items) != 1 {
		t.Fatalf("%d failures, want 1", len(items))
	}
	f := *items[0].Failure
	if f.Seconds <= 0 || f.Seconds > 60 {
		t.Errorf("%g seconds", f.Seconds)
	}
	if !strings.Contains(f.Detail, "dir: not found") || !strings.Contains(f.Detail, "404 Not Found") {
		t.Errorf("detail %q", f.Detail)
	}
	f.Seconds, f.Detail = 0, ""
	if d := cmp.Diff(record.Failure{Stage: "oi-fetch", Reason: "gone", Source: "url", Status: 410, Attempts: 3}, f); d != "" {
		t.Error(d)
	}
	// jq finds it where the documentation says.
	for _, key := range []string{`"reason":"gone"`, `"source":"url"`, `"status":410`, `"attempts":3`, `"seconds":`} {
		if !slices.ContainsFunc(strings.Split(string(data), "\n"), func(l string) bool { return strings.Contains(l, key) }) {
			t.Errorf("no %s in %s", key, data)
		}
	}
}
