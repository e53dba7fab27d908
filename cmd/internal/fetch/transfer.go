package fetch

import (
	"context"
	"errors"
	"time"

	"github.com/cenkalti/backoff/v5"

	"github.com/opensandwich/oi/cmd/internal/cas"
	"github.com/opensandwich/oi/cmd/internal/fetch/hostlimit"
)

// newPause returns the pauses between tries. The first five are 23 seconds at
// least, so that a server may restart meanwhile.
func newPause() *backoff.ExponentialBackOff {
	p := &backoff.ExponentialBackOff{
		InitialInterval:     time.Second,
		RandomizationFactor: 0.25,
		Multiplier:          2,
		MaxInterval:         30 * time.Second,
	}
	p.Reset()
	return p
}

// transfer brings a photo into the cache, trying again where that may help. A
// try is the whole transfer: a body that was cut or fails its check is asked
// for anew. It returns the try that got the photo, or nil if the photo is in the
// cache by then; an *Attempt says why it could not be had, any other error ends
// the run. earlier is kept with the photo.
//
// The loop is not backoff.Retry, whose pauses cannot be driven by a test's
// clock.
func (f *Fetcher) transfer(ctx context.Context, want *address, earlier []cas.Attempt) (*try, error) {
	if f.opts.Offline {
		return nil, faultf(NotCached, "and --offline forbids asking").attempt(want.source, want.url)
	}
	start, pause, asked := f.clock.Now(), newPause(), 0
	for tries := 1; ; tries++ {
		t, err := f.tryOnce(ctx, want, earlier)
		if t != nil && t.sent > 0 {
			asked++
		}
		if err == nil {
			return t, nil
		}
		var flt *fault
		if !errors.As(err, &flt) {
			return nil, err
		}
		last := tries > f.opts.Retries
		silent := t.unanswered != "" && f.liveness.isSilent(t.unanswered)
		if !flt.retry || last || flt.retryAfter > hostlimit.MaxPause || silent {
			if flt.retry && last && t.unanswered != "" {
				f.liveness.setSilent(t.unanswered, true)
			}
			a := flt.attempt(want.source, want.url)
			a.Attempts, a.Seconds = asked, f.clock.Now().Sub(start).Seconds()
			return nil, a
		}
		if err := f.clock.Sleep(ctx, max(pause.NextBackOff(), flt.retryAfter)); err != nil {
			return nil, err
		}
	}
}

// tryOnce is one try, unless the photo is in the cache by the time that no other
// process is at it; then it returns nil.
func (f *Fetcher) tryOnce(ctx context.Context, want *address, earlier []cas.Attempt) (*try, error) {
	release, err := f.claim(ctx, want)
	if err != nil {
		return nil, err
	}
	defer release()
	if there, err := f.cached(want); there || err != nil {
		return nil, err
	}
	t := &try{Fetcher: f, want: want, earlier: earlier, left: f.opts.Timeout}
	return t, t.run(ctx)
}
