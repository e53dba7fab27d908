package main

import (
	"io"
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
	tree = fstest.MapFS{}
	src := sample.New()
	for _, f := range d.Files() {
		r, err := src.Open(t.Context(), f.Path)
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		tree[f.Path] = &fstest.MapFile{Data: data}
	}
	return oitest.New(t, tree), d, tree
}

// TestPortal has a network answer each file of a query once with a page to log
// in, or with half of it. The same command then gives what it should, and is not
// told to do anything about the cache.
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
