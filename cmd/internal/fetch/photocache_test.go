package fetch

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/opensandwich/oi/cmd/internal/cas"
	"github.com/opensandwich/oi/cmd/internal/oitest"
)

// headerChecked makes a cache with one photo that has passed CheckHeader, and a
// Fetcher that wants CheckFull.
func headerChecked(t *testing.T) (dir string, f *Fetcher, r Request) {
	t.Helper()
	dir = t.TempDir()
	data := oitest.JPEG(1)
	open := func() (*cas.Cache, error) { return cas.Open(dir, cas.Options{Now: time.Now}) }
	cache, err := open()
	if err != nil {
		t.Fatal(err)
	}
	blob, err := cache.Create()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := blob.Write(data); err != nil {
		t.Fatal(err)
	}
	if _, err := blob.Commit(cas.Entry{Key: "GET http://photos.test/train/a.jpg", MediaType: "image/jpeg", Check: string(CheckHeader), CheckVersion: checkVersion}); err != nil {
		t.Fatal(err)
	}
	sources, err := ParseSources("http://photos.test")
	if err != nil {
		t.Fatal(err)
	}
	f, err = New(Options{Sources: sources, Cache: open, Check: CheckFull, Offline: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	})
	return dir, f, Request{ID: "a", Subset: "train"}
}

// TestRecheckThatCannotBeRecorded: trouble with the cache's disk is reported.
func TestRecheckThatCannotBeRecorded(t *testing.T) {
	dir, f, r := headerChecked(t)
	if _, err := f.cache(); err != nil { // which makes tmp
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(dir, "tmp")); err != nil {
		t.Fatal(err)
	}
	if pic, err := f.Fetch(t.Context(), r); err == nil {
		t.Errorf("got %+v, want the error of the cache", pic)
	}
}

// TestRecheckInAReadOnlyCache: a cache that may only be read serves.
func TestRecheckInAReadOnlyCache(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("root may write everywhere")
	}
	dir, f, r := headerChecked(t)
	if _, err := f.cache(); err != nil {
		t.Fatal(err)
	}
	tmp := filepath.Join(dir, "tmp")
	if err := os.Chmod(tmp, 0o555); err != nil {
		t.Fatal(err)
	}
	defer os.Chmod(tmp, 0o755) // so that it can be removed
	pic, err := f.Fetch(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	if err := pic.Release(); err != nil {
		t.Error(err)
	}
}

func TestIsUnwritable(t *testing.T) {
	for err, want := range map[error]bool{
		cas.ErrFull:      true,
		syscall.EROFS:    true,
		syscall.EACCES:   true,
		syscall.EPERM:    true,
		fs.ErrPermission: true,
		syscall.EIO:      false,
		syscall.ENOENT:   false,
		syscall.EMFILE:   false,
		cas.ErrMiss:      false,
	} {
		wrapped := fmt.Errorf("write cache: %w", &fs.PathError{Op: "open", Path: "x", Err: err})
		if got := isUnwritable(wrapped); got != want {
			t.Errorf("%v: %v, want %v", wrapped, got, want)
		}
	}
}
