package cas_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/opensandwich/oi/cmd/internal/cas"
)

var now = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func open(t *testing.T, dir string) *cas.Cache {
	t.Helper()
	c, err := cas.Open(dir, cas.Options{Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// files lists the regular files below dir/kind.
func files(t *testing.T, dir, kind string) []string {
	t.Helper()
	var names []string
	err := filepath.WalkDir(filepath.Join(dir, kind), func(path string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err == nil && d.Type().IsRegular() {
			names = append(names, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

// get reads what a request was answered with.
func get(c *cas.Cache, key string) (cas.Entry, []byte, error) {
	e, err := c.Lookup(key)
	if err != nil {
		return cas.Entry{}, nil, err
	}
	f, err := c.OpenFile(e)
	if err != nil {
		return cas.Entry{}, nil, err
	}
	defer f.Close()
	data, err := f.Bytes()
	return e, data, err
}

// check looks at the bytes of e without holding them.
func check(c *cas.Cache, e cas.Entry) error {
	f, err := c.OpenFile(e)
	if err != nil {
		return err
	}
	return errors.Join(f.Check(), f.Close())
}

// put keeps data as the answer to e.Key.
func put(c *cas.Cache, e cas.Entry, data []byte) (cas.Entry, error) {
	b, err := c.Create()
	if err != nil {
		return cas.Entry{}, err
	}
	defer b.Discard()
	if _, err := b.Write(data); err != nil {
		return cas.Entry{}, err
	}
	return b.Commit(e)
}

func TestPutGet(t *testing.T) {
	dir := t.TempDir()
	c := open(t, dir)
	if _, _, err := get(c, "k"); !errors.Is(err, cas.ErrMiss) {
		t.Fatalf("empty cache: got %v, want ErrMiss", err)
	}
	for _, data := range [][]byte{nil, []byte("a"), bytes.Repeat([]byte("photo"), 100_000)} {
		in := cas.Entry{Key: fmt.Sprint("k", len(data)), MediaType: "image/jpeg", Source: "s3", URL: "https://x/y", Check: "header", Robots: "noai", Earlier: []cas.Attempt{{Source: "s3", URL: "https://z", Reason: "not found", Status: 404}}}
		put, err := put(c, in, data)
		if err != nil {
			t.Fatal(err)
		}
		in.SHA256, in.Size = put.SHA256, int64(len(data))
		// A second process sees it too.
		got, back, err := get(open(t, dir), in.Key)
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(got, in) || !bytes.Equal(back, data) {
			t.Errorf("got %+v and %d bytes, want %+v and %d", got, len(back), in, len(data))
		}
	}
	if left := files(t, dir, "tmp"); len(left) > 0 {
		t.Errorf("temporary files left: %v", left)
	}
}

func TestEqualBytesAreKeptOnce(t *testing.T) {
	dir := t.TempDir()
	c := open(t, dir)
	for _, key := range []string{"one", "two"} {
		if _, err := put(c, cas.Entry{Key: key}, []byte("same")); err != nil {
			t.Fatal(err)
		}
	}
	if d, a := len(files(t, dir, "d")), len(files(t, dir, "a")); d != 1 || a != 2 {
		t.Errorf("%d data and %d answer files, want 1 and 2", d, a)
	}
}

func TestDamageIsAMissAndIsReplaced(t *testing.T) {
	data := bytes.Repeat([]byte("0123456789"), 1000)
	flip := func(path string) error {
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		b[len(b)/2] ^= 1
		return os.WriteFile(path, b, 0o644)
	}
	damage := map[string]struct {
		kind string
		do   func(path string) error
	}{
		"data cut":       {"d", func(p string) error { return os.Truncate(p, 17) }},
		"data empty":     {"d", func(p string) error { return os.Truncate(p, 0) }},
		"data bit":       {"d", flip},
		"data grown":     {"d", func(p string) error { return os.Truncate(p, 1<<20) }},
		"data gone":      {"d", os.Remove},
		"answer cut":     {"a", func(p string) error { return os.Truncate(p, 9) }},
		"answer empty":   {"a", func(p string) error { return os.Truncate(p, 0) }},
		"answer zeros":   {"a", func(p string) error { return os.WriteFile(p, make([]byte, 300), 0o644) }},
		"answer huge":    {"a", func(p string) error { return os.WriteFile(p, bytes.Repeat([]byte(" "), 1<<20), 0o644) }},
		"answer another": {"a", func(p string) error { return os.WriteFile(p, []byte(`{"key":"else"}`), 0o644) }},
		"answer path":    {"a", func(p string) error { return os.WriteFile(p, []byte(`{"key":"k","sha256":"../../../etc"}`), 0o644) }},
		"answer gone":    {"a", os.Remove},
	}
	for name, d := range damage {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			c := open(t, dir)
			if _, err := put(c, cas.Entry{Key: "k"}, data); err != nil {
				t.Fatal(err)
			}
			if err := d.do(files(t, dir, d.kind)[0]); err != nil {
				t.Fatal(err)
			}
			if _, _, err := get(c, "k"); !errors.Is(err, cas.ErrMiss) {
				t.Fatalf("damaged: got %v, want ErrMiss", err)
			}
			if e, err := c.Lookup("k"); err == nil {
				if err := check(c, e); !errors.Is(err, cas.ErrMiss) {
					t.Errorf("Check: got %v, want ErrMiss", err)
				}
			}
			if _, err := put(c, cas.Entry{Key: "k"}, data); err != nil {
				t.Fatal(err)
			}
			if _, back, err := get(c, "k"); err != nil || !bytes.Equal(back, data) {
				t.Errorf("after replacing: %d bytes, %v", len(back), err)
			}
		})
	}
}

func TestUpdate(t *testing.T) {
	c := open(t, t.TempDir())
	e, err := put(c, cas.Entry{Key: "k", Check: "header"}, []byte("x"))
	if err != nil {
		t.Fatal(err)
	}
	e.Check = "full"
	if err := c.Update(e); err != nil {
		t.Fatal(err)
	}
	if got, err := c.Lookup("k"); err != nil || !reflect.DeepEqual(got, e) {
		t.Errorf("got %+v, %v, want %+v", got, err, e)
	}
}

// TestMode: who may read the cache is for the umask to say, as of any file.
func TestMode(t *testing.T) {
	dir := t.TempDir()
	c := open(t, dir)
	if _, err := put(c, cas.Entry{Key: "key"}, []byte("bytes")); err != nil {
		t.Fatal(err)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	plain := filepath.Join(dir, "plain")
	if err := os.WriteFile(plain, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	want, err := os.Stat(plain)
	if err != nil {
		t.Fatal(err)
	}
	kept := append(files(t, dir, "a"), files(t, dir, "d")...)
	if len(kept) != 2 {
		t.Fatalf("kept %q", kept)
	}
	for _, name := range kept {
		got, err := os.Stat(name)
		if err != nil {
			t.Fatal(err)
		}
		if got.Mode() != want.Mode() {
			t.Errorf("%s: %v, want %v", name, got.Mode(), want.Mode())
		}
	}
}

func TestDiscardLeavesNothing(t *testing.T) {
	dir := t.TempDir()
	c := open(t, dir)
	b, err := c.Create()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.Write([]byte("half")); err != nil {
		t.Fatal(err)
	}
	b.Discard()
	b.Discard()
	for _, kind := range []string{"a", "d", "tmp"} {
		if left := files(t, dir, kind); len(left) > 0 {
			t.Errorf("left in %s: %v", kind, left)
		}
	}
}

// A killed process leaves temporary files, bytes without an answer, or both.
func TestKilledWriter(t *testing.T) {
	dir := t.TempDir()
	c := open(t, dir)
	if _, err := put(c, cas.Entry{Key: "k"}, []byte("whole")); err != nil {
		t.Fatal(err)
	}
	old, young := filepath.Join(dir, "tmp", "d-old"), filepath.Join(dir, "tmp", "d-young")
	for path, age := range map[string]time.Duration{old: 2 * time.Hour, young: 10 * time.Minute} {
		if err := os.WriteFile(path, []byte("par"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path, now.Add(-age), now.Add(-age)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Remove(files(t, dir, "a")[0]); err != nil { // died between the two renames
		t.Fatal(err)
	}
	c, err := cas.Open(dir, cas.Options{Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	if got := files(t, dir, "tmp"); len(got) != 1 || got[0] != young {
		t.Errorf("temporary files: %v, want only the young one, whose process may live", got)
	}
	if _, err := c.Lookup("k"); !errors.Is(err, cas.ErrMiss) {
		t.Errorf("bytes without an answer: got %v, want ErrMiss", err)
	}
}

// TestKill9 kills a process that writes without pause and looks at what is
// left: every answer must be whole.
func TestKill9(t *testing.T) {
	if dir := os.Getenv("OI_CAS_TEST_WRITER"); dir != "" {
		writeForEver(dir)
	}
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for round := range 5 {
		cmd := exec.Command(exe, "-test.run=^TestKill9$")
		cmd.Env = append(os.Environ(), "OI_CAS_TEST_WRITER="+dir)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		// The writer prints one byte an entry; kill it after a few.
		if _, err := io.ReadFull(out, make([]byte, 7+13*round)); err != nil {
			t.Fatal(err)
		}
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		if err := cmd.Wait(); err == nil {
			t.Fatal("the writer was not killed")
		}
	}
	c := open(t, dir)
	seen := 0
	for i := range 200 {
		e, data, err := get(c, key(i))
		if errors.Is(err, cas.ErrMiss) {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		seen++
		if !bytes.Equal(data, body(i)) || e.Size != int64(len(data)) {
			t.Errorf("entry %d is wrong", i)
		}
	}
	if seen == 0 {
		t.Error("nothing was kept")
	}
	if a := len(files(t, dir, "a")); a != seen {
		t.Errorf("%d answers on disk, %d whole ones", a, seen)
	}
}

func key(i int) string  { return fmt.Sprint("key ", i) }
func body(i int) []byte { return bytes.Repeat([]byte{byte(i)}, 1000*(i%200)) }

func writeForEver(dir string) {
	c, err := cas.Open(dir, cas.Options{Now: time.Now})
	for i := 0; err == nil; i = (i + 1) % 200 {
		if _, err = put(c, cas.Entry{Key: key(i)}, body(i)); err == nil {
			_, err = os.Stdout.Write([]byte{'.'})
		}
	}
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

func TestManyWriters(t *testing.T) {
	dir := t.TempDir()
	var wg sync.WaitGroup
	for range 8 {
		c := open(t, dir)
		wg.Go(func() {
			for i := range 50 {
				if _, err := put(c, cas.Entry{Key: key(i)}, body(i)); err != nil {
					t.Error(err)
				}
				if _, data, err := get(c, key(i)); err != nil || !bytes.Equal(data, body(i)) {
					t.Errorf("entry %d: %d bytes, %v", i, len(data), err)
				}
			}
		})
	}
	wg.Wait()
}

func TestOpenFails(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := cas.Open(file, cas.Options{Now: time.Now}); err == nil || !strings.Contains(err.Error(), "cache") {
		t.Errorf("got %v, want an error that names the cache", err)
	}
}

func BenchmarkGet(b *testing.B) {
	c, err := cas.Open(b.TempDir(), cas.Options{Now: time.Now})
	if err != nil {
		b.Fatal(err)
	}
	data := bytes.Repeat([]byte("x"), 300_000)
	if _, err := put(c, cas.Entry{Key: "k"}, data); err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		if _, _, err := get(c, "k"); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkPut(b *testing.B) {
	c, err := cas.Open(b.TempDir(), cas.Options{Now: time.Now})
	if err != nil {
		b.Fatal(err)
	}
	data := bytes.Repeat([]byte("x"), 300_000)
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		if _, err := put(c, cas.Entry{Key: "k"}, data); err != nil {
			b.Fatal(err)
		}
	}
}
