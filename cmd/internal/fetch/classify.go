package fetch

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"

	"github.com/opensandwich/oi/cmd/internal/fetch/hostlimit"
	"github.com/opensandwich/oi/cmd/internal/fetch/netguard"
)

// statusFault is what an answer without a photo means.
func (f *Fetcher) statusFault(resp *http.Response) *fault {
	flt := &fault{reason: BadStatus, detail: resp.Status, retryAfter: hostlimit.RetryAfter(resp.Header, f.clock.Now())}
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
		flt.reason, flt.retry, flt.complaint = TooManyRequests, true, true
	case code == http.StatusServiceUnavailable:
		flt.reason, flt.retry, flt.complaint = ServerError, true, true
	case code == http.StatusRequestTimeout:
		flt.retry = true
	case code >= 500:
		flt.reason, flt.retry = ServerError, true
	}
	return flt
}

func (t *try) tooSlow() *fault {
	return &fault{reason: Timeout, detail: fmt.Sprintf("not complete after %s", t.opts.Timeout), retry: true}
}

// classify makes a *fault of an error of the transport, unless the run itself
// was cancelled.
func (t *try) classify(parent, ctx context.Context, err error) error {
	if parent.Err() != nil {
		return context.Cause(parent)
	}
	var known *fault
	if errors.As(err, &known) {
		return known
	}
	var refused *netguard.RefusedError
	if errors.As(err, &refused) {
		return refusal(refused)
	}
	switch cause := context.Cause(ctx); {
	case errors.Is(cause, errTransferTimeout):
		return t.tooSlow()
	case errors.Is(cause, errIdleTimeout):
		return &fault{reason: Timeout, detail: fmt.Sprintf("no byte for %s", t.opts.IdleTimeout), retry: true}
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
	case errors.As(err, &dns) && !dns.IsTimeout:
		flt.reason, flt.retry = UnknownHost, !dns.IsNotFound
	case errors.As(err, &cert), errors.As(err, &host), errors.As(err, &unknown):
		flt.reason, flt.retry = BadCertificate, false
	case errors.As(err, &timeout) && timeout.Timeout():
		flt.reason = Timeout
	}
	return flt
}
