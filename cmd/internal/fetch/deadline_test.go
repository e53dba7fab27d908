package fetch_test

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/opensandwich/oi/cmd/internal/cas"
	"github.com/opensandwich/oi/cmd/internal/fetch"
	"github.com/opensandwich/oi/cmd/internal/fetch/hostlimit"
	"github.com/opensandwich/oi/cmd/internal/oitest"
)

// A pipeServer answers requests over connections within the process, so that a
// test's own clock drives it, the deadlines of the client and all pauses.
type pipeServer struct {
	answer func(w io.Writer, r *http.Request)
	refuse func(addr string) bool // whether nobody listens there now; may be nil
	conns  sync.WaitGroup
}

func (s *pipeServer) dial(_ context.Context, _, addr string) (net.Conn, error) {
	if s.refuse != nil && s.refuse(addr) {
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}
	}
	client, server := net.Pipe()
	s.conns.Go(func() {
		defer server.Close()
		in := bufio.NewReader(server)
		for {
			r, err := http.ReadRequest(in)
			if err != nil {
				return
			}
			s.answer(server, r)
		}
	})
	return client, nil
}

// say writes an answer. A client that has left shows in the next read.
func say(w io.Writer, format string, args ...any) bool {
	_, err := fmt.Fprintf(w, format, args...)
	return err == nil
}

func whole(w io.Writer, data []byte) bool {
	return say(w, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(data), data)
}

// bubble runs f with a Fetcher of photos that the server answers for, on a
// clock of its own.
func bubble(t *testing.T, s *pipeServer, set func(*fetch.Options), f func(t *testing.T, f *fetch.Fetcher)) {
	t.Helper()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		o := fetch.Options{
			Sources: sources(t, "http://photos.test"), Retries: fetch.DefaultRetries, Dial: s.dial,
			Cache: func() (*cas.Cache, error) { return cas.Open(dir, cas.Options{Now: time.Now}) },
		}
		if set != nil {
			set(&o)
		}
		fetcher, err := fetch.New(o)
		if err != nil {
			t.Fatal(err)
		}
		defer func() {
			if err := fetcher.Close(); err != nil {
				t.Error(err)
			}
			s.conns.Wait()
		}()
		f(t, fetcher)
	})
}

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
			for ok := say(w, "HTTP/1.1 200 OK\r\n"); ok; ok = say(w, "X: y\r\n") {
				time.Sleep(time.Second)
			}
		}, 0, 30 * time.Second},
		"nothing after the header": {func(w io.Writer, r *http.Request) {
			say(w, "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
			time.Sleep(time.Hour)
		}, 200, 20 * time.Second},
		"half, then nothing": {func(w io.Writer, r *http.Request) {
			time.Sleep(10 * time.Second)
			say(w, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(data), data[:len(data)/2])
			time.Sleep(time.Hour)
		}, 200, 30 * time.Second},
		"a byte a second": {func(w io.Writer, r *http.Request) {
			for ok := say(w, "HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n"); ok; ok = say(w, "x") {
				time.Sleep(time.Second)
			}
		}, 200, 60 * time.Second},
		"a stream without end": {func(w io.Writer, r *http.Request) {
			for ok := say(w, "HTTP/1.1 200 OK\r\n\r\n"); ok; ok = say(w, "%5000d", 0) {
				time.Sleep(time.Second)
			}
		}, 200, 60 * time.Second},
		"a chain of slow redirects": {func(w io.Writer, r *http.Request) {
			time.Sleep(19 * time.Second)
			say(w, "HTTP/1.1 302 Found\r\nLocation: /again\r\nContent-Length: 0\r\n\r\n")
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
			say(w, "HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n%100d", 0)
			time.Sleep(time.Hour)
		}
		whole(w, oitest.JPEG(1))
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
			say(w, "HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n%100d", 0)
			_ = w.(net.Conn).Close()
			return
		}
		whole(w, oitest.JPEG(1))
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

// TestGoneForGood: of a host that is gone the first photo finds out, and the
// others do not wait as long each; also when another host sends everybody
// there, whose good answers say nothing of the dead one.
func TestGoneForGood(t *testing.T) {
	for name, hops := range map[string][]string{ // from the source to the dead
		"asked directly":          {"http://photos.test"},
		"another host":            {"http://photos.test", "http://gone.test"},
		"another port":            {"http://photos.test", "http://photos.test:81"},
		"another scheme":          {"http://photos.test", "https://photos.test"},
		"a host of one service":   {"http://www.flickr.com", "http://live.staticflickr.com"},
		"another port of a group": {"http://www.flickr.com", "http://www.flickr.com:81"},
		"by way of a third":       {"http://photos.test", "http://moved.test", "http://gone.test"},
	} {
		t.Run(name, func(t *testing.T) {
			dead, err := url.Parse(hops[len(hops)-1])
			if err != nil {
				t.Fatal(err)
			}
			deadAddr := net.JoinHostPort(dead.Hostname(), cmp.Or(dead.Port(), map[string]string{"http": "80", "https": "443"}[dead.Scheme]))
			next := map[string]string{}
			for i, to := range hops[1:] {
				next[strings.TrimPrefix(hops[i], "http://")] = to
			}
			gone := true
			s := &pipeServer{
				refuse: func(addr string) bool { return gone && addr == deadAddr },
				answer: func(w io.Writer, r *http.Request) {
					if to, ok := next[r.Host]; ok {
						say(w, "HTTP/1.1 302 Found\r\nLocation: %s%s\r\nContent-Length: 0\r\n\r\n", to, r.URL.Path)
						return
					}
					data := oitest.JPEG(1)
					say(w, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s", len(data), data)
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
				if dead.Scheme == "https" {
					return // nobody here to speak TLS
				}
				// Back again, it is worth all attempts as before.
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

// TestDeadBesideTheLiving: the good answers of one host do not make another
// that is gone worth more attempts, though both have one name.
func TestDeadBesideTheLiving(t *testing.T) {
	s := &pipeServer{
		refuse: func(addr string) bool { return addr == "photos.test:81" },
		answer: func(w io.Writer, r *http.Request) { whole(w, oitest.JPEG(1)) },
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
				t.Errorf("photo %d waited %s for the dead", i, took)
			}
		}
	})
}

// TestRedirectsWaitTheirTurn: a redirect is a request like any other.
func TestRedirectsWaitTheirTurn(t *testing.T) {
	var sent []time.Time
	s := &pipeServer{answer: func(w io.Writer, r *http.Request) {
		sent = append(sent, time.Now())
		if len(sent)%3 != 0 {
			say(w, "HTTP/1.1 301 Moved Permanently\r\nLocation: /moved%d\r\nContent-Length: 0\r\n\r\n", len(sent))
			return
		}
		whole(w, oitest.JPEG(1))
	}}
	rates := func(o *fetch.Options) { o.Rates = hostlimit.Rates{"": 2} }
	bubble(t, s, rates, func(t *testing.T, f *fetch.Fetcher) {
		for i := range 4 {
			mustFetch(t, f, photo(i))
		}
		for i := 1; i < len(sent); i++ {
			if d := sent[i].Sub(sent[i-1]); d < 500*time.Millisecond {
				t.Errorf("requests %d and %d are %s apart", i-1, i, d)
			}
		}
		if len(sent) != 12 {
			t.Errorf("%d requests, want 12", len(sent))
		}
	})
}

// A throttledServer is like a photo site: it refuses what comes faster than its
// limit, and now and then something else.
type throttledServer struct {
	pipeServer
	mu       sync.Mutex
	rng      *rand.Rand
	interval time.Duration // between requests
	random   float64       // share of requests refused for no reason
	last     time.Time     // request
	closed   time.Time     // the end of a pause that was asked for
	paused   time.Duration // all pauses
	early    int           // requests refused for their pace
	refused  int           // for no reason
	served   int
}

func newThrottled(interval time.Duration, random float64) *throttledServer {
	s := &throttledServer{interval: interval, random: random, rng: rand.New(rand.NewPCG(5, 6))}
	s.answer = func(w io.Writer, r *http.Request) {
		if pause := s.judge(time.Now()); pause > 0 {
			say(w, "HTTP/1.1 429 Too Many Requests\r\nRetry-After: %d\r\nContent-Length: 0\r\n\r\n", int(pause.Seconds()))
			return
		}
		time.Sleep(300 * time.Millisecond)
		whole(w, oitest.JPEG(1))
	}
	return s
}

func (s *throttledServer) judge(now time.Time) (pause time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	early := now.Before(s.closed) || !s.last.IsZero() && now.Sub(s.last) < s.interval-time.Microsecond
	s.last = now
	switch {
	case early:
		s.early++
	case s.rng.Float64() < s.random:
		s.refused++
	default:
		s.served++
		return 0
	}
	pause = 2 * time.Second
	if until := now.Add(pause); until.After(s.closed) {
		s.paused += until.Sub(later(now, s.closed))
		s.closed = until
	}
	return pause
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// TestThrottled: at a site that bears five requests a second and refuses one in
// a hundred anyhow, 95 % of what is allowed is reached, and never more sent.
func TestThrottled(t *testing.T) {
	const photos, perSecond = 1000, 5
	s := newThrottled(time.Second/perSecond, 0.01)
	rates := func(o *fetch.Options) { o.Rates = hostlimit.Rates{"": perSecond} }
	bubble(t, &s.pipeServer, rates, func(t *testing.T, f *fetch.Fetcher) {
		start := time.Now()
		var wg sync.WaitGroup
		for worker := range 32 {
			wg.Go(func() {
				for i := worker; i < photos; i += 32 {
					p, err := f.Fetch(t.Context(), photo(i))
					if err != nil {
						t.Error(err)
						return
					}
					if err := p.Release(); err != nil {
						t.Error(err)
					}
				}
			})
		}
		wg.Wait()
		open := time.Since(start) - s.paused
		rate := float64(s.served+s.refused) / open.Seconds()
		t.Logf("%d requests, %d refused, %.2f/s while it was open", s.served+s.refused, s.refused, rate)
		if s.early > 0 {
			t.Errorf("%d requests came too early", s.early)
		}
		if s.served != photos || s.refused < 5 {
			t.Errorf("%d photos served, %d requests refused", s.served, s.refused)
		}
		if rate < 0.95*perSecond || rate > perSecond+0.05 {
			t.Errorf("%.2f requests a second, want 95 to 100 %% of %d", rate, perSecond)
		}
	})
}

// TestTooFast: with a rate that the site does not bear, its complaints bring it
// down, and photos are not lost.
func TestTooFast(t *testing.T) {
	const photos = 300
	s := newThrottled(200*time.Millisecond, 0)
	rates := func(o *fetch.Options) { o.Rates, o.Retries = hostlimit.Rates{"": 20}, 20 }
	bubble(t, &s.pipeServer, rates, func(t *testing.T, f *fetch.Fetcher) {
		start := time.Now()
		var wg sync.WaitGroup
		for worker := range 8 {
			wg.Go(func() {
				for i := worker; i < photos; i += 8 {
					p, err := f.Fetch(t.Context(), photo(i))
					if err != nil {
						t.Error(err)
						return
					}
					if err := p.Release(); err != nil {
						t.Error(err)
					}
				}
			})
		}
		wg.Wait()
		t.Logf("%d photos in %s, %d complaints", s.served, time.Since(start), s.early)
		if s.early > photos/10 || time.Since(start) > 4*time.Minute {
			t.Errorf("%d photos in %s with %d complaints", photos, time.Since(start), s.early)
		}
	})
}

// TestInterrupted: a cancelled run ends at once, whatever it waits for.
func TestInterrupted(t *testing.T) {
	for name, answer := range map[string]func(w io.Writer, r *http.Request){
		"for an answer": func(w io.Writer, r *http.Request) { time.Sleep(time.Hour) },
		"for a body":    func(w io.Writer, r *http.Request) { say(w, "HTTP/1.1 200 OK\r\n\r\n"); time.Sleep(time.Hour) },
		"in a pause": func(w io.Writer, r *http.Request) {
			say(w, "HTTP/1.1 429 Slow Down\r\nRetry-After: 100\r\nContent-Length: 0\r\n\r\n")
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
