package csvscan

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/opensandwich/oi/cmd/internal/oitest"
)

// The index is opened once, unless the file or the index is found to be another.
func TestIndexOpenedOnce(t *testing.T) {
	name := filepath.Join(t.TempDir(), "boxes.csv")
	if err := os.WriteFile(name, oitest.BoxList(rand.New(rand.NewPCG(1, 2)), 30, true), 0o666); err != nil {
		t.Fatal(err)
	}
	file, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	f := &File{File: file, Indexes: []string{name + IndexEnding}}
	count := func() {
		if _, _, err := CountValues(t.Context(), f, name, bindLabels, nil); err != nil {
			t.Fatal(err)
		}
	}
	count()
	first := f.index(ByValue)
	if first == nil || f.index(ByValue) != first || f.index(ByKey) != nil {
		t.Fatal("the index is not that which was opened first")
	}
	// As a program sets the time, the file may be another.
	if err := os.Chtimes(name, time.Time{}, time.Unix(1e9, 0)); err != nil {
		t.Fatal(err)
	}
	if x := f.index(ByValue); x != nil {
		t.Error("an index of the file as it was is still used")
	}
	count()
	second := f.index(ByValue)
	if second == nil || second == first {
		t.Fatal("the new index is not used")
	}
	if err := f.forget(second); err != nil {
		t.Fatal(err)
	}
	if x := f.index(ByValue); x == nil || x == second {
		t.Error("an index that was forgotten is still used, or none")
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}
