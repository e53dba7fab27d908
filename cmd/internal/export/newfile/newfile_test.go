package newfile

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
)

// TestCreate: a file appears whole and once, however many want to make it.
func TestCreate(t *testing.T) {
	for name, create := range map[string]func(string, []byte) error{"Create": Create, "createNamed": createNamed} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			path := filepath.Join(dir, "a")
			var made atomic.Int64
			var all sync.WaitGroup
			for i := range 16 {
				all.Go(func() {
					err := create(path, bytes.Repeat([]byte{byte(i)}, 100_000))
					switch {
					case err == nil:
						made.Add(1)
					case !errors.Is(err, ErrDiffers) && !errors.Is(err, fs.ErrExist):
						t.Error(err)
					}
				})
			}
			all.Wait()
			data, err := os.ReadFile(path)
			if err != nil || made.Load() != 1 || len(data) != 100_000 || !bytes.Equal(data, bytes.Repeat(data[:1], len(data))) {
				t.Errorf("made %d times, %d bytes, %v", made.Load(), len(data), err)
			}
			if err := Create(path, data); err != nil {
				t.Errorf("the same bytes again: %v", err)
			}
			for _, other := range [][]byte{nil, data[1:], append(bytes.Clone(data[1:]), data[0]+1)} {
				if err := Create(path, other); !errors.Is(err, ErrDiffers) {
					t.Errorf("%d other bytes: %v", len(other), err)
				}
			}
			entries, err := os.ReadDir(dir)
			if err != nil || len(entries) != 1 {
				t.Errorf("left behind: %v, %v", entries, err)
			}
			// It has the mode that the umask lets new files have.
			plain := filepath.Join(dir, "plain")
			if err := os.WriteFile(plain, nil, 0o666); err != nil {
				t.Fatal(err)
			}
			a, err1 := os.Stat(path)
			b, err2 := os.Stat(plain)
			if err := errors.Join(err1, err2); err != nil || a.Mode() != b.Mode() {
				t.Errorf("mode %v, want %v: %v", a.Mode(), b.Mode(), err)
			}
		})
	}
	if err := Create(filepath.Join(t.TempDir(), "nowhere", "a"), nil); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("without a folder: %v", err)
	}
	if err := Create(t.TempDir(), nil); !errors.Is(err, ErrDiffers) {
		t.Errorf("in place of a folder: %v", err)
	}
}

func TestReplace(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"a.txt", ".hidden"} {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(Part(path), []byte("what a killed run has left behind"), 0o666); err != nil {
			t.Fatal(err)
		}
		for _, text := range []string{"one", "", "two"} {
			if err := Replace(path, []byte(text)); err != nil {
				t.Fatal(err)
			}
			if got, err := os.ReadFile(path); err != nil || string(got) != text {
				t.Errorf("%s holds %q, %v, want %q", name, got, err, text)
			}
		}
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 2 {
		t.Errorf("left behind: %v, %v", entries, err)
	}
}
