package cas_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/opensandwich/oi/cmd/internal/cas"
)

// TestLock: a key is one cache's at a time; other keys and other folders are
// not its business.
func TestLock(t *testing.T) {
	dir := t.TempDir()
	a, b := bounded(t, dir, cas.Options{Now: time.Now}), bounded(t, dir, cas.Options{Now: time.Now})
	elsewhere := bounded(t, t.TempDir(), cas.Options{Now: time.Now})
	lock := func(c *cas.Cache, key string, want bool) func() {
		t.Helper()
		release, ok := c.TryLock(key)
		if ok != want {
			t.Fatalf("%s: got %v, want %v", key, ok, want)
		}
		return release
	}
	release := lock(a, "x", true)
	lock(b, "x", false)
	lock(b, "y", true)
	lock(a, "y", false)
	lock(elsewhere, "x", true)
	release()
	release = lock(b, "x", true)
	lock(a, "x", false)
	release()
	lock(a, "x", true)
	if err := a.Close(); err != nil { // without a release
		t.Fatal(err)
	}
	lock(b, "x", true)
	if err := errors.Join(b.Close(), elsewhere.Close()); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(filepath.Join(dir, "lock")); err != nil || info.Size() != 0 {
		t.Errorf("%v, %v", info, err)
	}
}

// TestNoLock: what cannot be locked is granted to everybody.
func TestNoLock(t *testing.T) {
	dir := t.TempDir()
	a, b := bounded(t, dir, cas.Options{Now: time.Now}), bounded(t, dir, cas.Options{Now: time.Now})
	if err := os.Mkdir(filepath.Join(dir, "lock"), 0o777); err != nil {
		t.Fatal(err)
	}
	for _, c := range []*cas.Cache{a, b, a} {
		if _, ok := c.TryLock("x"); !ok {
			t.Error("refused")
		}
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	}
}
