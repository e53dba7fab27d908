package cas_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
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
	f, err := c.Find(key)
	if err != nil {
		return cas.Entry{}, nil, err
	}
	defer f.Close()
	data, err := f.Bytes()
	return f.Entry(), data, err
}

// check looks at the bytes of key without holding them.
func check(c *cas.Cache, key string) error {
	f, err := c.Find(key)
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

// TestOneFileEach: each answer has a file of its own, and no other.
func TestOneFileEach(t *testing.T) {
	dir := t.TempDir()
	c := open(t, dir)
	for _, key := range []string{"one", "two", "two"} {
		if _, err := put(c, cas.Entry{Key: key}, []byte("same")); err != nil {
			t.Fatal(err)
		}
	}
	all := files(t, dir, ".")
	if len(all) != 2 {
		t.Fatalf("kept %q, want two files", all)
	}
	if err := os.Remove(all[0]); err != nil {
		t.Fatal(err)
	}
	left := 0
	for _, key := range []string{"one", "two"} {
		if _, data, err := get(c, key); err == nil && string(data) == "same" {
			left++
		}
	}
	if left != 1 {
		t.Errorf("%d of two answers are left of one file", left)
	}
}

// putEarlier keeps data as the earlier layout does.
func putEarlier(t *testing.T, dir string, e cas.Entry, data []byte) {
	t.Helper()
	e.SHA256, e.Size = digest(data), int64(len(data))
	answer, err := json.Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string][]byte{
		filepath.Join(dir, "d", e.SHA256[:2], e.SHA256):                           data,
		filepath.Join(dir, "a", digest([]byte(e.Key))[:2], digest([]byte(e.Key))): append(answer, '\n'),
	} {
		if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, content, 0o666); err != nil {
			t.Fatal(err)
		}
	}
}

func digest(data []byte) string { return fmt.Sprintf("%x", sha256.Sum256(data)) }

// TestEarlierLayout: what earlier versions kept is read, and an answer that is
// kept anew stands in its place.
func TestEarlierLayout(t *testing.T) {
	dir := t.TempDir()
	in := cas.Entry{Key: "k", MediaType: "image/jpeg", Check: "header"}
	putEarlier(t, dir, in, []byte("photo"))
	c := open(t, dir)
	got, data, err := get(c, "k")
	in.SHA256, in.Size = digest([]byte("photo")), 5
	if err != nil || string(data) != "photo" || !reflect.DeepEqual(got, in) {
		t.Fatalf("got %+v, %q, %v", got, data, err)
	}
	in.Check = "full"
	if err := c.Update(in, strings.NewReader("photo")); err != nil {
		t.Fatal(err)
	}
	if got, data, err := get(c, "k"); err != nil || string(data) != "photo" || got.Check != "full" {
		t.Errorf("updated: got %+v, %q, %v", got, data, err)
	}
	if _, err := put(c, cas.Entry{Key: "k"}, []byte("another")); err != nil {
		t.Fatal(err)
	}
	if _, data, err := get(open(t, dir), "k"); err != nil || string(data) != "another" {
		t.Errorf("put anew: got %q, %v", data, err)
	}
	if _, err := c.Lookup("l"); !errors.Is(err, cas.ErrMiss) {
		t.Errorf("another key: got %v, want ErrMiss", err)
	}
}

// flip changes a bit in the middle of a file.
func flip(path string) error { return flipAt(path, func(size int) int { return size / 2 }) }

func flipAt(path string, at func(size int) int) error {
	b, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	b[at(len(b))] ^= 1
	return os.WriteFile(path, b, 0o644)
}

// TestDamageIsAMissAndIsReplaced, in the earlier layout too.
func TestDamageIsAMissAndIsReplaced(t *testing.T) {
	data := bytes.Repeat([]byte("0123456789"), 1000)
	end := func(back int) func(string) error {
		return func(p string) error { return flipAt(p, func(size int) int { return size - back }) }
	}
	appended := func(more string) func(string) error {
		return func(p string) error {
			b, err := os.ReadFile(p)
			if err != nil {
				return err
			}
			return os.WriteFile(p, append(b, more...), 0o644)
		}
	}
	damage := map[string]struct {
		kind string
		do   func(path string) error
	}{
		"cut to little":    {"p", func(p string) error { return os.Truncate(p, 7) }},
		"cut to the bytes": {"p", func(p string) error { return os.Truncate(p, int64(len(data))) }},
		"cut by one": {"p", func(p string) error {
			info, err := os.Stat(p)
			if err != nil {
				return err
			}
			return os.Truncate(p, info.Size()-1)
		}},
		"empty":             {"p", func(p string) error { return os.Truncate(p, 0) }},
		"bit":               {"p", flip},
		"bit of the magic":  {"p", end(1)},
		"bit of the length": {"p", end(5)},
		"top of the length": {"p", end(8)},
		"bit of the entry":  {"p", end(9)},
		"grown":             {"p", func(p string) error { return os.Truncate(p, 1<<20) }},
		"grown by an end":   {"p", appended("\x00\x00\x00\x00oip1")},
		"grown by a footer": {"p", appended(`{"key":"k","sha256":"` + digest(nil) + `","size":0}` + "\x00\x00\x00\x60oip1")},
		"zeros":             {"p", func(p string) error { return os.WriteFile(p, make([]byte, 20_000), 0o644) }},
		"another's": {"p", func(p string) error {
			dir := t.TempDir()
			if _, err := put(open(t, dir), cas.Entry{Key: "else"}, data); err != nil {
				return err
			}
			return os.Rename(files(t, dir, "p")[0], p)
		}},
		"gone": {"p", os.Remove},

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
			if d.kind == "p" {
				if _, err := put(open(t, dir), cas.Entry{Key: "k"}, data); err != nil {
					t.Fatal(err)
				}
			} else {
				putEarlier(t, dir, cas.Entry{Key: "k"}, data)
			}
			c := open(t, dir)
			if _, _, err := get(c, "k"); err != nil {
				t.Fatalf("before the damage: %v", err)
			}
			if err := d.do(files(t, dir, d.kind)[0]); err != nil {
				t.Fatal(err)
			}
			if _, _, err := get(c, "k"); !errors.Is(err, cas.ErrMiss) {
				t.Fatalf("damaged: got %v, want ErrMiss", err)
			}
			if err := check(c, "k"); !errors.Is(err, cas.ErrMiss) {
				t.Errorf("Check: got %v, want ErrMiss", err)
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
	if err := c.Update(e, strings.NewReader("x")); err != nil {
		t.Fatal(err)
	}
	if got, data, err := get(c, "k"); err != nil || !reflect.DeepEqual(got, e) || string(data) != "x" {
		t.Errorf("got %+v, %q, %v, want %+v", got, data, err, e)
	}
	// Bytes that end too early leave what is there.
	again := e
	again.Check = "none"
	if err := c.Update(again, strings.NewReader("")); err == nil {
		t.Error("no error for bytes that are not there")
	}
	if got, _, err := get(c, "k"); err != nil || !reflect.DeepEqual(got, e) {
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
	kept := files(t, dir, "p")
	if len(kept) != 1 {
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
	for _, kind := range []string{"p", "tmp"} {
		if left := files(t, dir, kind); len(left) > 0 {
			t.Errorf("left in %s: %v", kind, left)
		}
	}
}

// TestStaleWriter: a file that was not written to for long goes, though its
// process is only asleep.
func TestStaleWriter(t *testing.T) {
	dir := t.TempDir()
	c, err := cas.Open(dir, cas.Options{Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	asleep, err := c.Create()
	if err != nil {
		t.Fatal(err)
	}
	later := func() time.Time { return time.Now().Add(24 * time.Hour) }
	if _, err := cas.Open(dir, cas.Options{Now: later}); err != nil {
		t.Error(err)
	}
	asleep.Discard()
	if left := files(t, dir, "tmp"); len(left) > 0 {
		t.Errorf("temporary files: %v", left)
	}
}

// A killed process leaves temporary files, and in the earlier layout bytes
// without an answer.
func TestKilledWriter(t *testing.T) {
	dir := t.TempDir()
	putEarlier(t, dir, cas.Entry{Key: "k"}, []byte("whole"))
	if err := os.Mkdir(filepath.Join(dir, "tmp"), 0o777); err != nil {
		t.Fatal(err)
	}
	old, young := filepath.Join(dir, "tmp", "p-old"), filepath.Join(dir, "tmp", "p-young")
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
	if kept := len(files(t, dir, "p")); kept != seen {
		t.Errorf("%d files on disk, %d whole ones", kept, seen)
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
