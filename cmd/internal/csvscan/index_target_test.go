package csvscan

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/opensandwich/oi/cmd/internal/oitest"
)

// exhaust makes every later write to a file fail, as a full disk does.
func exhaust(t *testing.T, file **os.File) {
	t.Helper()
	name := (*file).Name()
	if err := (*file).Close(); err != nil {
		t.Fatal(err)
	}
	var err error
	if *file, err = os.Open(name); err != nil { // read only
		t.Fatal(err)
	}
}

// TestIndexTarget fills one place after the other, at any write.
func TestIndexTarget(t *testing.T) {
	const writes = 5
	parts := oitest.RandomBytes(12, 1000*writes)
	for first := range writes + 1 {
		for second := range writes + 1 {
			dir := t.TempDir()
			places := []string{filepath.Join(dir, "a", "x"), filepath.Join(dir, "b", "x"), filepath.Join(dir, "c", "x")}
			target := &indexTarget{places: places}
			target.next()
			for i := range writes {
				if i == first {
					exhaust(t, &target.file)
				}
				at := target.file.Name()
				if n, err := target.Write(parts[1000*i:][:1000]); n != 1000 || err != nil {
					t.Fatal(n, err)
				}
				if i == second && target.file.Name() == at {
					exhaust(t, &target.file)
				}
			}
			kept := target.keep()
			got, err := os.ReadFile(kept)
			if err != nil || !bytes.Equal(got, parts) {
				t.Fatalf("full at %d and %d: kept %q, %v", first, second, kept, err)
			}
			if left := oitest.Files(t, dir); len(left) != 1 {
				t.Errorf("full at %d and %d: left %q", first, second, left)
			}
		}
	}
}

// TestIndexTargetNowhere has no place left, which is no error.
func TestIndexTargetNowhere(t *testing.T) {
	dir := t.TempDir()
	target := &indexTarget{places: []string{filepath.Join(dir, "x")}}
	target.next()
	exhaust(t, &target.file)
	for range 3 {
		if n, err := target.Write([]byte("data")); n != 4 || err != nil {
			t.Errorf("%d, %v", n, err)
		}
	}
	if kept, left := target.keep(), oitest.Files(t, dir); kept != "" || len(left) > 0 {
		t.Errorf("kept %q, left %q", kept, left)
	}
}
