package posixfile_test

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/opensandwich/oi/cmd/internal/posixfile"
)

// write makes a file and returns its name.
func write(t *testing.T, text string, path ...string) string {
	t.Helper()
	name := filepath.Join(path...)
	if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
	return name
}

// open opens a file and returns a check of what can be read from it.
func open(t *testing.T, name string) (holds func(want string)) {
	t.Helper()
	file, err := posixfile.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := file.Close(); err != nil {
			t.Error(err)
		}
	})
	return func(want string) {
		t.Helper()
		if got, err := io.ReadAll(file); err != nil || string(got) != want {
			t.Errorf("the open file holds %q, %v, want %q", got, err, want)
		}
	}
}

// TestOpenFiles: what has a file open reads on, whatever becomes of its name.
func TestOpenFiles(t *testing.T) {
	if underWine() {
		t.Skip("this wine has no POSIX semantics")
	}
	dir := t.TempDir()
	from, to := write(t, "new", dir, "tmp", "a"), write(t, "old", dir, "d", "e", "b")
	moved, replaced := open(t, from), open(t, to)
	if err := posixfile.Rename(from, to); err != nil {
		t.Fatal(err)
	}
	open(t, to)("new")
	if err := posixfile.Remove(to); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(to); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("it is still there: %v", err)
	}
	moved("new")
	replaced("old")
}

// TestRename: up, down and across folders, over a file and not.
func TestRename(t *testing.T) {
	dir := t.TempDir()
	for _, path := range [][2]string{{"a", "b"}, {"b", "x/y/c"}, {"x/y/c", "z/d"}, {"z/d", "there"}, {"there", "./z/../z/e"}} {
		from, to := filepath.Join(dir, path[0]), filepath.Join(dir, path[1])
		write(t, path[1], from)
		if err := os.MkdirAll(filepath.Dir(to), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := posixfile.Rename(from, to); err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(to); err != nil || string(got) != path[1] {
			t.Errorf("%s: %q, %v", to, got, err)
		}
	}
	t.Chdir(dir)
	write(t, "1", "one")
	if err := posixfile.Rename("one", filepath.Join("x", "two")); err != nil {
		t.Error(err)
	}
	err := posixfile.Rename("nothing", "here")
	var link *os.LinkError
	if !errors.As(err, &link) || !errors.Is(err, fs.ErrNotExist) || link.Old != "nothing" || link.New != "here" {
		t.Errorf("got %v", err)
	}
}

// TestErrors: they are those of package os, with the name that was asked for.
func TestErrors(t *testing.T) {
	name := filepath.Join(t.TempDir(), "no folder", "a")
	_, opening := posixfile.Open(name)
	for _, err := range []error{opening, posixfile.Remove(name)} {
		var path *os.PathError
		if !errors.Is(err, fs.ErrNotExist) || !errors.As(err, &path) || path.Path != name {
			t.Errorf("got %v", err)
		}
	}
	there := write(t, "", t.TempDir(), "there")
	if _, err := posixfile.OpenFile(there, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666); !errors.Is(err, fs.ErrExist) {
		t.Errorf("got %v", err)
	}
}

func TestCreateUnnamed(t *testing.T) {
	dir := t.TempDir()
	file, err := posixfile.CreateUnnamed(dir, ".a-*")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := file.WriteString("text"); err != nil {
		t.Error(err)
	}
	got := make([]byte, 4)
	if _, err := file.ReadAt(got, 0); err != nil || string(got) != "text" {
		t.Errorf("%q, %v", got, err)
	}
	// Whoever clears the folder away meets no obstacle.
	if err := posixfile.Remove(file.Name()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
	if _, err := file.ReadAt(got, 0); err != nil {
		t.Error(err)
	}
	if err := file.Close(); err != nil {
		t.Error(err)
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) > 0 {
		t.Errorf("left behind: %v, %v", entries, err)
	}
	if _, err := posixfile.CreateUnnamed(filepath.Join(dir, "no folder"), "*"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v", err)
	}
}

// underWine reports whether the system is a Windows that is none.
func underWine() bool {
	return os.Getenv("WINELOADERNOEXEC") != "" || os.Getenv("WINEPREFIX") != "" && filepath.Separator == '\\'
}
