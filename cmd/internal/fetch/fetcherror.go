package fetch

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/opensandwich/oi/cmd/internal/fetch/netguard"
)

// A fetchError is why one attempt at a transfer failed, or a file cannot be
// used.
type fetchError struct {
	reason     Reason
	status     int
	detail     string
	retryable  bool          // another attempt may succeed
	retryAfter time.Duration // as the server asks, 0 if it does not
	throttled  bool          // the server is asked too much
}

func (e *fetchError) Error() string { return string(e.reason) + ": " + e.detail }

func fetchErrorf(r Reason, format string, args ...any) *fetchError {
	return &fetchError{reason: r, detail: fmt.Sprintf(format, args...)}
}

// refusal turns a *netguard.RefusedError into a *fetchError, and leaves any
// other error as it is.
func refusal(err error) error {
	var refused *netguard.RefusedError
	if errors.As(err, &refused) {
		return fetchErrorf(Refused, "%s", refused.Detail)
	}
	return err
}

// attempt is the error as an attempt at a source, before any request.
func (e *fetchError) attempt(source, url string) *Attempt {
	return &Attempt{Source: source, URL: url, Reason: e.reason, Status: e.status, Detail: clip(e.detail)}
}

// attemptError turns a *fetchError into an *Attempt, and leaves any other error
// as it is.
func attemptError(err error, source, url string) error {
	var fe *fetchError
	if errors.As(err, &fe) {
		return fe.attempt(source, url)
	}
	return err
}

// maxDetail is how many bytes of words are kept: some are the server's, which
// may send 64 KiB of them.
const maxDetail = 500

// clip makes words short, and text where they are not.
func clip(s string) string {
	if len(s) > maxDetail {
		return strings.ToValidUTF8(s[:maxDetail], "") + "…"
	}
	return strings.ToValidUTF8(s, "\uFFFD")
}
