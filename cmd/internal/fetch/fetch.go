// Package fetch gets the bytes of a photo: from the public mirror, from Flickr,
// from any other address or from a folder, the first that has it. What it hands
// out has been looked at: the transfer was complete, it is a picture, it has an
// end, and it is not the notice that stands for a photo that was taken down.
//
// An answer from the network is kept in a content-addressed cache and a photo
// is asked for once, however many want it. Photos are written to the cache as
// they arrive and are not held in memory, so memory does not depend on their
// number or size.
//
// Addresses come from the stream and are not trusted; see guard.
package fetch

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"
	"golang.org/x/sync/singleflight"

	"github.com/opensandwich/oi/cmd/internal/cas"
)

// Defaults of Options.
const (
	DefaultTimeout   = 60 * time.Second
	DefaultRetries   = 5
	DefaultMaxBytes  = 32 << 20
	DefaultMaxPixels = 100_000_000
	DefaultMemory    = 16 << 20

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
	// Sample paints a photo of the built-in data set; addresses of the scheme
	// sample: go to it.
	Sample func(subset, id string) ([]byte, error)

	Timeout     time.Duration // for one whole transfer, from dialing to the last byte
	IdleTimeout time.Duration // between two reads of a body
	Retries     int           // further tries of a transfer after the first
	Rates       Rates
	Connections int      // for each host at a time
	AllowHosts  []string // HOST or HOST:PORT that may be at a private address
	Offline     bool     // answer from folders and the cache only
	Check       Check
	MaxBytes    int64 // of one photo
	MaxPixels   int64
	Memory      int64  // bytes of photos held between Fetch and Release
	UserAgent   string // names the tool and its version
	EnvProxy    bool   // use HTTP_PROXY, HTTPS_PROXY and NO_PROXY

	Clock Clock                                                             // nil: the real one
	Dial  func(ctx context.Context, network, addr string) (net.Conn, error) // nil: the real one, guarded
}

// A Request names a photo.
type Request struct {
	ID, Subset        string
	URL, ThumbnailURL string
	OriginalMD5       string // base64
	OriginalSize      int64  // bytes, 0 unknown
}

// A Fetcher fetches photos. Its methods may be called from several goroutines.
type Fetcher struct {
	opts    Options
	cache   func() (*cas.Cache, error)
	clock   Clock
	client  *http.Client
	guard   *guard
	gates   *gates
	memory  *semaphore.Weighted
	pixels  *semaphore.Weighted
	flights singleflight.Group
	dead    *deadList
	painted *paintings
	buffers readBuffers
}

// New makes a Fetcher. The caller closes it.
func New(o Options) (*Fetcher, error) {
	setDefault(&o.Timeout, DefaultTimeout)
	setDefault(&o.IdleTimeout, idleTimeout)
	setDefault(&o.MaxBytes, DefaultMaxBytes)
	setDefault(&o.MaxPixels, DefaultMaxPixels)
	setDefault(&o.Memory, DefaultMemory)
	setDefault(&o.UserAgent, "oi-fetch")
	setDefault(&o.Check, CheckHeader)
	if o.Clock == nil {
		o.Clock = realClock{}
	}
	if len(o.Sources) == 0 {
		return nil, errors.New("no image source")
	}
	for _, s := range o.Sources {
		if s.network() && o.Cache == nil {
			return nil, fmt.Errorf("source %s needs a cache", s)
		}
	}
	g, err := newGuard(o.Sources, o.AllowHosts)
	if err != nil {
		return nil, err
	}
	f := &Fetcher{
		opts:    o,
		cache:   sync.OnceValues(o.Cache),
		clock:   o.Clock,
		guard:   g,
		gates:   newGates(o.Rates, o.Connections, o.Clock),
		memory:  semaphore.NewWeighted(o.Memory),
		pixels:  semaphore.NewWeighted(decodeBudget),
		dead:    newDeadList(maxDead),
		painted: newPaintings(o.Sample),
	}
	f.client = f.newClient()
	return f, nil
}

// Close drops idle connections and closes the folders among the sources.
func (f *Fetcher) Close() error {
	f.client.CloseIdleConnections()
	var errs []error
	for _, s := range f.opts.Sources {
		if s.root != nil {
			errs = append(errs, s.root.Close())
		}
	}
	return errors.Join(errs...)
}

// A Picture is a photo that passed its checks.
type Picture struct {
	URL       string // as asked for, before redirects; no userinfo
	Source    string
	SHA256    string // lower-case hex
	MediaType string
	Size      int64 // bytes

	data    []byte // nil if there was no room to hold it
	load    func() ([]byte, error)
	release func()
}

// Bytes returns the photo, reading it again if there was no room to hold it
// until now. The caller does not change it.
func (p *Picture) Bytes() ([]byte, error) {
	if p.data != nil {
		return p.data, nil
	}
	data, err := p.load()
	if err != nil {
		return nil, fmt.Errorf("read photo %s again: %w", p.URL, err)
	}
	return data, nil
}

// Release gives up the room that the bytes take. Bytes returned before stay
// valid.
func (p *Picture) Release() {
	if p.release != nil {
		p.release()
	}
	p.data, p.release = nil, nil
}

var validID = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)

// Fetch gets a photo. A photo that cannot be had is a *Failure; any other error
// (a full disk, a cancelled context) ends the run.
func (f *Fetcher) Fetch(ctx context.Context, r Request) (*Picture, error) {
	if !validID.MatchString(r.ID) {
		return nil, &Failure{Attempt: Attempt{Reason: BadID, Detail: fmt.Sprintf("image id %.80q is not made of 1 to 64 letters, digits, - and _", r.ID)}}
	}
	if strings.HasPrefix(r.URL, sampleScheme) {
		return f.paint(r)
	}
	plan := f.plan(r)
	key := planKey(plan)
	if fail, ok := f.dead.get(key); ok {
		return nil, fail
	}

	pic, err := f.local(ctx, plan)
	if pic != nil || err != nil {
		return pic, err
	}

	v, err, _ := f.flights.Do(key, func() (any, error) {
		if fail, ok := f.dead.get(key); ok { // it died since we looked
			return 0, fail
		}
		i, err := f.remote(ctx, plan)
		var fail *Failure
		if errors.As(err, &fail) {
			f.dead.put(key, fail)
		}
		return i, err
	})
	if err != nil {
		return nil, err
	}
	served := plan[v.(int)]
	pic, err = f.serve(ctx, served)
	if errors.Is(err, cas.ErrMiss) {
		return nil, fmt.Errorf("%s: what was just fetched is gone from the cache or damaged", served.url)
	}
	return pic, err
}

// local answers from the cache and from folders, without a request. It stops at
// a folder that stands behind a source that has yet to be asked.
func (f *Fetcher) local(ctx context.Context, plan []candidate) (*Picture, error) {
	unasked := false
	for i := range plan {
		c := &plan[i]
		switch {
		case c.failed != nil:
			continue
		case c.network():
			pic, err := f.serve(ctx, *c)
			if !errors.Is(err, cas.ErrMiss) {
				return pic, err
			}
			unasked = true
		case unasked:
			return nil, nil
		default:
			pic, err := f.serve(ctx, *c)
			if !c.fail(err) {
				return pic, err
			}
		}
	}
	return nil, nil
}

// remote asks the sources in order and returns the index in plan of the one
// that has the photo, ready for serve.
func (f *Fetcher) remote(ctx context.Context, plan []candidate) (int, error) {
	for i := range plan {
		c := &plan[i]
		if c.failed != nil {
			continue
		}
		if !c.network() {
			pic, err := f.serve(ctx, *c)
			if c.fail(err) {
				continue
			}
			if err == nil {
				pic.Release()
			}
			return i, err
		}
		// Another flight may have landed since local looked.
		if there, err := f.cached(*c); there || err != nil {
			return i, err
		}
		a, err := f.transfer(ctx, *c)
		if err != nil || a == nil {
			return i, err
		}
		c.failed = a
	}
	return 0, newFailure(plan)
}

// cached says whether the cache holds what serve needs for c.
func (f *Fetcher) cached(c candidate) (bool, error) {
	cache, err := f.cache()
	if err != nil {
		return false, err
	}
	e, err := cache.Lookup(c.key)
	if err == nil && (e.Size > f.opts.MaxBytes || !f.opts.Check.coveredBy(e.Check)) {
		return false, nil
	}
	if err == nil {
		err = cache.Check(e, nil)
	}
	if errors.Is(err, cas.ErrMiss) {
		return false, nil
	}
	return err == nil, err
}

// serve hands out what a folder or the cache holds for c: a *fault when a
// folder cannot, ErrMiss when the cache cannot.
func (f *Fetcher) serve(ctx context.Context, c candidate) (*Picture, error) {
	if !c.network() {
		return f.serveFile(ctx, c)
	}
	cache, err := f.cache()
	if err != nil {
		return nil, err
	}
	e, err := cache.Lookup(c.key)
	if err != nil {
		return nil, err
	}
	if e.Size > f.opts.MaxBytes {
		return nil, cas.ErrMiss
	}
	pic := &Picture{URL: c.url, Source: c.source.name(), SHA256: e.SHA256, MediaType: e.MediaType, Size: e.Size,
		load: func() ([]byte, error) { return cache.Read(e) }}
	look := func(r io.ReaderAt, size int64) error {
		_, err := f.verify(ctx, r, size)
		return err
	}
	checked := f.opts.Check.coveredBy(e.Check)
	if checked {
		look = nil
	}
	if f.memory.TryAcquire(e.Size) {
		pic.release = func() { f.memory.Release(e.Size) }
		pic.data, err = cache.Read(e)
		if err == nil && look != nil {
			err = look(bytes.NewReader(pic.data), e.Size)
		}
	} else {
		err = cache.Check(e, look)
	}
	if err == nil && !checked {
		e.Check = string(f.opts.Check)
		err = cache.Update(e)
	}
	if err != nil {
		pic.Release()
		var flt *fault
		if errors.As(err, &flt) { // passed a lesser check once: ask again
			return nil, cas.ErrMiss
		}
		return nil, err
	}
	return pic, nil
}

// paint serves a photo of the built-in data set.
func (f *Fetcher) paint(r Request) (*Picture, error) {
	u := sampleScheme + r.Subset + "/" + r.ID + ".jpg"
	fail := func(reason Reason, err error) error {
		return &Failure{Attempt: Attempt{Source: "sample", URL: u, Reason: reason, Attempts: 1, Detail: err.Error()}}
	}
	if f.opts.Sample == nil || r.URL != u {
		return nil, fail(NotFound, fmt.Errorf("%.200q is not a photo of the sample", r.URL))
	}
	data, err := f.painted.photo(r.Subset, r.ID)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fail(NotFound, err)
	}
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(data)
	pic := &Picture{URL: u, Source: "sample", SHA256: hex.EncodeToString(sum[:]), MediaType: http.DetectContentType(data), Size: int64(len(data)),
		load: func() ([]byte, error) { return f.painted.photo(r.Subset, r.ID) }}
	if size := pic.Size; f.memory.TryAcquire(size) {
		pic.data, pic.release = data, func() { f.memory.Release(size) }
	}
	return pic, nil
}

func setDefault[T comparable](v *T, def T) {
	var zero T
	if *v == zero {
		*v = def
	}
}
