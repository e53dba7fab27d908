package fetch

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/opensandwich/oi/cmd/internal/cas"
	"github.com/opensandwich/oi/cmd/internal/fetch/hostlimit"
	"github.com/opensandwich/oi/cmd/internal/fetch/hostname"
)

const (
	maxRedirects = 5
	drainTime    = time.Second // for the body of an answer without a photo
)

var (
	errTransferTimeout = errors.New("the whole transfer took too long")
	errIdleTimeout     = errors.New("no byte for too long")
)

// A transferAttempt is one attempt to bring a photo into the cache, if that has
// room.
type transferAttempt struct {
	fetcher    *Fetcher
	photo      *serverPhoto
	earlier    []cas.Attempt
	timeLeft   time.Duration // until the deadline; waiting for a turn does not count
	requests   int           // sent
	unanswered string        // the host of the last request; "" once it has answered
	got        transferred
}

// runLocked runs the attempt, unless the photo is in the cache by the time that
// no other process is asking for it.
func (a *transferAttempt) runLocked(ctx context.Context) (transferred, error) {
	unlock, err := a.fetcher.lockKey(ctx, a.photo.key)
	if err != nil {
		return transferred{}, err
	}
	defer unlock()
	if there, err := a.fetcher.isCached(a.photo); there || err != nil {
		return transferred{}, err
	}
	err = a.run(ctx)
	return a.got, err
}

// run follows redirects to the photo and receives it. Its error is a
// *fetchError, or ends the run.
func (a *transferAttempt) run(ctx context.Context) error {
	for next := a.photo.request; next != nil; {
		if err := a.fetcher.guard.CheckURL(next); err != nil {
			return refusal(err)
		}
		limit := a.fetcher.limits.Host(next.Hostname())
		if err := acquireHost(ctx, limit); err != nil {
			return err
		}
		a.requests++
		var err error
		next, err = a.request(ctx, next)
		releaseHost(limit, err)
		if err != nil {
			return err
		}
	}
	return nil
}

// acquireHost waits until a host may be asked. After it returns nil the caller
// calls releaseHost.
func acquireHost(ctx context.Context, limit *hostlimit.Limiter) error {
	err := limit.Acquire(ctx)
	var pause *hostlimit.PauseError
	if errors.As(err, &pause) {
		return fetchErrorf(TooManyRequests, "%v", pause)
	}
	return err
}

// releaseHost ends a request, whose error says how it went.
func releaseHost(limit *hostlimit.Limiter, err error) {
	defer limit.Release()
	var fe *fetchError
	errors.As(err, &fe)
	switch {
	case err == nil, fe != nil && fe.status != 0 && fe.status < 500 && !fe.throttled:
		limit.Succeeded()
	case fe != nil && (fe.throttled || fe.retryAfter > 0):
		limit.Throttled(fe.retryAfter)
	}
}

// request sends one request. It returns where it was redirected to, or nil if
// the photo is here.
func (a *transferAttempt) request(runCtx context.Context, u *url.URL) (next *url.URL, err error) {
	if a.timeLeft <= 0 {
		return nil, a.tooSlow()
	}
	start := a.fetcher.clock.Now()
	defer func() { a.timeLeft -= a.fetcher.clock.Now().Sub(start) }()
	timed, stop := context.WithTimeoutCause(runCtx, a.timeLeft, errTransferTimeout)
	defer stop()
	ctx, cancel := context.WithCancelCause(timed)
	defer cancel(nil)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return nil, fetchErrorf(Refused, "%v", err)
	}
	req.Header.Set("User-Agent", a.fetcher.opts.UserAgent)
	req.Header.Set("Accept", "image/jpeg, image/png, image/*;q=0.5")

	host := hostname.WithPort(u)
	a.unanswered = host
	over := a.fetcher.firstAnswer.await(a.photo.url)
	resp, err := a.fetcher.transport.RoundTrip(req)
	over()
	if err != nil {
		err = a.transportError(runCtx, ctx, err)
		a.fetcher.firstAnswer.note(a.photo.url, err)
		return nil, err
	}
	a.fetcher.firstAnswer.note(a.photo.url, nil)
	a.unanswered = ""
	a.fetcher.liveness.setSilent(host, false)
	// The body is only read from, and what follows says whether it was
	// whole.
	defer resp.Body.Close()
	idle := time.AfterFunc(a.fetcher.opts.IdleTimeout, func() { cancel(errIdleTimeout) })
	defer idle.Stop()
	body := &idleReader{r: resp.Body, idle: idle, timeout: a.fetcher.opts.IdleTimeout}

	next, err = a.readResponse(runCtx, ctx, resp, body)
	var fe *fetchError
	if errors.As(err, &fe) {
		fe.status = resp.StatusCode
	}
	return next, err
}

// An idleReader puts the idle deadline off with each read.
type idleReader struct {
	r       io.Reader
	idle    *time.Timer
	timeout time.Duration
}

func (r *idleReader) Read(p []byte) (int, error) {
	r.idle.Reset(r.timeout)
	return r.r.Read(p)
}

// readResponse receives the photo, or returns where it was redirected to.
func (a *transferAttempt) readResponse(runCtx, ctx context.Context, resp *http.Response, body io.Reader) (next *url.URL, err error) {
	if resp.StatusCode == http.StatusOK {
		return nil, a.receive(runCtx, ctx, resp, body)
	}
	// Reading the rest of a short answer lets the connection be used again.
	// What it says is not kept waiting for that: it may ask for a pause.
	enough := time.AfterFunc(drainTime, func() { _ = resp.Body.Close() })
	_, _ = io.CopyN(io.Discard, body, 4<<10)
	enough.Stop()
	switch resp.StatusCode {
	case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther, http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
		next, err := resp.Location()
		if err != nil {
			return nil, fetchErrorf(BadStatus, "%s, and to no address: %v", resp.Status, err)
		}
		if a.requests > maxRedirects {
			return nil, fetchErrorf(Redirects, "more than %d", maxRedirects)
		}
		next.User, next.Fragment, next.RawFragment = nil, "", ""
		if isPlaceholderPath(next.Path) {
			return nil, fetchErrorf(Placeholder, "redirected to %s", next.Redacted())
		}
		// Refused here, the error has the status of the redirect.
		return next, refusal(a.fetcher.guard.CheckURL(next))
	}
	return nil, a.fetcher.statusError(resp)
}
