package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime/debug"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
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

	Getenv  func(string) string
	Quiet   bool
	Verbose bool
	// Now is for deadlines, rates and words for people, never for results.
	Now func() time.Time
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
// else oi below $XDG_CACHE_HOME or ~/.cache.
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
	return "", WithHint(errors.New("no place for the cache: neither XDG_CACHE_HOME nor HOME is set"), "name a folder with --cache DIR")
}

// release is the version where the build carries none.
const release = "0.1.0"

// version returns the module version the binary was built from.
func version() string {
	if info, ok := debug.ReadBuildInfo(); ok && strings.HasPrefix(info.Main.Version, "v") && !strings.Contains(info.Main.Version, "+dirty") {
		return strings.TrimPrefix(info.Main.Version, "v")
	}
	return release
}

// outputFile is standard output. It tells a reader that left from a failure.
type outputFile struct {
	file   *os.File
	closed atomic.Bool
}

func (o *outputFile) Write(p []byte) (int, error) {
	n, err := o.file.Write(p)
	if err == nil {
		return n, nil
	}
	if errors.Is(err, syscall.EPIPE) {
		o.closed.Store(true)
		return n, ErrDownstreamGone
	}
	var path *os.PathError
	if errors.As(err, &path) {
		err = path.Err
	}
	return n, fmt.Errorf("write standard output: %w", err)
}

func (o *outputFile) gone() bool { return o.closed.Load() }

// Regular reports whether standard output is a regular file, which takes
// whatever is written and never leaves.
func (e *Env) Regular() bool {
	o, ok := e.Stdout.(*outputFile)
	if !ok {
		return false
	}
	info, err := o.file.Stat()
	return err == nil && info.Mode().IsRegular()
}

// interruptible reads ahead in a goroutine of its own, because a read of a
// pipe cannot be cancelled: when ctx ends, the reader gets its error at once.
type interruptible struct {
	ctx    context.Context
	src    io.Reader
	chunks chan chunk
	free   chan []byte
	now    chunk
	rest   []byte
}

type chunk struct {
	data []byte // whole buffer
	n    int
	err  error
}

const (
	readAhead = 4
	chunkSize = 256 << 10
)

func newInterruptible(ctx context.Context, src io.Reader) *interruptible {
	return &interruptible{ctx: ctx, src: src}
}

func (r *interruptible) Read(p []byte) (int, error) {
	if r.chunks == nil {
		r.start()
	}
	for len(r.rest) == 0 {
		if r.now.err != nil {
			return 0, r.now.err
		}
		if r.now.data != nil {
			r.free <- r.now.data
			r.now.data = nil
		}
		select {
		case <-r.ctx.Done():
			return 0, context.Cause(r.ctx)
		case r.now = <-r.chunks:
			r.rest = r.now.data[:r.now.n]
		}
	}
	n := copy(p, r.rest)
	r.rest = r.rest[n:]
	return n, nil
}

func (r *interruptible) start() {
	r.chunks = make(chan chunk, readAhead)
	r.free = make(chan []byte, readAhead)
	for range readAhead {
		r.free <- make([]byte, chunkSize)
	}
	go func() {
		for buf := range r.free {
			n, err := r.src.Read(buf)
			r.chunks <- chunk{buf, n, err}
			if err != nil {
				return
			}
		}
	}()
}

// CheckOutputFile returns an error if a file that appears whole, by being
// renamed into place, cannot appear at path: renaming would replace a device
// or a pipe, and a missing folder is better known before the work than after.
func CheckOutputFile(path string) error {
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
		return Usagef("%s is not a regular file", path)
	}
	if info, err := os.Stat(filepath.Dir(path)); err != nil {
		return WithHint(fmt.Errorf("%s: no folder %s", path, filepath.Dir(path)), "create it first: mkdir -p "+filepath.Dir(path))
	} else if !info.IsDir() {
		return Usagef("%s: %s is not a folder", path, filepath.Dir(path))
	}
	return nil
}
