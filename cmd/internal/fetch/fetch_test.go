package fetch_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/opensandwich/oi/cmd/internal/fetch"
	"github.com/opensandwich/oi/cmd/internal/oitest"
)

func TestSourcesGiveTheSame(t *testing.T) {
	tree := mirror(3)
	srv := oitest.New(t, tree)
	dir := t.TempDir()
	if err := os.CopyFS(dir, tree); err != nil {
		t.Fatal(err)
	}
	flat := t.TempDir()
	for i := 1; i <= 3; i++ {
		if err := os.WriteFile(filepath.Join(flat, photo(i).ID+".jpg"), oitest.JPEG(i), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, tt := range []struct{ list, source, url string }{
		{srv.URL, "url", srv.URL + "/train/0002.jpg"},
		{srv.URL + "/", "url", srv.URL + "/train/0002.jpg"},
		{srv.URL + "/{subset}/{id}.jpg?token=secret", "url", srv.URL + "/train/0002.jpg"},
		{srv.URL + "/train/{id}.jpg", "url", srv.URL + "/train/0002.jpg"},
		{"flickr", "flickr", srv.URL + "/train/0002.jpg"},
		{"thumbnail", "thumbnail", srv.URL + "/train/0002.jpg"},
		{dir, "dir", "file:train/0002.jpg"},
		{flat, "dir", "file:train/0002.jpg"},
	} {
		f := newFetcher(t, tt.list, func(o *fetch.Options) { o.AllowHosts = []string{"127.0.0.1"} })
		r := photo(2)
		r.URL, r.ThumbnailURL = srv.URL+"/train/0002.jpg", srv.URL+"/train/0002.jpg"
		p, data := mustFetch(t, f, r)
		if !bytes.Equal(data, oitest.JPEG(2)) || p.Source != tt.source || p.URL != tt.url || p.MediaType != "image/jpeg" {
			t.Errorf("%s: got %+v", tt.list, p)
		}
	}
}

// TestClose waits for transfers, which leave no half-written file.
func TestClose(t *testing.T) {
	srv := oitest.New(t, mirror(1))
	begun := make(chan struct{})
	srv.Fault("train/0001.jpg", func(w http.ResponseWriter, r *http.Request, serve http.HandlerFunc) {
		close(begun)
		oitest.Stall(100)(w, r, serve)
	})
	dir := t.TempDir()
	f, err := fetch.New(fetch.Options{Sources: sources(t, srv.URL), Cache: cache(dir)})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		_, err := f.Fetch(ctx, photo(1))
		done <- err
	}()
	<-begun
	cancel()
	if err := f.Close(); err != nil {
		t.Error(err)
	}
	if left := regularFiles(t, dir); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if _, err := f.Fetch(t.Context(), photo(1)); err == nil {
		t.Error("fetched after Close")
	}
}

// TestMemoryBudget: pictures that there is no memory to hold are read again
// when they are wanted.
func TestMemoryBudget(t *testing.T) {
	srv := oitest.New(t, mirror(4))
	dir := t.TempDir()
	if err := os.CopyFS(dir, mirror(4)); err != nil {
		t.Fatal(err)
	}
	for _, list := range []string{srv.URL, dir} {
		f := newFetcher(t, list, func(o *fetch.Options) { o.Memory = 2 * int64(len(oitest.JPEG(1))) })
		var held []*fetch.Picture
		for i := 1; i <= 4; i++ {
			p, err := f.Fetch(t.Context(), photo(i))
			if err != nil {
				t.Fatal(err)
			}
			held = append(held, p)
		}
		for i, p := range held {
			if data, err := p.Bytes(); err != nil || !bytes.Equal(data, oitest.JPEG(i+1)) {
				t.Errorf("%s: photo %d: wrong bytes, %v", list, i+1, err)
			}
			release(t, p)
			release(t, p)
		}
	}
}

func TestBadIDs(t *testing.T) {
	f := newFetcher(t, t.TempDir(), nil)
	for _, id := range []string{"", "..", "a/b", "a\x00", "a.jpg", strings.Repeat("a", 65), "../../etc/passwd"} {
		if fail := failure(t, f, fetch.Request{ID: id, Subset: "train"}); fail.Reason != fetch.BadID {
			t.Errorf("%q: got %+v", id, fail)
		}
	}
	if fail := failure(t, f, fetch.Request{ID: "ok", Subset: "../.."}); fail.Reason != fetch.NoURL {
		t.Errorf("got %+v", fail)
	}
}

func TestCancel(t *testing.T) {
	srv := oitest.New(t, mirror(1))
	ctx, cancel := context.WithCancel(t.Context())
	srv.Fault("train/0001.jpg", func(w http.ResponseWriter, r *http.Request, serve http.HandlerFunc) {
		cancel()
		<-r.Context().Done() // an answer could still arrive in time
	})
	f := newFetcher(t, srv.URL, nil)
	_, err := f.Fetch(ctx, photo(1))
	var fail *fetch.Failure
	if !errors.Is(err, context.Canceled) || errors.As(err, &fail) {
		t.Errorf("got %v, want the context's error and no failure", err)
	}
}

// TestInterrupted: a cancelled run ends at once, whatever it waits for.
func TestInterrupted(t *testing.T) {
	for name, answer := range map[string]func(w io.Writer, r *http.Request){
		"for an answer": func(w io.Writer, r *http.Request) { time.Sleep(time.Hour) },
		"for a body":    func(w io.Writer, r *http.Request) { writeResponse(w, "HTTP/1.1 200 OK\r\n\r\n"); time.Sleep(time.Hour) },
		"in a pause": func(w io.Writer, r *http.Request) {
			writeResponse(w, "HTTP/1.1 429 Slow Down\r\nRetry-After: 100\r\nContent-Length: 0\r\n\r\n")
		},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, &pipeServer{answer: answer}, nil, func(t *testing.T, f *fetch.Fetcher) {
				ctx, cancel := context.WithCancel(t.Context())
				start := time.Now()
				time.AfterFunc(5*time.Second, cancel)
				_, err := f.Fetch(ctx, photo(1))
				if !errors.Is(err, context.Canceled) || time.Since(start) != 5*time.Second {
					t.Errorf("got %v after %s", err, time.Since(start))
				}
			})
		})
	}
}
