package fetch

import (
	"errors"
	"net/url"
	"testing"
	"testing/synctest"
	"time"

	"github.com/opensandwich/oi/cmd/internal/fetch/hostlimit"
	"github.com/opensandwich/oi/cmd/internal/fetch/netguard"
)

// finally returns the *fetchError that err is, which must be one that no other
// attempt helps against.
func finally(t *testing.T, err error) *fetchError {
	t.Helper()
	var fe *fetchError
	if !errors.As(err, &fe) || fe.retryable {
		t.Fatalf("got %+v, want a final *fetchError", err)
	}
	return fe
}

// TestLongPauseIsFinal: a photo does not wait for a host that wants to be left
// alone for an hour.
func TestLongPauseIsFinal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		limit := hostlimit.New(nil, 0, hostlimit.RealClock{}, nil).Host("example.com")
		if err := acquireHost(t.Context(), limit); err != nil {
			t.Fatal(err)
		}
		releaseHost(limit, &fetchError{reason: TooManyRequests, status: 429, throttled: true, retryAfter: time.Hour})
		if fe := finally(t, acquireHost(t.Context(), limit)); fe.reason != TooManyRequests || fe.detail != "the host asked for a pause of 1h0m0s" {
			t.Errorf("got %+v", fe)
		}
	})
}

// TestWhatThrottles: only what the host says of its load changes its limits.
func TestWhatThrottles(t *testing.T) {
	for name, tt := range map[string]struct {
		err    error
		paused bool
	}{
		"success":             {nil, false},
		"not found":           {&fetchError{status: 404}, false},
		"429":                 {&fetchError{status: 429, throttled: true}, true},
		"503":                 {&fetchError{status: 503, throttled: true}, true},
		"500":                 {&fetchError{status: 500}, false},
		"500 with a pause":    {&fetchError{status: 500, retryAfter: time.Second}, true},
		"404 with a pause":    {&fetchError{status: 404, retryAfter: time.Second}, false},
		"no answer":           {&fetchError{reason: Connection}, false},
		"the run was stopped": {errors.New("stopped"), false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				limit := hostlimit.New(nil, 0, hostlimit.RealClock{}, nil).Host("example.com")
				for _, err := range []error{tt.err, nil} {
					start := time.Now()
					if err := acquireHost(t.Context(), limit); err != nil {
						t.Fatal(err)
					}
					waited := time.Since(start)
					releaseHost(limit, err)
					if err == nil && (waited > 0) != tt.paused && tt.err != nil {
						t.Errorf("the next request waited %s", waited)
					}
				}
			})
		})
	}
}

func TestRefusalIsFinal(t *testing.T) {
	guard, err := netguard.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	u := &url.URL{Scheme: "http", Host: "127.0.0.1", Path: "/x.jpg"}
	if fe := finally(t, refusal(guard.CheckURL(u))); fe.reason != Refused || fe.detail == "" {
		t.Errorf("got %+v", fe)
	}
	if err := refusal(nil); err != nil {
		t.Errorf("no error became %v", err)
	}
}
