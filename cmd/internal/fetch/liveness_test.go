package fetch_test

import (
	"cmp"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/opensandwich/oi/cmd/internal/fetch"
	"github.com/opensandwich/oi/cmd/internal/fetch/hostlimit"
	"github.com/opensandwich/oi/cmd/internal/oitest"
)

// TestSilentHost: of a host that is gone the first photo finds out, and the
// others do not wait as long each; also when another host sends everybody
// there, whose good answers say nothing of the silent one.
func TestSilentHost(t *testing.T) {
	for name, hops := range map[string][]string{ // from the source to the silent host
		"asked directly":          {"http://photos.test"},
		"another host":            {"http://photos.test", "http://gone.test"},
		"another port":            {"http://photos.test", "http://photos.test:81"},
		"another scheme":          {"http://photos.test", "https://photos.test"},
		"a host of one service":   {"http://www.flickr.com", "http://live.staticflickr.com"},
		"another port of a group": {"http://www.flickr.com", "http://www.flickr.com:81"},
		"by way of a third":       {"http://photos.test", "http://moved.test", "http://gone.test"},
	} {
		t.Run(name, func(t *testing.T) {
			silent, err := url.Parse(hops[len(hops)-1])
			if err != nil {
				t.Fatal(err)
			}
			silentAddr := net.JoinHostPort(silent.Hostname(), cmp.Or(silent.Port(), map[string]string{"http": "80", "https": "443"}[silent.Scheme]))
			next := map[string]string{}
			for i, to := range hops[1:] {
				next[strings.TrimPrefix(hops[i], "http://")] = to
			}
			gone := true
			s := &pipeServer{
				refuse: func(addr string) bool { return gone && addr == silentAddr },
				answer: func(w io.Writer, r *http.Request) {
					if to, ok := next[r.Host]; ok {
						writeResponse(w, "HTTP/1.1 302 Found\r\nLocation: %s%s\r\nContent-Length: 0\r\n\r\n", to, r.URL.Path)
						return
					}
					data := oitest.JPEG(1)
					writeResponse(w, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s", len(data), data)
				},
			}
			set := func(o *fetch.Options) { o.Sources, o.Rates = sources(t, hops[0]), hostlimit.Rates{"": 0, "flickr": 0} }
			bubble(t, s, set, func(t *testing.T, f *fetch.Fetcher) {
				start := time.Now()
				for i := range 100 {
					fail := failure(t, f, photo(i))
					if want := map[bool]int{true: fetch.DefaultRetries + 1, false: 1}[i == 0]; fail.Attempts != want || fail.Reason != fetch.Connection {
						t.Fatalf("photo %d: %+v, want %d attempts", i, fail.Attempt, want)
					}
				}
				if took := time.Since(start); took < 20*time.Second || took > time.Minute {
					t.Errorf("took %s", took)
				}
				if silent.Scheme == "https" {
					return // nobody here to speak TLS
				}
				// Back again, it is worth all attempts as
				// before.
				gone = false
				mustFetch(t, f, photo(100))
				gone = true
				if fail := failure(t, f, photo(101)); fail.Attempts != fetch.DefaultRetries+1 {
					t.Errorf("after it was back: %+v", fail.Attempt)
				}
			})
		})
	}
}

// TestSilentHostNextToAnAnsweringOne: the good answers of one host do not make
// another that is gone worth more attempts, though both have one name.
func TestSilentHostNextToAnAnsweringOne(t *testing.T) {
	s := &pipeServer{
		refuse: func(addr string) bool { return addr == "photos.test:81" },
		answer: func(w io.Writer, r *http.Request) { writePhoto(w, oitest.JPEG(1)) },
	}
	set := func(o *fetch.Options) { o.Sources = sources(t, "http://photos.test:81,http://photos.test") }
	bubble(t, s, set, func(t *testing.T, f *fetch.Fetcher) {
		for i := range 20 {
			start := time.Now()
			p, _ := mustFetch(t, f, photo(i))
			if len(p.Earlier) != 1 || p.Earlier[0].Reason != fetch.Connection {
				t.Fatalf("photo %d: %+v", i, p)
			}
			if took := time.Since(start); i > 0 && took > 0 {
				t.Errorf("photo %d waited %s for the silent host", i, took)
			}
		}
	})
}
