package hostlimit

import (
	"errors"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// checkRate sorts the times of requests, and reports those that are closer to
// each other than a rate allows.
func checkRate(t *testing.T, sent []time.Time, perSecond time.Duration) {
	t.Helper()
	slices.SortFunc(sent, time.Time.Compare)
	for i := 1; i < len(sent); i++ {
		if d := sent[i].Sub(sent[i-1]); d < time.Second/perSecond-time.Microsecond {
			t.Errorf("requests %d and %d are %s apart", i-1, i, d)
		}
	}
}

// TestRateIsNeverExceeded sends from many goroutines, on a clock of the test's
// own, through a limiter whose host throttles now and then.
func TestRateIsNeverExceeded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const perSecond = 5
		limiters := New(Rates{"flickr": perSecond}, 0, RealClock{}, nil)
		rng := rand.New(rand.NewPCG(1, 2))
		start := time.Now()
		var (
			mu          sync.Mutex
			sent        []time.Time
			pausedUntil time.Time
			wg          sync.WaitGroup
		)
		for range 16 {
			wg.Go(func() {
				for range 25 {
					l := limiters.Host("farm5.staticflickr.com")
					if err := l.Acquire(t.Context()); err != nil {
						t.Error(err)
						return
					}
					mu.Lock()
					now := time.Now()
					sent = append(sent, now)
					if now.Before(pausedUntil) {
						t.Errorf("sent at %s, in the pause until %s", now.Sub(start), pausedUntil.Sub(start))
					}
					throttled := rng.IntN(50) == 0
					if throttled {
						pausedUntil = now.Add(3 * time.Second)
					}
					mu.Unlock()
					if throttled {
						l.Throttled(3 * time.Second)
					} else {
						time.Sleep(100 * time.Millisecond)
						l.Succeeded()
					}
					l.Release()
				}
			})
		}
		wg.Wait()
		checkRate(t, sent, perSecond)
		if len(sent) != 400 {
			t.Errorf("%d requests, want 400", len(sent))
		}
	})
}

func TestFullRateIsReached(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		limiters := New(nil, 0, RealClock{}, nil)
		start := time.Now()
		var wg sync.WaitGroup
		for range 32 {
			wg.Go(func() {
				for range 10 {
					l := limiters.Host("live.staticflickr.com")
					if err := l.Acquire(t.Context()); err != nil {
						t.Error(err)
						return
					}
					time.Sleep(2 * time.Second) // a transfer
					l.Succeeded()
					l.Release()
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
		limiters := New(Rates{"": 0}, 3, RealClock{}, nil)
		var (
			mu       sync.Mutex
			now, top int
			wg       sync.WaitGroup
		)
		for range 40 {
			wg.Go(func() {
				l := limiters.Host("example.com")
				if err := l.Acquire(t.Context()); err != nil {
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
				l.Succeeded()
				l.Release()
			})
		}
		wg.Wait()
		if top != 3 {
			t.Errorf("%d at a time, want 3", top)
		}
	})
}

func TestBackoffAndRecovery(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := New(Rates{"": 16}, 0, RealClock{}, nil).Host("example.com")
		l.Throttled(2 * time.Second)
		l.Throttled(time.Second) // about a request that was under way: no second halving
		if r := l.rateNow(); r != 16*backoff {
			t.Errorf("rate %v, want one cut of 16", r)
		}
		if l.window != DefaultConnections/2 {
			t.Errorf("%v connections, want half", l.window)
		}
		if d := l.pauseLeft(); d != 2*time.Second {
			t.Errorf("paused for %s, want the longer pause", d)
		}
		for range 20 {
			time.Sleep(time.Minute)
			l.Throttled(0)
		}
		if r := l.rateNow(); r != 1 {
			t.Errorf("rate %v after many throttle responses, want a sixteenth of 16", r)
		}
		if l.window != 1 {
			t.Errorf("%v connections after many throttle responses, want 1", l.window)
		}
		good := 0
		for ; l.rateNow() < 16; good++ {
			before := l.rateNow()
			if l.Succeeded(); l.rateNow() > before*recovery || l.rateNow() <= before {
				t.Fatalf("rate %v after %v", l.rateNow(), before)
			}
		}
		if good < 50 || good > 5000 {
			t.Errorf("all of 16 after %d good answers", good)
		}
		if l.window != DefaultConnections {
			t.Errorf("%v connections after many good answers", l.window)
		}
	})
}

// TestLongPause: while a host wants to be left alone for long, nothing waits
// and nothing is asked.
func TestLongPause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := New(nil, 0, RealClock{}, nil).Host("example.com")
		l.Throttled(time.Hour)
		err := l.Acquire(t.Context())
		var pause *PauseError
		if !errors.As(err, &pause) || pause.Pause != time.Hour {
			t.Errorf("got %+v, want a *PauseError of an hour", err)
		}
		time.Sleep(59 * time.Minute)
		if err := l.Acquire(t.Context()); err != nil {
			t.Error(err)
		}
		if l.active != 1 {
			t.Errorf("%d connections taken, want only that of the last", l.active)
		}
	})
}
