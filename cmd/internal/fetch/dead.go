package fetch

import (
	"crypto/sha256"
	"fmt"
	"sync"
)

// maxDead is how many failures are remembered at least, so that a dead photo
// with many boxes is asked for once, however far apart they are. Each takes
// some 50 bytes; twice as many are held at most.
const maxDead = 1 << 18

// maxVerdicts is how many different verdicts are kept in full. Most photos
// share one; of the rest the detail is forgotten.
const maxVerdicts = 4096

// A deadList remembers the last failures of a run, in two generations: when
// the young one is full, it becomes the old one, and that is forgotten.
type deadList struct {
	mu         sync.Mutex
	young, old map[deadKey]grave
	verdicts   map[string]*verdict
	max        int
}

type deadKey [16]byte

type grave struct {
	verdict *verdict
	seconds float32
}

// A verdict is what became of each source, without the address, which differs
// from photo to photo.
type verdict []Attempt

func newDeadList(n int) *deadList {
	return &deadList{young: map[deadKey]grave{}, verdicts: map[string]*verdict{}, max: n}
}

// get returns the failure of a plan that has failed before, or nil.
func (d *deadList) get(key string, plan []candidate) *Failure {
	d.mu.Lock()
	defer d.mu.Unlock()
	k := deadKeyOf(key)
	g, ok := d.young[k]
	if !ok {
		g, ok = d.old[k]
	}
	if !ok || len(*g.verdict) != len(plan) {
		return nil
	}
	failed := make([]candidate, len(plan))
	for i, c := range plan {
		a := (*g.verdict)[i]
		a.Source, a.URL = c.source.name(), c.url
		c.failed = &a
		failed[i] = c
	}
	f := newFailure(failed)
	f.Seconds = float64(g.seconds)
	return f
}

func (d *deadList) put(key string, f *Failure) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.young) >= d.max {
		d.old, d.young = d.young, map[deadKey]grave{}
	}
	d.young[deadKeyOf(key)] = grave{d.verdictOf(f), float32(f.Seconds)}
}

// verdictOf returns the one copy of a verdict that many photos share.
func (d *deadList) verdictOf(f *Failure) *verdict {
	v := make(verdict, len(f.Trail))
	for i, a := range f.Trail {
		v[i] = Attempt{Reason: a.Reason, Status: a.Status, Attempts: a.Attempts, Detail: a.Detail}
	}
	if len(d.verdicts) >= maxVerdicts {
		for i := range v {
			v[i].Detail = ""
		}
	}
	name := fmt.Sprintf("%#v", v)
	if kept, ok := d.verdicts[name]; ok {
		return kept
	}
	d.verdicts[name] = &v
	return &v
}

func deadKeyOf(key string) deadKey {
	sum := sha256.Sum256([]byte(key))
	return deadKey(sum[:])
}
