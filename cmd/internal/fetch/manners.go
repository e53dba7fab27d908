package fetch

import (
	"fmt"
	"math"
	"net"
	"strconv"
	"strings"
	"sync"

	"golang.org/x/time/rate"
)

const (
	defaultConns      = 32
	flickrGroup       = "flickr"
	flickrRate        = 1 // requests per second: what the site bore for years
	flickrConnections = 4
)

// Rates are requests per second for each host; the key "" stands for all hosts
// that are not named, and flickr for all of Flickr's. 0 is unlimited.
type Rates map[string]float64

// ParseRates reads words of the form N or HOST=N; flickr and s3 are hosts too.
func ParseRates(words []string) (Rates, error) {
	r := Rates{}
	for _, w := range words {
		host, num, named := strings.Cut(w, "=")
		if !named {
			host, num = "", w
		} else {
			h, err := parseHost(host)
			if err != nil {
				return nil, err
			}
			if _, port, err := net.SplitHostPort(h); err == nil {
				return nil, fmt.Errorf("%q: a rate is a host's, not that of its port %s", w, port)
			}
			host = groupOf(h)
			if h == "s3" {
				host = s3Host
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
	host = canonicalHost(host)
	for _, domain := range []string{"staticflickr.com", "flickr.com"} {
		if host == domain || strings.HasSuffix(host, "."+domain) {
			return flickrGroup
		}
	}
	return host
}

// gates holds the gate of each host.
type gates struct {
	rates       Rates
	connections int // 0: the group's default
	clock       Clock
	mu          sync.Mutex
	byGroup     map[string]*gate
}

func newGates(r Rates, connections int, clock Clock) *gates {
	return &gates{rates: r, connections: connections, clock: clock, byGroup: map[string]*gate{}}
}

func (gs *gates) of(host string) *gate {
	group := groupOf(host)
	gs.mu.Lock()
	defer gs.mu.Unlock()
	g, ok := gs.byGroup[group]
	if !ok {
		n := gs.connections
		if n <= 0 {
			n = defaultConns
			if group == flickrGroup {
				n = flickrConnections
			}
		}
		g = newGate(gs.clock, gs.rates.of(group), n)
		gs.byGroup[group] = g
	}
	return g
}
