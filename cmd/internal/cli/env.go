package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// Env is what a command sees of the world.
type Env struct {
	Name    string // the command's
	Version string
	Args    []string // what is left after the flags
	Stdin   io.Reader
	Stdout  io.Writer // a write after the reader left returns ErrDownstreamGone
	Stderr  io.Writer

	StdinTTY, StdoutTTY, StderrTTY bool
	// StdoutColumns and StderrColumns are the widths of the terminals, 0
	// where there is none.
	StdoutColumns, StderrColumns int

	Getenv  func(string) string
	Quiet   bool
	Verbose bool
	// Now is for deadlines, rates and words for people, never for results.
	Now func() time.Time

	// Summary is what was done, in words, if the command has set it. It is
	// shown once the command has ended, before the errors, unless -q was
	// given, and tells after what an interrupted command was interrupted.
	Summary string

	ctx context.Context // ends waiting for a FILE; nil: nothing does
}

// Warnf writes a line to standard error, whatever the verbosity.
func (e *Env) Warnf(format string, args ...any) {
	// A message that cannot be written has nowhere else to go.
	_, _ = io.WriteString(e.Stderr, e.Name+": "+Escape(fmt.Sprintf(format, args...))+"\n")
}

// Infof writes a line to standard error unless -q was given.
func (e *Env) Infof(format string, args ...any) {
	if !e.Quiet {
		e.Warnf(format, args...)
	}
}

// Debugf writes a line to standard error if -v was given.
func (e *Env) Debugf(format string, args ...any) {
	if e.Verbose {
		e.Warnf(format, args...)
	}
}

// Escape makes text from outside harmless to a terminal: control characters
// and invalid UTF-8 are written as Go escapes.
func Escape(s string) string {
	clean := func(r rune) bool { return r != unicode.ReplacementChar && !unicode.IsControl(r) && !isBidi(r) }
	if strings.IndexFunc(s, func(r rune) bool { return !clean(r) }) < 0 {
		return s
	}
	var b strings.Builder
	for i, r := range s {
		switch {
		case clean(r):
			b.WriteRune(r)
		case r == unicode.ReplacementChar && !strings.HasPrefix(s[i:], string(r)):
			fmt.Fprintf(&b, `\x%02x`, s[i])
		default:
			b.WriteString(strings.Trim(strconv.QuoteRuneToASCII(r), "'"))
		}
	}
	return b.String()
}

// isBidi reports the characters that change the direction of text, with which
// a line can be made to read as another.
func isBidi(r rune) bool {
	return r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069
}

// CacheDir returns the folder for downloaded files: dir if it is not empty,
// else oi below $XDG_CACHE_HOME or ~/.cache, or, on Windows without these, below
// %LocalAppData%.
func CacheDir(env *Env, dir string) (string, error) {
	if dir != "" {
		return dir, nil
	}
	if base := env.Getenv("XDG_CACHE_HOME"); filepath.IsAbs(base) {
		return filepath.Join(base, "oi"), nil
	}
	if home := env.Getenv("HOME"); home != "" {
		return filepath.Join(home, ".cache", "oi"), nil
	}
	if local := env.Getenv("LOCALAPPDATA"); runtime.GOOS == "windows" && local != "" {
		return filepath.Join(local, "oi"), nil
	}
	return "", WithHint(errors.New("no place for the cache: neither XDG_CACHE_HOME nor HOME is set"), "name a folder with --cache DIR or OI_CACHE")
}
