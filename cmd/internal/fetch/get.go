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

// A try is one attempt to bring a photo into the cache, if that has room.
type try struct {
	*Fetcher
	want    *address
	earlier []cas.Attempt
	left    time.Duration // of the deadline; the time spent in wait for a turn does not count
	sent    int           // requests
	got     *Picture      // once it is in the cache, or
	unkept  *unkeptPhoto  // once it is here, and the cache has no room for it

	unanswered string // the host of the last request; "" once it has answered
}

// run follows redirects to the photo and keeps it, if there is room. It returns
// nil, a *fault, or an error that ends the run.
func (t *try) run(ctx context.Context) error {
	for next := t.want.ask; next != nil; {
		if err := t.guard.CheckURL(next); err != nil {
			return refusal(err)
		}
		limit := t.limits.Host(next.Hostname())
		if err := acquire(ctx, limit); err != nil {
			return err
		}
		t.sent++
		var err error
		next, err = t.request(ctx, next)
		release(limit, err)
		if err != nil {
			return err
		}
	}
	return nil
}

// acquire waits until a host may be asked. After it returns nil the caller calls
// release.
func acquire(ctx context.Context, limit *hostlimit.Limiter) error {
	err := limit.Acquire(ctx)
	var pause *hostlimit.PauseError
	if errors.As(err, &pause) {
		return faultf(TooManyRequests, "%v", pause)
	}
	return err
}

// release ends a request, whose error says how it went.
func release(limit *hostlimit.Limiter, err error) {
	defer limit.Release()
	var flt *fault
	errors.As(err, &flt)
	switch {
	case err == nil, flt != nil && flt.status != 0 && flt.status < 500 && !flt.complaint:
		limit.Succeeded()
	case flt != nil && (flt.complaint || flt.retryAfter > 0):
		limit.Throttled(flt.retryAfter)
	}
}

// request sends one request. It returns where it was redirected to, or nil if
// the photo is here.
func (t *try) request(parent context.Context, u *url.URL) (next *url.URL, err error) {
	if t.left <= 0 {
		return nil, t.tooSlow()
	}
	start := t.clock.Now()
	defer func() { t.left -= t.clock.Now().Sub(start) }()
	timed, stop := context.WithTimeoutCause(parent, t.left, errTransferTimeout)
	defer stop()
	ctx, cancel := context.WithCancelCause(timed)
	defer cancel(nil)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return nil, faultf(Refused, "%v", err)
	}
	req.Header.Set("User-Agent", t.opts.UserAgent)
	req.Header.Set("Accept", "image/jpeg, image/png, image/*;q=0.5")

	host := hostname.WithPort(u)
	t.unanswered = host
	resp, err := t.transport.RoundTrip(req)
	if err != nil {
		return nil, t.classify(parent, ctx, err)
	}
	t.unanswered = ""
	t.liveness.setSilent(host, false)
	// The body is only read from, and what follows says whether it was whole.
	defer resp.Body.Close()
	idle := time.AfterFunc(t.opts.IdleTimeout, func() { cancel(errIdleTimeout) })
	defer idle.Stop()
	body := &watchedBody{r: resp.Body, idle: idle, timeout: t.opts.IdleTimeout}

	next, err = t.answer(parent, ctx, resp, body)
	var flt *fault
	if errors.As(err, &flt) {
		flt.status = resp.StatusCode
	}
	return next, err
}

// watchedBody puts the idle deadline off with each read.
type watchedBody struct {
	r       io.Reader
	idle    *time.Timer
	timeout time.Duration
}

func (w *watchedBody) Read(p []byte) (int, error) {
	w.idle.Reset(w.timeout)
	return w.r.Read(p)
}

// answer looks at what the server says.
func (t *try) answer(parent, ctx context.Context, resp *http.Response, body io.Reader) (next *url.URL, err error) {
	if resp.StatusCode == http.StatusOK {
		return nil, t.keep(parent, ctx, resp, body)
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
			return nil, faultf(BadStatus, "%s, and to no address: %v", resp.Status, err)
		}
		if t.sent > maxRedirects {
			return nil, faultf(Redirects, "more than %d", maxRedirects)
		}
		next.User, next.Fragment, next.RawFragment = nil, "", ""
		if isPlaceholderPath(next.Path) {
			return nil, faultf(Placeholder, "redirected to %s", next.Redacted())
		}
		// Told here, the fault bears the status of the redirect.
		return next, refusal(t.guard.CheckURL(next))
	}
	return nil, t.statusFault(resp)
}

// keep takes the body of a good answer, looks at it, and gives it its name in
// the cache, if that has room.
func (t *try) keep(parent, ctx context.Context, resp *http.Response, body io.Reader) error {
	if isPlaceholderPath(resp.Request.URL.Path) {
		return faultf(Placeholder, "served from %s", resp.Request.URL.Redacted())
	}
	robots := forbiddenToRobots(resp.Header)
	if robots != "" && !t.opts.IgnoreRobots {
		return faultf(Robots, "the server says %s", robots)
	}
	size := resp.ContentLength
	if size > t.opts.MaxBytes {
		return faultf(TooLarge, "%d bytes, more than %d", size, t.opts.MaxBytes)
	}
	in := &arrival{
		try: t, parent: parent, ctx: ctx, body: body, length: size, sums: newChecksums(t.want, resp.Header),
		entry: cas.Entry{
			Key: t.want.key, Source: t.want.source, URL: t.want.url,
			Check: string(t.opts.Check), CheckVersion: checkVersion, Robots: robots, Earlier: t.earlier,
		},
	}
	cache, err := t.cache()
	if isFull(err) {
		return in.pass(err)
	}
	if err != nil {
		return err
	}
	if size >= 0 {
		if data := t.memory.take(size); data != nil {
			return in.hold(cache, data)
		}
	}
	return in.spool(cache)
}
