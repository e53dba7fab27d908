package openimages

import (
	"bytes"
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
)

const (
	// transferBlock is read and written at once.
	transferBlock = 256 << 10
	// progressEvery is the number of bytes between two calls of Progress.
	progressEvery = 1 << 20
)

var (
	errReplaced = errors.New("the server has replaced the file while it was being read; what had arrived was of the old one")
	errShort    = fmt.Errorf("the connection ended early: %w", io.ErrUnexpectedEOF)
)

// A finalError is one that trying again does not help against.
type finalError struct{ err error }

func (e finalError) Error() string { return e.err.Error() }
func (e finalError) Unwrap() error { return e.err }

// A RefusedError is a download that cannot be the file that was asked for: a
// page to log in, an error message, a part of the file. It has not been kept.
type RefusedError struct {
	Path string // official relative path
	Err  error
}

func (e *RefusedError) Error() string { return e.Err.Error() }
func (e *RefusedError) Unwrap() error { return e.Err }

// refuse is a final error about what the server sends.
func (t *transfer) refuse(err error) error { return finalError{&RefusedError{t.path, err}} }

// A transfer brings one file into the cache.
type transfer struct {
	s         *HTTPSource
	ctx       context.Context
	path      string
	public    string // the address, for messages
	part      *part
	to        *arrival
	sum       *summer
	at        int64 // bytes that are in sum, and confirmed by the server that sends the rest
	told      int64 // of Progress
	old       bool  // some of them came before
	announced bool
	buf       []byte
	before    []byte // buffer for what came before
}

// arrive begins to download a file. It returns when the server has said what it
// will send.
func (s *HTTPSource) arrive(parent context.Context, path, name string) (*arrival, error) {
	if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
		return nil, cacheError(err)
	}
	if err := sweep(name); err != nil {
		return nil, cacheError(err)
	}
	p, err := s.openPart(parent, path, func() {
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
		a := newArrival(file, func(error) {})
		a.begin(info.Size())
		a.advance(info.Size())
		a.end(nil)
		close(a.gone)
		return a, nil
	}
	ctx, stop := context.WithCancelCause(parent)
	address := s.address(path)
	t := &transfer{s: s, ctx: ctx, path: path, public: PublicURL(address), part: p, to: newArrival(p.file, stop)}
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
	if _, err := t.to.begun(); err != nil {
		<-t.to.gone
		return nil, errors.Join(err, p.file.Close())
	}
	return t.to, nil
}

// address is where a file is.
func (s *HTTPSource) address(path string) string {
	address := *s.base
	address.Path += path
	return address.String()
}

func (s *HTTPSource) request(ctx context.Context, address string) (*http.Request, error) {
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
		if failures > t.s.o.Retries {
			return err
		}
		if err := t.s.sleep(t.ctx, pause.NextBackOff()); err != nil {
			return err
		}
	}
}

// try asks for what is missing and takes what comes.
func (t *transfer) try(address string) error {
	have, err := t.part.size()
	if err != nil {
		return finalError{err}
	}
	ctx, cancel := context.WithCancelCause(t.ctx)
	defer cancel(nil)
	request, err := t.s.request(ctx, address)
	if err != nil {
		return finalError{err}
	}
	if condition := t.part.note.condition(); have > 0 && condition != "" {
		request.Header.Set("Range", fmt.Sprintf("bytes=%d-", have))
		request.Header.Set("If-Range", condition)
	}
	response, err := t.s.client.Do(request)
	if err != nil {
		return err
	}
	// Nothing depends on how the connection is given up.
	defer response.Body.Close() //nolint:errcheck // as above
	err = t.take(response, have, &watched{r: response.Body, idle: t.s.o.Idle, cancel: cancel})
	if stalled := context.Cause(ctx); err != nil && stalled != nil && t.ctx.Err() == nil {
		return stalled
	}
	return err
}

// condition is what tells the server which file a part is of, or "".
func (n *note) condition() string {
	if n.ETag != "" && !strings.HasPrefix(n.ETag, "W/") {
		return n.ETag
	}
	return n.Modified
}

// noteOf is what a response says of the whole file.
func noteOf(response *http.Response) note {
	n := note{
		ETag: response.Header.Get("ETag"), Modified: response.Header.Get("Last-Modified"),
		Size: response.ContentLength, sums: serverSums(response.Header),
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
func (n note) alike(o note) bool {
	both := func(a, b string) bool { return a == "" || b == "" || a == b }
	return both(n.ETag, o.ETag) && both(n.MD5, o.MD5) && both(n.CRC32C, o.CRC32C) && both(n.Modified, o.Modified) &&
		(n.Size < 0 || o.Size < 0 || n.Size == o.Size)
}

// take takes a response's body, when have bytes have arrived before.
func (t *transfer) take(response *http.Response, have int64, body io.Reader) error {
	said := noteOf(response)
	switch response.StatusCode {
	case http.StatusOK:
	case http.StatusPartialContent:
		if from, _, ok := contentRange(response.Header.Get("Content-Range")); !ok || from != have || !said.alike(t.part.note) {
			// It answers something else than it was asked.
			return t.restart(note{Size: -1}, errors.New("the server sends another part than it was asked for"))
		}
		if said.Size < 0 {
			said.Size = t.part.note.Size // it was said before, and the part may be less than the rest
		}
	case http.StatusRequestedRangeNotSatisfiable:
		if t.part.note.Size != have || have == 0 {
			return t.restart(note{Size: -1}, errors.New("the server has less of the file than has arrived"))
		}
		// All had arrived when a process ended that was about to say so.
		t.to.begin(have)
		t.to.advance(have)
		if err := t.catchUp(have, t.part.note.sums); err != nil {
			return err
		}
		return t.finish(t.part.note.sums)
	case http.StatusForbidden, http.StatusNotFound:
		// The official server answers 403 for what does not exist.
		return finalError{&MissingError{t.path, t.s.String(), fmt.Errorf("the server answers %s", response.Status)}}
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
	if have == 0 || response.StatusCode == http.StatusOK && !said.alike(t.part.note) {
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
	if err := t.catchUp(resumed, said.sums); err != nil {
		return err
	}
	if err := t.copy(body, said.Size); err != nil {
		return err
	}
	return t.finish(said.sums)
}

// webPage reports whether the answer is a page, such as one to log in.
func webPage(response *http.Response) bool {
	kind, _, _ := mime.ParseMediaType(response.Header.Get("Content-Type"))
	return kind == "text/html"
}

// announce says once how much there is to download, if that is much.
func (t *transfer) announce(left int64) {
	if left > announceFrom && !t.announced && t.s.o.Announce != nil {
		t.announced = true
		t.s.o.Announce(t.path, left)
	}
}

// restart empties the part. cause is why, nil if it is a new one.
func (t *transfer) restart(n note, cause error) error {
	if t.at, t.sum = 0, nil; t.to.read() {
		return finalError{errReplaced}
	}
	t.old = false
	if err := t.part.restart(n); err != nil {
		return finalError{err}
	}
	return cause
}

// catchUp takes the sums of what arrived before, those that are needed beside
// what the server says.
func (t *transfer) catchUp(have int64, said sums) error {
	withMD5 := t.s.needsMD5(t.path, said)
	if t.sum != nil && t.at == have && (t.sum.md5 != nil || !withMD5) {
		return nil
	}
	t.sum, t.at, t.old = newSummer(withMD5), 0, t.old || have > 0
	n, err := io.Copy(t.sum, contextReader{t.ctx, io.NewSectionReader(t.part.file, 0, have)})
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
	have, err := t.part.size()
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
		return t.restart(note{Size: -1}, errShort)
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
		if _, err := t.part.file.WriteAt(fresh, end-int64(len(fresh))); err != nil {
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
	if t.s.o.Progress != nil && (last || t.at >= t.told+progressEvery) {
		t.told = t.at
		t.s.o.Progress(t.path, t.at, size)
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
	if err := readFull(t.part.file, before, t.at); err != nil {
		return have, finalError{err}
	}
	if bytes.Equal(before, block) {
		return have, nil
	}
	if t.to.readBehind(t.at) {
		return have, finalError{errReplaced}
	}
	if err := t.part.file.Truncate(t.at); err != nil {
		return have, finalError{err}
	}
	return t.at, nil
}

// finish checks the file and puts it in its place.
func (t *transfer) finish(said sums) error {
	got := t.sum.sums()
	replaced, err := t.s.checkSums(t.path, t.at, got, said)
	if err == nil {
		err = t.s.expected(t.path).verify(t.ctx, t.part.file, t.at)
	}
	switch {
	case err == nil:
	case errors.Is(err, errNoLineEnd):
		if size, larger := t.s.largerNow(t.ctx, t.path, t.at); larger {
			t.part.note.Size = -1 // what it said was wrong
			return fmt.Errorf("%d bytes have arrived, and %w; the server has %d", t.at, err, size)
		}
		t.s.unended.Store(t.path, true)
		t.warn("%s: %v; if that is not how the server has it, the file may be cut", t.public, err)
	case context.Cause(t.ctx) != nil:
		return err
	case t.old && !t.to.read():
		// What came before may be to blame. It is not used again.
		return t.restart(note{Size: -1}, &RefusedError{t.path, err})
	default:
		return errors.Join(t.refuse(err), t.part.remove())
	}
	if replaced != "" {
		t.warn("%s has been replaced by its publisher since this program was made: %s", t.path, replaced)
		err = t.s.noteReplacement(t.path, note{Size: t.at, sums: got})
	} else {
		err = removeIfThere(t.s.replacementName(t.path))
	}
	if err != nil {
		return finalError{err}
	}
	if err := t.part.finish(); err != nil {
		return finalError{err}
	}
	return nil
}

func (t *transfer) warn(format string, args ...any) {
	if t.s.o.Warn != nil {
		t.s.o.Warn(fmt.Sprintf(format, args...))
	}
}
