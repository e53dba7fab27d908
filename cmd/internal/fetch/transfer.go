package fetch

import (
	"context"
	"errors"
	"time"

	"github.com/cenkalti/backoff/v5"

	"github.com/opensandwich/oi/cmd/internal/cas"
	"github.com/opensandwich/oi/cmd/internal/fetch/hostlimit"
)

// newBackoff returns the pauses between attempts. The first five are 23 seconds
// at least, so that a server may restart meanwhile.
func newBackoff() *backoff.ExponentialBackOff {
	b := &backoff.ExponentialBackOff{
		InitialInterval:     time.Second,
		RandomizationFactor: 0.25,
		Multiplier:          2,
		MaxInterval:         30 * time.Second,
	}
	b.Reset()
	return b
}

// A transferred photo is in the cache, and in picture if this process has put
// it there, or in uncached if the cache has no room for it.
type transferred struct {
	picture  *Picture
	uncached *uncachedPhoto
}

// transfer brings a photo into the cache, with further attempts where these may
// succeed. An attempt is the whole transfer: a body that was cut or fails its
// verification is asked for anew. An *Attempt says why the photo could not be
// had, any other error ends the run. earlier is kept with the photo.
//
// The loop is not backoff.Retry, whose pauses cannot be driven by a test's
// clock.
func (f *Fetcher) transfer(ctx context.Context, p *serverPhoto, earlier []cas.Attempt) (transferred, error) {
	if f.opts.Offline {
		return transferred{}, fetchErrorf(NotCached, "and --offline forbids asking").attempt(p.source, p.url)
	}
	start, pauses, asked := f.clock.Now(), newBackoff(), 0
	for attempts := 1; ; attempts++ {
		a := &transferAttempt{fetcher: f, photo: p, earlier: earlier, timeLeft: f.opts.Timeout}
		got, err := a.runLocked(ctx)
		if a.requests > 0 {
			asked++
		}
		var fe *fetchError
		if !errors.As(err, &fe) {
			return got, err
		}
		last := attempts > f.opts.Retries
		silent := a.unanswered != "" && f.liveness.isSilent(a.unanswered)
		if !fe.retryable || last || fe.retryAfter > hostlimit.MaxPause || silent {
			if fe.retryable && last && a.unanswered != "" {
				f.liveness.setSilent(a.unanswered, true)
			}
			failed := fe.attempt(p.source, p.url)
			failed.Attempts, failed.Seconds = asked, f.clock.Now().Sub(start).Seconds()
			return transferred{}, failed
		}
		if a.unanswered != "" {
			f.firstAnswer.again(p.url, fe)
		}
		if err := f.clock.Sleep(ctx, max(pauses.NextBackOff(), fe.retryAfter)); err != nil {
			return transferred{}, err
		}
	}
}
