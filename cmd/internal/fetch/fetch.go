// Package fetch gets the bytes of a photo: from the public mirror, from Flickr,
// from any other address or from a folder, the first that has it. What it hands
// out has been looked at: the transfer was complete, it is a picture, it has an
// end, and it is not the notice that stands for a photo that was taken down.
//
// An answer from the network is kept in a content-addressed cache and a photo
// is asked for once, however many want it. Photos are written to the cache as
// they arrive and few are held in memory, so memory does not depend on their
// number or size; only where the cache has no room are all held that wait for
// their turn.
//
// Addresses come from the stream and are not trusted; see package netguard.
package fetch

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"
	"golang.org/x/sync/singleflight"

	"github.com/opensandwich/oi/cmd/internal/cas"
	"github.com/opensandwich/oi/cmd/internal/fetch/hostlimit"
	"github.com/opensandwich/oi/cmd/internal/fetch/netguard"
	"github.com/opensandwich/oi/cmd/internal/imagefile"
)

// Defaults of Options.
const (
	DefaultTimeout  = 60 * time.Second
	DefaultRetries  = 5
	DefaultMaxBytes = 32 << 20
	DefaultMemory   = 32 << 20

	connectTimeout = 10 * time.Second
	headerTimeout  = 30 * time.Second
	idleTimeout    = 20 * time.Second
)

// Options say where photos come from and within what bounds. The zero value of
// a field is its default, except for Retries.
type Options struct {
	Sources []Source // required; see ParseSources
	// Cache opens the cache. It is called when the cache is first needed, and
	// is required if a source is on the network.
	Cache func() (*cas.Cache, error)
	// Unkept, unless nil, is called once if photos are handed out and not
	// kept, because the cache has no room for them, and says why.
	Unkept func(error)
	// Sample paints a photo of the built-in data set; addresses of the scheme
	// sample: go to it.
	Sample func(subset, id string) ([]byte, error)

	Timeout      time.Duration // for one whole transfer, from dialing to the last byte
	IdleTimeout  time.Duration // between two reads of a body
	Retries      int           // further tries of a transfer after the first
	Rates        hostlimit.Rates
	Connections  int      // to each host at a time
	AllowHosts   []string // HOST or HOST:PORT that may be at a private address
	IgnoreRobots bool     // take photos though X-Robots-Tag forbids it
	Offline      bool     // answer from folders and the cache only
	Check        Check
	MaxBytes     int64  // of one photo
	MaxPixels    int    // of one photo
	Memory       int64  // bytes of photos held between Fetch and Release
	UserAgent    string // names the tool and its version
	EnvProxy     bool   // use HTTP_PROXY, HTTPS_PROXY and NO_PROXY

	Clock hostlimit.Clock                                                   // nil: the real one; deadlines use the real one always
	Dial  func(ctx context.Context, network, addr string) (net.Conn, error) // nil: the real one, guarded
}

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
	opts      Options
	cache     func() (*cas.Cache, error)
	clock     hostlimit.Clock
	transport *http.Transport
	resolver  *net.Resolver // nil: the usual one
	guard     *netguard.Guard
	limits    *hostlimit.Limiters
	liveness  *liveness
	memory    *room
	pixels    *semaphore.Weighted
	flights   singleflight.Group
	dead      *deadList
	painted   *paintings

	lastUnkept *recent[*unkeptPhoto] // by key
	sayUnkept  sync.Once

	buffers readBuffers

	mu     sync.Mutex
	closed bool
	busy   sync.WaitGroup // calls of Fetch
}

// New makes a Fetcher. The caller closes it.
func New(o Options) (*Fetcher, error) {
	setDefault(&o.Timeout, DefaultTimeout)
	setDefault(&o.IdleTimeout, idleTimeout)
	setDefault(&o.MaxBytes, DefaultMaxBytes)
	setDefault(&o.MaxPixels, imagefile.DefaultMaxPixels)
	setDefault(&o.Memory, DefaultMemory)
	setDefault(&o.UserAgent, "oi-fetch")
	setDefault(&o.Check, CheckHeader)
	if o.Clock == nil {
		o.Clock = hostlimit.RealClock{}
	}
	if len(o.Sources) == 0 {
		return nil, errors.New("no image source")
	}
	for _, s := range o.Sources {
		if _, network := s.(*server); network && o.Cache == nil {
			return nil, fmt.Errorf("source %s needs a cache", s)
		}
	}
	guard, err := newGuard(o.Sources, o.AllowHosts)
	if err != nil {
		return nil, err
	}
	f := &Fetcher{
		opts:     o,
		cache:    sync.OnceValues(o.Cache),
		clock:    o.Clock,
		guard:    guard,
		limits:   hostlimit.New(o.Rates, o.Connections, o.Clock),
		liveness: newLiveness(),
		memory:   newRoom(o.Memory),
		pixels:   semaphore.NewWeighted(decodeBudget),
		dead:     newDeadList(maxDead),
		painted:  newPaintings(o.Sample),

		lastUnkept: newRecent[*unkeptPhoto](o.Memory),
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

// Barren returns the folders among the sources, as they were given, in which
// photos have been looked for and none was found: their layout may be another.
func (f *Fetcher) Barren() []string {
	var names []string
	for _, s := range f.opts.Sources {
		if d, ok := s.(*folder); ok && d.missed.Load() && !d.found.Load() {
			names = append(names, d.given)
		}
	}
	return names
}

// enter counts a call of Fetch, unless the Fetcher is closed.
func (f *Fetcher) enter() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.closed {
		f.busy.Add(1)
	}
	return !f.closed
}

var validID = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)

// Fetch gets a photo. A photo that cannot be had is a *Failure; any other error
// (a cache that cannot be read, a cancelled context) ends the run.
func (f *Fetcher) Fetch(ctx context.Context, r Request) (*Picture, error) {
	if !f.enter() {
		return nil, errors.New("the fetcher is closed")
	}
	defer f.busy.Done()
	if !validID.MatchString(r.ID) {
		return nil, &Failure{Attempt: Attempt{Reason: BadID, Detail: fmt.Sprintf("image id %.80q is not made of 1 to 64 letters, digits, - and _", r.ID)}}
	}
	if strings.HasPrefix(r.URL, sampleScheme) {
		return f.paint(r)
	}
	candidates, err := plan(f.opts.Sources, r)
	if err != nil {
		return nil, err
	}
	pic, err := f.local(ctx, candidates)
	if pic != nil || err != nil {
		return pic, err
	}
	// Another process may remove what was just fetched to make room.
	for range 3 {
		if pic, err = f.remote(ctx, candidates); !errors.Is(err, cas.ErrMiss) {
			return pic, err
		}
	}
	return nil, errors.New("what was just fetched is gone from the cache, or damaged, each time")
}

// local looks for a photo where that takes no request. It returns nil if one
// is worth sending: the source that would serve stands after one that has yet
// to be asked.
func (f *Fetcher) local(ctx context.Context, candidates []candidate) (*Picture, error) {
	unasked := false
	for i := range candidates {
		c := &candidates[i]
		if c.failed != nil {
			continue
		}
		if unasked {
			err := c.place.there(f)
			if err == nil {
				return nil, nil
			}
			if c.fail(err) {
				continue
			}
		}
		pic, err := c.place.held(ctx, f, candidates[:i])
		switch {
		case errors.Is(err, cas.ErrMiss):
			unasked = true
		case !c.fail(err):
			return pic, err
		}
	}
	return nil, nil
}

// remote asks the sources in order, each only if the one before has failed.
func (f *Fetcher) remote(ctx context.Context, candidates []candidate) (*Picture, error) {
	for i := range candidates {
		c := &candidates[i]
		if c.failed != nil {
			continue
		}
		pic, err := c.place.fetch(ctx, f, candidates[:i])
		if !c.fail(err) {
			return pic, err
		}
	}
	return nil, newFailure(candidates)
}

// newGuard exempts the servers that the user named from the guard, and hosts.
func newGuard(sources []Source, hosts []string) (*netguard.Guard, error) {
	var named []*url.URL
	for _, s := range sources {
		server, ok := s.(*server)
		if !ok || server.template == "" {
			continue
		}
		u, err := url.Parse(exampleOf(server.template))
		if err != nil {
			return nil, err
		}
		named = append(named, u)
	}
	return netguard.New(hosts, named...)
}

func setDefault[T comparable](v *T, def T) {
	var zero T
	if *v == zero {
		*v = def
	}
}
