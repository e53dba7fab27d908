package main

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/opensandwich/oi/cmd/internal/openimages"
)

// TestCounts compares with what a plain reader counts in the real rows, class
// by class, in both layouts.
func TestCounts(t *testing.T) {
	dir := realRows(t)
	for _, name := range []string{"v4", "v7"} {
		d, err := openimages.LookupDataset(name)
		if err != nil {
			t.Fatal(err)
		}
		want := map[string][]count{}
		for i, subset := range openimages.Subsets() {
			file, err := d.Boxes(subset)
			if err != nil {
				t.Fatal(err)
			}
			photos := map[[2]string]bool{}
			for _, row := range plainRows(t, filepath.Join(dir, file.Path)) {
				id, mid := row[0], row[2]
				if want[mid] == nil {
					want[mid] = make([]count, 3)
				}
				want[mid][i].boxes++
				if !photos[[2]string{id, mid}] {
					photos[[2]string{id, mid}] = true
					want[mid][i].photos++
				}
			}
		}
		if len(want) < 16 {
			t.Fatalf("%d classes have boxes", len(want))
		}
		code, stdout, stderr := execute(t.Context(), "--dataset", name, "--metadata", dir, "--counts")
		if code != 0 || stderr != "" {
			t.Fatalf("got %d %s", code, stderr)
		}
		lines := strings.Split(strings.TrimSpace(stdout), "\n")
		if lines[0] != "# mid\tname\ttrain boxes\ttrain photos\tvalidation boxes\tvalidation photos\ttest boxes\ttest photos" {
			t.Errorf("columns %q", lines[0])
		}
		for _, line := range lines[1:] {
			fields := strings.Split(line, "\t")
			c := want[fields[0]]
			if c == nil {
				c = make([]count, 3)
			}
			delete(want, fields[0])
			text := fmt.Sprintf("%d %d %d %d %d %d", c[0].boxes, c[0].photos, c[1].boxes, c[1].photos, c[2].boxes, c[2].photos)
			if got := strings.Join(fields[2:], " "); got != text {
				t.Errorf("%s %s: got %s, want %s", name, fields[1], got, text)
			}
		}
		for mid := range want {
			t.Errorf("%s is missing", mid)
		}
		var e entry
		_, stdout, _ = execute(t.Context(), "--dataset", name, "--metadata", dir, "--counts", "--json", "--subset", "test,train", "hot dog")
		if err := json.Unmarshal([]byte(stdout), &e); err != nil || e.Boxes["train"] != 433 || e.Photos["train"] != 254 || e.Boxes["test"] != 41 || len(e.Boxes) != 2 {
			t.Errorf("%s, %v", stdout, err)
		}
	}
}

func plainRows(t *testing.T, path string) [][]string {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	return rows[1:]
}
