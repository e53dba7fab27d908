// Package fetch gets the bytes of a photo: from the public mirror, from Flickr,
// from any other address or from a folder, the first that has it. What it hands
// out has been verified: the transfer was complete, it is a picture, it has an
// end, and it is not the notice that stands for a photo that was taken down.
//
// An answer from the network is kept in a cache on disk and a photo is asked for
// once, however many want it. Photos are written to the cache as they arrive and
// few are held in memory, so memory does not depend on their number or size;
// only where the cache has no room are all held that wait for their turn.
//
// Addresses come from the stream and are not trusted; see package netguard.
//
// The way of a photo: Fetch looks it up where that takes no request and then
// asks the sources in order. A server's photo is asked for by one goroutine
// (server.go) of one process (keylock.go), with retries (transfer.go) of whole
// attempts (attempt.go), and is received, verified and kept (receive.go).
package fetch

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"

	"golang.org/x/sync/semaphore"
	"golang.org/x/sync/singleflight"

	"github.com/opensandwich/oi/cmd/internal/cas"
	"github.com/opensandwich/oi/cmd/internal/fetch/hostlimit"
	"github.com/opensandwich/oi/cmd/internal/fetch/netguard"
	"github.com/opensandwich/oi/record"
)

// A Request names a photo.
type Request struct {
	ID, Subset        string
	Class             string // of the box that it is wanted for; for templates with {class}
	URL, ThumbnailURL string
	OriginalMD5       string // base64
	OriginalSize      int64  // bytes, 0 unknown
}

// A Fetcher fetches photos. Its methods may be called from several goroutines.
type Fetcher struct {
	opts    Options
	sample  *samplePhotos
	buffers *bufferPool
	decoded *semaphore.Weighted // pixels being decoded

	// For photos from the network.
	cache     func() (*cas.Cache, error)
	uncached  *fifoCache[*uncachedPhoto] // by key
	warnOnce  sync.Once                  // that photos are not kept
	failures  *negativeCache
	transport *http.Transport
	resolver  *net.Resolver // nil: the usual one
	guard     *netguard.Guard
	limits    *hostlimit.Limiters
	liveness  *liveness
	clock     hostlimit.Clock
	inFlight  singleflight.Group // by key

	firstAnswer *firstAnswer

	mu     sync.Mutex
	closed bool
	busy   sync.WaitGroup // calls of Fetch
}

// New makes a Fetcher. The caller closes it.
func New(o Options) (*Fetcher, error) {
	o = o.withDefaults()
	if len(o.Sources) == 0 {
		return nil, errors.New("no image source")
	}
	var trusted []*url.URL
	for _, s := range o.Sources {
		if s.network() && o.Cache == nil {
			return nil, fmt.Errorf("source %s needs a cache", s)
		}
		if u := s.trusted(); u != nil {
			trusted = append(trusted, u)
		}
	}
	guard, err := netguard.New(o.AllowHosts, trusted...)
	if err != nil {
		return nil, err
	}
	f := &Fetcher{
		opts:     o,
		sample:   newSamplePhotos(o.Sample),
		buffers:  newBufferPool(o.Memory),
		decoded:  semaphore.NewWeighted(decodeBudget),
		cache:    sync.OnceValues(o.Cache),
		uncached: newFIFOCache[*uncachedPhoto](o.Memory),
		failures: newNegativeCache(maxFailures),
		guard:    guard,
		limits:   hostlimit.New(o.Rates, o.Connections, o.Clock, o.SharedRates),
		liveness: newLiveness(),
		clock:    o.Clock,

		firstAnswer: newFirstAnswer(o),
	}
	f.transport = f.newTransport()
	return f, nil
}

// Close waits for the calls of Fetch that are under way, which a cancelled
// context ends soon, so that no half-written file is left. Then it drops idle
// connections.
func (f *Fetcher) Close() error {
	f.mu.Lock()
	f.closed = true
	f.mu.Unlock()
	f.busy.Wait()
	f.transport.CloseIdleConnections()
	return nil
}

// begin counts a call of Fetch, unless the Fetcher is closed.
func (f *Fetcher) begin() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.closed {
		f.busy.Add(1)
	}
	return !f.closed
}

// Fetch gets a photo. A photo that cannot be had is a *Failure; any other error
// (a cache that cannot be read, a cancelled context) ends the run.
func (f *Fetcher) Fetch(ctx context.Context, r Request) (*Picture, error) {
	if !f.begin() {
		return nil, errors.New("the fetcher is closed")
	}
	defer f.busy.Done()
	if !record.ValidID(r.ID) {
		return nil, &Failure{Attempt: Attempt{Reason: BadID, Detail: fmt.Sprintf("image id %.80q is not made of 1 to 64 letters, digits, - and _", r.ID)}}
	}
	if strings.HasPrefix(r.URL, sampleScheme) {
		return f.samplePhoto(r)
	}
	candidates, err := newCandidates(f.opts.Sources, r)
	if err != nil {
		return nil, err
	}
	pic, err := f.lookUp(ctx, candidates)
	if pic != nil || err != nil {
		return pic, err
	}
	// Another process may remove what was just fetched to make room.
	for range 3 {
		if pic, err = f.ask(ctx, candidates); !errors.Is(err, cas.ErrMiss) {
			return pic, err
		}
	}
	return nil, errors.New("what was just fetched is gone from the cache, or damaged, each time")
}

// lookUp serves a photo where that takes no request: the first that is in the
// cache, or in a folder that stands before all servers that would have to be
// asked. It returns nil if a request has to be sent.
func (f *Fetcher) lookUp(ctx context.Context, candidates []candidate) (*Picture, error) {
	unasked := false // a server before this source
	for i := range candidates {
		c := &candidates[i]
		if c.failed != nil {
			continue
		}
		if unasked {
			err := c.location.exists(f)
			if err == nil {
				return nil, nil
			}
			if c.fail(err) {
				continue
			}
		}
		pic, err := c.location.lookUp(ctx, f)
		switch {
		case errors.Is(err, cas.ErrMiss):
			unasked = true
		case !c.fail(err):
			return pic.after(candidates[:i]), err
		}
	}
	return nil, nil
}

// ask asks the sources in order, each only if those before it have failed.
func (f *Fetcher) ask(ctx context.Context, candidates []candidate) (*Picture, error) {
	for i := range candidates {
		c := &candidates[i]
		if c.failed != nil {
			continue
		}
		pic, err := c.location.fetch(ctx, f, recordable(candidates[:i]))
		if !c.fail(err) {
			return pic.after(candidates[:i]), err
		}
	}
	return nil, newFailure(candidates)
}

// UnmatchedFolders returns the folders among the sources, as they were given,
// in which photos have been looked for and none was found: their layout may be
// another.
func (f *Fetcher) UnmatchedFolders() []string {
	var names []string
	for _, s := range f.opts.Sources {
		if name := s.unmatched(); name != "" {
			names = append(names, name)
		}
	}
	return names
}
