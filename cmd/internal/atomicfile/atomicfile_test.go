package atomicfile_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/opensandwich/oi/cmd/internal/atomicfile"
)

func TestFile(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "a")
	holds := func(want string) {
		t.Helper()
		if got, err := os.ReadFile(name); err != nil || string(got) != want {
			t.Errorf("got %q, %v, want %q", got, err, want)
		}
		if entries, err := os.ReadDir(dir); err != nil || len(entries) != 1 {
			t.Errorf("there are %v, %v", entries, err)
		}
	}
	for _, text := range []string{"one", "", "two"} {
		if err := atomicfile.WriteFile(name, []byte(text)); err != nil {
			t.Fatal(err)
		}
		holds(text)
	}
	for _, keep := range []bool{false, true} {
		file, err := atomicfile.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := file.Write([]byte("three")); err != nil {
			t.Error(err)
		}
		if got, err := os.ReadFile(name); err != nil || string(got) != "two" {
			t.Errorf("before it is whole: %q, %v", got, err)
		}
		if keep {
			err = file.CloseAtomicallyReplace()
		}
		if err := errors.Join(err, file.Cleanup(), file.Cleanup()); err != nil {
			t.Error(err)
		}
	}
	holds("three")
	// It has the mode that the umask lets new files have.
	plain := filepath.Join(dir, "plain")
	if err := os.WriteFile(plain, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	a, err1 := os.Stat(name)
	b, err2 := os.Stat(plain)
	if err := errors.Join(err1, err2); err != nil || a.Mode() != b.Mode() {
		t.Errorf("mode %v, want %v: %v", a.Mode(), b.Mode(), err)
	}
}

// TestCannot: what cannot be made leaves nothing behind.
func TestCannot(t *testing.T) {
	dir := t.TempDir()
	if err := atomicfile.WriteFile(filepath.Join(dir, "nowhere", "a"), nil); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("without a folder: %v", err)
	}
	folder := filepath.Join(dir, "folder")
	if err := os.MkdirAll(filepath.Join(folder, "full"), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := atomicfile.WriteFile(folder, []byte("text")); err == nil {
		t.Error("a folder was replaced")
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 1 {
		t.Errorf("left behind: %v, %v", entries, err)
	}
}
