package fetch

import (
	"errors"
	"fmt"
	"sync"
	"time"
)

// patience is how long nobody may answer before that is said.
const patience = 900 * time.Millisecond

// A firstAnswer knows whether anybody on the network has answered at all, and
// tells a person as long as nobody has: what is asked for, once, and that it is
// asked for again, once.
type firstAnswer struct {
	asking   func(address string)
	retrying func(address string, err error)

	mu             sync.Mutex
	answered       bool
	failed         error // of the first request that has ended without an answer
	asked, retried bool  // has been told
}

func newFirstAnswer(o Options) *firstAnswer {
	a := &firstAnswer{asking: o.Asking, retrying: o.Retrying}
	a.asked, a.retried = a.asking == nil, a.retrying == nil
	return a
}

// await begins a wait for an answer. The caller calls the function that it
// returns when the wait is over.
func (a *firstAnswer) await(address string) (over func()) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.answered || a.asked {
		return func() {}
	}
	said := make(chan struct{})
	timer := time.AfterFunc(patience, func() {
		defer close(said)
		if a.first(&a.asked) {
			a.asking(address)
		}
	})
	return func() {
		if !timer.Stop() {
			<-said // nothing is said after the run
		}
	}
}

// first sets told, and reports whether it was not set yet and nobody has
// answered.
func (a *firstAnswer) first(told *bool) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	first := !*told && !a.answered
	*told = true
	return first
}

// again says that a request which nobody has answered is sent again.
func (a *firstAnswer) again(address string, err error) {
	if a.first(&a.retried) {
		a.retrying(address, err)
	}
}

// note notes how a request has ended, whose error is err.
func (a *firstAnswer) note(address string, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	var fe *fetchError
	switch {
	case err == nil:
		a.answered = true
	case a.failed == nil && errors.As(err, &fe) && (fe.reason == UnknownHost || fe.reason == Connection || fe.reason == Timeout):
		a.failed = fmt.Errorf("%s: %w", address, fe)
	}
}

// Unreachable returns an error if photos were asked for on the network and
// nobody has answered: that of the first request, with its address.
func (f *Fetcher) Unreachable() error {
	a := f.firstAnswer
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.answered {
		return nil
	}
	return a.failed
}
