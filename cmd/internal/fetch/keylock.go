package fetch

import (
	"context"
	"time"
)

// How often a process looks whether another one is done, at first and at last.
const (
	minLockPoll = 5 * time.Millisecond
	maxLockPoll = 100 * time.Millisecond
)

// lockKey keeps other processes that share the cache from asking for a photo
// while this one does. It waits for one that is asking already, but no longer
// than a transfer may take: a process may have been stopped. The locks of a
// process that dies are released. The caller calls unlock.
//
// Nobody who waits here has a lock that another waits for, so all waits end.
func (f *Fetcher) lockKey(ctx context.Context, key string) (unlock func(), err error) {
	cache, err := f.cache()
	if isFull(err) {
		return func() {}, nil // there is none to share
	}
	if err != nil {
		return nil, err
	}
	until := f.clock.Now().Add(f.opts.Timeout)
	for pause := minLockPoll; ; pause = min(2*pause, maxLockPoll) {
		if unlock, ok := cache.TryLock(key); ok {
			return unlock, nil
		}
		if !f.clock.Now().Before(until) {
			return func() {}, nil
		}
		if err := f.clock.Sleep(ctx, pause); err != nil {
			return nil, err
		}
	}
}
