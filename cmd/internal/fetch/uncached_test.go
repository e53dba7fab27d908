package fetch_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/opensandwich/oi/cmd/internal/cas"
	"github.com/opensandwich/oi/cmd/internal/fetch"
	"github.com/opensandwich/oi/cmd/internal/oitest"
)

// TestFullDisk: where the disk has too little room photos are handed out all
// the same, each is asked for once, and nothing is kept.
func TestFullDisk(t *testing.T) {
	const photos, boxes = 20, 8
	for name, memory := range map[string]int64{"held": 0, "too large to hold": int64(len(oitest.JPEG(1))) / 2} {
		t.Run(name, func(t *testing.T) {
			srv := oitest.New(t, mirror(photos))
			for i := 1; i <= photos; i += 2 {
				srv.Fault(fmt.Sprintf("train/%04d.jpg", i), oitest.Unsized(1<<20))
			}
			dir := t.TempDir()
			var why []error
			f := newFetcher(t, srv.URL, func(o *fetch.Options) {
				o.Cache = func() (*cas.Cache, error) {
					return cas.Open(dir, cas.Options{MinFree: 1 << 30, Now: time.Now, Free: func(string) (int64, error) { return 1 << 20, nil }})
				}
				o.Memory, o.CacheFull = memory, func(err error) { why = append(why, err) }
			})
			for i := 1; i <= photos; i++ {
				var wg sync.WaitGroup
				var first, last *fetch.Picture
				for box := range boxes {
					wg.Go(func() {
						p, err := f.Fetch(t.Context(), photo(i))
						if err != nil {
							t.Error(err)
							return
						}
						if data, err := p.Bytes(); err != nil || !bytes.Equal(data, oitest.JPEG(i)) {
							t.Errorf("photo %d: wrong bytes, %v", i, err)
						}
						if box == 0 {
							first = p
						} else {
							release(t, p)
						}
					})
				}
				wg.Wait()
				last, data := mustFetch(t, f, photo(i)) // one that comes later
				if !bytes.Equal(data, oitest.JPEG(i)) || first == nil || last.URL != first.URL || last.SHA256 != first.SHA256 || last.MediaType != first.MediaType {
					t.Errorf("photo %d: %+v and %+v", i, first, last)
				}
			}
			if n := srv.Total(); n != photos {
				t.Errorf("%d requests for %d photos", n, photos)
			}
			if len(why) != 1 || !errors.Is(why[0], cas.ErrFull) {
				t.Errorf("was called with %v", why)
			}
			if left := regularFiles(t, dir); len(left) > 0 {
				t.Errorf("left behind: %v", left)
			}
		})
	}
}

// TestFullDiskSaysTheSame: what came before the source that served is said as
// it is of a photo that is kept, to each box.
func TestFullDiskSaysTheSame(t *testing.T) {
	first, second := oitest.New(t, mirror(0)), oitest.New(t, mirror(1))
	f := newFetcher(t, first.URL+","+second.URL, func(o *fetch.Options) {
		dir := t.TempDir()
		o.Cache = func() (*cas.Cache, error) {
			return cas.Open(dir, cas.Options{MinFree: 1, Now: time.Now, Free: func(string) (int64, error) { return 0, nil }})
		}
	})
	for range 3 {
		p, _ := mustFetch(t, f, photo(1))
		if len(p.Earlier) != 1 || p.Earlier[0].Reason != fetch.NotFound || p.Earlier[0].Status != 404 {
			t.Errorf("got %+v", p.Earlier)
		}
	}
	if first.Total() != 1 || second.Total() != 1 {
		t.Errorf("%d and %d requests", first.Total(), second.Total())
	}
}

// TestFullDiskChecks: what cannot be kept is looked at as thoroughly.
func TestFullDiskChecks(t *testing.T) {
	srv := oitest.New(t, mirror(9))
	page := []byte("<!DOCTYPE html><title>Sign in</title>")
	srv.Fault("train/0001.jpg", oitest.Body("image/jpeg", page))
	srv.Fault("train/0002.jpg", repeat(oitest.Unsized(300), 9)...)
	srv.Fault("train/0003.jpg", oitest.Endless)
	srv.Fault("train/0004.jpg", oitest.ResetAfter(300))
	f := newFetcher(t, srv.URL, func(o *fetch.Options) {
		dir := t.TempDir()
		o.MaxBytes, o.Memory = 1<<16, 1
		o.Cache = func() (*cas.Cache, error) {
			return cas.Open(dir, cas.Options{MinFree: 1, Now: time.Now, Free: func(string) (int64, error) { return 0, nil }})
		}
	})
	for i, want := range map[int]fetch.Reason{1: fetch.NotPicture, 2: fetch.Truncated, 3: fetch.TooLarge} {
		if fail := failure(t, f, photo(i)); fail.Reason != want {
			t.Errorf("photo %d: got %+v, want %s", i, fail, want)
		}
	}
	mustFetch(t, f, photo(4)) // the second time
}

// tmpfs names the small disk of a process that TestDiskBecomesFull has started.
const tmpfs = "OI_TEST_TMPFS"

// TestDiskBecomesFull: a disk that becomes full in the middle of a photo costs
// neither this one nor those after it, nor a second request.
func TestDiskBecomesFull(t *testing.T) {
	dir := os.Getenv(tmpfs)
	if dir == "" {
		if out, err := exec.Command("unshare", "-rm", "mount", "-t", "tmpfs", "tmpfs", t.TempDir()).CombinedOutput(); err != nil {
			t.Skipf("no small disk can be made here: %v: %s", err, out)
		}
		dir := t.TempDir()
		cmd := exec.Command("unshare", "-rm", "sh", "-c", `mount -t tmpfs -o size=1m tmpfs "$0" && exec "$@"`, dir, os.Args[0], "-test.run=^TestDiskBecomesFull$", "-test.v")
		cmd.Env = append(os.Environ(), tmpfs+"="+dir)
		if out, err := cmd.CombinedOutput(); err != nil || !bytes.Contains(out, []byte("--- PASS")) {
			t.Errorf("%v\n%s", err, out)
		}
		return
	}
	const photos = 30
	tree, large := fstest.MapFS{}, map[int][]byte{}
	for i := range photos {
		large[i] = append(oitest.JPEG(i), bytes.Repeat([]byte{byte(i)}, 100_000)...)
		tree[fmt.Sprintf("train/%04d.jpg", i)] = &fstest.MapFile{Data: large[i]}
	}
	for _, memory := range []int64{0, 1} { // held, and too large to hold
		srv := oitest.New(t, tree)
		for i := 0; i < photos; i += 2 {
			srv.Fault(fmt.Sprintf("train/%04d.jpg", i), oitest.Unsized(1<<20))
		}
		store, err := os.MkdirTemp(dir, "")
		if err != nil {
			t.Fatal(err)
		}
		var why []string
		f := newFetcher(t, srv.URL, func(o *fetch.Options) {
			o.Memory, o.CacheFull, o.Check = memory, func(err error) { why = append(why, err.Error()) }, fetch.CheckHeader
			o.Cache = func() (*cas.Cache, error) { return cas.Open(store, cas.Options{Limit: 1 << 30, Now: time.Now}) }
		})
		for i := range photos {
			if _, data := mustFetch(t, f, photo(i)); !bytes.Equal(data, large[i]) {
				t.Errorf("photo %d: other bytes", i)
			}
		}
		if n := srv.Total(); n != photos {
			t.Errorf("%d requests for %d photos", n, photos)
		}
		if len(why) != 1 || !strings.Contains(why[0], "no space left on device") {
			t.Errorf("was called with %q", why)
		}
		// What found room is there and whole.
		c, err := cas.Open(store, cas.Options{Now: time.Now})
		if err != nil {
			t.Fatal(err)
		}
		if v, err := c.Verify(t.Context()); err != nil || v.Damaged > 0 || v.Answers < 5 || v.Answers >= photos {
			t.Errorf("the cache has %+v, %v", v, err)
		}
		if err := os.RemoveAll(store); err != nil {
			t.Fatal(err)
		}
	}
}
