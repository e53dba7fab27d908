package fetch

import (
	"context"
	"fmt"
	"math"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

const (
	defaultConns      = 32
	flickrGroup       = "flickr"
	flickrRate        = 1 // requests per second: what the site bore for years
	flickrConnections = 4
	slowest           = 1.0 / 16    // of the configured rate, however often a host complains
	shortestPause     = time.Second // after a complaint that names none
)

// Rates are requests per second for each host; the key "" stands for all hosts
// that are not named, and flickr for all of Flickr's. 0 is unlimited.
type Rates map[string]float64

// ParseRates reads words of the form N or HOST=N.
func ParseRates(words []string) (Rates, error) {
	r := Rates{}
	for _, w := range words {
		host, num, named := strings.Cut(w, "=")
		if !named {
			host, num = "", w
		} else {
			h, err := normalHost(host)
			if err != nil {
				return nil, err
			}
			host = h
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
	host = strings.ToLower(strings.TrimSuffix(host, "."))
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
	if g, ok := gs.byGroup[group]; ok {
		return g
	}
	n := gs.connections
	if n <= 0 {
		n = defaultConns
		if group == flickrGroup {
			n = flickrConnections
		}
	}
	full := gs.rates.of(group)
	g := &gate{
		clock:   gs.clock,
		full:    full,
		limit:   full,
		limiter: rate.NewLimiter(full, 1),
		slots:   make(chan struct{}, n),
		turn:    make(chan struct{}, 1),
	}
	gs.byGroup[group] = g
	return g
}

// A gate lets requests to one host through: so many at a time, so many a
// second, and none while the host has asked for a pause.
type gate struct {
	clock Clock
	full  rate.Limit // as configured
	slots chan struct{}

	// turn is held by the one request that waits for its time. The limiter
	// belongs to it: a limiter with several requests in wait would let them
	// come closer together when its limit is raised.
	turn    chan struct{}
	limiter *rate.Limiter

	mu    sync.Mutex
	limit rate.Limit // at present
	until time.Time  // no request before
}

// enter waits for the host's turn. After it returns nil the caller calls leave.
func (g *gate) enter(ctx context.Context) error {
	select {
	case g.slots <- struct{}{}:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	if err := g.wait(ctx); err != nil {
		<-g.slots
		return err
	}
	return nil
}

func (g *gate) leave() { <-g.slots }

func (g *gate) wait(ctx context.Context) error {
	select {
	case g.turn <- struct{}{}:
		defer func() { <-g.turn }()
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	if err := g.pause(ctx); err != nil {
		return err
	}
	now := g.clock.Now()
	g.limiter.SetLimitAt(now, g.currentLimit())
	if err := g.clock.Sleep(ctx, g.limiter.ReserveN(now, 1).DelayFrom(now)); err != nil {
		return err
	}
	return g.pause(ctx) // the host may have complained meanwhile
}

// pause waits until the host wants to be asked again.
func (g *gate) pause(ctx context.Context) error {
	for {
		d := g.closed()
		if d <= 0 {
			return nil
		}
		if d > maxWait {
			return &fault{reason: TooManyRequests, detail: fmt.Sprintf("the host asked for a pause of %s", d.Round(time.Second)), unasked: true}
		}
		if err := g.clock.Sleep(ctx, d); err != nil {
			return err
		}
	}
}

// closed is how long no request may be sent.
func (g *gate) closed() time.Duration {
	now := g.clock.Now()
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.until.Sub(now)
}

func (g *gate) currentLimit() rate.Limit {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.limit
}

// slower heeds a complaint: no request until the pause is over, and half the
// rate after it. Complaints about requests that were under way together count
// once, as all but the first come during the pause.
func (g *gate) slower(pause time.Duration) {
	now := g.clock.Now()
	g.mu.Lock()
	defer g.mu.Unlock()
	paused := g.until.After(now)
	if t := now.Add(max(pause, shortestPause)); t.After(g.until) {
		g.until = t
	}
	if !paused && g.full != rate.Inf {
		g.limit = max(g.limit/2, g.full*slowest)
	}
}

// faster takes the rate back up, slowly.
func (g *gate) faster() {
	if g.full == rate.Inf {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.limit = min(g.full, g.limit+g.full/20)
}
