package fetch

import "sync"

// A liveness knows which hosts have stopped answering. A photo's last attempt
// that brings no answer at all makes its host a silent one; from then on each
// photo gets one attempt there, until there is an answer again: else a host
// that is gone would cost every photo all its pauses.
//
// A host is judged by its name and port alone, not by the hosts that redirect
// to it nor by others of the same service: those may well answer.
type liveness struct {
	mu     sync.Mutex
	silent map[string]struct{} // by host:port
}

func newLiveness() *liveness { return &liveness{silent: map[string]struct{}{}} }

func (l *liveness) isSilent(host string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	_, silent := l.silent[host]
	return silent
}

func (l *liveness) setSilent(host string, silent bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if silent {
		l.silent[host] = struct{}{}
	} else {
		delete(l.silent, host)
	}
}
