package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/fstest"
	"time"

	"github.com/opensandwich/oi/cmd/internal/cas"
	"github.com/opensandwich/oi/cmd/internal/oitest"
	"github.com/opensandwich/oi/record"
)

// asProcess prepares oi-fetch as a process of its own: the test's binary under
// that name.
func asProcess(t testing.TB, input []byte, args ...string) *exec.Cmd {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(t.TempDir(), "oi-fetch")
	if err := os.Symlink(exe, name); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(name, args...)
	cmd.Stdin = bytes.NewReader(input)
	cmd.Env = append(os.Environ(), "GOCOVERDIR="+t.TempDir())
	return cmd
}

// A tripwire is a tree of files that calls trip when the n-th is opened.
type tripwire struct {
	fs.FS
	mu   sync.Mutex
	n    int
	trip func()
}

func (w *tripwire) set(n int, trip func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.n, w.trip = n, trip
}

func (w *tripwire) Open(name string) (fs.File, error) {
	w.mu.Lock()
	if w.n--; w.n == 0 {
		w.trip()
	}
	w.mu.Unlock()
	return w.FS.Open(name)
}

// hostileServers are two servers, of which the first lacks some photos and the
// second has other faults, each photo the same ones whenever it is asked for,
// but for those that pass.
type hostileServers struct {
	first, second *oitest.Server
	wire          *tripwire
	input         []byte
	whole         map[string]bool // the good pictures
}

func newHostileServers(t *testing.T, photos int) *hostileServers {
	h := &hostileServers{whole: map[string]bool{}}
	some, all := fstest.MapFS{}, fstest.MapFS{}
	var items []*record.Item
	for i := range photos {
		id := fmt.Sprintf("%04x", i)
		name := "train/" + id + ".jpg"
		data := append(oitest.JPEG(i), make([]byte, 500*(i%100))...)
		items = append(items, box("train", id, 2*i, ""), box("train", id, 2*i+1, ""))
		switch {
		case i%17 == 3:
			all[name] = &fstest.MapFile{Data: []byte("<!DOCTYPE html><title>Sign in</title>")}
			continue
		case i%17 == 5:
			all[name] = &fstest.MapFile{Data: data[:300]}
			continue
		case i%17 == 7:
			continue
		}
		h.whole[string(data)] = true
		all[name] = &fstest.MapFile{Data: data}
		if i%3 > 0 {
			some[name] = all[name]
		}
	}
	h.wire = &tripwire{FS: all}
	h.first, h.second = oitest.New(t, some), oitest.New(t, h.wire)
	h.input = binary(t, items)
	return h
}

// upset gives both servers faults that pass.
func (h *hostileServers) upset() {
	h.first.Fault("train/0001.jpg", oitest.Status(503, "Retry-After", "1"))
	h.first.Fault("train/0002.jpg", oitest.ResetAfter(100))
	h.second.Fault("train/0000.jpg", oitest.Reset)
	h.second.Fault("train/0006.jpg", oitest.Status(500))
	h.second.Fault("train/0009.jpg", oitest.Unsized(200))
}

func (h *hostileServers) args(cache string, more ...string) []string {
	return append([]string{"--images", h.first.URL + "," + h.second.URL, "--cache", cache, "--max-skips", "100%", "-j", "8", "-q"}, more...)
}

// TestKilled kills a hundred runs at random moments. What they leave is no
// hindrance: the last run's output is that of a run that nobody disturbed.
func TestKilled(t *testing.T) {
	runs, photos := 100, 600
	if testing.Short() {
		runs, photos = 10, 60
	}
	h := newHostileServers(t, photos)
	h.upset()
	want, err := asProcess(t, h.input, h.args(t.TempDir())...).Output()
	if err != nil {
		t.Fatal(err)
	}

	h.upset()
	cache := t.TempDir()
	rng := rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 0))
	killed := 0
	for range runs {
		cmd := asProcess(t, h.input, h.args(cache)...)
		var out bytes.Buffer
		cmd.Stdout = &out
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		moment := time.Duration(rng.Int64N(int64(3 * time.Millisecond)))
		h.wire.set(1+rng.IntN(12), func() {
			time.AfterFunc(moment, func() { _ = cmd.Process.Kill() }) // it may have ended
		})
		if cmd.Wait() == nil {
			continue
		}
		killed++
		// What came out is a beginning of the whole.
		if !bytes.HasPrefix(want, out.Bytes()) {
			t.Fatalf("run %d wrote something else", killed)
		}
		if killed%10 == 0 {
			checkNothingWrong(t, filepath.Join(cache, "photos"), h.whole)
		}
	}
	h.wire.set(0, nil)
	if killed < runs/2 {
		t.Errorf("%d of %d runs were killed", killed, runs)
	}
	got, err := asProcess(t, h.input, h.args(cache)...).Output()
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("the last run wrote %d bytes, the undisturbed one %d, and they differ", len(got), len(want))
	}
	c, err := cas.Open(filepath.Join(cache, "photos"), cas.Options{Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	if v, err := c.Verify(t.Context()); err != nil || v.Damaged > 0 {
		t.Errorf("got %+v, %v", v, err)
	}
	t.Logf("%d of %d runs killed", killed, runs)
}

// checkNothingWrong reads every file that has its name in the cache.
func checkNothingWrong(t *testing.T, cache string, whole map[string]bool) {
	t.Helper()
	err := filepath.WalkDir(filepath.Join(cache, "p"), func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		data, err := os.ReadFile(path)
		if err == nil && !whole[string(photoIn(data))] {
			t.Errorf("%s is none of the photos: %d bytes", path, len(data))
		}
		return err
	})
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
}

// photoIn is the photo in a file of the cache, which ends with its entry.
func photoIn(file []byte) []byte {
	return file[:max(bytes.LastIndex(file, []byte(`{"key":"GET `)), 0)]
}

// TestInterrupted: on SIGINT nothing half-written stays, and the output cannot
// be taken for a whole one.
func TestInterrupted(t *testing.T) {
	h := newHostileServers(t, 200)
	for i := range 20 { // transfers in mid-body
		h.first.Fault(fmt.Sprintf("train/%04x.jpg", 100+i), oitest.Stall(200))
	}
	cache, credits := t.TempDir(), filepath.Join(t.TempDir(), "credits.csv")
	cmd := asProcess(t, h.input, h.args(cache, "--attribution", credits)...)
	var out, words bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &words
	h.wire.set(60, func() { _ = cmd.Process.Signal(os.Interrupt) })
	err := cmd.Run()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != 128+int(syscall.SIGINT) {
		t.Fatalf("got %v, want exit code 130: %s", err, words.String())
	}
	for _, dir := range []string{filepath.Join(cache, "photos", "tmp"), filepath.Dir(credits)} {
		if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
			t.Errorf("left in %s: %v, %v", dir, left, err)
		}
	}
	checkNothingWrong(t, filepath.Join(cache, "photos"), h.whole)
	r := record.NewReader(&out)
	for err = nil; err == nil; {
		_, err = r.Read()
	}
	if !errors.Is(err, record.ErrTruncated) && !errors.Is(err, record.ErrEmpty) || errors.Is(err, io.EOF) {
		t.Errorf("the output reads as %v", err)
	}
	if strings.Contains(words.String(), "goroutine") {
		t.Error(words.String())
	}
}

// TestUnaskedBytes: net/http has words of its own for a server that sends more
// than it said, with a piece of that. They are not for people.
func TestUnaskedBytes(t *testing.T) {
	srv := oitest.New(t, fstest.MapFS{"train/a.jpg": {Data: oitest.JPEG(1)}, "train/b.jpg": {Data: oitest.JPEG(2)}})
	srv.Fault("train/a.jpg", oitest.Longer(1000))
	// The second box comes over another connection, after the bytes.
	cmd := asProcess(t, binary(t, []*record.Item{box("train", "a", 1, ""), box("train", "b", 2, "")}), "--images", srv.URL, "--cache", t.TempDir(), "-j", "1", "-q")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if err := cmd.Run(); err != nil || stderr.Len() > 0 {
		t.Errorf("%v: %.200q", err, stderr.String())
	}
}
