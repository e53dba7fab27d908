package fetch

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/opensandwich/oi/cmd/internal/fetch/hostlimit"
	"github.com/opensandwich/oi/cmd/internal/fetch/netguard"
)

// statusError is what a response without a photo means.
func (f *Fetcher) statusError(resp *http.Response) *fetchError {
	fe := &fetchError{reason: BadStatus, detail: resp.Status, retryAfter: hostlimit.RetryAfter(resp.Header, f.clock.Now())}
	switch code := resp.StatusCode; {
	case code == http.StatusNotFound:
		fe.reason = NotFound
	case code == http.StatusGone:
		fe.reason = Gone
	case code == http.StatusForbidden:
		fe.reason = Forbidden
	case code == http.StatusUnauthorized:
		fe.reason = Unauthorized
	case code == http.StatusTooManyRequests:
		fe.reason, fe.retryable, fe.throttled = TooManyRequests, true, true
	case code == http.StatusServiceUnavailable:
		fe.reason, fe.retryable, fe.throttled = ServerError, true, true
	case code == http.StatusRequestTimeout:
		fe.retryable = true
	case code >= 500:
		fe.reason, fe.retryable = ServerError, true
	}
	if fe.retryAfter > hostlimit.MaxPause {
		fe.detail += fmt.Sprintf(", which asks for a pause of %v; the longest is %v", fe.retryAfter.Round(time.Second), hostlimit.MaxPause)
	}
	return fe
}

func (a *transferAttempt) tooSlow() *fetchError {
	return &fetchError{reason: Timeout, detail: fmt.Sprintf("not complete after %s", a.fetcher.opts.Timeout), retryable: true}
}

// transportError makes a *fetchError of an error of the transport, unless the
// run itself was cancelled.
func (a *transferAttempt) transportError(runCtx, ctx context.Context, err error) error {
	if runCtx.Err() != nil {
		return context.Cause(runCtx)
	}
	var refused *netguard.RefusedError
	if errors.As(err, &refused) {
		return refusal(refused)
	}
	switch cause := context.Cause(ctx); {
	case errors.Is(cause, errTransferTimeout):
		return a.tooSlow()
	case errors.Is(cause, errIdleTimeout):
		return &fetchError{reason: Timeout, detail: fmt.Sprintf("no byte for %s", a.fetcher.opts.IdleTimeout), retryable: true}
	}
	fe := &fetchError{reason: Connection, detail: err.Error(), retryable: true}
	var (
		dns     *net.DNSError
		timeout net.Error
		cert    *tls.CertificateVerificationError
		host    x509.HostnameError
		unknown x509.UnknownAuthorityError
	)
	switch {
	case errors.As(err, &dns) && !dns.IsTimeout:
		fe.reason, fe.retryable = UnknownHost, !dns.IsNotFound
	case errors.As(err, &cert), errors.As(err, &host), errors.As(err, &unknown):
		fe.reason, fe.retryable = BadCertificate, false
	case errors.As(err, &timeout) && timeout.Timeout():
		fe.reason = Timeout
	}
	return fe
}
