package fetch

import (
	"context"
	"time"
)

// How often a process looks whether another one is done.
const (
	firstLook = 5 * time.Millisecond
	lastLook  = 100 * time.Millisecond
)

// claim keeps other processes that share the cache from asking for a photo
// while this one does. It waits for one that is at it already, but no longer
// than a transfer may take: a process may have been stopped. A process that
// dies gives its claims up. The caller calls release.
//
// Nobody who waits here has a claim that another waits for, so all waits end.
func (f *Fetcher) claim(ctx context.Context, a *address) (release func(), err error) {
	cache, err := f.cache()
	if isFull(err) {
		return func() {}, nil // there is none to share
	}
	if err != nil {
		return nil, err
	}
	until := f.clock.Now().Add(f.opts.Timeout)
	for pause := firstLook; ; pause = min(2*pause, lastLook) {
		if release, ok := cache.TryLock(a.key); ok {
			return release, nil
		}
		if !f.clock.Now().Before(until) {
			return func() {}, nil
		}
		if err := f.clock.Sleep(ctx, pause); err != nil {
			return nil, err
		}
	}
}
