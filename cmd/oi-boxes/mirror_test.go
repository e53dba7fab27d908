package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/opensandwich/oi/cmd/internal/oitest"
	"github.com/opensandwich/oi/cmd/internal/openimages"
	"github.com/opensandwich/oi/cmd/internal/sample"
)

// sampleServer serves the files of the sample as a mirror would.
func sampleServer(t *testing.T) (server *oitest.Server, d openimages.Dataset, tree fstest.MapFS) {
	t.Helper()
	d, err := openimages.LookupDataset("v7")
	if err != nil {
		t.Fatal(err)
	}
	var paths []string
	for _, f := range d.Files() {
		paths = append(paths, f.Path)
	}
	tree = oitest.ReadTree(t, sample.New().Open, paths)
	return oitest.New(t, tree), d, tree
}

// TestPortal has a network answer each file of a query once with a page to log
// in, or with half of it. The same command then gives what it should, and is
// not told to do anything about the cache.
func TestPortal(t *testing.T) {
	server, d, tree := sampleServer(t)
	boxes, err := d.Boxes(openimages.Validation)
	if err != nil {
		t.Fatal(err)
	}
	images, err := d.Images(openimages.Validation)
	if err != nil {
		t.Fatal(err)
	}
	args := []string{"-q", "--metadata", server.URL, "--subset", "validation", "--json", "Hamburger", "--cache"}
	code, want, stderr := execute(t.Context(), "", append(args, t.TempDir())...)
	if code != 0 || len(want) == 0 {
		t.Fatalf("got %d, %s", code, stderr)
	}
	faults := map[string]func(data []byte) oitest.Fault{
		"page": func([]byte) oitest.Fault {
			return oitest.Body("text/csv", []byte("<html><body>Log in, please</body></html>\n"))
		},
		"half": func(data []byte) oitest.Fault { return oitest.Body("text/csv", data[:len(data)/2]) },
	}
	for _, path := range []string{d.Classes.Path, d.Hierarchy.Path, boxes.Path, images.Path} {
		for name, fault := range faults {
			cache := t.TempDir()
			server.Fault(path, fault(tree[path].Data))
			code, _, stderr := execute(t.Context(), "", append(args, cache)...)
			healed := name == "half" && code == 0 // cut where a row could end, so that the server was asked for more
			if !healed && (code != 1 || !strings.Contains(stderr, "oi-boxes: download "+server.URL+"/"+path) || !strings.Contains(stderr, "hint: nothing of it has been kept")) {
				t.Errorf("%s of %s: got %d, %s", name, path, code, stderr)
			}
			code, got, stderr := execute(t.Context(), "", append(args, cache)...)
			if code != 0 || string(got) != string(want) || stderr != "" {
				t.Errorf("%s of %s, then: got %d, the same %v, %s", name, path, code, string(got) == string(want), stderr)
			}
		}
	}
}

// TestUnsortedMirror has lists that are not sorted by photo. When that is found
// while one arrives, the same command does, whatever the number of subsets.
func TestUnsortedMirror(t *testing.T) {
	server, d, tree := sampleServer(t)
	for _, subset := range openimages.Subsets() {
		boxes, err := d.Boxes(subset)
		if err != nil {
			t.Fatal(err)
		}
		rows := strings.SplitAfter(string(tree[boxes.Path].Data), "\n")
		shuffled := rows[:1]
		for i := range rows[1:] { // the last one first
			shuffled = append(shuffled[:len(shuffled):len(shuffled)], rows[len(rows)-1-i])
		}
		tree[boxes.Path].Data = []byte(strings.Join(shuffled, ""))
	}
	for _, subsets := range []string{"train", "train,validation,test", "validation,test"} {
		args := []string{"-q", "--subset", subsets, "--json", "Hamburger"}
		dir := t.TempDir()
		for path, file := range tree {
			name := filepath.Join(dir, filepath.FromSlash(path))
			if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(name, file.Data, 0o666); err != nil {
				t.Fatal(err)
			}
		}
		code, want, stderr := execute(t.Context(), "", append(args, "--metadata", dir)...)
		if code != 0 {
			t.Fatalf("got %d, %s", code, stderr)
		}
		args = append(args, "--metadata", server.URL, "--cache", t.TempDir())
		code, _, stderr = execute(t.Context(), "", args...)
		if code != 1 || !strings.Contains(stderr, "is not sorted by photo") || !strings.Contains(stderr, "the same command will do") {
			t.Errorf("%s: got %d, %s", subsets, code, stderr)
		}
		code, got, stderr := execute(t.Context(), "", args...)
		if code != 0 || string(got) != string(want) {
			t.Errorf("%s: the same command: got %d, the same %v, %s", subsets, code, string(got) == string(want), stderr)
		}
	}
}
