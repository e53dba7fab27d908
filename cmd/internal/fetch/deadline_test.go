package fetch_test

import (
	"io"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/opensandwich/oi/cmd/internal/fetch"
	"github.com/opensandwich/oi/cmd/internal/oitest"
)

// TestDeadlines: whatever a server does, it is over in time.
func TestDeadlines(t *testing.T) {
	data := oitest.JPEG(1)
	for name, tt := range map[string]struct {
		answer func(w io.Writer, r *http.Request)
		status int
		took   time.Duration
	}{
		"silence": {func(w io.Writer, r *http.Request) { time.Sleep(time.Hour) }, 0, 30 * time.Second},
		"a header line a second": {func(w io.Writer, r *http.Request) {
			for ok := writeResponse(w, "HTTP/1.1 200 OK\r\n"); ok; ok = writeResponse(w, "X: y\r\n") {
				time.Sleep(time.Second)
			}
		}, 0, 30 * time.Second},
		"nothing after the header": {func(w io.Writer, r *http.Request) {
			writeResponse(w, "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
			time.Sleep(time.Hour)
		}, 200, 20 * time.Second},
		"half, then nothing": {func(w io.Writer, r *http.Request) {
			time.Sleep(10 * time.Second)
			writeResponse(w, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(data), data[:len(data)/2])
			time.Sleep(time.Hour)
		}, 200, 30 * time.Second},
		"a byte a second": {func(w io.Writer, r *http.Request) {
			for ok := writeResponse(w, "HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n"); ok; ok = writeResponse(w, "x") {
				time.Sleep(time.Second)
			}
		}, 200, 60 * time.Second},
		"a stream without end": {func(w io.Writer, r *http.Request) {
			for ok := writeResponse(w, "HTTP/1.1 200 OK\r\n\r\n"); ok; ok = writeResponse(w, "%5000d", 0) {
				time.Sleep(time.Second)
			}
		}, 200, 60 * time.Second},
		"a chain of slow redirects": {func(w io.Writer, r *http.Request) {
			time.Sleep(19 * time.Second)
			writeResponse(w, "HTTP/1.1 302 Found\r\nLocation: /again\r\nContent-Length: 0\r\n\r\n")
		}, 0, 60 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			s := &pipeServer{answer: tt.answer}
			bubble(t, s, func(o *fetch.Options) { o.Retries = 0 }, func(t *testing.T, f *fetch.Fetcher) {
				start := time.Now()
				fail := failure(t, f, photo(1))
				if took := time.Since(start); took != tt.took || fail.Seconds != took.Seconds() {
					t.Errorf("took %s, and says %g s, want %s", took, fail.Seconds, tt.took)
				}
				if fail.Reason != fetch.Timeout || fail.Status != tt.status || fail.Attempts != 1 {
					t.Errorf("got %+v", fail.Attempt)
				}
			})
		})
	}
}

// TestStalledOnce: a transfer that stalls is begun anew.
func TestStalledOnce(t *testing.T) {
	asked := 0
	s := &pipeServer{answer: func(w io.Writer, r *http.Request) {
		if asked++; asked == 1 {
			writeResponse(w, "HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n%100d", 0)
			time.Sleep(time.Hour)
		}
		writePhoto(w, oitest.JPEG(1))
	}}
	bubble(t, s, nil, func(t *testing.T, f *fetch.Fetcher) {
		start := time.Now()
		mustFetch(t, f, photo(1))
		if took := time.Since(start); asked != 2 || took < 20*time.Second || took > 25*time.Second {
			t.Errorf("asked %d times in %s", asked, took)
		}
	})
}

// TestRestart: a server that dies for ten seconds loses no photo.
func TestRestart(t *testing.T) {
	s := &pipeServer{}
	var died time.Time
	asked := 0
	s.refuse = func(string) bool { return !died.IsZero() && time.Since(died) < 10*time.Second }
	s.answer = func(w io.Writer, r *http.Request) {
		if asked++; asked == 10 { // in mid-body
			died = time.Now()
			writeResponse(w, "HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n%100d", 0)
			_ = w.(net.Conn).Close()
			return
		}
		writePhoto(w, oitest.JPEG(1))
	}
	bubble(t, s, nil, func(t *testing.T, f *fetch.Fetcher) {
		for i := range 30 {
			mustFetch(t, f, photo(i))
		}
		if took := time.Since(died); died.IsZero() || took < 10*time.Second || took > time.Minute {
			t.Errorf("took %s after it died", took)
		}
	})
}
