package download

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// announceFrom is the size from which a download is announced, in bytes.
const announceFrom = 100 << 20

// Options say how a Client downloads. The zero value of a field is its default.
type Options struct {
	// Offline makes a file that is not in the cache an *OfflineError.
	Offline bool
	// UserAgent is sent to the server.
	UserAgent string
	// Idle is how long a server may send nothing, 0 for a minute.
	Idle time.Duration
	// MaxBytes is how large a file may be at most, in bytes, 0 for any size.
	MaxBytes int64
	// HTTPSOnly refuses other addresses, those of redirects among them.
	HTTPSOnly bool
	// Retries is how often a download is taken up again that has come to
	// nothing since the last time, 0 for 5.
	Retries int
	// Announce, if set, is called before a download of more than 100 MB.
	Announce func(path string, size int64)
	// Progress, if set, is called now and then while a file is on its way.
	// total is -1 where the server does not say.
	Progress func(path string, done, total int64)
	// Asking, if set, is called with the public address of a file when a
	// server has not answered for a second.
	Asking func(address string)
	// Retrying, if set, is called when an attempt failed and others follow,
	// for the first of these that come to nothing.
	Retrying func(address string, err error)
	// Waiting, if set, is called when another process is downloading the
	// file.
	Waiting func(path string)
	// Warn, if set, is called with what is odd but no failure.
	Warn func(message string)
	// Transport makes the requests, nil for the usual one.
	Transport http.RoundTripper
	// Sleep waits between attempts and for other processes, nil for a
	// timer.
	Sleep func(context.Context, time.Duration) error
}

// A Client downloads files once, each into a folder named after the server. A
// file is there whole or not at all. What has arrived of one waits under
// another name, and the next download continues after it. What cannot be the
// file that was asked for is not kept.
type Client struct {
	store
	base   *url.URL
	client *http.Client
	o      Options
	// unended are the files that the server has been asked about again, by
	// path.
	unended sync.Map
}

// New returns a client that takes files from below the address base and keeps
// them in a folder of the folder root.
func New(base, root string, catalogue Catalogue, o Options) (*Client, error) {
	u, err := url.Parse(base)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return nil, fmt.Errorf("%q is no http address", redact(base))
	}
	if o.HTTPSOnly && u.Scheme != "https" {
		return nil, fmt.Errorf("%q is no https address", redact(base))
	}
	if !strings.HasSuffix(u.Path, "/") {
		u.Path += "/"
	}
	if o.Idle <= 0 {
		o.Idle = time.Minute
	}
	if o.Retries <= 0 {
		o.Retries = 5
	}
	if o.Sleep == nil {
		o.Sleep = sleep
	}
	c := &Client{
		base: u, o: o,
		store: newStore(filepath.Join(root, storeName(u)), catalogue, PublicURL(u.String()) == catalogue.Publisher),
	}
	if o.Transport != nil {
		c.client = &http.Client{Transport: o.Transport, CheckRedirect: c.checkRedirect}
		return c, nil
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	// The checksum is that of the bytes as they are stored.
	transport.DisableCompression = true
	transport.ResponseHeaderTimeout = o.Idle
	c.client = &http.Client{Transport: transport, CheckRedirect: c.checkRedirect}
	return c, nil
}

// maxRedirects is how many answers may lead elsewhere before one has the file.
const maxRedirects = 10

// errRedirect is an answer that leads where it may not.
var errRedirect = errors.New("the server leads elsewhere")

func (c *Client) checkRedirect(next *http.Request, via []*http.Request) error {
	switch {
	case c.o.HTTPSOnly && next.URL.Scheme != "https":
		return fmt.Errorf("%w, to %s, which is not https", errRedirect, PublicURL(next.URL.String()))
	case len(via) >= maxRedirects:
		return fmt.Errorf("%w again and again", errRedirect)
	}
	return nil
}

// PublicURL returns the address without what may be secret in it.
func PublicURL(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	u.User, u.RawQuery, u.Fragment, u.ForceQuery = nil, "", "", false
	return u.String()
}

// redact is PublicURL for a message about an address that cannot be parsed.
func redact(address string) string {
	if public := PublicURL(address); public != "" {
		return public
	}
	return "…"
}

func (c *Client) String() string { return PublicURL(c.base.String()) }

// A CacheError is trouble with the folder that downloads are kept in.
type CacheError struct{ Err error }

func (e *CacheError) Error() string { return e.Err.Error() }

func (e *CacheError) Unwrap() error { return e.Err }

// An OfflineError is a file that is not in the cache and may not be downloaded.
type OfflineError struct {
	Path  string // relative to the base
	Cache string // the folder it would be in
}

func (e *OfflineError) Error() string {
	return fmt.Sprintf("%s is not in the cache %s, and the network may not be asked for it", e.Path, e.Cache)
}

// Name is the name that a file has, or would have, in the folder.
func (c *Client) Name(path string) string { return c.name(path) }

// Open returns a file from the folder, or while it arrives there. One that is
// damaged is downloaded again. inFlight is set while the file is being
// downloaded; then it is to be read through that, and given up by that before
// the file is closed.
func (c *Client) Open(ctx context.Context, path string) (file *os.File, inFlight *InFlight, err error) {
	if !fs.ValidPath(path) {
		return nil, nil, fmt.Errorf("%q is no relative path", path)
	}
	file, unended, err := c.open(ctx, path)
	if err == nil && unended != nil && !c.o.Offline {
		err = c.askAgain(ctx, path, file, unended)
	}
	if err == nil {
		return file, nil, nil
	}
	var damaged *DamagedError
	switch {
	case errors.As(err, &damaged):
		if c.o.Offline {
			return nil, nil, err
		}
		if c.o.Warn != nil {
			c.o.Warn(fmt.Sprintf("%v; downloading it again", err))
		}
	case !errors.Is(err, fs.ErrNotExist):
		return nil, nil, cacheError(err)
	case c.o.Offline:
		return nil, nil, &OfflineError{path, c.dir}
	}
	if inFlight, err = c.download(ctx, path, c.name(path)); err != nil {
		return nil, nil, err
	}
	return inFlight.file, inFlight, nil
}

// Check returns an error unless the file is in the folder and holds, as far as
// can be seen at little cost: a *[DamagedError] or one that wraps
// fs.ErrNotExist.
func (c *Client) Check(ctx context.Context, path string) error { return c.checkCached(ctx, path) }

// An UnreachableError is a server that gave no answer at all.
type UnreachableError struct{ Err error }

func (e *UnreachableError) Error() string { return e.Err.Error() }
func (e *UnreachableError) Unwrap() error { return e.Err }

// A MissingError is a file that the source does not have.
type MissingError struct {
	Path   string // relative to the base
	Source string
	Err    error
}

func (e *MissingError) Error() string {
	return fmt.Sprintf("%s: not found in %s: %v", e.Path, e.Source, e.Err)
}

func (e *MissingError) Unwrap() error { return e.Err }

// cacheError marks trouble with the cache's folder.
func cacheError(err error) error {
	var pathError *os.PathError
	var linkError *os.LinkError
	if errors.As(err, &pathError) || errors.As(err, &linkError) {
		return &CacheError{err}
	}
	return err
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
		return nil
	}
}
