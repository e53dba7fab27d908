package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"
)

// ErrDownstreamGone is what writing to standard output returns once its
// reader has left. It is no failure: the process ends with 0.
var ErrDownstreamGone = errors.New("the reader of standard output has gone")

// errPrinted stands for a message that has been shown already.
var errPrinted = errors.New("already reported")

// A usageError ends the process with 2.
type usageError struct{ err error }

func (e *usageError) Error() string { return e.err.Error() }
func (e *usageError) Unwrap() error { return e.err }

// Usagef returns an error that says the command was called wrongly.
func Usagef(format string, args ...any) error {
	return &usageError{fmt.Errorf(format, args...)}
}

// A hintedError carries the next step.
type hintedError struct {
	err  error
	hint string
}

func (e *hintedError) Error() string { return e.err.Error() }
func (e *hintedError) Unwrap() error { return e.err }
func (e *hintedError) Hint() string  { return e.hint }

// WithHint adds to err what to do next, printed on a line of its own.
// A nil err stays nil.
func WithHint(err error, hint string) error {
	if err == nil {
		return nil
	}
	return &hintedError{err, hint}
}

// An upstreamError is the fault of the stage before.
type upstreamError struct{ err error }

func (e *upstreamError) Error() string { return e.err.Error() }
func (e *upstreamError) Unwrap() error { return e.err }

// BlameUpstream marks err as the fault of the stage before, which had a reason
// where all stages were interrupted. A nil err stays nil.
func BlameUpstream(err error) error {
	if err == nil {
		return nil
	}
	return &upstreamError{err}
}

// blamesUpstream reports whether some of err is the fault of the stage before.
func blamesUpstream(err error) bool {
	var upstream *upstreamError
	return errors.As(err, &upstream)
}

// afterInterrupt returns what is left to say of err after an interrupt: one of
// all stages is why the stage before ended early, and the one after left.
func afterInterrupt(err error) error {
	if err != nil && onlyGone(err) {
		return context.Canceled
	}
	var left []error
	for _, e := range joined(err) {
		if blamesUpstream(e) {
			e = WithHint(context.Canceled, hintOf(e))
		}
		left = append(left, e)
	}
	return errors.Join(left...)
}

// hintOf returns the outermost hint, or "". Any error may have one: packages
// that know nothing of cli give theirs a method.
func hintOf(err error) string {
	var hinted interface{ Hint() string }
	if errors.As(err, &hinted) {
		return hinted.Hint()
	}
	return ""
}

// joined returns the errors that errors.Join made err of, or err alone.
func joined(err error) []error {
	many, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return []error{err}
	}
	var all []error
	var lines []string
	for _, e := range many.Unwrap() {
		all = append(all, joined(e)...)
		lines = append(lines, e.Error())
	}
	if err.Error() != strings.Join(lines, "\n") {
		return []error{err} // of several, but with words of its own
	}
	return all
}

// onlyGone reports whether err says that the reader has left, and nothing
// else: a failure beside it must not pass for success.
func onlyGone(err error) bool {
	for _, e := range joined(err) {
		if !errors.Is(e, ErrDownstreamGone) {
			return false
		}
	}
	return true
}
