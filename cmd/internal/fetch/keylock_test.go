package fetch_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/opensandwich/oi/cmd/internal/cas"
	"github.com/opensandwich/oi/cmd/internal/fetch"
	"github.com/opensandwich/oi/cmd/internal/oitest"
)

// twoFetchers runs f with two Fetchers that share a cache as two processes do,
// on a clock of its own.
func twoFetchers(t *testing.T, s *pipeServer, f func(t *testing.T, a, b *fetch.Fetcher)) {
	t.Helper()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		var both []*fetch.Fetcher
		for range 2 {
			store, err := cas.Open(dir, cas.Options{Now: time.Now})
			if err != nil {
				t.Fatal(err)
			}
			one, err := fetch.New(fetch.Options{
				Sources: sources(t, "http://photos.test"), Retries: fetch.DefaultRetries, Dial: s.dial,
				Timeout: time.Minute, IdleTimeout: time.Hour, Cache: func() (*cas.Cache, error) { return store, nil },
			})
			if err != nil {
				t.Fatal(err)
			}
			defer func() {
				if err := errors.Join(one.Close(), store.Close()); err != nil {
					t.Error(err)
				}
				s.conns.Wait()
			}()
			both = append(both, one)
		}
		f(t, both[0], both[1])
	})
}

// TestOneProcessAsks: who comes second waits for the first, and is served from
// the cache.
func TestOneProcessAsks(t *testing.T) {
	var asked atomic.Int64
	s := &pipeServer{answer: func(w io.Writer, r *http.Request) {
		asked.Add(1)
		time.Sleep(20 * time.Second)
		writePhoto(w, oitest.JPEG(1))
	}}
	twoFetchers(t, s, func(t *testing.T, a, b *fetch.Fetcher) {
		start := time.Now()
		var wg sync.WaitGroup
		for _, f := range []*fetch.Fetcher{a, b, a, b} {
			wg.Go(func() {
				p, err := f.Fetch(t.Context(), photo(1))
				if err != nil {
					t.Error(err)
					return
				}
				if data, err := p.Bytes(); err != nil || !bytes.Equal(data, oitest.JPEG(1)) {
					t.Errorf("other bytes, %v", err)
				}
				release(t, p)
			})
		}
		wg.Wait()
		if took := time.Since(start); asked.Load() != 1 || took > 21*time.Second {
			t.Errorf("asked %d times in %s", asked.Load(), took)
		}
	})
}

// TestFailureOfAnotherProcess: what fails for one is tried by the other, who
// waits for no pause of the first.
func TestFailureOfAnotherProcess(t *testing.T) {
	var asked atomic.Int64
	s := &pipeServer{answer: func(w io.Writer, r *http.Request) {
		if asked.Add(1) == 1 {
			time.Sleep(time.Second)
			writeResponse(w, "HTTP/1.1 500 Oops\r\nRetry-After: 200\r\nContent-Length: 0\r\n\r\n")
			return
		}
		writePhoto(w, oitest.JPEG(1))
	}}
	twoFetchers(t, s, func(t *testing.T, a, b *fetch.Fetcher) {
		start := time.Now()
		var first sync.WaitGroup
		first.Go(func() {
			p, err := a.Fetch(t.Context(), photo(1))
			if err != nil {
				t.Error(err)
				return
			}
			release(t, p)
		})
		synctest.Wait() // a has asked
		mustFetch(t, b, photo(1))
		if took := time.Since(start); took > 2*time.Second {
			t.Errorf("took %s", took)
		}
		first.Wait()
		if n := asked.Load(); n != 2 { // a finds it in the cache after its pause
			t.Errorf("asked %d times", n)
		}
	})
}

// TestKeyLockWaitIsBounded: a process that was stopped while it asks does not
// stop the others for ever, and a run that is cancelled does not wait for it.
func TestKeyLockWaitIsBounded(t *testing.T) {
	s := &pipeServer{answer: func(w io.Writer, r *http.Request) { writePhoto(w, oitest.JPEG(1)) }}
	dir := t.TempDir()
	set := func(o *fetch.Options) { o.Cache, o.Timeout = cache(dir), time.Minute }
	bubble(t, s, set, func(t *testing.T, f *fetch.Fetcher) {
		holder, err := cas.Open(dir, cas.Options{Now: time.Now})
		if err != nil {
			t.Fatal(err)
		}
		if _, ok := holder.TryLock("GET http://photos.test/train/0001.jpg"); !ok {
			t.Fatal("refused")
		}
		start := time.Now()
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(10*time.Second, cancel)
		if _, err := f.Fetch(ctx, photo(1)); !errors.Is(err, context.Canceled) || time.Since(start) != 10*time.Second {
			t.Errorf("got %v after %s", err, time.Since(start))
		}
		start = time.Now()
		mustFetch(t, f, photo(1))
		if took := time.Since(start); took < time.Minute || took > 61*time.Second {
			t.Errorf("took %s, want a minute", took)
		}
		if err := holder.Close(); err != nil {
			t.Error(err)
		}
	})
}
