package fetch

import (
	"errors"
	"math"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/time/rate"
)

// TestRateIsNeverExceeded sends from many goroutines, on a clock of the test's
// own, through a gate whose host complains now and then.
func TestRateIsNeverExceeded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const perSecond = 5
		gs := newGates(Rates{"flickr": perSecond}, 0, realClock{})
		rng := rand.New(rand.NewPCG(1, 2))
		start := time.Now()
		var (
			mu     sync.Mutex
			sent   []time.Time
			closed time.Time
			wg     sync.WaitGroup
		)
		for range 16 {
			wg.Go(func() {
				for range 25 {
					g := gs.of("farm5.staticflickr.com")
					if err := g.enter(t.Context()); err != nil {
						t.Error(err)
						return
					}
					mu.Lock()
					now := time.Now()
					sent = append(sent, now)
					if now.Before(closed) {
						t.Errorf("sent at %s, in the pause until %s", now.Sub(start), closed.Sub(start))
					}
					complain := rng.IntN(50) == 0
					if complain {
						closed = now.Add(3 * time.Second)
					}
					mu.Unlock()
					if complain {
						g.leave(&fault{status: 429, complaint: true, retryAfter: 3 * time.Second})
					} else {
						time.Sleep(100 * time.Millisecond)
						g.leave(nil)
					}
				}
			})
		}
		wg.Wait()
		slices.SortFunc(sent, time.Time.Compare)
		for i := 1; i < len(sent); i++ {
			if d := sent[i].Sub(sent[i-1]); d < time.Second/perSecond-time.Microsecond {
				t.Errorf("requests %d and %d are %s apart", i-1, i, d)
			}
		}
		if len(sent) != 400 {
			t.Errorf("%d requests, want 400", len(sent))
		}
	})
}

func TestFullRateIsReached(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gs := newGates(nil, 0, realClock{})
		start := time.Now()
		var wg sync.WaitGroup
		for range 32 {
			wg.Go(func() {
				for range 10 {
					g := gs.of("live.staticflickr.com")
					if err := g.enter(t.Context()); err != nil {
						t.Error(err)
						return
					}
					time.Sleep(2 * time.Second) // a transfer
					g.leave(nil)
				}
			})
		}
		wg.Wait()
		if d := time.Since(start); d > 330*time.Second {
			t.Errorf("320 requests took %s, want one a second", d)
		}
	})
}

func TestConnectionsPerHost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gs := newGates(Rates{"": 0}, 3, realClock{})
		var (
			mu       sync.Mutex
			now, top int
			wg       sync.WaitGroup
		)
		for range 40 {
			wg.Go(func() {
				g := gs.of("example.com")
				if err := g.enter(t.Context()); err != nil {
					t.Error(err)
				}
				mu.Lock()
				now++
				top = max(top, now)
				mu.Unlock()
				time.Sleep(time.Second)
				mu.Lock()
				now--
				mu.Unlock()
				g.leave(nil)
			})
		}
		wg.Wait()
		if top != 3 {
			t.Errorf("%d at a time, want 3", top)
		}
	})
}

func TestSlowerAndFaster(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGates(Rates{"": 16}, 0, realClock{}).of("example.com")
		g.slower(2 * time.Second)
		g.slower(time.Second) // about a request that was under way: no second halving
		if l := g.currentLimit(); l != 16*cut {
			t.Errorf("limit %v, want one cut of 16", l)
		}
		if g.width != defaultConns/2 {
			t.Errorf("%v connections, want half", g.width)
		}
		if d := g.closed(); d != 2*time.Second {
			t.Errorf("closed for %s, want the longer pause", d)
		}
		for range 20 {
			time.Sleep(time.Minute)
			g.slower(0)
		}
		if l := g.currentLimit(); l != 1 {
			t.Errorf("limit %v after many complaints, want a sixteenth of 16", l)
		}
		if g.width != 1 {
			t.Errorf("%v connections after many complaints, want 1", g.width)
		}
		good := 0
		for ; g.currentLimit() < 16; good++ {
			before := g.currentLimit()
			if g.faster(); g.currentLimit() > before*regain || g.currentLimit() <= before {
				t.Fatalf("limit %v after %v", g.currentLimit(), before)
			}
		}
		if good < 50 || good > 5000 {
			t.Errorf("all of 16 after %d good answers", good)
		}
		if g.width != defaultConns {
			t.Errorf("%v connections after many good answers", g.width)
		}
	})
}

// TestLongPause: while a host wants to be left alone for long, nothing waits
// and nothing is asked.
func TestLongPause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGates(nil, 0, realClock{}).of("example.com")
		g.slower(time.Hour)
		err := g.enter(t.Context())
		var flt *fault
		if !errors.As(err, &flt) || flt.reason != TooManyRequests || flt.retry {
			t.Errorf("got %+v", err)
		}
		time.Sleep(59 * time.Minute)
		if err := g.enter(t.Context()); err != nil {
			t.Error(err)
		}
		if g.active != 1 {
			t.Errorf("%d connections taken, want only that of the last", g.active)
		}
	})
}

func TestRates(t *testing.T) {
	r, err := ParseRates([]string{"7", "flickr=2.5", "Example.com=0"})
	if err != nil {
		t.Fatal(err)
	}
	for host, want := range map[string]rate.Limit{
		"anything.org": 7, "c1.staticflickr.com": 2.5, "www.flickr.com": 2.5, "example.com": rate.Inf, "notflickr.com": 7,
	} {
		if got := r.of(groupOf(host)); got != want {
			t.Errorf("%s: %v, want %v", host, got, want)
		}
	}
	for host, want := range map[string]rate.Limit{"s3.amazonaws.com": rate.Inf, "farm1.staticflickr.com.": 1} {
		if got := Rates(nil).of(groupOf(host)); got != want {
			t.Errorf("default of %s: %v, want %v", host, got, want)
		}
	}
	if r, err = ParseRates([]string{"s3=9"}); err != nil || r.of(groupOf("open-images-dataset.s3.amazonaws.com")) != 9 {
		t.Errorf("the mirror: got %v, %v", r, err)
	}
	// An address has one rate, however it is written.
	if r, err = ParseRates([]string{"[0:0::1]=3"}); err != nil || r.of(groupOf("::1")) != 3 || r.of(groupOf("0::0001")) != 3 {
		t.Errorf("got %v, %v", r, err)
	}
	// One of Flickr's hosts stands for all of them.
	if r, err = ParseRates([]string{"live.staticflickr.com=0.5"}); err != nil || r.of(groupOf("farm1.staticflickr.com")) != 0.5 {
		t.Errorf("got %v, %v", r, err)
	}
	for _, bad := range []string{"", "x", "-1", "a=b", "NaN", "Inf", "=1", "http://x=1", "example.com:80=1", "[::1]:80=1"} {
		if _, err := ParseRates([]string{bad}); err == nil {
			t.Errorf("%q was taken for a rate", bad)
		}
	}
}

func TestRetryAfter(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for v, want := range map[string]time.Duration{
		"": 0, "0": 0, "12": 12 * time.Second, "-3": 0, "soon": 0,
		"9999999999": math.MaxInt64, "99999999999999999999": math.MaxInt64, // further off than can be told
		"Fri, 02 Jan 2026 03:05:05 GMT": time.Minute,
		"Fri, 02 Jan 2026 03:00:00 GMT": 0,
	} {
		if got := retryAfter(http.Header{"Retry-After": {v}}, now); got != want {
			t.Errorf("%q: %s, want %s", v, got, want)
		}
	}
}
