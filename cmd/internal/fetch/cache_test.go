package fetch_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/opensandwich/oi/cmd/internal/cas"
	"github.com/opensandwich/oi/cmd/internal/fetch"
	"github.com/opensandwich/oi/cmd/internal/oitest"
)

func TestSecondRunAsksNobody(t *testing.T) {
	srv := oitest.New(t, mirror(20))
	dir := t.TempDir()
	for run := range 3 {
		f := newFetcher(t, srv.URL, func(o *fetch.Options) { o.Cache, o.Offline = cache(dir), run == 2 })
		var wg sync.WaitGroup
		for box := range 100 { // five boxes a photo
			wg.Go(func() {
				p, err := f.Fetch(t.Context(), photo(1+box%20))
				if err != nil {
					t.Error(err)
					return
				}
				if data, err := p.Bytes(); err != nil || !bytes.Equal(data, oitest.JPEG(1+box%20)) {
					t.Errorf("box %d: wrong bytes, %v", box, err)
				}
				release(t, p)
			})
		}
		wg.Wait()
		if n := srv.Total(); n != 20 {
			t.Errorf("after run %d: %d requests, want one a photo", run+1, n)
		}
	}
}

func TestMissingPhotoIsAskedForOnce(t *testing.T) {
	const photos, boxes = 40, 16
	srv := oitest.New(t, mirror(0))
	f := newFetcher(t, srv.URL, nil)
	var wg sync.WaitGroup
	for i := range photos * boxes {
		wg.Go(func() {
			_, err := f.Fetch(t.Context(), photo(i/boxes))
			var fail *fetch.Failure
			if !errors.As(err, &fail) || fail.Reason != fetch.NotFound || fail.Attempts != 1 {
				t.Errorf("got %v", err)
			}
		})
	}
	wg.Wait()
	if n := srv.Total(); n != photos {
		t.Errorf("%d requests for %d photos", n, photos)
	}
}

func TestOffline(t *testing.T) {
	srv := oitest.New(t, mirror(1))
	f := newFetcher(t, srv.URL, func(o *fetch.Options) { o.Offline = true })
	if fail := failure(t, f, photo(1)); fail.Reason != fetch.NotCached || fail.Attempts != 0 || srv.Total() != 0 {
		t.Errorf("got %+v after %d requests", fail, srv.Total())
	}
}

// TestRobotsInTheCache: what was taken against a server's wish is not handed
// out to those who heed it.
func TestRobotsInTheCache(t *testing.T) {
	srv := oitest.New(t, mirror(1))
	srv.Fault("train/0001.jpg", repeat(oitest.Header("X-Robots-Tag", "noai"), 2)...)
	dir := t.TempDir()
	bold := func(o *fetch.Options) { o.Cache, o.IgnoreRobots = cache(dir), true }
	mustFetch(t, newFetcher(t, srv.URL, bold), photo(1))
	mustFetch(t, newFetcher(t, srv.URL, bold), photo(1))
	if n := srv.Total(); n != 1 {
		t.Errorf("%d requests, want 1", n)
	}
	f := newFetcher(t, srv.URL, func(o *fetch.Options) { o.Cache = cache(dir) })
	if fail := failure(t, f, photo(1)); fail.Reason != fetch.Robots {
		t.Errorf("got %+v", fail)
	}
	// Once the server minds no more, it is a photo like others.
	f = newFetcher(t, srv.URL, func(o *fetch.Options) { o.Cache = cache(dir) })
	mustFetch(t, f, photo(1))
	mustFetch(t, f, photo(1))
	if n := srv.Total(); n != 3 {
		t.Errorf("%d requests, want 3", n)
	}
}

// TestTrimmedMeanwhile: a photo that waits for its turn outlives its place in
// the cache.
func TestTrimmedMeanwhile(t *testing.T) {
	srv := oitest.New(t, mirror(2))
	dir := t.TempDir()
	f := newFetcher(t, srv.URL, func(o *fetch.Options) { o.Cache, o.Memory = cache(dir), 1 })
	p, err := f.Fetch(t.Context(), photo(1))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range regularFiles(t, filepath.Join(dir, "p")) {
		if err := os.Remove(name); err != nil {
			t.Fatal(err)
		}
	}
	if data, err := p.Bytes(); err != nil || !bytes.Equal(data, oitest.JPEG(1)) {
		t.Errorf("got %d bytes, %v", len(data), err)
	}
	release(t, p)
	mustFetch(t, f, photo(1))
	if n := srv.Total(); n != 2 {
		t.Errorf("%d requests, want 2", n)
	}
}

// TestPhotoLeavesTheCacheAtOnce: a photo that leaves the cache as soon as it is
// there, because so many came with it, has been fetched nevertheless.
func TestPhotoLeavesTheCacheAtOnce(t *testing.T) {
	srv := oitest.New(t, mirror(2))
	for _, memory := range []int64{1, 1 << 20} {
		dir, before := t.TempDir(), srv.Total()
		f := newFetcher(t, srv.URL, func(o *fetch.Options) {
			o.Memory = memory
			o.Cache = func() (*cas.Cache, error) { return cas.Open(dir, cas.Options{Limit: 1, Now: time.Now}) }
		})
		for n := range 2 {
			mustFetch(t, f, photo(n+1))
		}
		if n := srv.Total() - before; n != 2 {
			t.Errorf("%d bytes of memory: %d requests, want 2", memory, n)
		}
		if left := regularFiles(t, filepath.Join(dir, "p")); len(left) > 0 {
			t.Errorf("kept beyond the limit: %v", left)
		}
	}
}

// TestOneRequestAnAddress: items that know different things of one photo have
// different plans, but ask for the same address once, whether it is there or
// not.
func TestOneRequestAnAddress(t *testing.T) {
	srv, other := oitest.New(t, mirror(1)), oitest.New(t, mirror(2))
	f := newFetcher(t, srv.URL+",flickr,"+other.URL, func(o *fetch.Options) { o.AllowHosts = []string{"127.0.0.1"} })
	var wg sync.WaitGroup
	for i := range 40 {
		wg.Go(func() {
			r := photo(1 + i%2)
			if i/2%2 == 0 {
				r.URL = srv.URL + "/gone.jpg"
			}
			p, err := f.Fetch(t.Context(), r)
			if err != nil {
				t.Error(err)
				return
			}
			release(t, p)
		})
	}
	wg.Wait()
	for _, path := range []string{"train/0001.jpg", "train/0002.jpg", "gone.jpg"} {
		if n := srv.Requests(path); n != 1 {
			t.Errorf("%s: %d requests", path, n)
		}
	}
	if n := other.Total(); n != 1 {
		t.Errorf("%d requests for the second photo", n)
	}
}

// TestCacheKeepsTheSource: what came from the second source because the first
// was down comes from there again.
func TestCacheKeepsTheSource(t *testing.T) {
	down, up := oitest.New(t, mirror(1)), oitest.New(t, mirror(1))
	down.Fault("train/0001.jpg", repeat(oitest.Status(500), 4)...)
	store := t.TempDir()
	var urls []string
	for range 2 {
		f := newFetcher(t, down.URL+","+up.URL, func(o *fetch.Options) { o.Cache = cache(store) })
		p, _ := mustFetch(t, f, photo(1))
		urls = append(urls, p.URL)
	}
	if urls[0] != urls[1] || !strings.HasPrefix(urls[0], up.URL) {
		t.Errorf("served from %v", urls)
	}
	if down.Total() != 4 || up.Total() != 1 {
		t.Errorf("%d and %d requests, want 4 and 1", down.Total(), up.Total())
	}
}

// TestFullCheckOfACachedPicture: a picture that passed the lesser check is
// looked at again when more is asked for, and only once.
func TestFullCheckOfACachedPicture(t *testing.T) {
	srv := oitest.New(t, mirror(1))
	dir := t.TempDir()
	store, err := cas.Open(dir, cas.Options{Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	mustFetch(t, newFetcher(t, srv.URL, func(o *fetch.Options) { o.Cache = cache(dir) }), photo(1))
	mustFetch(t, newFetcher(t, srv.URL, func(o *fetch.Options) { o.Cache, o.Check = cache(dir), fetch.CheckFull }), photo(1))
	if e, err := store.Lookup("GET " + srv.URL + "/train/0001.jpg"); err != nil || e.Check != "full" {
		t.Errorf("got %+v, %v", e, err)
	}
	if n := srv.Total(); n != 1 {
		t.Errorf("%d requests, want 1", n)
	}
}

// TestOlderCheck: a photo that has passed the check of an earlier version is
// looked at by today's, and is asked for again if it fails.
func TestOlderCheck(t *testing.T) {
	good := oitest.JPEG(1)
	hole := bytes.Clone(good)
	clear(hole[len(hole)-202 : len(hole)-2])
	for name, tt := range map[string]struct {
		data     []byte
		check    fetch.Check
		requests int
	}{
		"whole":        {good, fetch.CheckFull, 0},
		"hole":         {hole, fetch.CheckFull, 1},
		"hole, header": {hole, fetch.CheckHeader, 0},
	} {
		t.Run(name, func(t *testing.T) {
			srv := oitest.New(t, mirror(1))
			dir := t.TempDir()
			store, err := cas.Open(dir, cas.Options{Now: time.Now})
			if err != nil {
				t.Fatal(err)
			}
			key := "GET " + srv.URL + "/train/0001.jpg"
			sum := sha256.Sum256(tt.data)
			old := cas.Entry{Key: key, SHA256: hex.EncodeToString(sum[:]), Size: int64(len(tt.data)), MediaType: "image/jpeg", Source: "url", URL: srv.URL + "/train/0001.jpg", Check: string(tt.check)}
			if err := store.Put(old, tt.data); err != nil {
				t.Fatal(err)
			}
			for range 2 {
				f := newFetcher(t, srv.URL, func(o *fetch.Options) { o.Cache, o.Check = cache(dir), tt.check })
				p, err := f.Fetch(t.Context(), photo(1))
				if err != nil {
					t.Fatal(err)
				}
				data, err := p.Bytes()
				if want := tt.data; err != nil || !bytes.Equal(data, want) && tt.requests == 0 || !bytes.Equal(data, good) && tt.requests > 0 {
					t.Errorf("%d bytes, %v", len(data), err)
				}
				if err := p.Release(); err != nil {
					t.Error(err)
				}
			}
			if n := srv.Total(); n != tt.requests {
				t.Errorf("%d requests, want %d", n, tt.requests)
			}
			if e, err := store.Lookup(key); err != nil || e.CheckVersion < 2 {
				t.Errorf("got %+v, %v", e, err)
			}
		})
	}
}

func TestDamagedCacheIsFetchedAgain(t *testing.T) {
	srv := oitest.New(t, mirror(1))
	dir := t.TempDir()
	f := newFetcher(t, srv.URL, func(o *fetch.Options) { o.Cache = cache(dir) })
	mustFetch(t, f, photo(1))
	for _, name := range regularFiles(t, filepath.Join(dir, "p")) {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		data[len(data)/2] ^= 4
		if err := os.WriteFile(name, data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if _, data := mustFetch(t, f, photo(1)); !bytes.Equal(data, oitest.JPEG(1)) {
		t.Error("the damaged bytes came out")
	}
	if n := srv.Total(); n != 2 {
		t.Errorf("%d requests, want 2", n)
	}
}

// TestCacheIsOpenedWhenNeeded: what needs no network needs no cache either.
func TestCacheIsOpenedWhenNeeded(t *testing.T) {
	broken := errors.New("no room")
	srv := oitest.New(t, mirror(1))
	f := newFetcher(t, srv.URL, func(o *fetch.Options) {
		o.Cache = func() (*cas.Cache, error) { return nil, broken }
		o.Sample = func(string, string) ([]byte, error) { return oitest.JPEG(1), nil }
	})
	mustFetch(t, f, fetch.Request{ID: "a1", Subset: "train", URL: "sample:train/a1.jpg"})
	if _, err := f.Fetch(t.Context(), photo(1)); !errors.Is(err, broken) {
		t.Errorf("got %v, want the error of the cache", err)
	}
	if n := srv.Total(); n != 0 {
		t.Errorf("%d requests for photos that cannot be kept", n)
	}
}
