package fetch

import (
	"crypto/sha256"
	"sync"
)

// maxFailures is how many failures are remembered at least, so that a source
// that lacks a photo with many boxes is asked for it once, however far apart
// they are. Each takes some 50 bytes; twice as many are held at most.
const maxFailures = 1 << 18

// maxOutcomes is how many different outcomes are kept in full. Most photos
// share one; of the rest the detail is forgotten.
const maxOutcomes = 4096

// A negativeCache remembers the last failures of a run, in two generations:
// when the current one is full, it becomes the previous one, and that is
// forgotten.
type negativeCache struct {
	mu                sync.Mutex
	current, previous map[negativeKey]negativeEntry
	outcomes          map[outcome]*outcome
	max               int // entries of a generation
}

// A negativeKey is the beginning of the SHA-256 of a key.
type negativeKey [16]byte

type negativeEntry struct {
	outcome *outcome
	seconds float32
}

// An outcome is how the attempt at a source ended, without what differs from
// photo to photo.
type outcome struct {
	reason           Reason
	status, attempts int
	detail           string
}

func newNegativeCache(max int) *negativeCache {
	return &negativeCache{current: map[negativeKey]negativeEntry{}, outcomes: map[outcome]*outcome{}, max: max}
}

// get returns how p failed before, or nil.
func (n *negativeCache) get(p *serverPhoto) *Attempt {
	k := newNegativeKey(p.key)
	n.mu.Lock()
	defer n.mu.Unlock()
	e, ok := n.current[k]
	if !ok {
		e, ok = n.previous[k]
	}
	if !ok {
		return nil
	}
	o := *e.outcome
	return &Attempt{
		Source: p.source, URL: p.url, Reason: o.reason, Status: o.status,
		Attempts: o.attempts, Seconds: float64(e.seconds), Detail: o.detail,
	}
}

func (n *negativeCache) put(p *serverPhoto, a Attempt) {
	k := newNegativeKey(p.key)
	n.mu.Lock()
	defer n.mu.Unlock()
	if len(n.current) >= n.max {
		n.previous, n.current = n.current, map[negativeKey]negativeEntry{}
	}
	n.current[k] = negativeEntry{n.intern(outcome{a.Reason, a.Status, a.Attempts, a.Detail}), float32(a.Seconds)}
}

// intern returns the one copy of an outcome that many photos share.
func (n *negativeCache) intern(o outcome) *outcome {
	if len(n.outcomes) >= maxOutcomes {
		o.detail = ""
	}
	if kept, ok := n.outcomes[o]; ok {
		return kept
	}
	n.outcomes[o] = &o
	return &o
}

func newNegativeKey(key string) negativeKey {
	sum := sha256.Sum256([]byte(key))
	return negativeKey(sum[:])
}
