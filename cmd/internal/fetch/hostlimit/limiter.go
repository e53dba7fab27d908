// Package hostlimit bounds the requests to each host: a rate, a number of
// connections, and the pauses that a host asks for by Retry-After. Both numbers
// fall when the host answers that it is asked too much and recover with what
// succeeds after that.
package hostlimit

import (
	"context"
	"fmt"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// MaxPause is the longest pause of a host that is waited for. Beyond it a
// request fails, and so does every other to that host until the pause is over.
const MaxPause = 5 * time.Minute

const (
	minPause = time.Second // after a throttle response that names none

	maxLockWait = 10 * time.Second // for a file that is held for microseconds

	// The rate falls by backoff at a throttle response. With each success
	// it rises by recovery up to nearly the rate that was throttled, which
	// is taken to be the sustainable one, and by probing above it.
	backoff     = 0.7
	sustainable = 0.95
	recovery    = 1.1
	probing     = 1.001
	minRate     = 1.0 / 16 // of the configured rate, however often it falls
)

// A PauseError says that a host wants to be left alone for too long to wait.
type PauseError struct {
	Pause time.Duration // from now on
}

func (e *PauseError) Error() string {
	return fmt.Sprintf("the host asked for a pause of %s", e.Pause.Round(time.Second))
}

// A Limiter bounds the requests to one host: so many at a time, so many a
// second, and none while the host has asked for a pause. A throttle response
// lowers both numbers at once and every success raises them by a little
// (additive increase of the connections, multiplicative decrease of both).
type Limiter struct {
	clock       Clock
	shared      *Shared    // with other processes, nil if with none
	group       string     // the name of the host there
	rate        rate.Limit // as configured
	connections int        // as configured

	// turn is held by the one request that waits for its time. The limiter
	// belongs to it: a limiter with several requests in wait would let them
	// come closer together when its limit is raised.
	turn    chan struct{}
	limiter *rate.Limiter

	mu          sync.Mutex
	currentRate rate.Limit
	sustained   rate.Limit      // up to this the rate recovers quickly
	window      float64         // connections at present
	active      int             // requests between Acquire and Release
	waiting     []chan struct{} // closed to let one in, oldest first
	pausedUntil time.Time
	sharedErr   error // why others do not know of a pause
}

func newLimiter(clock Clock, r rate.Limit, connections int) *Limiter {
	return &Limiter{
		clock: clock, rate: r, connections: connections,
		turn: make(chan struct{}, 1), limiter: rate.NewLimiter(r, 1),
		currentRate: r, sustained: r, window: float64(connections),
	}
}

// Acquire waits until a request may be sent. After it returns nil the caller
// calls Release. The error is a *PauseError, or the context's.
func (l *Limiter) Acquire(ctx context.Context) error {
	if err := l.acquireConnection(ctx); err != nil {
		return err
	}
	err := l.waitForTurn(ctx)
	if err != nil {
		l.Release()
	}
	return err
}

// acquireConnection waits for a connection, in the order of the calls.
func (l *Limiter) acquireConnection(ctx context.Context) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	l.mu.Lock()
	if l.active < int(l.window) && len(l.waiting) == 0 {
		l.active++
		l.mu.Unlock()
		return nil
	}
	ready := make(chan struct{})
	l.waiting = append(l.waiting, ready)
	l.mu.Unlock()
	select {
	case <-ready:
		return nil
	case <-ctx.Done():
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for i, w := range l.waiting {
		if w == ready {
			l.waiting = append(l.waiting[:i], l.waiting[i+1:]...)
			return context.Cause(ctx)
		}
	}
	l.active-- // it was given to us meanwhile
	l.admit()
	return context.Cause(ctx)
}

// Release ends a request.
func (l *Limiter) Release() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.active--
	l.admit()
}

// admit lets in as many of those that wait as there are connections for. The
// caller holds mu.
func (l *Limiter) admit() {
	for len(l.waiting) > 0 && l.active < int(l.window) {
		close(l.waiting[0])
		l.waiting = l.waiting[1:]
		l.active++
	}
}

// waitForTurn waits for the end of a pause and for the rate.
func (l *Limiter) waitForTurn(ctx context.Context) error {
	select {
	case l.turn <- struct{}{}:
		defer func() { <-l.turn }()
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	for {
		if err := l.waitForPause(ctx); err != nil {
			return err
		}
		now := l.clock.Now()
		l.limiter.SetLimitAt(now, l.rateNow())
		if err := l.clock.Sleep(ctx, l.limiter.ReserveN(now, 1).DelayFrom(now)); err != nil {
			return err
		}
		if err := l.waitForOthers(ctx); err != nil {
			return err
		}
		// The host may have asked for a pause meanwhile. Then this turn
		// is lost: the next is counted from when a request is really
		// sent.
		if l.pauseLeft() <= 0 {
			return nil
		}
	}
}

// waitForOthers waits for a turn among the processes that share the rate.
func (l *Limiter) waitForOthers(ctx context.Context) error {
	if l.shared == nil {
		return nil
	}
	l.mu.Lock()
	err := l.sharedErr
	l.mu.Unlock()
	if err != nil {
		return err
	}
	at, err := l.shared.reserve(ctx, l.group, l.clock, l.rateNow())
	if err != nil {
		return err
	}
	return l.clock.Sleep(ctx, at.Sub(l.clock.Now()))
}

// waitForPause waits until the host wants to be asked again.
func (l *Limiter) waitForPause(ctx context.Context) error {
	for {
		d := l.pauseLeft()
		if d <= 0 {
			return nil
		}
		if d > MaxPause {
			return &PauseError{d}
		}
		if err := l.clock.Sleep(ctx, d); err != nil {
			return err
		}
	}
}

// pauseLeft is how long no request may be sent.
func (l *Limiter) pauseLeft() time.Duration {
	now := l.clock.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.pausedUntil.Sub(now)
}

func (l *Limiter) rateNow() rate.Limit {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.currentRate
}

// Throttled notes a throttle response, which asked for a pause, 0 if it did
// not say: no request until the pause is over, and fewer after it. Responses to
// requests that were under way together count once, as all but the first come
// during the pause.
func (l *Limiter) Throttled(pause time.Duration) {
	now := l.clock.Now()
	until := now.Add(max(pause, minPause))
	var err error
	if l.shared != nil {
		ctx, cancel := context.WithTimeout(context.Background(), maxLockWait)
		err = l.shared.pause(ctx, l.group, now, until)
		cancel()
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.sharedErr == nil {
		l.sharedErr = err
	}
	paused := l.pausedUntil.After(now)
	if until.After(l.pausedUntil) {
		l.pausedUntil = until
	}
	if paused {
		return
	}
	l.window = max(l.window/2, 1)
	if l.rate != rate.Inf {
		l.sustained = l.currentRate * sustainable
		l.currentRate = max(l.currentRate*backoff, l.rate*minRate)
	}
}

// Succeeded notes an answer that was no throttle response. It raises the rate
// and the connections, these by one when each has been of use.
func (l *Limiter) Succeeded() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.window = min(float64(l.connections), l.window+1/l.window)
	if l.rate != rate.Inf {
		l.currentRate = min(l.rate, max(min(l.currentRate*recovery, l.sustained), l.currentRate*probing))
	}
}
