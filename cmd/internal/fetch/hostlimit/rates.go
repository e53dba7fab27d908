package hostlimit

import (
	"fmt"
	"math"
	"net"
	"strconv"
	"strings"
	"sync"

	"golang.org/x/time/rate"

	"github.com/opensandwich/oi/cmd/internal/fetch/hostname"
)

// DefaultConnections is the number of connections to a host at a time.
const DefaultConnections = 32

const (
	flickrGroup       = "flickr"
	flickrRate        = 1 // requests per second: what the site has served for years
	flickrConnections = 4
)

// Rates are requests per second for each host; the key "" stands for all hosts
// that are not named, and flickr for all of Flickr's. 0 is unlimited.
type Rates map[string]float64

// ParseRates reads words of the form N or HOST=N, where HOST may be flickr or
// one of the names of aliases, which stands for the host that it maps to.
func ParseRates(words []string, aliases map[string]string) (Rates, error) {
	r := Rates{}
	for _, w := range words {
		host, num, named := strings.Cut(w, "=")
		if !named {
			host, num = "", w
		} else {
			h, err := hostname.Parse(host)
			if err != nil {
				return nil, err
			}
			if _, port, err := net.SplitHostPort(h); err == nil {
				return nil, fmt.Errorf("%q: a rate is a host's, not that of its port %s", w, port)
			}
			host = groupOf(h)
			if real, ok := aliases[h]; ok {
				host = real
			}
		}
		v, err := strconv.ParseFloat(num, 64)
		if err != nil || v < 0 || math.IsNaN(v) || math.IsInf(v, 0) {
			return nil, fmt.Errorf("%q: expected requests per second, as N or HOST=N", w)
		}
		r[host] = v
	}
	return r, nil
}

func (r Rates) of(group string) rate.Limit {
	v, ok := r[group]
	if !ok {
		v, ok = r[""]
	}
	if !ok && group == flickrGroup {
		v = flickrRate
	}
	if v == 0 {
		return rate.Inf
	}
	return rate.Limit(v)
}

// groupOf names the hosts that are one service: Flickr serves its photos from
// many names.
func groupOf(host string) string {
	host = hostname.Canonical(host)
	for _, domain := range []string{"staticflickr.com", "flickr.com"} {
		if host == domain || strings.HasSuffix(host, "."+domain) {
			return flickrGroup
		}
	}
	return host
}

// Limiters holds the Limiter of each host. Its methods may be called from
// several goroutines.
type Limiters struct {
	rates       Rates
	connections int // 0: the group's default
	clock       Clock
	shared      *Shared
	mu          sync.Mutex
	byGroup     map[string]*Limiter
}

// New makes Limiters for the rates and for so many connections to each host at
// a time, 0 for the defaults: 32, and 4 to Flickr. With shared the rates are
// those of all processes that share it together; nil is with none.
func New(r Rates, connections int, clock Clock, shared *Shared) *Limiters {
	return &Limiters{rates: r, connections: connections, clock: clock, shared: shared, byGroup: map[string]*Limiter{}}
}

// Host returns the Limiter of a host, which it shares with the hosts of the
// same service.
func (ls *Limiters) Host(host string) *Limiter {
	group := groupOf(host)
	ls.mu.Lock()
	defer ls.mu.Unlock()
	l, ok := ls.byGroup[group]
	if !ok {
		n := ls.connections
		if n <= 0 {
			n = DefaultConnections
			if group == flickrGroup {
				n = flickrConnections
			}
		}
		l = newLimiter(ls.clock, ls.rates.of(group), n)
		l.shared, l.group = ls.shared, group
		ls.byGroup[group] = l
	}
	return l
}
