package fetch

import (
	"context"
	"errors"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

const (
	shortestPause = time.Second // after a complaint that names none

	// What becomes of the rate after a complaint, and with each good answer
	// until it is near the rate that was complained of, and from there on.
	cut     = 0.7
	near    = 0.95
	regain  = 1.1
	probe   = 1.001
	slowest = 1.0 / 16 // of the configured rate, however often a host complains
)

// A gate lets requests to one host through: so many at a time, so many a
// second, and none while the host has asked for a pause. A complaint lowers
// both numbers, and every good answer brings them up again by a little.
type gate struct {
	clock Clock
	rate  rate.Limit // as configured
	conns int        // as configured

	// turn is held by the one request that waits for its time. The limiter
	// belongs to it: a limiter with several requests in wait would let them
	// come closer together when its limit is raised.
	turn    chan struct{}
	limiter *rate.Limiter

	mu      sync.Mutex
	limit   rate.Limit // at present
	borne   rate.Limit // up to this the rate is regained quickly
	width   float64    // connections at present
	active  int        // requests between enter and leave
	waiting []chan struct{}
	until   time.Time // no request before
}

func newGate(clock Clock, r rate.Limit, conns int) *gate {
	return &gate{
		clock: clock, rate: r, conns: conns,
		turn: make(chan struct{}, 1), limiter: rate.NewLimiter(r, 1),
		limit: r, borne: r, width: float64(conns),
	}
}

// enter waits for the host's turn. After it returns nil the caller calls leave.
func (g *gate) enter(ctx context.Context) error {
	if err := g.acquire(ctx); err != nil {
		return err
	}
	err := g.wait(ctx)
	if err != nil {
		g.release()
	}
	return err
}

// leave ends a request, whose error says how it went.
func (g *gate) leave(err error) {
	defer g.release()
	var flt *fault
	errors.As(err, &flt)
	switch {
	case err == nil, flt != nil && flt.status != 0 && flt.status < 500 && !flt.complaint:
		g.faster()
	case flt != nil && (flt.complaint || flt.retryAfter > 0):
		g.slower(flt.retryAfter)
	}
}

// acquire waits for a connection, in the order of the calls.
func (g *gate) acquire(ctx context.Context) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	g.mu.Lock()
	if g.active < int(g.width) && len(g.waiting) == 0 {
		g.active++
		g.mu.Unlock()
		return nil
	}
	ready := make(chan struct{})
	g.waiting = append(g.waiting, ready)
	g.mu.Unlock()
	select {
	case <-ready:
		return nil
	case <-ctx.Done():
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	for i, w := range g.waiting {
		if w == ready {
			g.waiting = append(g.waiting[:i], g.waiting[i+1:]...)
			return context.Cause(ctx)
		}
	}
	g.active-- // it was given to us meanwhile
	g.admit()
	return context.Cause(ctx)
}

func (g *gate) release() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.active--
	g.admit()
}

// admit lets in those that wait and have room. The caller holds mu.
func (g *gate) admit() {
	for len(g.waiting) > 0 && g.active < int(g.width) {
		close(g.waiting[0])
		g.waiting = g.waiting[1:]
		g.active++
	}
}

func (g *gate) wait(ctx context.Context) error {
	select {
	case g.turn <- struct{}{}:
		defer func() { <-g.turn }()
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	for {
		if err := g.pause(ctx); err != nil {
			return err
		}
		now := g.clock.Now()
		g.limiter.SetLimitAt(now, g.currentLimit())
		if err := g.clock.Sleep(ctx, g.limiter.ReserveN(now, 1).DelayFrom(now)); err != nil {
			return err
		}
		// The host may have complained meanwhile. Then this turn is lost: the
		// next is counted from when a request is really sent.
		if g.closed() <= 0 {
			return nil
		}
	}
}

// pause waits until the host wants to be asked again.
func (g *gate) pause(ctx context.Context) error {
	for {
		d := g.closed()
		if d <= 0 {
			return nil
		}
		if d > maxWait {
			return faultf(TooManyRequests, "the host asked for a pause of %s", d.Round(time.Second))
		}
		if err := g.clock.Sleep(ctx, d); err != nil {
			return err
		}
	}
}

// closed is how long no request may be sent.
func (g *gate) closed() time.Duration {
	now := g.clock.Now()
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.until.Sub(now)
}

func (g *gate) currentLimit() rate.Limit {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.limit
}

// slower heeds a complaint: no request until the pause is over, and fewer after
// it. Complaints about requests that were under way together count
// once, as all but the first come during the pause.
func (g *gate) slower(pause time.Duration) {
	now := g.clock.Now()
	g.mu.Lock()
	defer g.mu.Unlock()
	paused := g.until.After(now)
	if t := now.Add(max(pause, shortestPause)); t.After(g.until) {
		g.until = t
	}
	if paused {
		return
	}
	g.width = max(g.width/2, 1)
	if g.rate != rate.Inf {
		g.borne = g.limit * near
		g.limit = max(g.limit*cut, g.rate*slowest)
	}
}

// faster takes both numbers back up: the rate as above, the connections by one
// when each has been of use.
func (g *gate) faster() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.width = min(float64(g.conns), g.width+1/g.width)
	if g.rate != rate.Inf {
		g.limit = min(g.rate, max(min(g.limit*regain, g.borne), g.limit*probe))
	}
}
