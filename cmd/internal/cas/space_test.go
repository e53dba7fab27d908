package cas_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/opensandwich/oi/cmd/internal/cas"
)

// clock is a time that the test moves.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

func bounded(t *testing.T, dir string, o cas.Options) *cas.Cache {
	t.Helper()
	c, err := cas.Open(dir, o)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// bytesIn is the number of bytes kept below dir.
func bytesIn(t *testing.T, dir string) (n int64) {
	t.Helper()
	for _, path := range append(files(t, dir, "p"), files(t, dir, "d")...) {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		n += info.Size()
	}
	return n
}

func photo(i int) []byte { return bytes.Repeat([]byte{byte(i), byte(i >> 8)}, 20_000) }

// TestTrim: what was used longest ago goes first, and what is open stays
// readable.
func TestTrim(t *testing.T) {
	const limit = 1 << 20
	dir := t.TempDir()
	clock := &clock{now: time.Now().Add(-1000 * time.Hour)}
	c := bounded(t, dir, cas.Options{Limit: limit, Now: clock.Now})
	var oldest *cas.File
	for i := range 60 {
		if _, err := put(c, cas.Entry{Key: key(i)}, photo(i)); err != nil {
			t.Fatal(err)
		}
		// The file system has a clock of its own.
		setTimes(t, dir, clock.Now())
		if i == 1 {
			var err error
			if oldest, err = c.Find(key(i)); err != nil {
				t.Fatal(err)
			}
			defer oldest.Close()
		}
		if n := bytesIn(t, dir); n > limit {
			t.Fatalf("after %d files: %d bytes, the limit is %d", i+1, n, limit)
		}
		clock.add(2 * time.Hour)
		if _, err := c.Lookup(key(0)); err != nil { // the favourite
			t.Fatalf("after %d files the one in daily use is gone", i+1)
		}
	}
	kept := 0
	for i := 1; i < 60; i++ {
		_, data, err := get(c, key(i))
		switch {
		case err == nil && !bytes.Equal(data, photo(i)):
			t.Errorf("file %d is wrong", i)
		case err == nil:
			kept++
		case !errors.Is(err, cas.ErrMiss):
			t.Fatal(err)
		case kept > 0:
			t.Errorf("file %d went before older ones", i)
		}
	}
	if kept < 15 {
		t.Errorf("%d files kept, where about 20 have room", kept)
	}
	if data, err := oldest.Bytes(); err != nil || !bytes.Equal(data, photo(1)) {
		t.Errorf("an open file: %v", err)
	}
}

// TestTrimEarlierLayout: what earlier versions kept counts, and goes first, as
// it has not been used for longest, each answer with its bytes.
func TestTrimEarlierLayout(t *testing.T) {
	const limit = 1 << 20
	dir := t.TempDir()
	clock := &clock{now: time.Now().Add(-1000 * time.Hour)}
	for i := range 20 {
		putEarlier(t, dir, cas.Entry{Key: key(i)}, photo(i))
		setTimes(t, dir, clock.Now())
		clock.add(2 * time.Hour)
	}
	c := bounded(t, dir, cas.Options{Limit: limit, Now: clock.Now})
	if _, err := c.Lookup(key(0)); err != nil { // used once more
		t.Fatal(err)
	}
	for i := 20; i < 30; i++ {
		if _, err := put(c, cas.Entry{Key: key(i)}, photo(i)); err != nil {
			t.Fatal(err)
		}
		setTimes(t, dir, clock.Now())
		if n := bytesIn(t, dir); n > limit {
			t.Fatalf("after %d files: %d bytes, the limit is %d", i+1, n, limit)
		}
		clock.add(2 * time.Hour)
	}
	for i, want := range map[int]bool{0: true, 1: false, 2: false, 19: true, 20: true, 29: true} {
		if _, err := c.Lookup(key(i)); (err == nil) != want {
			t.Errorf("file %d: %v, want it there: %v", i, err, want)
		}
	}
	if a, d := len(files(t, dir, "a")), len(files(t, dir, "d")); a > d+1 {
		t.Errorf("%d answers for %d files", a, d)
	}
}

// setTimes gives new files the time of the test's clock.
func setTimes(t *testing.T, dir string, at time.Time) {
	t.Helper()
	for _, path := range slices.Concat(files(t, dir, "p"), files(t, dir, "a"), files(t, dir, "d")) {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if time.Since(info.ModTime()) > time.Hour {
			continue
		}
		if err := os.Chtimes(path, at, at); err != nil {
			t.Fatal(err)
		}
	}
}

// TestTrimCountsOthers: a process knows of what another wrote.
func TestTrimCountsOthers(t *testing.T) {
	const limit = 2 << 20
	dir := t.TempDir()
	var caches []*cas.Cache
	for range 4 {
		caches = append(caches, bounded(t, dir, cas.Options{Limit: limit, Now: time.Now}))
	}
	for i := range 160 {
		if _, err := put(caches[i%4], cas.Entry{Key: key(i)}, photo(i)); err != nil {
			t.Fatal(err)
		}
		if n := bytesIn(t, dir); n > limit+4*limit/16 {
			t.Fatalf("after %d files: %d bytes, the limit is %d", i+1, n, limit)
		}
	}
	for _, c := range caches {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	}
	// A count that nobody can read is made anew.
	for _, text := range []string{"", "x\n", "1 2\n3\n", fmt.Sprintf("%d 5\n-6\n", time.Now().Unix()), fmt.Sprintf("%d 1\n", time.Now().Add(-25*time.Hour).Unix())} {
		if err := os.WriteFile(filepath.Join(dir, "size"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := put(bounded(t, dir, cas.Options{Limit: limit, Now: time.Now}), cas.Entry{Key: "another"}, photo(999)); err != nil {
			t.Fatal(err)
		}
		var when, n int64
		data, err := os.ReadFile(filepath.Join(dir, "size"))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := fmt.Sscanf(string(data), "%d %d\n", &when, &n); err != nil || n < bytesIn(t, dir) {
			t.Errorf("%q became %q, %v", text, data, err)
		}
	}
}

func TestNearlyFull(t *testing.T) {
	free := int64(5 << 30)
	dir := t.TempDir()
	c := bounded(t, dir, cas.Options{MinFree: 1 << 30, Now: time.Now, Free: func(string) (int64, error) { return free, nil }})
	if _, err := put(c, cas.Entry{Key: "k"}, []byte("x")); err != nil {
		t.Fatal(err)
	}
	free = 1<<30 - 1
	if _, err := put(c, cas.Entry{Key: "l"}, []byte("y")); !errors.Is(err, cas.ErrFull) || !strings.Contains(err.Error(), "1023 MiB free below "+dir) {
		t.Errorf("got %v, want ErrFull", err)
	}
	if _, _, err := get(c, "k"); err != nil { // reading needs no room
		t.Error(err)
	}
	free = -1 // not known
	if _, err := put(c, cas.Entry{Key: "l"}, []byte("y")); err != nil {
		t.Error(err)
	}
	// What the system says is some number.
	if _, err := put(bounded(t, dir, cas.Options{MinFree: 1, Now: time.Now}), cas.Entry{Key: "m"}, []byte("z")); err != nil {
		t.Error(err)
	}
	if _, err := put(bounded(t, dir, cas.Options{MinFree: 1 << 61, Now: time.Now}), cas.Entry{Key: "m"}, []byte("z")); !errors.Is(err, cas.ErrFull) {
		t.Errorf("got %v, want ErrFull", err)
	}
}

func TestVerify(t *testing.T) {
	dir := t.TempDir()
	fill := func() *cas.Cache {
		c := bounded(t, dir, cas.Options{Now: time.Now})
		for i := range 20 {
			if _, err := put(c, cas.Entry{Key: key(i)}, photo(i)); err != nil {
				t.Fatal(err)
			}
		}
		return c
	}
	c := fill()
	whole := cas.VerifyResult{Answers: 20, Files: 20, Bytes: 20 * int64(len(photo(0)))}
	if v, err := c.Verify(t.Context()); err != nil || v != whole {
		t.Fatalf("got %+v, %v, want %+v", v, err, whole)
	}
	kept := files(t, dir, "p")
	if err := os.Truncate(kept[0], 100); err != nil {
		t.Fatal(err)
	}
	if err := flip(kept[1]); err != nil { // as long, and something else
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(filepath.Dir(kept[2]), "README"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(kept[3], kept[4]); err != nil { // under another's name
		t.Fatal(err)
	}
	v, err := c.Verify(t.Context())
	if want := (cas.VerifyResult{Answers: 16, Files: 16, Bytes: 16 * int64(len(photo(0))), Damaged: 4}); err != nil || v != want {
		t.Errorf("got %+v, %v, want %+v", v, err, want)
	}
	if v, err := fill().Verify(t.Context()); err != nil || v != whole {
		t.Errorf("filled up: %+v, %v, want %+v", v, err, whole)
	}
}

func TestVerifyEarlierLayout(t *testing.T) {
	dir := t.TempDir()
	fill := func() *cas.Cache {
		for i := range 20 {
			putEarlier(t, dir, cas.Entry{Key: key(i)}, photo(i))
		}
		return bounded(t, dir, cas.Options{Now: time.Now})
	}
	c := fill()
	whole := cas.VerifyResult{Answers: 20, Files: 20, Bytes: 20 * int64(len(photo(0)))}
	if v, err := c.Verify(t.Context()); err != nil || v != whole {
		t.Fatalf("got %+v, %v, want %+v", v, err, whole)
	}
	data, answers := files(t, dir, "d"), files(t, dir, "a")
	if err := os.Truncate(data[0], 100); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(data[1], photo(77), 0o600); err != nil { // as long, and something else
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(filepath.Dir(data[2]), "README"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(answers[0], []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(answers[1], answers[2]); err != nil { // under another's name
		t.Fatal(err)
	}
	v, err := c.Verify(t.Context())
	if err != nil || v.Damaged != 5 {
		t.Errorf("got %+v, %v, want 5 damaged", v, err)
	}
	// Files that have lost their answer stay for as long as it may be
	// coming.
	later := bounded(t, dir, cas.Options{Now: func() time.Time { return time.Now().Add(2 * time.Hour) }})
	v, err = later.Verify(t.Context())
	if err != nil || v.Damaged != 0 || v.Answers != v.Files || v.Lost == 0 {
		t.Errorf("two hours later: %+v, %v", v, err)
	}
	again, err := later.Verify(t.Context())
	if v.Lost = 0; err != nil || again != v {
		t.Errorf("once more: %+v, %v, want %+v", again, err, v)
	}
	if v, err := fill().Verify(t.Context()); err != nil || v != whole {
		t.Errorf("filled up: %+v, %v, want %+v", v, err, whole)
	}
}

// TestLookupNotesTheUse, but not every time.
func TestLookupNotesTheUse(t *testing.T) {
	dir := t.TempDir()
	clock := &clock{now: time.Now()}
	putEarlier(t, dir, cas.Entry{Key: "earlier"}, []byte("y"))
	c := bounded(t, dir, cas.Options{Now: clock.Now})
	if _, err := put(c, cas.Entry{Key: "k"}, []byte("x")); err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct {
		later time.Duration
		noted bool
	}{{time.Minute, false}, {2 * time.Hour, true}, {time.Minute, false}, {time.Hour, true}} {
		clock.add(step.later)
		for _, key := range []string{"k", "earlier"} {
			if _, err := c.Lookup(key); err != nil {
				t.Fatal(err)
			}
		}
		for _, kind := range []string{"p", "a", "d"} {
			info, err := os.Stat(files(t, dir, kind)[0])
			if err != nil {
				t.Fatal(err)
			}
			if noted := info.ModTime().Sub(clock.Now()).Abs() < time.Second; noted != step.noted {
				t.Errorf("%s after %s: noted = %v", kind, step.later, noted)
			}
		}
	}
}
