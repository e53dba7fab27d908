package fetch_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/opensandwich/oi/cmd/internal/cas"
	"github.com/opensandwich/oi/cmd/internal/fetch"
	"github.com/opensandwich/oi/cmd/internal/oitest"
)

// fakeClock stands still but for the sleeps, which it notes and does not sleep.
type fakeClock struct {
	mu     sync.Mutex
	now    time.Time
	sleeps []time.Duration
}

func newClock() *fakeClock {
	return &fakeClock{now: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}
}

func (c *fakeClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *fakeClock) Sleep(ctx context.Context, d time.Duration) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if d > 0 {
		c.now = c.now.Add(d)
		c.sleeps = append(c.sleeps, d)
	}
	return ctx.Err()
}

// mirror is a tree of n pictures train/0001.jpg and so on.
func mirror(n int) fstest.MapFS {
	tree := fstest.MapFS{}
	for i := 1; i <= n; i++ {
		tree[fmt.Sprintf("train/%04d.jpg", i)] = &fstest.MapFile{Data: oitest.JPEG(i)}
	}
	return tree
}

func photo(i int) fetch.Request {
	return fetch.Request{ID: fmt.Sprintf("%04d", i), Subset: "train"}
}

func sources(t *testing.T, list string) []fetch.Source {
	t.Helper()
	s, err := fetch.ParseSources(list)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func cache(dir string) func() (*cas.Cache, error) {
	return func() (*cas.Cache, error) { return cas.Open(dir, cas.Options{Now: time.Now}) }
}

// newFetcher makes a Fetcher with a fake clock and a cache of its own unless
// set otherwise.
func newFetcher(t *testing.T, list string, set func(*fetch.Options)) *fetch.Fetcher {
	t.Helper()
	o := fetch.Options{Sources: sources(t, list), Cache: cache(t.TempDir()), Clock: newClock(), Retries: 3}
	if set != nil {
		set(&o)
	}
	f, err := fetch.New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	})
	return f
}

func mustFetch(t *testing.T, f *fetch.Fetcher, r fetch.Request) (*fetch.Picture, []byte) {
	t.Helper()
	p, err := f.Fetch(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	data, err := p.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	data = bytes.Clone(data)
	release(t, p)
	if sum := sha256.Sum256(data); hex.EncodeToString(sum[:]) != p.SHA256 || int64(len(data)) != p.Size {
		t.Fatalf("hash or size does not fit the bytes: %+v", p)
	}
	return p, data
}

func release(t *testing.T, p *fetch.Picture) {
	t.Helper()
	if err := p.Release(); err != nil {
		t.Error(err)
	}
}

func failure(t *testing.T, f *fetch.Fetcher, r fetch.Request) *fetch.Failure {
	t.Helper()
	_, err := f.Fetch(t.Context(), r)
	var fail *fetch.Failure
	if !errors.As(err, &fail) {
		t.Fatalf("got %v, want a *Failure", err)
	}
	return fail
}

func repeat(f oitest.Fault, n int) []oitest.Fault {
	faults := make([]oitest.Fault, n)
	for i := range faults {
		faults[i] = f
	}
	return faults
}

// regularFiles are those below a folder but for the lock of a cache.
func regularFiles(t *testing.T, dir string) (names []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() && d.Name() != "lock" {
			names = append(names, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}
