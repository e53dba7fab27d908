package fetch

import (
	"context"
	"crypto/md5" // the data set and the servers give MD5
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"hash"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/opensandwich/oi/cmd/internal/cas"
)

const (
	maxRedirects    = 5
	maxHeaderBytes  = 64 << 10
	readBuffer      = 64 << 10
	idleConnTimeout = 60 * time.Second
)

var (
	errTransferTimeout = errors.New("the whole transfer took too long")
	errIdleTimeout     = errors.New("no byte for too long")
)

// readBuffers are shared by transfers; a transfer holds one at a time.
type readBuffers struct{ pool sync.Pool }

func (b *readBuffers) get() *[readBuffer]byte {
	if p, ok := b.pool.Get().(*[readBuffer]byte); ok {
		return p
	}
	return new([readBuffer]byte)
}

func (b *readBuffers) put(p *[readBuffer]byte) { b.pool.Put(p) }

func (f *Fetcher) newClient() *http.Client {
	t := &http.Transport{
		DialContext:            f.dial,
		TLSHandshakeTimeout:    connectTimeout,
		ResponseHeaderTimeout:  headerTimeout,
		MaxResponseHeaderBytes: maxHeaderBytes,
		MaxIdleConnsPerHost:    max(f.opts.Connections, defaultConns),
		IdleConnTimeout:        idleConnTimeout,
		DisableCompression:     true, // pictures are compressed; what claims to be is a bomb
	}
	if f.opts.EnvProxy {
		t.Proxy = func(r *http.Request) (*url.URL, error) {
			u, err := http.ProxyFromEnvironment(r)
			if u != nil {
				f.guard.proxies.Store(proxyAddr(u), true)
			}
			return u, err
		}
	}
	return &http.Client{
		Transport: t,
		CheckRedirect: func(r *http.Request, via []*http.Request) error {
			if len(via) > maxRedirects {
				return faultf(Redirects, "more than %d", maxRedirects)
			}
			if isPlaceholderPath(r.URL.Path) {
				return faultf(Placeholder, "redirected to %s", r.URL.Redacted())
			}
			r.URL.User = nil
			r.Header.Del("Referer")
			return f.guard.checkURL(r.URL)
		},
	}
}

// proxyAddr is the address that the transport dials for a proxy.
func proxyAddr(u *url.URL) string {
	if port := u.Port(); port != "" {
		return net.JoinHostPort(u.Hostname(), port)
	}
	port := map[string]string{"http": "80", "https": "443", "socks5": "1080", "socks5h": "1080"}[u.Scheme]
	return net.JoinHostPort(u.Hostname(), port)
}

func (f *Fetcher) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	if f.opts.Dial != nil {
		return f.opts.Dial(ctx, network, addr)
	}
	d := net.Dialer{Timeout: connectTimeout}
	if _, proxy := f.guard.proxies.Load(addr); !proxy && !f.guard.exempt(addr) {
		d.ControlContext = f.guard.control
	}
	return d.DialContext(ctx, network, addr)
}

// get makes one try to bring the photo into the cache. It returns nil, a
// *fault, or an error that ends the run.
func (f *Fetcher) get(parent context.Context, c candidate) error {
	if err := f.guard.checkURL(c.ask); err != nil {
		return err
	}
	timed, stop := context.WithTimeoutCause(parent, f.opts.Timeout, errTransferTimeout)
	defer stop()
	ctx, cancel := context.WithCancelCause(timed)
	defer cancel(nil)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.ask.String(), nil)
	if err != nil {
		return faultf(Refused, "%v", err)
	}
	req.Header.Set("User-Agent", f.opts.UserAgent)
	req.Header.Set("Accept", "image/jpeg, image/png, image/*;q=0.5")

	resp, err := f.client.Do(req)
	if err != nil {
		flt := f.classify(parent, ctx, err)
		var known *fault
		if resp != nil && errors.As(flt, &known) { // a redirect that was not followed
			known.status = resp.StatusCode
		}
		return flt
	}
	idle := time.AfterFunc(f.opts.IdleTimeout, func() { cancel(errIdleTimeout) })
	defer idle.Stop()
	body := &watchedBody{r: resp.Body, idle: idle, timeout: f.opts.IdleTimeout}
	// The body is only read from, and what follows says whether it was whole.
	defer resp.Body.Close()

	err = f.keep(parent, ctx, c, resp, body)
	var flt *fault
	if errors.As(err, &flt) {
		flt.status = resp.StatusCode
	}
	return err
}

// watchedBody puts the idle deadline off with each read.
type watchedBody struct {
	r       io.Reader
	idle    *time.Timer
	timeout time.Duration
}

func (w *watchedBody) Read(p []byte) (int, error) {
	w.idle.Reset(w.timeout)
	return w.r.Read(p)
}

// keep writes the body of a good answer to the cache, looks at it, and gives it
// its name there.
func (f *Fetcher) keep(parent, ctx context.Context, c candidate, resp *http.Response, body io.Reader) error {
	if resp.StatusCode != http.StatusOK {
		// Reading the rest of a short answer lets the connection be used again.
		_, _ = io.CopyN(io.Discard, body, 4<<10)
		return f.statusFault(resp)
	}
	if isPlaceholderPath(resp.Request.URL.Path) {
		return faultf(Placeholder, "served from %s", resp.Request.URL.Redacted())
	}
	if resp.ContentLength > f.opts.MaxBytes {
		return faultf(TooLarge, "%d bytes, more than %d", resp.ContentLength, f.opts.MaxBytes)
	}
	cache, err := f.cache()
	if err != nil {
		return err
	}
	blob, err := cache.Create()
	if err != nil {
		return err
	}
	defer blob.Discard()

	promised, given := googleMD5(resp.Header)
	var sum hash.Hash
	if given || c.md5 != "" {
		sum = md5.New()
	}
	if err := f.copyBody(parent, ctx, blob, sum, body, resp.ContentLength); err != nil {
		return err
	}
	if given && [md5.Size]byte(sum.Sum(nil)) != promised {
		flt := faultf(BadChecksum, "the bytes do not have the MD5 that the server gives for them")
		flt.retry = true
		return flt
	}
	// The transfer is over, and so are its deadlines.
	mediaType, err := f.verifyKnown(parent, blob, blob.Size(), blob.SHA256())
	if err != nil {
		var flt *fault
		if errors.As(err, &flt) && flt.reason == Truncated {
			flt.retry = resp.ContentLength < 0 // the transfer may have been cut, and nobody could tell
		}
		return err
	}
	if err := checkOriginal(c, blob.Size(), sum); err != nil {
		return err
	}
	_, err = blob.Commit(cas.Entry{Key: c.key, MediaType: mediaType, Source: c.source.name(), URL: c.url, Check: string(f.opts.Check)})
	return err
}

// copyBody copies the body to the blob and, if sum is not nil, to sum.
func (f *Fetcher) copyBody(parent, ctx context.Context, blob *cas.Blob, sum hash.Hash, body io.Reader, length int64) error {
	buf := f.buffers.get()
	defer f.buffers.put(buf)
	for {
		n, err := body.Read(buf[:])
		if blob.Size()+int64(n) > f.opts.MaxBytes {
			return faultf(TooLarge, "more than %d bytes", f.opts.MaxBytes)
		}
		if _, err := blob.Write(buf[:n]); err != nil {
			return err
		}
		if sum != nil {
			sum.Write(buf[:n])
		}
		switch {
		case err == nil:
		case errors.Is(err, io.EOF):
			return nil
		case errors.Is(err, io.ErrUnexpectedEOF) && ctx.Err() == nil:
			flt := faultf(Truncated, "the transfer ended after %d of %s bytes", blob.Size(), orUnknown(length))
			flt.retry = true
			return flt
		default:
			return f.classify(parent, ctx, err)
		}
	}
}

func orUnknown(n int64) string {
	if n < 0 {
		return "unknown"
	}
	return fmt.Sprint(n)
}

// checkOriginal compares a photo with what the image list says of its original.
// The boxes were drawn on that one: a photo that its owner has replaced, turned
// or cropped since would have them in the wrong place, so it is a failure.
func checkOriginal(c candidate, size int64, sum hash.Hash) error {
	if c.md5 != "" {
		want, err := base64.StdEncoding.DecodeString(c.md5)
		if err != nil || len(want) != md5.Size {
			return faultf(MD5Mismatch, "original_md5 %.40q is not the base64 of 16 bytes", c.md5)
		}
		if got := sum.Sum(nil); string(got) != string(want) {
			return faultf(MD5Mismatch, "MD5 %s, but the annotated original had %s", base64.StdEncoding.EncodeToString(got), c.md5)
		}
	}
	if c.size != 0 && size != c.size {
		return faultf(SizeMismatch, "%d bytes, but the annotated original had %d", size, c.size)
	}
	return nil
}

// googleMD5 finds the MD5 in x-goog-hash: crc32c=...,md5=... (or in several
// such headers).
func googleMD5(h http.Header) (sum [md5.Size]byte, ok bool) {
	for _, line := range h.Values("X-Goog-Hash") {
		for part := range strings.SplitSeq(line, ",") {
			v, found := strings.CutPrefix(strings.TrimSpace(part), "md5=")
			if !found {
				continue
			}
			b, err := base64.StdEncoding.DecodeString(v)
			if err == nil && len(b) == md5.Size {
				return [md5.Size]byte(b), true
			}
		}
	}
	return sum, false
}

func (f *Fetcher) statusFault(resp *http.Response) *fault {
	flt := &fault{reason: BadStatus, detail: resp.Status, retryAfter: retryAfter(resp.Header, f.clock.Now())}
	switch code := resp.StatusCode; {
	case code == http.StatusNotFound:
		flt.reason = NotFound
	case code == http.StatusGone:
		flt.reason = Gone
	case code == http.StatusForbidden:
		flt.reason = Forbidden
	case code == http.StatusUnauthorized:
		flt.reason = Unauthorized
	case code == http.StatusTooManyRequests:
		flt.reason, flt.retry = TooManyRequests, true
	case code == http.StatusRequestTimeout:
		flt.retry = true
	case code >= 500:
		flt.reason, flt.retry = ServerError, true
	}
	return flt
}

// classify makes a *fault of an error of the transport, unless the run itself
// was cancelled.
func (f *Fetcher) classify(parent, ctx context.Context, err error) error {
	if parent.Err() != nil {
		return context.Cause(parent)
	}
	var known *fault
	if errors.As(err, &known) {
		return known
	}
	switch cause := context.Cause(ctx); {
	case errors.Is(cause, errTransferTimeout):
		return &fault{reason: Timeout, detail: fmt.Sprintf("not complete after %s", f.opts.Timeout), retry: true}
	case errors.Is(cause, errIdleTimeout):
		return &fault{reason: Timeout, detail: fmt.Sprintf("no byte for %s", f.opts.IdleTimeout), retry: true}
	}
	if ue := (*url.Error)(nil); errors.As(err, &ue) {
		err = ue.Err // without the address, which the record has
	}
	flt := &fault{reason: Connection, detail: err.Error(), retry: true}
	var (
		dns     *net.DNSError
		timeout net.Error
		cert    *tls.CertificateVerificationError
		host    x509.HostnameError
		unknown x509.UnknownAuthorityError
	)
	switch {
	case errors.As(err, &dns):
		flt.reason, flt.retry = UnknownHost, !dns.IsNotFound
	case errors.As(err, &cert), errors.As(err, &host), errors.As(err, &unknown):
		flt.reason, flt.retry = BadCertificate, false
	case errors.As(err, &timeout) && timeout.Timeout():
		flt.reason = Timeout
	}
	return flt
}
