package fetch_test

import (
	"io"
	"math/rand/v2"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/opensandwich/oi/cmd/internal/fetch"
	"github.com/opensandwich/oi/cmd/internal/fetch/hostlimit"
	"github.com/opensandwich/oi/cmd/internal/oitest"
)

// TestRedirectsWaitTheirTurn: a redirect is a request like any other.
func TestRedirectsWaitTheirTurn(t *testing.T) {
	var sent []time.Time
	s := &pipeServer{answer: func(w io.Writer, r *http.Request) {
		sent = append(sent, time.Now())
		if len(sent)%3 != 0 {
			writeResponse(w, "HTTP/1.1 301 Moved Permanently\r\nLocation: /moved%d\r\nContent-Length: 0\r\n\r\n", len(sent))
			return
		}
		writePhoto(w, oitest.JPEG(1))
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

// fetchAll fetches photos 0 to n-1 with so many workers.
func fetchAll(t *testing.T, f *fetch.Fetcher, n, workers int) {
	t.Helper()
	var wg sync.WaitGroup
	for worker := range workers {
		wg.Go(func() {
			for i := worker; i < n; i += workers {
				p, err := f.Fetch(t.Context(), photo(i))
				if err != nil {
					t.Error(err)
					return
				}
				release(t, p)
			}
		})
	}
	wg.Wait()
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
		if pause := s.admit(time.Now()); pause > 0 {
			writeResponse(w, "HTTP/1.1 429 Too Many Requests\r\nRetry-After: %d\r\nContent-Length: 0\r\n\r\n", int(pause.Seconds()))
			return
		}
		time.Sleep(300 * time.Millisecond)
		writePhoto(w, oitest.JPEG(1))
	}
	return s
}

func (s *throttledServer) admit(now time.Time) (pause time.Duration) {
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

// TestThrottled: at a site that serves five requests a second and refuses one
// in a hundred anyhow, 95 % of what is allowed is reached, and never more sent.
func TestThrottled(t *testing.T) {
	const photos, perSecond = 1000, 5
	s := newThrottled(time.Second/perSecond, 0.01)
	rates := func(o *fetch.Options) { o.Rates = hostlimit.Rates{"": perSecond} }
	bubble(t, &s.pipeServer, rates, func(t *testing.T, f *fetch.Fetcher) {
		start := time.Now()
		fetchAll(t, f, photos, 32)
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

// TestRateAboveTheSustainable: with a rate that the site does not serve, its
// throttle responses bring it down, and photos are not lost.
func TestRateAboveTheSustainable(t *testing.T) {
	const photos = 300
	s := newThrottled(200*time.Millisecond, 0)
	rates := func(o *fetch.Options) { o.Rates, o.Retries = hostlimit.Rates{"": 20}, 20 }
	bubble(t, &s.pipeServer, rates, func(t *testing.T, f *fetch.Fetcher) {
		start := time.Now()
		fetchAll(t, f, photos, 8)
		t.Logf("%d photos in %s, %d throttle responses", s.served, time.Since(start), s.early)
		if s.early > photos/10 || time.Since(start) > 4*time.Minute {
			t.Errorf("%d photos in %s with %d throttle responses", photos, time.Since(start), s.early)
		}
	})
}
