package fetch

import (
	"fmt"
	"strings"
)

// A Reason is a short, stable word for why a photo could not be had. Failures
// are counted by it.
type Reason string

// The reasons.
const (
	NotFound        Reason = "not found"          // 404, or no such file
	Gone            Reason = "gone"               // 410
	Forbidden       Reason = "forbidden"          // 403; some buckets answer so for a missing object
	Unauthorized    Reason = "unauthorized"       // 401
	TooManyRequests Reason = "too many requests"  // 429
	ServerError     Reason = "server error"       // 5xx
	BadStatus       Reason = "unexpected status"  // any other status but 200
	Timeout         Reason = "timeout"            // connecting, waiting for the header or a byte, or all in all
	Connection      Reason = "connection failed"  // refused, reset, closed
	UnknownHost     Reason = "unknown host"       // no such name
	BadCertificate  Reason = "bad certificate"    // TLS: wrong name, unknown authority
	Redirects       Reason = "too many redirects" // a loop, or a long chain
	Refused         Reason = "refused address"    // see package netguard
	TooLarge        Reason = "too large"          // in bytes
	TooManyPixels   Reason = "too many pixels"    // by its header
	NotPicture      Reason = "not a picture"      // not JPEG, PNG or WebP: a web page, say
	Undecodable     Reason = "undecodable"        // begins like a picture and is none
	Truncated       Reason = "truncated"          // the transfer or the picture has no end
	Placeholder     Reason = "placeholder"        // "this photo is no longer available"
	MD5Mismatch     Reason = "md5 mismatch"       // not the original that was annotated
	SizeMismatch    Reason = "size mismatch"      // nor is this
	BadChecksum     Reason = "checksum mismatch"  // against the server's own
	Robots          Reason = "robots tag"         // X-Robots-Tag: noai or noimageai
	NoURL           Reason = "no url"             // the item lacks what the source needs
	NotCached       Reason = "not cached"         // and offline
	BadID           Reason = "bad id"             // cannot name a photo
	Unreadable      Reason = "unreadable"         // a file that is there and cannot be read
	NotAsked        Reason = "not asked"          // no failure: a later source's photo was in the cache
)

// An Attempt is what one source came to. As an error it says why the source
// did not serve.
type Attempt struct {
	Source   string
	URL      string
	Reason   Reason
	Status   int     // of the last answer, 0 if there was none
	Attempts int     // transfers begun, or files tried
	Seconds  float64 // from the first until it was given up
	Detail   string
}

// Error is the attempt in words.
func (a *Attempt) Error() string { return a.describe("") }

// describe is the attempt in words. The reason is left out if it has been
// said.
func (a Attempt) describe(said Reason) string {
	var parts []string
	switch {
	case a.Source == "url" && a.URL != "":
		parts = append(parts, a.URL) // one of several, or a mistyped one
	case a.Source != "":
		parts = append(parts, a.Source)
	}
	if a.Reason != said {
		parts = append(parts, string(a.Reason))
	}
	if a.Detail != "" {
		parts = append(parts, a.Detail)
	}
	s := strings.Join(parts, ": ")
	if a.Attempts > 1 {
		s += fmt.Sprintf(" (%d attempts)", a.Attempts)
	}
	return s
}

// A Failure is why no source served the photo. The embedded Attempt is the last
// that was really asked, with the Attempts and Seconds of all sources.
type Failure struct {
	Attempt
	BySource []Attempt // in order
}

// newFailure is the failure of candidates that have all failed.
func newFailure(candidates []candidate) *Failure {
	f := &Failure{}
	total, seconds := 0, 0.0
	for _, c := range candidates {
		f.BySource = append(f.BySource, *c.failed)
		if c.failed.Attempts > 0 || total == 0 {
			f.Attempt = *c.failed
		}
		total += c.failed.Attempts
		seconds += c.failed.Seconds
	}
	f.Attempts, f.Seconds = total, seconds
	return f
}

// Error is the reason and all attempts in one line.
func (f *Failure) Error() string { return string(f.Reason) + ": " + f.Summary() }

// Summary is all attempts in one line, without the reason that the failure is
// counted by.
func (f *Failure) Summary() string {
	if len(f.BySource) == 0 {
		return f.describe(f.Reason)
	}
	parts := make([]string, len(f.BySource))
	for i, a := range f.BySource {
		parts[i] = a.describe(f.Reason)
	}
	return strings.Join(parts, "; ")
}
