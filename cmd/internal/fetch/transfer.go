package fetch

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/cenkalti/backoff/v5"
)

// maxWait is the longest pause that a server may ask for; beyond it the photo
// fails, and so does every other from that host until the pause is over.
const maxWait = 5 * time.Minute

// transfer brings a photo into the cache, trying again where that may help. A
// try is the whole transfer: a body that was cut or fails its check is asked
// for anew. The result is nil if the photo is there, else what became of it; an
// error ends the run.
//
// The loop is not backoff.Retry, whose pauses cannot be driven by a test's
// clock.
func (f *Fetcher) transfer(ctx context.Context, c candidate) (*Attempt, error) {
	if f.opts.Offline {
		return faultf(NotCached, "and --offline forbids asking").attempt(c, 0), nil
	}
	pause := &backoff.ExponentialBackOff{
		InitialInterval:     500 * time.Millisecond,
		RandomizationFactor: 0.5,
		Multiplier:          2,
		MaxInterval:         30 * time.Second,
	}
	pause.Reset()
	for tries := 1; ; tries++ {
		err := f.try(ctx, c)
		if err == nil {
			return nil, nil
		}
		var flt *fault
		if !errors.As(err, &flt) {
			return nil, err
		}
		if flt.unasked {
			tries--
		}
		if !flt.retry || tries > f.opts.Retries || flt.retryAfter > maxWait {
			return flt.attempt(c, tries), nil
		}
		if err := f.clock.Sleep(ctx, max(pause.NextBackOff(), flt.retryAfter)); err != nil {
			return nil, err
		}
	}
}

// try is one transfer, when the host's turn has come.
func (f *Fetcher) try(ctx context.Context, c candidate) error {
	g := f.gates.of(c.ask.Hostname())
	if err := g.enter(ctx); err != nil {
		return err
	}
	defer g.leave()
	err := f.get(ctx, c)
	var flt *fault
	switch {
	case err == nil:
		g.faster()
	case errors.As(err, &flt) && (flt.reason == TooManyRequests || flt.retryAfter > 0):
		g.slower(flt.retryAfter)
	}
	return err
}

// retryAfter reads the header of that name: seconds, or a date.
func retryAfter(h http.Header, now time.Time) time.Duration {
	v := h.Get("Retry-After")
	if v == "" {
		return 0
	}
	if n, err := strconv.ParseUint(v, 10, 31); err == nil {
		return time.Duration(n) * time.Second
	}
	if t, err := http.ParseTime(v); err == nil {
		return max(0, t.Sub(now))
	}
	return 0
}
