package fetch_test

import (
	"bytes"
	"context"
	"crypto/md5"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"
	"unicode/utf8"

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

func TestDeadPhotoIsAskedForOnce(t *testing.T) {
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

// padded is a picture with bytes behind its end, as some cameras write.
func padded() []byte { return append(oitest.JPEG(1), bytes.Repeat([]byte("trailer "), 20_000)...) }

// hugeJPEG claims 65535x65535 pixels in a whole file.
func hugeJPEG(t *testing.T) []byte {
	t.Helper()
	data := oitest.JPEG(1)
	sof := bytes.Index(data, []byte{0xff, 0xc0})
	if sof < 0 {
		t.Fatal("no frame header")
	}
	copy(data[sof+5:], []byte{0xff, 0xff, 0xff, 0xff})
	return data
}

// withThumbnail is a picture whose header holds another whole one, cut within
// its scan: an end marker is in the file, but not the picture's own.
func withThumbnail(t *testing.T) []byte {
	t.Helper()
	inner := oitest.JPEG(9)
	seg := append([]byte{0xff, 0xe1, byte((len(inner) + 2) >> 8), byte(len(inner) + 2)}, inner...)
	outer := oitest.JPEG(1)
	data := append(append([]byte{0xff, 0xd8}, seg...), outer[2:]...)
	return data[:len(data)-40]
}

func encodePNG(t *testing.T) []byte {
	t.Helper()
	im := image.NewNRGBA(image.Rect(0, 0, 20, 10))
	im.Set(3, 4, color.White)
	var b bytes.Buffer
	if err := png.Encode(&b, im); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestFaults is the table of what a server can do wrong and what comes of it.
func TestFaults(t *testing.T) {
	const path = "train/0001.jpg"
	good := oitest.JPEG(1)
	garbled := bytes.Clone(good) // whole by its markers, broken in its scan
	copy(garbled[len(garbled)-200:len(garbled)-2], bytes.Repeat([]byte{0xff, 0x00}, 99))
	hole := bytes.Clone(good)
	clear(hole[len(hole)-202 : len(hole)-2])
	unread, err := os.ReadFile("../imagefile/jpegfile/testdata/unsupported-arithmetic.jpg")
	if err != nil {
		t.Fatal(err)
	}
	later := newClock().now.Add(90 * time.Second).UTC().Format("Mon, 02 Jan 2006 15:04:05 GMT")
	sum := md5.Sum(good)
	right := base64.StdEncoding.EncodeToString(sum[:])
	wrong := base64.StdEncoding.EncodeToString(make([]byte, 16))
	bomb := oitest.Header("Content-Encoding", "gzip")

	tests := []struct {
		name   string
		faults []oitest.Fault
		reason fetch.Reason // "" means success
		status int
		tries  int
		slept  time.Duration // at least
		set    func(*fetch.Options)
	}{
		{name: "no fault", tries: 1},
		{name: "404", faults: []oitest.Fault{oitest.Status(404)}, reason: fetch.NotFound, status: 404, tries: 1},
		{name: "404 that dawdles", faults: []oitest.Fault{dawdle(404)}, reason: fetch.NotFound, status: 404, tries: 1,
			set: func(o *fetch.Options) { o.IdleTimeout, o.Timeout = time.Hour, time.Hour }},
		{name: "410", faults: []oitest.Fault{oitest.Status(410)}, reason: fetch.Gone, status: 410, tries: 1},
		{name: "403", faults: []oitest.Fault{oitest.Status(403)}, reason: fetch.Forbidden, status: 403, tries: 1},
		{name: "401", faults: []oitest.Fault{oitest.Status(401, "WWW-Authenticate", "Basic")}, reason: fetch.Unauthorized, status: 401, tries: 1},
		{name: "204", faults: []oitest.Fault{oitest.Status(204)}, reason: fetch.BadStatus, status: 204, tries: 1},
		{name: "429 with seconds", faults: []oitest.Fault{oitest.Status(429, "Retry-After", "77")}, tries: 2, slept: 77 * time.Second},
		{name: "429 with a date", faults: []oitest.Fault{oitest.Status(429, "Retry-After", later)}, tries: 2, slept: 90 * time.Second},
		{name: "429 without a word", faults: []oitest.Fault{oitest.Status(429)}, tries: 2, slept: time.Second},
		{name: "429 for an hour", faults: []oitest.Fault{oitest.Status(429, "Retry-After", "3600")}, reason: fetch.TooManyRequests, status: 429, tries: 1},
		{name: "429 for all time", faults: []oitest.Fault{oitest.Status(429, "Retry-After", "99999999999999999999")}, reason: fetch.TooManyRequests, status: 429, tries: 1},
		{name: "429 for ever", faults: repeat(oitest.Status(429), 9), reason: fetch.TooManyRequests, status: 429, tries: 4, slept: 3 * time.Second},
		{name: "503 with seconds", faults: []oitest.Fault{oitest.Status(503, "Retry-After", "5")}, tries: 2, slept: 5 * time.Second},
		{name: "503 without a word", faults: []oitest.Fault{oitest.Status(503)}, tries: 2, slept: time.Second},
		{name: "503 for ever", faults: repeat(oitest.Status(503), 9), reason: fetch.ServerError, status: 503, tries: 4, slept: 5 * time.Second},
		{name: "500 then 200", faults: []oitest.Fault{oitest.Status(500)}, tries: 2, slept: 750 * time.Millisecond},
		{name: "500 for ever", faults: repeat(oitest.Status(500), 9), reason: fetch.ServerError, status: 500, tries: 4},
		{name: "reset before the header", faults: repeat(oitest.Reset, 2), tries: 3},
		{name: "reset for ever", faults: repeat(oitest.Reset, 9), reason: fetch.Connection, tries: 4},
		{name: "reset in mid-body", faults: []oitest.Fault{oitest.ResetAfter(300)}, tries: 2},
		{name: "short body", faults: repeat(oitest.ResetAfter(len(good)-1), 9), reason: fetch.Truncated, status: 200, tries: 4},
		{name: "short body of unknown length", faults: []oitest.Fault{oitest.Unsized(len(good) / 2)}, tries: 2},
		{name: "unknown length", faults: []oitest.Fault{oitest.Unsized(1 << 20)}, tries: 1},
		{name: "cut at the origin", faults: []oitest.Fault{oitest.Body("image/jpeg", good[:len(good)/2])}, reason: fetch.Truncated, status: 200, tries: 1},
		{name: "cut behind a thumbnail", faults: []oitest.Fault{oitest.Body("image/jpeg", withThumbnail(t))}, reason: fetch.Truncated, status: 200, tries: 1},
		{name: "endless body", faults: []oitest.Fault{oitest.Endless}, reason: fetch.TooLarge, status: 200, tries: 1,
			set: func(o *fetch.Options) { o.MaxBytes = 1 << 20 }},
		{name: "long body", faults: []oitest.Fault{oitest.Body("image/jpeg", make([]byte, 2<<20))}, reason: fetch.TooLarge, status: 200, tries: 1,
			set: func(o *fetch.Options) { o.MaxBytes = 1 << 20 }},
		{name: "body longer than Content-Length", faults: []oitest.Fault{oitest.Longer(1000)}, tries: 1},
		{name: "Content-Length shorter than the file", faults: []oitest.Fault{oitest.Understated(10)}, reason: fetch.Truncated, status: 200, tries: 1},
		{name: "no HTTP", faults: repeat(oitest.Garbage, 9), reason: fetch.Connection, tries: 4},
		{name: "stalled body", faults: repeat(oitest.Stall(100), 9), reason: fetch.Timeout, status: 200, tries: 2,
			set: func(o *fetch.Options) { o.IdleTimeout, o.Retries = 30*time.Millisecond, 1 }},
		{name: "silence", faults: repeat(oitest.Silence, 9), reason: fetch.Timeout, tries: 2,
			set: func(o *fetch.Options) { o.Timeout, o.Retries = 30*time.Millisecond, 1 }},
		{name: "endless header", faults: repeat(oitest.EndlessHeader, 9), reason: fetch.Connection, tries: 2,
			set: func(o *fetch.Options) { o.Retries = 1 }},
		{name: "redirect loop", faults: repeat(oitest.Redirect("/"+path), 20), reason: fetch.Redirects, status: 302, tries: 1},
		{name: "redirect to a picture", faults: []oitest.Fault{oitest.Redirect("/train/0002.jpg")}, tries: 1},
		{name: "redirect to the placeholder", faults: []oitest.Fault{oitest.Redirect("/pw/images/en-us/photo_unavailable.png")}, reason: fetch.Placeholder, status: 302, tries: 1},
		{name: "redirect to the large placeholder", faults: []oitest.Fault{oitest.Redirect("/pw/images/photo_unavailable_l.png?x=1")}, reason: fetch.Placeholder, status: 302, tries: 1},
		{name: "redirect to a metadata service", faults: []oitest.Fault{oitest.Redirect("http://169.254.169.254/latest/")}, reason: fetch.Refused, status: 302, tries: 1},
		{name: "redirect to a private address", faults: []oitest.Fault{oitest.Redirect("http://10.0.0.7/x.jpg")}, reason: fetch.Refused, status: 302, tries: 1},
		{name: "redirect to another loopback port", faults: []oitest.Fault{oitest.Redirect("http://127.0.0.1:9/x.jpg")}, reason: fetch.Refused, status: 302, tries: 1},
		{name: "redirect to a name of loopback", faults: []oitest.Fault{oitest.Redirect("http://localhost:9/x.jpg")}, reason: fetch.Refused, status: 302, tries: 1},
		{name: "redirect to file:", faults: []oitest.Fault{oitest.Redirect("file:///etc/passwd")}, reason: fetch.Refused, status: 302, tries: 1},
		{name: "web page", faults: []oitest.Fault{oitest.Body("image/jpeg", []byte("<!DOCTYPE html><title>Sign in</title>"))}, reason: fetch.NotPicture, status: 200, tries: 1},
		{name: "nothing", faults: []oitest.Fault{oitest.Body("image/jpeg", nil)}, reason: fetch.NotPicture, status: 200, tries: 1},
		{name: "three bytes", faults: []oitest.Fault{oitest.Body("image/jpeg", good[:3])}, reason: fetch.Truncated, status: 200, tries: 1},
		{name: "bytes behind the end", faults: []oitest.Fault{oitest.Body("image/jpeg", padded())}, tries: 1},
		{name: "gzip is not undone", faults: []oitest.Fault{bomb}, tries: 1},
		{name: "gzip bomb", faults: []oitest.Fault{oitest.GzipBomb(8 << 20)}, reason: fetch.NotPicture, status: 200, tries: 1},
		{name: "redirect to nowhere", faults: []oitest.Fault{oitest.Status(302)}, reason: fetch.BadStatus, status: 302, tries: 1},
		{name: "redirect to what a proxy takes for loopback", faults: []oitest.Fault{oitest.Redirect("http://127.0.0.%EF%BC%91/x.jpg")}, reason: fetch.Refused, status: 302, tries: 1},
		{name: "redirect to a number", faults: []oitest.Fault{oitest.Redirect("http://2130706433/x.jpg")}, reason: fetch.Refused, status: 302, tries: 1},
		{name: "not for learning", faults: []oitest.Fault{oitest.Header("X-Robots-Tag", "noindex, NoAI")}, reason: fetch.Robots, status: 200, tries: 1},
		{name: "no picture for learning", faults: []oitest.Fault{oitest.Header("X-Robots-Tag", "otherbot: noai", "X-Robots-Tag", "noimageai")}, reason: fetch.Robots, status: 200, tries: 1},
		{name: "not for another robot", faults: []oitest.Fault{oitest.Header("X-Robots-Tag", "otherbot: noai, noimageai")}, tries: 1},
		{name: "not for this robot", faults: []oitest.Fault{oitest.Header("X-Robots-Tag", "oi-fetch: noai")}, reason: fetch.Robots, status: 200, tries: 1},
		{name: "behind a directive with a value", faults: []oitest.Fault{oitest.Header("X-Robots-Tag", "max-image-preview: large, noai")}, reason: fetch.Robots, status: 200, tries: 1},
		{name: "behind a date", faults: []oitest.Fault{oitest.Header("X-Robots-Tag", "unavailable_after: Fri, 25 Jun 2100 15:00:00 GMT, noimageai")}, reason: fetch.Robots, status: 200, tries: 1},
		{name: "not for another robot, with a value", faults: []oitest.Fault{oitest.Header("X-Robots-Tag", "otherbot: max-snippet: 9, noai")}, tries: 1},
		{name: "not to be listed", faults: []oitest.Fault{oitest.Header("X-Robots-Tag", "noindex, unavailable_after: 25 Jun 2010 15:00:00 PST")}, tries: 1},
		{name: "WebP under a .jpg name", faults: []oitest.Fault{oitest.Body("image/jpeg", oitest.WebP())}, tries: 1},
		{name: "WebP, full check", faults: []oitest.Fault{oitest.Body("image/webp", oitest.WebP())}, tries: 1,
			set: func(o *fetch.Options) { o.Check = fetch.CheckFull }},
		{name: "WebP with a canvas", faults: []oitest.Fault{oitest.Body("image/webp", oitest.WebPOn(oitest.WebPCanvas(1, 1)))}, tries: 1},
		{name: "WebP beyond its canvas", faults: []oitest.Fault{oitest.Body("image/webp", oitest.WebPOn(oitest.WebPCanvas(2, 1)))}, reason: fetch.Undecodable, status: 200, tries: 1},
		{name: "WebP with a second canvas", faults: []oitest.Fault{oitest.Body("image/webp", oitest.WebPOn(oitest.WebPCanvas(1, 1), oitest.WebPCanvas(1<<20, 1<<20)))}, reason: fetch.Undecodable, status: 200, tries: 1},
		{name: "WebP without a picture", faults: []oitest.Fault{oitest.Body("image/webp", oitest.WebPOn(oitest.WebPCanvas(1, 1))[:30])}, reason: fetch.Truncated, status: 200, tries: 1},
		{name: "animated WebP", faults: []oitest.Fault{oitest.Body("image/webp", bytes.Replace(oitest.WebPOn(oitest.WebPCanvas(1, 1)), []byte("VP8 "), []byte("ANMF"), 1))}, reason: fetch.Unsupported, status: 200, tries: 1},
		{name: "cut WebP", faults: []oitest.Fault{oitest.Body("image/webp", oitest.WebP()[:35])}, reason: fetch.Truncated, status: 200, tries: 1},
		{name: "PNG under a .jpg name", faults: []oitest.Fault{oitest.Body("image/jpeg", encodePNG(t))}, tries: 1},
		{name: "cut PNG", faults: []oitest.Fault{oitest.Body("image/png", encodePNG(t)[:40])}, reason: fetch.Truncated, status: 200, tries: 1},
		{name: "65535x65535", faults: []oitest.Fault{oitest.Body("image/jpeg", hugeJPEG(t))}, reason: fetch.TooManyPixels, status: 200, tries: 1},
		{name: "no header in it", faults: []oitest.Fault{oitest.Body("image/jpeg", []byte("\xff\xd8\xff\xda\x00\x02....\xff\xd9"))}, reason: fetch.Undecodable, status: 200, tries: 1},
		{name: "broken scan, header check", faults: []oitest.Fault{oitest.Body("image/jpeg", garbled)}, tries: 1},
		{name: "broken scan, full check", faults: []oitest.Fault{oitest.Body("image/jpeg", garbled)}, reason: fetch.Undecodable, status: 200, tries: 1,
			set: func(o *fetch.Options) { o.Check = fetch.CheckFull }},
		{name: "hole, header check", faults: []oitest.Fault{oitest.Body("image/jpeg", hole)}, tries: 1},
		{name: "hole, full check", faults: []oitest.Fault{oitest.Body("image/jpeg", hole)}, reason: fetch.Undecodable, status: 200, tries: 1,
			set: func(o *fetch.Options) { o.Check = fetch.CheckFull }},
		{name: "arithmetic coding", faults: []oitest.Fault{oitest.Body("image/jpeg", unread)}, reason: fetch.Unsupported, status: 200, tries: 1},
		{name: "arithmetic coding, full check", faults: []oitest.Fault{oitest.Body("image/jpeg", unread)}, reason: fetch.Unsupported, status: 200, tries: 1,
			set: func(o *fetch.Options) { o.Check = fetch.CheckFull }},
		{name: "a pixel too many", reason: fetch.TooManyPixels, status: 200, tries: 1, set: func(o *fetch.Options) { o.MaxPixels = 48*32 - 1 }},
		{name: "as many pixels as may be", tries: 1, set: func(o *fetch.Options) { o.MaxPixels = 48 * 32 }},
		{name: "full check", tries: 1, set: func(o *fetch.Options) { o.Check = fetch.CheckFull }},
		{name: "right x-goog-hash", faults: []oitest.Fault{oitest.Header("X-Goog-Hash", "crc32c=AAAAAA==,md5="+right)}, tries: 1},
		{name: "wrong x-goog-hash", faults: []oitest.Fault{oitest.Header("X-Goog-Hash", "crc32c=AAAAAA==", "X-Goog-Hash", "md5="+wrong)}, tries: 2},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			srv := oitest.New(t, mirror(2))
			srv.Fault(path, tt.faults...)
			clock := newClock()
			dir := t.TempDir()
			f := newFetcher(t, srv.URL, func(o *fetch.Options) {
				o.Clock, o.Cache = clock, cache(dir)
				if tt.set != nil {
					tt.set(o)
				}
			})
			start := clock.Now()
			if tt.reason == "" {
				mustFetch(t, f, photo(1))
				if n := srv.Requests(path); n != tt.tries {
					t.Errorf("%d requests, want %d", n, tt.tries)
				}
			} else {
				fail := failure(t, f, photo(1))
				if fail.Reason != tt.reason || fail.Status != tt.status || fail.Attempts != tt.tries || fail.Source != "url" {
					t.Errorf("got %+v, want %q, status %d, %d tries", fail.Attempt, tt.reason, tt.status, tt.tries)
				}
				if left := regularFiles(t, dir); len(left) > 0 {
					t.Errorf("a failure left files in the cache: %v", left)
				}
			}
			if slept := clock.Now().Sub(start); slept < tt.slept {
				t.Errorf("slept %s, want %s at least", slept, tt.slept)
			}
		})
	}
}

// dawdle answers with code, and never ends the words that go with it.
func dawdle(code int) oitest.Fault {
	return func(w http.ResponseWriter, r *http.Request, _ http.HandlerFunc) {
		w.WriteHeader(code)
		if err := http.NewResponseController(w).Flush(); err != nil {
			panic(err)
		}
		<-r.Context().Done()
	}
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

func TestCertificate(t *testing.T) {
	srv := oitest.NewTLS(t, mirror(1))
	_, port, _ := strings.Cut(strings.TrimPrefix(srv.URL, "https://"), ":")
	for url, why := range map[string]string{
		srv.URL:                      "unknown authority",
		"https://wrong.test:" + port: "not wrong.test",
	} {
		f := newFetcher(t, url, func(o *fetch.Options) {
			o.Dial = func(ctx context.Context, network, _ string) (net.Conn, error) {
				return new(net.Dialer).DialContext(ctx, network, srv.Listener.Addr().String())
			}
		})
		if fail := failure(t, f, photo(1)); fail.Reason != fetch.BadCertificate || fail.Attempts != 1 || !strings.Contains(fail.Detail, why) {
			t.Errorf("%s: got %+v", url, fail)
		}
	}
	if n := srv.Total(); n != 0 {
		t.Errorf("%d requests were sent", n)
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

// TestEarlier: the run that asked and the one that finds the photo in the cache
// say the same of the sources before the one that served.
func TestEarlier(t *testing.T) {
	srv, other := oitest.New(t, mirror(2)), oitest.New(t, mirror(3))
	srv.Fault("train/0001.jpg", repeat(oitest.Status(403), 3)...)
	empty, store := t.TempDir(), t.TempDir()
	say := func(list string, offline bool, n int) string {
		t.Helper()
		f := newFetcher(t, list, func(o *fetch.Options) { o.Cache, o.Offline = cache(store), offline })
		p, _ := mustFetch(t, f, photo(n))
		var words []string
		for _, a := range p.Earlier {
			words = append(words, fmt.Sprintf("%s: %s %d", a.Source, a.Reason, a.Status))
		}
		return strings.Join(append(words, p.Source), "; ")
	}
	list := empty + ",thumbnail," + srv.URL + "," + other.URL
	for _, offline := range []bool{false, true} {
		if got, want := say(list, offline, 1), "dir: not found 0; thumbnail: no url 0; url: forbidden 403; url"; got != want {
			t.Errorf("offline %v: %q, want %q", offline, got, want)
		}
		if got, want := say(list, offline, 2), "dir: not found 0; thumbnail: no url 0; url"; got != want {
			t.Errorf("offline %v: %q, want %q", offline, got, want)
		}
		// What other sources said before is not what these do.
		if got, want := say(other.URL, offline, 1), "url"; got != want {
			t.Errorf("offline %v: %q, want %q", offline, got, want)
		}
		if got, want := say(other.URL, offline, 3), "url"; got != want {
			t.Errorf("offline %v: %q, want %q", offline, got, want)
		}
		if got, want := say(list, offline, 3), "dir: not found 0; thumbnail: no url 0; url: not asked 0; url"; got != want {
			t.Errorf("offline %v: %q, want %q", offline, got, want)
		}
	}
	if n := srv.Requests("train/0003.jpg"); n != 0 {
		t.Errorf("asked %d times for what is in the cache", n)
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
	for _, name := range regularFiles(t, filepath.Join(dir, "d")) {
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

// TestTinyCache: a photo that leaves the cache as soon as it is there, because
// so many came with it, has been fetched nevertheless.
func TestTinyCache(t *testing.T) {
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
		if left := regularFiles(t, filepath.Join(dir, "d")); len(left) > 0 {
			t.Errorf("kept beyond the limit: %v", left)
		}
	}
}

// TestNobodyListens: a refused connection is tried again, as servers restart.
func TestNobodyListens(t *testing.T) {
	srv := oitest.New(t)
	srv.Close()
	f := newFetcher(t, srv.URL, nil)
	if fail := failure(t, f, photo(1)); fail.Reason != fetch.Connection || fail.Attempts != 4 {
		t.Errorf("got %+v", fail)
	}
}

// TestBadWords: what a server says goes into a file and to a terminal, so only
// so much of it, and only text.
func TestBadWords(t *testing.T) {
	srv := oitest.New(t)
	srv.Fault("train/0001.jpg", oitest.Reason("not \xff here"))
	srv.Fault("train/0002.jpg", oitest.Reason(strings.Repeat("ä", 20_000)))
	f := newFetcher(t, srv.URL, nil)
	if fail := failure(t, f, photo(1)); fail.Reason != fetch.NotFound || fail.Detail != "404 not \uFFFD here" {
		t.Errorf("got %+v", fail)
	}
	for range 2 { // asked, and remembered
		if d := failure(t, f, photo(2)).Detail; len(d) < 100 || len(d) > 1000 || !utf8.ValidString(d) || !strings.HasSuffix(d, "ä…") {
			t.Errorf("%d bytes of detail: %q", len(d), d)
		}
	}
}

func TestFallback(t *testing.T) {
	srv := oitest.New(t, mirror(1))
	dir := t.TempDir()
	if err := os.CopyFS(dir, fstest.MapFS{"train/0002.jpg": {Data: oitest.JPEG(2)}}); err != nil {
		t.Fatal(err)
	}
	srv.Fault("train/0003.jpg", oitest.Status(403))
	srv.Fault("gone.jpg", oitest.Status(410))
	f := newFetcher(t, srv.URL+","+dir+",flickr", func(o *fetch.Options) { o.AllowHosts = []string{"127.0.0.1"} })
	if p, _ := mustFetch(t, f, photo(1)); p.Source != "url" {
		t.Errorf("photo 1 from %s", p.Source)
	}
	if p, _ := mustFetch(t, f, photo(2)); p.Source != "dir" {
		t.Errorf("photo 2 from %s", p.Source)
	}
	r := photo(3)
	r.URL = srv.URL + "/train/0001.jpg"
	if p, _ := mustFetch(t, f, r); p.Source != "flickr" {
		t.Errorf("photo 3 from %s", p.Source)
	}
	r = photo(4)
	r.URL = srv.URL + "/gone.jpg"
	fail := failure(t, f, r)
	if fail.Reason != fetch.Gone || fail.Source != "flickr" || fail.Attempts != 3 || len(fail.BySource) != 3 {
		t.Errorf("got %+v", fail)
	}
	// Without an address Flickr is never asked: the reason is the one before.
	if fail := failure(t, f, photo(5)); fail.Reason != fetch.NotFound || fail.Source != "dir" || len(fail.BySource) != 3 {
		t.Errorf("got %+v", fail)
	}
	want := "not found: " + srv.URL + "/train/0005.jpg: 404 Not Found; dir: no train/0005.jpg in the folder, nor under another usual name; flickr: no url: the item has no address for it"
	if fail := failure(t, f, photo(5)); !strings.Contains(fail.Error(), want) {
		t.Errorf("%q does not contain %q", fail.Error(), want)
	}
}

// TestFolderFirst: a folder before the network is looked at first, in every
// run.
func TestFolderFirst(t *testing.T) {
	srv := oitest.New(t, mirror(2))
	dir := t.TempDir()
	if err := os.CopyFS(dir, fstest.MapFS{"train/0001.jpg": {Data: oitest.JPEG(1)}}); err != nil {
		t.Fatal(err)
	}
	store := t.TempDir()
	for range 2 {
		f := newFetcher(t, dir+","+srv.URL, func(o *fetch.Options) { o.Cache = cache(store) })
		if p, _ := mustFetch(t, f, photo(1)); p.Source != "dir" {
			t.Errorf("photo 1 from %s", p.Source)
		}
		if p, _ := mustFetch(t, f, photo(2)); p.Source != "url" {
			t.Errorf("photo 2 from %s", p.Source)
		}
	}
	if n := srv.Total(); n != 1 {
		t.Errorf("%d requests, want 1", n)
	}
}

// TestFolderBetween: a folder between two servers is no reason to ask the first
// again for what the second gave.
func TestFolderBetween(t *testing.T) {
	first, last := oitest.New(t, mirror(0)), oitest.New(t, mirror(2))
	dir, store := t.TempDir(), t.TempDir()
	if err := os.CopyFS(dir, fstest.MapFS{"train/0001.jpg": {Data: oitest.JPEG(1)}}); err != nil {
		t.Fatal(err)
	}
	var said [][]fetch.Attempt
	for run := range 2 {
		f := newFetcher(t, first.URL+","+dir+","+last.URL, func(o *fetch.Options) { o.Cache = cache(store) })
		for range 3 {
			p, _ := mustFetch(t, f, photo(2))
			for i := range p.Earlier {
				p.Earlier[i] = fetch.Attempt{Source: p.Earlier[i].Source, Reason: p.Earlier[i].Reason, Status: p.Earlier[i].Status}
			}
			said = append(said, p.Earlier)
		}
		if n := first.Requests("train/0002.jpg"); n != 1 || last.Total() != 1 {
			t.Errorf("run %d: asked %d and %d times, want once each", run, n, last.Total())
		}
		// What the folder has comes from there, once the first has said no,
		// which it is not asked to say for every box.
		for range 3 {
			p, _ := mustFetch(t, f, photo(1))
			if p.Source != "dir" || len(p.Earlier) != 1 || p.Earlier[0].Reason != fetch.NotFound || p.Earlier[0].Status != 404 {
				t.Errorf("photo 1 from %s after %+v", p.Source, p.Earlier)
			}
		}
		if n := first.Requests("train/0001.jpg"); n != run+1 {
			t.Errorf("run %d: asked %d times for what the folder has, want once a run", run, n)
		}
	}
	want := []fetch.Attempt{{Source: "url", Reason: fetch.NotFound, Status: 404}, {Source: "dir", Reason: fetch.NotFound}}
	for i, got := range said {
		if !slices.Equal(got, want) {
			t.Errorf("time %d: %+v, want %+v", i, got, want)
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

func TestOriginal(t *testing.T) {
	srv := oitest.New(t, mirror(1))
	sum := md5.Sum(oitest.JPEG(1))
	right, size := base64.StdEncoding.EncodeToString(sum[:]), int64(len(oitest.JPEG(1)))
	wrong := base64.StdEncoding.EncodeToString(make([]byte, 16))
	for _, tt := range []struct {
		name, source, md5 string
		size              int64
		reason            fetch.Reason
	}{
		{"both right", "flickr", right, size, ""},
		{"unknown", "flickr", "", 0, ""},
		{"wrong md5", "flickr", wrong, size, fetch.MD5Mismatch},
		{"not an md5", "flickr", "oops", size, fetch.MD5Mismatch},
		{"wrong size", "flickr", "", size + 1, fetch.SizeMismatch},
		{"the mirror has no originals", srv.URL, wrong, size + 1, ""},
		{"nor are thumbnails", "thumbnail", wrong, size + 1, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := newFetcher(t, tt.source, func(o *fetch.Options) { o.AllowHosts = []string{"127.0.0.1"} })
			r := photo(1)
			r.URL = srv.URL + "/train/0001.jpg"
			r.ThumbnailURL, r.OriginalMD5, r.OriginalSize = r.URL, tt.md5, tt.size
			if tt.reason == "" {
				mustFetch(t, f, r)
			} else if fail := failure(t, f, r); fail.Reason != tt.reason || fail.Attempts != 1 {
				t.Errorf("got %+v, want %q", fail, tt.reason)
			}
		})
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
	for _, name := range regularFiles(t, filepath.Join(dir, "d")) {
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

// TestNoRoom: pictures that there is no memory to hold are read again when they
// are wanted.
func TestNoRoom(t *testing.T) {
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

func TestSample(t *testing.T) {
	var painted int
	f := newFetcher(t, "s3", func(o *fetch.Options) {
		o.Sample = func(subset, id string) ([]byte, error) {
			painted++
			if id == "none" {
				return nil, fmt.Errorf("no such drawing: %w", fs.ErrNotExist)
			}
			return oitest.JPEG(len(subset)), nil
		}
	})
	r := fetch.Request{ID: "a1", Subset: "train", URL: "sample:train/a1.jpg"}
	for range 3 {
		p, data := mustFetch(t, f, r)
		if !bytes.Equal(data, oitest.JPEG(5)) || p.Source != "sample" || p.URL != r.URL || p.MediaType != "image/jpeg" {
			t.Errorf("got %+v", p)
		}
	}
	if painted != 1 {
		t.Errorf("painted %d times, want once", painted)
	}
	for _, bad := range []fetch.Request{
		{ID: "none", Subset: "train", URL: "sample:train/none.jpg"},
		{ID: "a1", Subset: "train", URL: "sample:train/other.jpg"},
		{ID: "a1", Subset: "train", URL: "sample:../../etc/passwd"},
	} {
		if fail := failure(t, f, bad); fail.Reason != fetch.NotFound || fail.Source != "sample" {
			t.Errorf("got %+v", fail)
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
		serve(w, r)
	})
	f := newFetcher(t, srv.URL, nil)
	_, err := f.Fetch(ctx, photo(1))
	var fail *fetch.Failure
	if !errors.Is(err, context.Canceled) || errors.As(err, &fail) {
		t.Errorf("got %v, want the context's error and no failure", err)
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
