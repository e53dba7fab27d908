package download

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/cenkalti/backoff/v5"

	"github.com/opensandwich/oi/cmd/internal/leftover"
)

const (
	// transferBlock is read and written at once.
	transferBlock = 256 << 10
	// progressEvery is the number of bytes between two calls of Progress.
	progressEvery = 1 << 20
)

var (
	// ErrReplaced is the error of a file that its server replaced while it was
	// being downloaded, and of which something had been read.
	// ErrReplaced is the error of a file that the server replaced after some of
	// it had been read.
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
	to        *InFlight
	sum       *hasher
	at        int64 // bytes that are in sum, and confirmed by the server that sends the rest
	told      int64 // of Progress
	old       bool  // some of them came before
	announced bool
	buf       []byte
	before    []byte // buffer for what came before
}

// download begins to download a file. It returns when the server has said what it
// will send.
func (s *Client) download(parent context.Context, path, name string) (*InFlight, error) {
	if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
		return nil, cacheError(err)
	}
	if err := leftover.Sweep(name, partialName(name)); err != nil {
		return nil, cacheError(err)
	}
	p, err := s.openPartial(parent, path, func() {
		if s.o.Waiting != nil {
			s.o.Waiting(path)
		}
	})
	if err != nil {
		return nil, cacheError(err)
	}
	if p == nil { // another process was faster
		file, err := os.Open(name)
		if err != nil {
			return nil, cacheError(err)
		}
		info, err := file.Stat()
		if err != nil {
			return nil, errors.Join(err, file.Close())
		}
		a := newInFlight(file, path, func(error) {})
		a.begin(info.Size())
		a.advance(info.Size())
		a.end(nil)
		close(a.gone)
		return a, nil
	}
	ctx, stop := context.WithCancelCause(parent)
	address := s.address(path)
	t := &transfer{client: s, ctx: ctx, path: path, public: PublicURL(address), partial: p, to: newInFlight(p.file, path, stop)}
	go func() {
		defer close(t.to.gone)
		defer stop(nil)
		err := t.run(address)
		var refused *RefusedError
		if size, e := p.size(); err != nil && (e == nil && size == 0 || errors.As(context.Cause(ctx), &refused)) {
			err = errors.Join(err, p.remove())
		}
		t.to.end(t.explain(err))
	}()
	if _, err := t.to.Size(); err != nil {
		<-t.to.gone
		return nil, errors.Join(err, p.file.Close())
	}
	return t.to, nil
}

// address is where a file is.
func (s *Client) address(path string) string {
	address := *s.base
	address.Path += path
	return address.String()
}

func (s *Client) request(ctx context.Context, address string) (*http.Request, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, errors.New("bad address")
	}
	if s.o.UserAgent != "" {
		request.Header.Set("User-Agent", s.o.UserAgent)
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
	if errors.As(err, &failed) {
		return failed.Err
	}
	return err
}

// run tries until the file is whole, or until trying comes to nothing.
func (t *transfer) run(address string) error {
	pause := &backoff.ExponentialBackOff{
		InitialInterval: 500 * time.Millisecond, RandomizationFactor: 0.5, Multiplier: 2, MaxInterval: 30 * time.Second,
	}
	pause.Reset()
	furthest := int64(0)
	for failures := 0; ; {
		err := t.try(address)
		if err == nil {
			return nil
		}
		var final finalError
		if errors.As(err, &final) || context.Cause(t.ctx) != nil {
			return err
		}
		failures++
		if t.at > furthest {
			furthest, failures = t.at, 0
			pause.Reset()
		}
		if failures > t.client.o.Retries {
			return err
		}
		if err := t.client.o.Sleep(t.ctx, pause.NextBackOff()); err != nil {
			return err
		}
	}
}

// try asks for what is missing and takes what comes.
func (t *transfer) try(address string) error {
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
	response, err := t.client.client.Do(request)
	if err != nil {
		return err
	}
	// Nothing depends on how the connection is given up.
	defer response.Body.Close() //nolint:errcheck // as above
	err = t.take(response, have, &watched{r: response.Body, idle: t.client.o.Idle, cancel: cancel})
	if stalled := context.Cause(ctx); err != nil && stalled != nil && t.ctx.Err() == nil {
		return stalled
	}
	return err
}

// condition is what tells the server which file a part is of, or "".
func (n *sidecar) condition() string {
	if n.ETag != "" && !strings.HasPrefix(n.ETag, "W/") {
		return n.ETag
	}
	return n.Modified
}

// sidecarOf is what a response says of the whole file.
func sidecarOf(response *http.Response) sidecar {
	n := sidecar{
		ETag: response.Header.Get("ETag"), Modified: response.Header.Get("Last-Modified"),
		Size: response.ContentLength, checksums: serverChecksums(response.Header),
	}
	if response.StatusCode == http.StatusPartialContent {
		_, n.Size, _ = contentRange(response.Header.Get("Content-Range"))
	}
	return n
}

// contentRange reads "bytes from-to/size"; size is -1 if it is not said.
func contentRange(text string) (from, size int64, ok bool) {
	text, ok = strings.CutPrefix(text, "bytes ")
	span, total, ok2 := strings.Cut(text, "/")
	first, _, ok3 := strings.Cut(span, "-")
	from, err := strconv.ParseInt(first, 10, 64)
	if !ok || !ok2 || !ok3 || err != nil {
		return 0, -1, false
	}
	if size, err = strconv.ParseInt(total, 10, 64); err != nil {
		size = -1
	}
	return from, size, true
}

// alike reports whether two notes can be of one file: what both say is the same.
func (n sidecar) alike(o sidecar) bool {
	both := func(a, b string) bool { return a == "" || b == "" || a == b }
	return both(n.ETag, o.ETag) && both(n.MD5, o.MD5) && both(n.CRC32C, o.CRC32C) && both(n.Modified, o.Modified) &&
		(n.Size < 0 || o.Size < 0 || n.Size == o.Size)
}

// take takes a response's body, when have bytes have arrived before.
func (t *transfer) take(response *http.Response, have int64, body io.Reader) error {
	said := sidecarOf(response)
	switch response.StatusCode {
	case http.StatusOK:
	case http.StatusPartialContent:
		if from, _, ok := contentRange(response.Header.Get("Content-Range")); !ok || from != have || !said.alike(t.partial.sidecar) {
			// It answers something else than it was asked.
			return t.restart(sidecar{Size: -1}, errors.New("the server sends another part than it was asked for"))
		}
		if said.Size < 0 {
			said.Size = t.partial.sidecar.Size // it was said before, and the part may be less than the rest
		}
	case http.StatusRequestedRangeNotSatisfiable:
		if t.partial.sidecar.Size != have || have == 0 {
			return t.restart(sidecar{Size: -1}, errors.New("the server has less of the file than has arrived"))
		}
		// All had arrived when a process ended that was about to say so.
		t.to.begin(have)
		t.to.advance(have)
		if err := t.catchUp(have, t.partial.sidecar.checksums); err != nil {
			return err
		}
		return t.finish(t.partial.sidecar.checksums)
	case http.StatusForbidden, http.StatusNotFound:
		// The official server answers 403 for what does not exist.
		return finalError{&MissingError{t.path, t.client.String(), fmt.Errorf("the server answers %s", response.Status)}}
	default:
		err := fmt.Errorf("the server answers %s", response.Status)
		if response.StatusCode == http.StatusNetworkAuthenticationRequired {
			return t.refuse(err)
		}
		if c := response.StatusCode; c >= 500 || c == http.StatusTooManyRequests || c == http.StatusRequestTimeout {
			return err
		}
		return finalError{err}
	}
	if webPage(response) {
		return t.refuse(errors.New("the server answers with a web page"))
	}
	if coding := response.Header.Get("Content-Encoding"); coding != "" && coding != "identity" {
		return t.refuse(fmt.Errorf("the server sends it compressed (%s), although that was not asked for", coding))
	}
	if have == 0 || response.StatusCode == http.StatusOK && !said.alike(t.partial.sidecar) {
		if err := t.restart(said, nil); err != nil {
			return err
		}
	}
	resumed := int64(0)
	if response.StatusCode == http.StatusPartialContent {
		resumed = have
	}
	t.announce(said.Size - resumed)
	t.to.begin(said.Size)
	t.to.advance(resumed)
	if err := t.catchUp(resumed, said.checksums); err != nil {
		return err
	}
	if err := t.copy(body, said.Size); err != nil {
		return err
	}
	return t.finish(said.checksums)
}

// webPage reports whether the answer is a page, such as one to log in.
func webPage(response *http.Response) bool {
	kind, _, _ := mime.ParseMediaType(response.Header.Get("Content-Type"))
	return kind == "text/html"
}

// announce says once how much there is to download, if that is much.
func (t *transfer) announce(left int64) {
	if left > announceFrom && !t.announced && t.client.o.Announce != nil {
		t.announced = true
		t.client.o.Announce(t.path, left)
	}
}

// restart empties the part. cause is why, nil if it is a new one.
func (t *transfer) restart(n sidecar, cause error) error {
	if t.at, t.sum = 0, nil; t.to.read() {
		return finalError{ErrReplaced}
	}
	t.old = false
	if err := t.partial.restart(n); err != nil {
		return finalError{err}
	}
	return cause
}

// catchUp takes the checksums of what arrived before, those that are needed beside
// what the server says.
func (t *transfer) catchUp(have int64, said checksums) error {
	withMD5 := t.client.needsMD5(t.path, said)
	if t.sum != nil && t.at == have && (t.sum.md5 != nil || !withMD5) {
		return nil
	}
	t.sum, t.at, t.old = newHasher(withMD5), 0, t.old || have > 0
	n, err := io.Copy(t.sum, contextReader{t.ctx, io.NewSectionReader(t.partial.file, 0, have)})
	if err == nil && n < have {
		err = errShort
	}
	if err != nil {
		return finalError{err}
	}
	t.at = have
	return nil
}

// contextReader stops with its context.
type contextReader struct {
	ctx context.Context
	r   io.Reader
}

func (c contextReader) Read(p []byte) (int, error) {
	if err := context.Cause(c.ctx); err != nil {
		return 0, err
	}
	return c.r.Read(p)
}

// copy appends the body to what is in sum. Where the part has more than that,
// because the server sends the file from its beginning again, the two must be
// the same.
func (t *transfer) copy(body io.Reader, size int64) error {
	if t.buf == nil {
		t.buf = make([]byte, transferBlock)
	}
	have, err := t.partial.size()
	if err != nil {
		return finalError{err}
	}
	for ended := false; !ended; {
		n, err := body.Read(t.buf)
		switch err {
		case nil:
		case io.EOF:
			ended = true
		case io.ErrUnexpectedEOF:
			err = errShort
			fallthrough
		default:
			if n == 0 {
				return err
			} // else it comes again
		}
		if have, err = t.append(t.buf[:n], have); err != nil {
			return err
		}
		t.progress(size, false)
	}
	t.progress(size, true)
	if size >= 0 && t.at != size {
		return errShort
	}
	if t.at == 0 {
		return t.refuse(errors.New("the server answers with an empty file"))
	}
	if t.at < have { // the server has less than there was
		return t.restart(sidecar{Size: -1}, errShort)
	}
	return nil
}

// append takes a block that arrives at t.at, and returns how much of the part is
// right.
func (t *transfer) append(block []byte, have int64) (_ int64, err error) {
	if t.at < have {
		if have, err = t.compare(block, have); err != nil {
			return have, err
		}
	}
	if end := t.at + int64(len(block)); end > have {
		fresh := block[max(have-t.at, 0):]
		if _, err := t.partial.file.WriteAt(fresh, end-int64(len(fresh))); err != nil {
			return have, finalError{err}
		}
		have = end
	}
	_, _ = t.sum.Write(block) // never fails
	t.at += int64(len(block))
	t.to.advance(t.at)
	return have, nil
}

func (t *transfer) progress(size int64, last bool) {
	if t.client.o.Progress != nil && (last || t.at >= t.told+progressEvery) {
		t.told = t.at
		t.client.o.Progress(t.path, t.at, size)
	}
}

// compare holds a block that arrives at t.at against what arrived there before,
// and returns how much of the part is right.
func (t *transfer) compare(block []byte, have int64) (int64, error) {
	t.old = true
	block = block[:min(int64(len(block)), have-t.at)]
	if cap(t.before) < len(block) {
		t.before = make([]byte, transferBlock)
	}
	before := t.before[:len(block)]
	if n, err := t.partial.file.ReadAt(before, t.at); n < len(before) {
		return have, finalError{cmp.Or(err, io.ErrUnexpectedEOF)}
	}
	if bytes.Equal(before, block) {
		return have, nil
	}
	if t.to.readAfter(t.at) {
		return have, finalError{ErrReplaced}
	}
	if err := t.partial.file.Truncate(t.at); err != nil {
		return have, finalError{err}
	}
	return t.at, nil
}

// finish checks the file and puts it in its place.
func (t *transfer) finish(said checksums) error {
	got := t.sum.checksums()
	replaced, err := t.client.compareChecksums(t.path, t.at, got, said)
	if err == nil {
		err = t.client.expected(t.path).verify(t.ctx, t.partial.file, t.at)
	}
	var unended *UnendedError
	switch {
	case err == nil:
	case errors.As(err, &unended):
		if size, larger := t.client.largerNow(t.ctx, t.path, t.at); larger {
			t.partial.sidecar.Size = -1 // what it said was wrong
			return fmt.Errorf("%d bytes have arrived, and %w; the server has %d", t.at, err, size)
		}
		t.client.unended.Store(t.path, true)
		t.warn("%s: %v; if that is not how the server has it, the file may be cut", t.public, err)
	case context.Cause(t.ctx) != nil:
		return err
	case t.old && !t.to.read():
		// What came before may be to blame. It is not used again.
		return t.restart(sidecar{Size: -1}, &RefusedError{t.path, err})
	default:
		return errors.Join(t.refuse(err), t.partial.remove())
	}
	if replaced != "" {
		t.warn("%s has been replaced by its publisher since this program was made: %s", t.path, replaced)
		err = t.client.writeReplacement(t.path, sidecar{Size: t.at, checksums: got})
	} else {
		err = leftover.Remove(t.client.replacementName(t.path))
	}
	if err != nil {
		return finalError{err}
	}
	if err := t.partial.finish(); err != nil {
		return finalError{err}
	}
	return nil
}

func (t *transfer) warn(format string, args ...any) {
	if t.client.o.Warn != nil {
		t.client.o.Warn(fmt.Sprintf(format, args...))
	}
}
