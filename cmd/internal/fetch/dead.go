package fetch

import (
	"crypto/sha256"
	"sync"
)

// maxDead is how many failures are remembered at least, so that a source that
// lacks a photo with many boxes is asked for it once, however far apart they
// are. Each takes some 50 bytes; twice as many are held at most.
const maxDead = 1 << 18

// maxVerdicts is how many different verdicts are kept in full. Most photos
// share one; of the rest the detail is forgotten.
const maxVerdicts = 4096

// A deadList remembers the last failures of a run, in two generations: when
// the young one is full, it becomes the old one, and that is forgotten.
type deadList struct {
	mu         sync.Mutex
	young, old map[deadKey]grave
	verdicts   map[verdict]*verdict
	max        int
}

type deadKey [16]byte

type grave struct {
	verdict *verdict
	seconds float32
}

// A verdict is what a source came to, without what differs from photo to photo.
type verdict struct {
	reason           Reason
	status, attempts int
	detail           string
}

func newDeadList(n int) *deadList {
	return &deadList{young: map[deadKey]grave{}, verdicts: map[verdict]*verdict{}, max: n}
}

// get returns what a came to when it failed before, or nil.
func (d *deadList) get(a *address) *Attempt {
	k := deadKeyOf(a.key)
	d.mu.Lock()
	defer d.mu.Unlock()
	g, ok := d.young[k]
	if !ok {
		g, ok = d.old[k]
	}
	if !ok {
		return nil
	}
	v := *g.verdict
	return &Attempt{
		Source: a.source, URL: a.url, Reason: v.reason, Status: v.status,
		Attempts: v.attempts, Seconds: float64(g.seconds), Detail: v.detail,
	}
}

func (d *deadList) put(where *address, a Attempt) {
	k := deadKeyOf(where.key)
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.young) >= d.max {
		d.old, d.young = d.young, map[deadKey]grave{}
	}
	d.young[k] = grave{d.shared(verdict{a.Reason, a.Status, a.Attempts, a.Detail}), float32(a.Seconds)}
}

// shared returns the one copy of a verdict that many photos share.
func (d *deadList) shared(v verdict) *verdict {
	if len(d.verdicts) >= maxVerdicts {
		v.detail = ""
	}
	if kept, ok := d.verdicts[v]; ok {
		return kept
	}
	d.verdicts[v] = &v
	return &v
}

func deadKeyOf(key string) deadKey {
	sum := sha256.Sum256([]byte(key))
	return deadKey(sum[:])
}
