package fetch_test

import (
	"bytes"
	"context"
	"crypto/md5"
	"encoding/base64"
	"image"
	"image/color"
	"image/png"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/opensandwich/oi/cmd/internal/fetch"
	"github.com/opensandwich/oi/cmd/internal/oitest"
)

// padded is a picture with bytes after its end, as some cameras write.
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

// TestBadResponses is the table of what a server can do wrong and what comes of
// it.
func TestBadResponses(t *testing.T) {
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
		name     string
		faults   []oitest.Fault
		reason   fetch.Reason // "" means success
		status   int
		attempts int
		slept    time.Duration // at least
		set      func(*fetch.Options)
	}{
		{name: "no fault", attempts: 1},
		{name: "404", faults: []oitest.Fault{oitest.Status(404)}, reason: fetch.NotFound, status: 404, attempts: 1},
		{name: "404 that dawdles", faults: []oitest.Fault{dawdle(404)}, reason: fetch.NotFound, status: 404, attempts: 1,
			set: func(o *fetch.Options) { o.IdleTimeout, o.Timeout = time.Hour, time.Hour }},
		{name: "410", faults: []oitest.Fault{oitest.Status(410)}, reason: fetch.Gone, status: 410, attempts: 1},
		{name: "403", faults: []oitest.Fault{oitest.Status(403)}, reason: fetch.Forbidden, status: 403, attempts: 1},
		{name: "401", faults: []oitest.Fault{oitest.Status(401, "WWW-Authenticate", "Basic")}, reason: fetch.Unauthorized, status: 401, attempts: 1},
		{name: "204", faults: []oitest.Fault{oitest.Status(204)}, reason: fetch.BadStatus, status: 204, attempts: 1},
		{name: "429 with seconds", faults: []oitest.Fault{oitest.Status(429, "Retry-After", "77")}, attempts: 2, slept: 77 * time.Second},
		{name: "429 with a date", faults: []oitest.Fault{oitest.Status(429, "Retry-After", later)}, attempts: 2, slept: 90 * time.Second},
		{name: "429 without a word", faults: []oitest.Fault{oitest.Status(429)}, attempts: 2, slept: time.Second},
		{name: "429 for an hour", faults: []oitest.Fault{oitest.Status(429, "Retry-After", "3600")}, reason: fetch.TooManyRequests, status: 429, attempts: 1},
		{name: "429 for all time", faults: []oitest.Fault{oitest.Status(429, "Retry-After", "99999999999999999999")}, reason: fetch.TooManyRequests, status: 429, attempts: 1},
		{name: "429 for ever", faults: repeat(oitest.Status(429), 9), reason: fetch.TooManyRequests, status: 429, attempts: 4, slept: 3 * time.Second},
		{name: "503 with seconds", faults: []oitest.Fault{oitest.Status(503, "Retry-After", "5")}, attempts: 2, slept: 5 * time.Second},
		{name: "503 without a word", faults: []oitest.Fault{oitest.Status(503)}, attempts: 2, slept: time.Second},
		{name: "503 for ever", faults: repeat(oitest.Status(503), 9), reason: fetch.ServerError, status: 503, attempts: 4, slept: 5 * time.Second},
		{name: "500 then 200", faults: []oitest.Fault{oitest.Status(500)}, attempts: 2, slept: 750 * time.Millisecond},
		{name: "500 for ever", faults: repeat(oitest.Status(500), 9), reason: fetch.ServerError, status: 500, attempts: 4},
		{name: "reset before the header", faults: repeat(oitest.Reset, 2), attempts: 3},
		{name: "reset for ever", faults: repeat(oitest.Reset, 9), reason: fetch.Connection, attempts: 4},
		{name: "reset in mid-body", faults: []oitest.Fault{oitest.ResetAfter(300)}, attempts: 2},
		{name: "short body", faults: repeat(oitest.ResetAfter(len(good)-1), 9), reason: fetch.Truncated, status: 200, attempts: 4},
		{name: "short body of unknown length", faults: []oitest.Fault{oitest.Unsized(len(good) / 2)}, attempts: 2},
		{name: "unknown length", faults: []oitest.Fault{oitest.Unsized(1 << 20)}, attempts: 1},
		{name: "cut at the origin", faults: []oitest.Fault{oitest.Body("image/jpeg", good[:len(good)/2])}, reason: fetch.Truncated, status: 200, attempts: 1},
		{name: "cut after a thumbnail", faults: []oitest.Fault{oitest.Body("image/jpeg", withThumbnail(t))}, reason: fetch.Truncated, status: 200, attempts: 1},
		{name: "endless body", faults: []oitest.Fault{oitest.Endless}, reason: fetch.TooLarge, status: 200, attempts: 1,
			set: func(o *fetch.Options) { o.MaxBytes = 1 << 20 }},
		{name: "long body", faults: []oitest.Fault{oitest.Body("image/jpeg", make([]byte, 2<<20))}, reason: fetch.TooLarge, status: 200, attempts: 1,
			set: func(o *fetch.Options) { o.MaxBytes = 1 << 20 }},
		{name: "body longer than Content-Length", faults: []oitest.Fault{oitest.Longer(1000)}, attempts: 1},
		{name: "Content-Length shorter than the file", faults: []oitest.Fault{oitest.Understated(10)}, reason: fetch.Truncated, status: 200, attempts: 1},
		{name: "no HTTP", faults: repeat(oitest.Garbage, 9), reason: fetch.Connection, attempts: 4},
		{name: "stalled body", faults: repeat(oitest.Stall(100), 9), reason: fetch.Timeout, status: 200, attempts: 2,
			set: func(o *fetch.Options) { o.IdleTimeout, o.Retries = 30*time.Millisecond, 1 }},
		{name: "silence", faults: repeat(oitest.Silence, 9), reason: fetch.Timeout, attempts: 2,
			set: func(o *fetch.Options) { o.Timeout, o.Retries = 30*time.Millisecond, 1 }},
		{name: "endless header", faults: repeat(oitest.EndlessHeader, 9), reason: fetch.Connection, attempts: 2,
			set: func(o *fetch.Options) { o.Retries = 1 }},
		{name: "redirect loop", faults: repeat(oitest.Redirect("/"+path), 20), reason: fetch.Redirects, status: 302, attempts: 1},
		{name: "redirect to a picture", faults: []oitest.Fault{oitest.Redirect("/train/0002.jpg")}, attempts: 1},
		{name: "redirect to the placeholder", faults: []oitest.Fault{oitest.Redirect("/pw/images/en-us/photo_unavailable.png")}, reason: fetch.Placeholder, status: 302, attempts: 1},
		{name: "redirect to the large placeholder", faults: []oitest.Fault{oitest.Redirect("/pw/images/photo_unavailable_l.png?x=1")}, reason: fetch.Placeholder, status: 302, attempts: 1},
		{name: "redirect to a metadata service", faults: []oitest.Fault{oitest.Redirect("http://169.254.169.254/latest/")}, reason: fetch.Refused, status: 302, attempts: 1},
		{name: "redirect to a private address", faults: []oitest.Fault{oitest.Redirect("http://10.0.0.7/x.jpg")}, reason: fetch.Refused, status: 302, attempts: 1},
		{name: "redirect to another loopback port", faults: []oitest.Fault{oitest.Redirect("http://127.0.0.1:9/x.jpg")}, reason: fetch.Refused, status: 302, attempts: 1},
		{name: "redirect to a name of loopback", faults: []oitest.Fault{oitest.Redirect("http://localhost:9/x.jpg")}, reason: fetch.Refused, status: 302, attempts: 1},
		{name: "redirect to file:", faults: []oitest.Fault{oitest.Redirect("file:///etc/passwd")}, reason: fetch.Refused, status: 302, attempts: 1},
		{name: "web page", faults: []oitest.Fault{oitest.Body("image/jpeg", []byte("<!DOCTYPE html><title>Sign in</title>"))}, reason: fetch.NotPicture, status: 200, attempts: 1},
		{name: "nothing", faults: []oitest.Fault{oitest.Body("image/jpeg", nil)}, reason: fetch.NotPicture, status: 200, attempts: 1},
		{name: "three bytes", faults: []oitest.Fault{oitest.Body("image/jpeg", good[:3])}, reason: fetch.Truncated, status: 200, attempts: 1},
		{name: "bytes after the end", faults: []oitest.Fault{oitest.Body("image/jpeg", padded())}, attempts: 1},
		{name: "gzip is not undone", faults: []oitest.Fault{bomb}, attempts: 1},
		{name: "gzip bomb", faults: []oitest.Fault{oitest.GzipBomb(8 << 20)}, reason: fetch.NotPicture, status: 200, attempts: 1},
		{name: "redirect to nowhere", faults: []oitest.Fault{oitest.Status(302)}, reason: fetch.BadStatus, status: 302, attempts: 1},
		{name: "redirect to what a proxy takes for loopback", faults: []oitest.Fault{oitest.Redirect("http://127.0.0.%EF%BC%91/x.jpg")}, reason: fetch.Refused, status: 302, attempts: 1},
		{name: "redirect to a number", faults: []oitest.Fault{oitest.Redirect("http://2130706433/x.jpg")}, reason: fetch.Refused, status: 302, attempts: 1},
		{name: "not for learning", faults: []oitest.Fault{oitest.Header("X-Robots-Tag", "noindex, NoAI")}, reason: fetch.Robots, status: 200, attempts: 1},
		{name: "no picture for learning", faults: []oitest.Fault{oitest.Header("X-Robots-Tag", "otherbot: noai", "X-Robots-Tag", "noimageai")}, reason: fetch.Robots, status: 200, attempts: 1},
		{name: "not for another robot", faults: []oitest.Fault{oitest.Header("X-Robots-Tag", "otherbot: noai, noimageai")}, attempts: 1},
		{name: "not for this robot", faults: []oitest.Fault{oitest.Header("X-Robots-Tag", "oi-fetch: noai")}, reason: fetch.Robots, status: 200, attempts: 1},
		{name: "after a directive with a value", faults: []oitest.Fault{oitest.Header("X-Robots-Tag", "max-image-preview: large, noai")}, reason: fetch.Robots, status: 200, attempts: 1},
		{name: "after a date", faults: []oitest.Fault{oitest.Header("X-Robots-Tag", "unavailable_after: Fri, 25 Jun 2100 15:00:00 GMT, noimageai")}, reason: fetch.Robots, status: 200, attempts: 1},
		{name: "not for another robot, with a value", faults: []oitest.Fault{oitest.Header("X-Robots-Tag", "otherbot: max-snippet: 9, noai")}, attempts: 1},
		{name: "not to be listed", faults: []oitest.Fault{oitest.Header("X-Robots-Tag", "noindex, unavailable_after: 25 Jun 2010 15:00:00 PST")}, attempts: 1},
		{name: "WebP under a .jpg name", faults: []oitest.Fault{oitest.Body("image/jpeg", oitest.WebP())}, attempts: 1},
		{name: "WebP, full check", faults: []oitest.Fault{oitest.Body("image/webp", oitest.WebP())}, attempts: 1,
			set: func(o *fetch.Options) { o.Check = fetch.CheckFull }},
		{name: "WebP with a canvas", faults: []oitest.Fault{oitest.Body("image/webp", oitest.WebPOn(oitest.WebPCanvas(1, 1)))}, attempts: 1},
		{name: "WebP beyond its canvas", faults: []oitest.Fault{oitest.Body("image/webp", oitest.WebPOn(oitest.WebPCanvas(2, 1)))}, reason: fetch.Undecodable, status: 200, attempts: 1},
		{name: "WebP with a second canvas", faults: []oitest.Fault{oitest.Body("image/webp", oitest.WebPOn(oitest.WebPCanvas(1, 1), oitest.WebPCanvas(1<<20, 1<<20)))}, reason: fetch.Undecodable, status: 200, attempts: 1},
		{name: "WebP without a picture", faults: []oitest.Fault{oitest.Body("image/webp", oitest.WebPOn(oitest.WebPCanvas(1, 1))[:30])}, reason: fetch.Truncated, status: 200, attempts: 1},
		{name: "animated WebP", faults: []oitest.Fault{oitest.Body("image/webp", bytes.Replace(oitest.WebPOn(oitest.WebPCanvas(1, 1)), []byte("VP8 "), []byte("ANMF"), 1))}, reason: fetch.Unsupported, status: 200, attempts: 1},
		{name: "cut WebP", faults: []oitest.Fault{oitest.Body("image/webp", oitest.WebP()[:35])}, reason: fetch.Truncated, status: 200, attempts: 1},
		{name: "PNG under a .jpg name", faults: []oitest.Fault{oitest.Body("image/jpeg", encodePNG(t))}, attempts: 1},
		{name: "cut PNG", faults: []oitest.Fault{oitest.Body("image/png", encodePNG(t)[:40])}, reason: fetch.Truncated, status: 200, attempts: 1},
		{name: "65535x65535", faults: []oitest.Fault{oitest.Body("image/jpeg", hugeJPEG(t))}, reason: fetch.TooManyPixels, status: 200, attempts: 1},
		{name: "no header in it", faults: []oitest.Fault{oitest.Body("image/jpeg", []byte("\xff\xd8\xff\xda\x00\x02....\xff\xd9"))}, reason: fetch.Undecodable, status: 200, attempts: 1},
		{name: "broken scan, header check", faults: []oitest.Fault{oitest.Body("image/jpeg", garbled)}, attempts: 1},
		{name: "broken scan, full check", faults: []oitest.Fault{oitest.Body("image/jpeg", garbled)}, reason: fetch.Undecodable, status: 200, attempts: 1,
			set: func(o *fetch.Options) { o.Check = fetch.CheckFull }},
		{name: "hole, header check", faults: []oitest.Fault{oitest.Body("image/jpeg", hole)}, attempts: 1},
		{name: "hole, full check", faults: []oitest.Fault{oitest.Body("image/jpeg", hole)}, reason: fetch.Undecodable, status: 200, attempts: 1,
			set: func(o *fetch.Options) { o.Check = fetch.CheckFull }},
		{name: "arithmetic coding", faults: []oitest.Fault{oitest.Body("image/jpeg", unread)}, reason: fetch.Unsupported, status: 200, attempts: 1},
		{name: "arithmetic coding, full check", faults: []oitest.Fault{oitest.Body("image/jpeg", unread)}, reason: fetch.Unsupported, status: 200, attempts: 1,
			set: func(o *fetch.Options) { o.Check = fetch.CheckFull }},
		{name: "a pixel too many at 1/8", reason: fetch.TooManyPixels, status: 200, attempts: 1, set: func(o *fetch.Options) { o.MaxPixels = 6*4 - 1 }},
		{name: "as many pixels at 1/8 as may be", attempts: 1, set: func(o *fetch.Options) { o.MaxPixels = 6 * 4 }},
		{name: "full check", attempts: 1, set: func(o *fetch.Options) { o.Check = fetch.CheckFull }},
		{name: "right x-goog-hash", faults: []oitest.Fault{oitest.Header("X-Goog-Hash", "crc32c=AAAAAA==,md5="+right)}, attempts: 1},
		{name: "wrong x-goog-hash", faults: []oitest.Fault{oitest.Header("X-Goog-Hash", "crc32c=AAAAAA==", "X-Goog-Hash", "md5="+wrong)}, attempts: 2},
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
				if n := srv.Requests(path); n != tt.attempts {
					t.Errorf("%d requests, want %d", n, tt.attempts)
				}
			} else {
				fail := failure(t, f, photo(1))
				if fail.Reason != tt.reason || fail.Status != tt.status || fail.Attempts != tt.attempts || fail.Source != "url" {
					t.Errorf("got %+v, want %q, status %d, %d attempts", fail.Attempt, tt.reason, tt.status, tt.attempts)
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

// TestNobodyListens: a refused connection is tried again, as servers restart.
func TestNobodyListens(t *testing.T) {
	srv := oitest.New(t)
	srv.Close()
	f := newFetcher(t, srv.URL, nil)
	if fail := failure(t, f, photo(1)); fail.Reason != fetch.Connection || fail.Attempts != 4 {
		t.Errorf("got %+v", fail)
	}
}

// TestServerWordsAreCleaned: what a server says goes into a file and to a
// terminal, so only so much of it, and only text.
func TestServerWordsAreCleaned(t *testing.T) {
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
