package credits

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Text from strangers stays on its line, and gives a terminal no orders.
func TestText(t *testing.T) {
	path := filepath.Join(t.TempDir(), "credits.TXT")
	f, err := Create(path)
	if err != nil {
		t.Fatal(err)
	}
	const by = "https://creativecommons.org/licenses/by/2.0/"
	for _, r := range []Row{
		{ID: "a", Subset: "train", Title: "Tom &amp; Jerry\n\x1b[2J at  lunch", Author: "Ünï\u202e", AuthorURL: "https://w/x", License: by, LandingURL: "https://w/1"},
		{ID: "a", Subset: "train", Title: "again"},
		{ID: "a", Subset: "test", Author: " \t", LandingURL: "javascript:alert(1)", License: "https://own/terms"},
	} {
		if err := f.Add(r); err != nil {
			t.Fatal(err)
		}
	}
	if err := f.Finish(nil); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	want := "Photo credits\n\n" + unchecked + "\n\n" +
		"Tom & Jerry [2J at lunch (https://w/1) by Ünï (https://w/x), CC BY 2.0 (" + by + ") [a]\n" +
		"untitled by author unknown, https://own/terms [a]\n" +
		"\n2 photos; of 1 the author is not known.\n"
	if string(got) != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// TestCreateRefuses: an ending that is none of ours is no CSV in silence.
func TestCreateRefuses(t *testing.T) {
	for _, name := range []string{"credits.pdf", "credits.csv.gz", "credits.json"} {
		path := filepath.Join(t.TempDir(), name)
		if _, err := Create(path); err == nil || !strings.Contains(err.Error(), ".csv, .html or .txt") {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := os.Stat(path); !os.IsNotExist(err) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
