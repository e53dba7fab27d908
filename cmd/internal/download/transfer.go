package download

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"github.com/cenkalti/backoff/v5"

	"github.com/opensandwich/oi/cmd/internal/leftover"
	"github.com/opensandwich/oi/cmd/internal/posixfile"
)

const (
	// blockSize is how many bytes are read and written at once.
	blockSize = 256 << 10
	// progressInterval is the number of bytes between two calls of
	// Progress.
	progressInterval = 1 << 20
)

var (
	// ErrReplaced is the error of a file that the server replaced after
	// some of it had been read.
	ErrReplaced = errors.New("the server has replaced the file while it was being read; what had arrived was of the old one")
	errShort    = fmt.Errorf("the connection ended early: %w", io.ErrUnexpectedEOF)
)

// A finalError is one that trying again does not help against.
type finalError struct{ err error }

func (e finalError) Error() string { return e.err.Error() }

func (e finalError) Unwrap() error { return e.err }

// A RefusedError is a download that cannot be the file that was asked for: a
// page to log in, an error message, a part of the file. It has not been kept.
type RefusedError struct {
	Path string // relative to the base
	Err  error
}

func (e *RefusedError) Error() string { return e.Err.Error() }

func (e *RefusedError) Unwrap() error { return e.Err }

// refuse is a final error about what the server sends.
func (t *transfer) refuse(err error) error { return finalError{&RefusedError{t.path, err}} }

// A transfer brings one file into the cache.
type transfer struct {
	client    *Client
	ctx       context.Context
	path      string
	public    string // the address, for messages
	partial   *partialFile
	inFlight  *InFlight
	hasher    *hasher
	confirmed int64 // bytes that the server has sent or confirmed, and that are in hasher
	resumed   bool  // some of them arrived in an earlier transfer or attempt
	reported  int64 // bytes, when Progress was called last
	announced bool
	asked     bool
	block     []byte // buffer for what arrives
	arrived   []byte // buffer for what arrived before
}

// patience is how long a server may take to answer before that is said.
const patience = time.Second

// download begins to download a file. It returns when the server has said what
// it will send.
func (c *Client) download(parent context.Context, path, name string) (*InFlight, error) {
	if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
		return nil, cacheError(err)
	}
	if err := leftover.Sweep(name, partialName(name)); err != nil {
		return nil, cacheError(err)
	}
	p, err := c.openPartial(parent, path)
	if err != nil {
		return nil, cacheError(err)
	}
	if p == nil { // another process was faster
		return openFinished(name, path)
	}
	ctx, stop := context.WithCancelCause(parent)
	address := c.address(path)
	t := &transfer{client: c, ctx: ctx, path: path, public: PublicURL(address), partial: p, inFlight: newInFlight(p.file, path, stop)}
	go func() {
		defer close(t.inFlight.stopped)
		defer stop(nil)
		err := t.run(address)
		var refused *RefusedError
		if size, e := p.size(); err != nil && (e == nil && size == 0 || errors.As(context.Cause(ctx), &refused)) {
			err = errors.Join(err, p.remove())
		}
		t.inFlight.end(t.explain(err))
	}()
	if _, err := t.inFlight.Size(); err != nil {
		<-t.inFlight.stopped
		return nil, errors.Join(err, p.file.Close())
	}
	return t.inFlight, nil
}

// openFinished opens a file that another process has downloaded.
func openFinished(name, path string) (*InFlight, error) {
	file, err := posixfile.Open(name)
	if err != nil {
		return nil, cacheError(err)
	}
	info, err := file.Stat()
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	f := newInFlight(file, path, func(error) {})
	f.begin(info.Size())
	f.advance(info.Size())
	f.end(nil)
	close(f.stopped)
	return f, nil
}

// address is where a file is.
func (c *Client) address(path string) string {
	address := *c.base
	address.Path += path
	return address.String()
}

func (c *Client) request(ctx context.Context, address string) (*http.Request, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, errors.New("bad address")
	}
	if c.o.UserAgent != "" {
		request.Header.Set("User-Agent", c.o.UserAgent)
	}
	return request, nil
}

// explain names the file that an error is about.
func (t *transfer) explain(err error) error {
	var missing *MissingError
	if err == nil || errors.As(err, &missing) {
		return err
	}
	var final finalError
	if errors.As(err, &final) {
		err = final.err
	}
	err = fmt.Errorf("download %s: %w", t.public, cause(t.ctx, err))
	return cacheError(err)
}

// cause keeps an interruption recognisable and drops the address, which may
// hold a secret, from an error of net/http.
func cause(ctx context.Context, err error) error {
	if c := context.Cause(ctx); c != nil {
		return c
	}
	var failed *url.Error
	if !errors.As(err, &failed) {
		return err
	}
	var unreachable *UnreachableError
	if errors.As(err, &unreachable) {
		return &UnreachableError{failed.Err}
	}
	return failed.Err
}

// run makes attempts until the file is whole, or until Retries of them in a row
// have brought nothing new.
func (t *transfer) run(address string) error {
	pauses := &backoff.ExponentialBackOff{
		InitialInterval: 500 * time.Millisecond, RandomizationFactor: 0.5, Multiplier: 2, MaxInterval: 30 * time.Second,
	}
	pauses.Reset()
	furthest := int64(0)
	for failures := 0; ; {
		err := t.attempt(address)
		if err == nil {
			return nil
		}
		var final finalError
		if errors.As(err, &final) || context.Cause(t.ctx) != nil {
			return err
		}
		failures++
		if t.confirmed > furthest {
			furthest, failures = t.confirmed, 0
			pauses.Reset()
		}
		if failures > t.client.o.Retries {
			return err
		}
		if failures <= 1 && t.client.o.Retrying != nil {
			t.client.o.Retrying(t.public, cause(t.ctx, err))
		}
		if err := t.client.o.Sleep(t.ctx, pauses.NextBackOff()); err != nil {
			return err
		}
	}
}

// attempt asks for what is missing and receives what comes.
func (t *transfer) attempt(address string) error {
	have, err := t.partial.size()
	if err != nil {
		return finalError{err}
	}
	ctx, cancel := context.WithCancelCause(t.ctx)
	defer cancel(nil)
	request, err := t.client.request(ctx, address)
	if err != nil {
		return finalError{err}
	}
	if condition := t.partial.sidecar.condition(); have > 0 && condition != "" {
		request.Header.Set("Range", fmt.Sprintf("bytes=%d-", have))
		request.Header.Set("If-Range", condition)
	}
	response, err := t.send(request)
	if errors.Is(err, errRedirect) {
		return t.refuse(cause(ctx, err))
	}
	if err != nil {
		return &UnreachableError{err}
	}
	// Nothing depends on how the connection is given up.
	defer response.Body.Close() // as above
	err = t.receive(response, have, &idleReader{r: response.Body, idle: t.client.o.Idle, cancel: cancel})
	if stalled := context.Cause(ctx); err != nil && stalled != nil && t.ctx.Err() == nil {
		return stalled
	}
	return err
}

// send sends a request, and says so if there is no answer in a while, for the
// first request of a transfer. When it returns, Asking is not running any more.
func (t *transfer) send(request *http.Request) (*http.Response, error) {
	if t.client.o.Asking != nil && !t.asked {
		t.asked = true
		said := make(chan struct{})
		timer := time.AfterFunc(patience, func() {
			defer close(said)
			t.client.o.Asking(t.public)
		})
		defer func() {
			if !timer.Stop() {
				<-said
			}
		}()
	}
	return t.client.client.Do(request)
}
