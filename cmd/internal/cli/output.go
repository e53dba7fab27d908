package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"
	"time"

	"github.com/opensandwich/oi/cmd/internal/posixfile"
)

// outputFile is standard output. It tells a reader that left from a failure.
type outputFile struct {
	ctx    context.Context
	file   *os.File
	closed atomic.Bool
	stuck  bool // a write was given up on
}

func (o *outputFile) Write(p []byte) (int, error) {
	n, err := o.write(p)
	if err == nil {
		return n, nil
	}
	if readerGone(err) {
		o.closed.Store(true)
		return n, ErrDownstreamGone
	}
	if o.stuck {
		return n, err
	}
	var path *os.PathError
	if errors.As(err, &path) {
		err = path.Err
	}
	return n, fmt.Errorf("write standard output: %w", err)
}

// patience is how long a reader may take after the command was interrupted.
const patience = time.Second

// write writes p. A write to a full pipe cannot be cancelled: once ctx has
// ended, a reader that does not read is left, and the goroutine with it.
func (o *outputFile) write(p []byte) (int, error) {
	if o.stuck {
		return 0, context.Cause(o.ctx)
	}
	type result struct {
		n   int
		err error
	}
	done := make(chan result, 1)
	go func() {
		n, err := o.file.Write(p)
		done <- result{n, err}
	}()
	select {
	case r := <-done:
		return r.n, r.err
	case <-o.ctx.Done():
	}
	select {
	case r := <-done:
		return r.n, r.err
	case <-time.After(patience):
		o.stuck = true
		return 0, context.Cause(o.ctx)
	}
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

// Overwrites reports whether standard output goes to the regular file that r
// reads, so that r would read what was just written.
func (e *Env) Overwrites(r io.Reader) bool {
	if i, ok := r.(*interruptible); ok {
		r = i.src
	}
	in, isFile := r.(*os.File)
	out, isOutput := e.Stdout.(*outputFile)
	if !isFile || !isOutput {
		return false
	}
	from, err := in.Stat()
	if err != nil {
		return false
	}
	to, err := out.file.Stat()
	return err == nil && to.Mode().IsRegular() && os.SameFile(from, to)
}

// CheckOutputFile returns an error if a file that appears whole, by being
// renamed into place, should not or cannot appear at path: it would replace one
// of the inputs or what a shell has connected the command to, a device or a
// pipe, and a folder that is missing or read-only is better known before the
// work than after.
func CheckOutputFile(path string, inputs ...string) error {
	if path == "-" { // which elsewhere is a standard stream
		return Usagef("this is written to a file only, and - is none: ./- is one of that name")
	}
	folder := filepath.Dir(path)
	if info, err := os.Stat(path); err == nil {
		if !info.Mode().IsRegular() {
			return Usagef("%s is not a regular file", path)
		}
		if slices.ContainsFunc(inputs, func(name string) bool {
			input, err := os.Stat(name)
			return err == nil && os.SameFile(info, input)
		}) {
			return Usagef("%s is also an input", path)
		}
		// A shell may have opened it for the command.
		for _, standard := range []struct {
			file *os.File
			name string
		}{{os.Stdin, "standard input"}, {os.Stdout, "standard output"}} {
			if open, err := standard.file.Stat(); err == nil && os.SameFile(info, open) {
				return Usagef("%s is also %s", path, standard.name)
			}
		}
	}
	if info, err := os.Stat(folder); err != nil {
		return WithHint(fmt.Errorf("%s: no folder %s", path, folder), "create it first: mkdir -p "+folder)
	} else if !info.IsDir() {
		return Usagef("%s: %s is not a folder", path, folder)
	}
	probe, err := os.CreateTemp(folder, ".oi-*")
	if err != nil {
		var cause *os.PathError
		if errors.As(err, &cause) {
			err = cause.Err
		}
		return fmt.Errorf("%s: cannot write to folder %s: %w", path, folder, err)
	}
	return errors.Join(probe.Close(), posixfile.Remove(probe.Name()))
}

// CheckDistinct returns an error if two of the files that a command is to write
// are one. Empty names are of files that it is not to write.
func CheckDistinct(paths ...string) error {
	seen := map[string]bool{}
	for _, path := range paths {
		if path == "" {
			continue
		}
		name := path
		if folder, err := filepath.EvalSymlinks(filepath.Dir(path)); err == nil {
			name = filepath.Join(folder, filepath.Base(path))
		}
		if full, err := filepath.Abs(name); err == nil {
			name = full
		}
		if seen[name] {
			return Usagef("%s would be written twice: want two files", path)
		}
		seen[name] = true
	}
	return nil
}
