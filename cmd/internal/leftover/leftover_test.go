package leftover_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/opensandwich/oi/cmd/internal/leftover"
)

func TestSweep(t *testing.T) {
	const young, old = time.Hour, leftover.Age + time.Hour
	for name, tt := range map[string]struct {
		keep string
		want []string // of the files below
	}{
		"all":      {"", []string{".b.csv.1", ".a.csv.young", "a.csv", "a.csv.old"}},
		"but some": {".a.csv.part", []string{".a.csv.part", ".a.csv.part.json", ".b.csv.1", ".a.csv.young", "a.csv", "a.csv.old"}},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			for file, age := range map[string]time.Duration{
				"a.csv": old, "a.csv.old": old, ".a.csv.1": old, ".a.csv": old, ".a.csv.part": old, ".a.csv.part.json": old,
				".a.csv.young": young, ".b.csv.1": old,
			} {
				path, then := filepath.Join(dir, file), time.Now().Add(-age)
				if err := errors.Join(os.WriteFile(path, nil, 0o666), os.Chtimes(path, then, then)); err != nil {
					t.Fatal(err)
				}
			}
			keep := tt.keep
			if keep != "" {
				keep = filepath.Join(dir, keep)
			}
			if err := leftover.Sweep(filepath.Join(dir, "a.csv"), keep); err != nil {
				t.Fatal(err)
			}
			entries, err := os.ReadDir(dir)
			if err != nil {
				t.Fatal(err)
			}
			var left []string
			for _, e := range entries {
				left = append(left, e.Name())
			}
			slices.Sort(tt.want)
			if !slices.Equal(left, tt.want) {
				t.Errorf("left %q, want %q", left, tt.want)
			}
		})
	}
	if err := leftover.Sweep(filepath.Join(t.TempDir(), "none", "a.csv"), ""); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a folder that is not there: %v", err)
	}
}

func TestRemove(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a")
	if err := leftover.Remove(path); err != nil {
		t.Errorf("there is none: %v", err)
	}
	if err := os.MkdirAll(filepath.Join(path, "b"), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := leftover.Remove(path); err == nil {
		t.Error("removed a folder that is not empty")
	}
}
