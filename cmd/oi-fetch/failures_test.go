package main

import (
	"bytes"
	"errors"
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

// TestFailuresComeBack: what failed can be fed in again, and both outputs
// together are the whole.
func TestFailuresComeBack(t *testing.T) {
	boxes, tree := someBoxes()
	whole := fstest.MapFS{}
	for _, b := range boxes {
		whole[b.Subset+"/"+b.ID+".jpg"] = &fstest.MapFile{Data: oitest.JPEG(1)}
	}
	part, rest := oitest.New(t, tree), oitest.New(t, whole)
	failed := filepath.Join(t.TempDir(), "failed.json")
	cache := t.TempDir()
	first, words := oiFetch(t, binary(t, boxes), 0, "--images", part.URL, "--cache", cache, "--max-skips", "100", "--failures", failed, "-v")
	if !strings.Contains(words, ": not found: "+part.URL) {
		t.Errorf("-v does not say why:\n%s", words)
	}
	again, err := os.ReadFile(failed)
	if err != nil {
		t.Fatal(err)
	}
	second, _ := oiFetch(t, again, 0, "--images", rest.URL, "--cache", cache)
	a, _ := read(t, first)
	b, _ := read(t, second)
	keys := map[string]int{}
	for _, it := range append(a, b...) {
		keys[it.Key]++
		if it.Failure != nil {
			t.Errorf("%s still carries its failure", it.Key)
		}
	}
	for _, box := range boxes {
		if keys[box.Key] != 1 {
			t.Errorf("%s came out %d times", box.Key, keys[box.Key])
		}
	}
}

func TestTooManySkips(t *testing.T) {
	boxes, _ := someBoxes()
	out, words := oiFetch(t, binary(t, boxes), 1, "--images", t.TempDir())
	if !strings.Contains(words, "too many skipped") || !strings.Contains(words, "not found: ") {
		t.Errorf("stderr:\n%s", words)
	}
	r := record.NewReader(bytes.NewReader(out))
	var err error
	for err == nil {
		_, err = r.Read()
	}
	// Whether the header got out before the failure is a matter of luck.
	if !errors.Is(err, record.ErrTruncated) && !errors.Is(err, record.ErrEmpty) {
		t.Errorf("the output reads as %v, want truncated or empty", err)
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
