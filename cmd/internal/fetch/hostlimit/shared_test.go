package hostlimit

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// TestSharedRate: several limiters that know of each other only by a folder
// send no faster together than one alone, on a clock of the test's own.
func TestSharedRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const perSecond, processes, requests = 5, 4, 20
		dir := filepath.Join(t.TempDir(), "new")
		var (
			mu   sync.Mutex
			sent []time.Time
			wg   sync.WaitGroup
		)
		for range processes {
			shared, err := OpenShared(dir)
			if err != nil {
				t.Fatal(err)
			}
			l := New(Rates{"": perSecond}, 0, RealClock{}, shared).Host("example.com")
			for range 2 {
				wg.Go(func() {
					for range requests / 2 {
						if err := l.Acquire(t.Context()); err != nil {
							t.Error(err)
							return
						}
						mu.Lock()
						sent = append(sent, time.Now())
						mu.Unlock()
						l.Succeeded()
						l.Release()
					}
				})
			}
		}
		wg.Wait()
		checkRate(t, sent, perSecond)
		// No turn is lost while all of them wait for theirs.
		if took := sent[len(sent)-1].Sub(sent[0]); len(sent) != processes*requests || took > (processes*requests+1)*time.Second/perSecond {
			t.Errorf("%d requests took %s", len(sent), took)
		}
	})
}

// TestSharedPause: what a host asks of one process holds for the others, also
// for those that have no rate.
func TestSharedPause(t *testing.T) {
	for _, rates := range []Rates{{"": 10}, {"": 0}} {
		synctest.Test(t, func(t *testing.T) {
			dir := t.TempDir()
			limiter := func() *Limiter {
				shared, err := OpenShared(dir)
				if err != nil {
					t.Fatal(err)
				}
				return New(rates, 0, RealClock{}, shared).Host("example.com")
			}
			one, other := limiter(), limiter()
			start := time.Now()
			one.Throttled(7 * time.Second)
			if err := other.Acquire(t.Context()); err != nil {
				t.Fatal(err)
			}
			if waited := time.Since(start); waited < 7*time.Second || waited > 8*time.Second {
				t.Errorf("rates %v: the other waited %s", rates, waited)
			}
			other.Release()
			one.Throttled(time.Hour)
			var pause *PauseError
			if err := other.Acquire(t.Context()); !errors.As(err, &pause) {
				t.Errorf("rates %v: a pause of an hour: %v", rates, err)
			}
		})
	}
}

// TestSharedNonsense: what a killed process or a wrong clock has left holds
// nobody up, and is mended.
func TestSharedNonsense(t *testing.T) {
	for name, text := range map[string]string{
		"empty": "", "half": "1234567", "letters": "not a number, nor a second one, not by far\n",
		"future": fmt.Sprintf(scheduleFormat, int64(1)<<62, int64(1)<<62), "negative": fmt.Sprintf("%019d %019d\n", -5, -5),
		"long": string(make([]byte, 1<<16)),
	} {
		synctest.Test(t, func(t *testing.T) {
			shared, err := OpenShared(t.TempDir())
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(shared.path("example.com"), []byte(text), 0o666); err != nil {
				t.Fatal(err)
			}
			start := time.Now()
			l := New(Rates{"": 1}, 0, RealClock{}, shared).Host("example.com")
			for range 2 {
				if err := l.Acquire(t.Context()); err != nil {
					t.Fatalf("%s: %v", name, err)
				}
				l.Release()
			}
			if waited := time.Since(start); waited != time.Second {
				t.Errorf("%s: two requests took %s", name, waited)
			}
		})
	}
}

// TestSharedSlowest: a rate whose interval no file can hold is still one.
func TestSharedSlowest(t *testing.T) {
	shared, err := OpenShared(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []time.Duration{0, 24 * time.Hour} {
		at, err := shared.reserve(t.Context(), "example.com", RealClock{}, 1e-15)
		if err != nil || time.Until(at) < want-time.Hour {
			t.Errorf("request %d is to be sent in %s, %v", i+1, time.Until(at), err)
		}
	}
}

// TestSharedFolderGone: a limiter that cannot keep its turn sends nothing.
func TestSharedFolderGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := filepath.Join(t.TempDir(), "rates")
		shared, err := OpenShared(dir)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Remove(dir); err != nil {
			t.Fatal(err)
		}
		limiters := New(Rates{"slow": 1, "": 0}, 0, RealClock{}, shared)
		if err := limiters.Host("slow").Acquire(t.Context()); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("a turn in a folder that is gone: %v", err)
		}
		free := limiters.Host("free") // which reads alone
		free.Throttled(time.Millisecond)
		if err := free.Acquire(t.Context()); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("a pause that nobody else knows of: %v", err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := limiters.Host("slow").Acquire(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("cancelled: %v", err)
		}
		if _, err := OpenShared(filepath.Join(os.DevNull, "x")); err == nil {
			t.Error("a folder below a device was made")
		}
	})
}
