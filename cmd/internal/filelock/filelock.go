// Package filelock keeps processes from doing one thing at the same time. The
// system ends a lock with its process, however that ended: a file that was left
// behind locks nothing.
package filelock

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/opensandwich/oi/cmd/internal/posixfile"
)

var (
	// ErrHeld says that another process has the lock.
	ErrHeld = errors.New("another process has the lock")
	// ErrUnsupported says that there are no locks at that place, as on some
	// network file systems.
	ErrUnsupported = errors.New("the file system has no locks")
)

// pollInterval is how often Acquire tries.
const pollInterval = 20 * time.Millisecond

// A Lock is held until Release, or until the process ends.
type Lock struct {
	path string
	file *os.File
}

// Try takes the lock that the file at path stands for, making the file where it
// is missing. Its error is ErrHeld, ErrUnsupported, or why the file cannot be
// opened.
func Try(path string) (*Lock, error) {
	for {
		file, err := posixfile.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o666)
		if err != nil {
			return nil, err
		}
		err = lock(file)
		if err == nil && isAt(file, path) {
			return &Lock{path, file}, nil
		}
		if closeErr := file.Close(); err != nil || closeErr != nil {
			return nil, errors.Join(err, closeErr)
		}
		// Whoever had the lock has removed the file meanwhile.
	}
}

// Acquire is Try, waiting for other processes until ctx ends. Its error then is
// both ErrHeld and the cause of that.
func Acquire(ctx context.Context, path string) (*Lock, error) {
	return AcquireFunc(path, func() error {
		select {
		case <-ctx.Done():
			return fmt.Errorf("%w: %w", ErrHeld, context.Cause(ctx))
		case <-time.After(pollInterval):
			return nil
		}
	})
}

// AcquireFunc is Try, waiting for other processes. Each time that one has the
// lock it calls held, which may say so and pauses until the lock is to be tried
// again. An error of held ends the wait and is returned as it is.
func AcquireFunc(path string, held func() error) (*Lock, error) {
	for {
		lock, err := Try(path)
		if !errors.Is(err, ErrHeld) {
			return lock, err
		}
		if err := held(); err != nil {
			return nil, err
		}
	}
}

// File returns the file whose lock it is, for a file that is locked to be
// written. To close it gives the lock up and leaves the file where it is; then
// there is no Release.
func (l *Lock) File() *os.File { return l.file }

// Release removes the file, unless somebody else did, and gives the lock up.
func (l *Lock) Release() error {
	var err error
	if isAt(l.file, l.path) {
		err = posixfile.Remove(l.path)
	}
	return errors.Join(err, l.file.Close())
}

// Sign writes into the file whose lock it is, for the message of a process that
// finds it held. The lock is none the worse for an error.
func (l *Lock) Sign(owner string) error {
	if err := l.file.Truncate(0); err != nil {
		return err
	}
	_, err := l.file.WriteAt([]byte(owner+"\n"), 0)
	return err
}

// Owner returns what the process that holds the lock at path has signed it
// with, or "" if that cannot be told.
func Owner(path string) string {
	file, err := posixfile.Open(path)
	if err != nil {
		return ""
	}
	defer file.Close() // read only
	const most = 300   // bytes
	text, err := io.ReadAll(io.LimitReader(file, most))
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(text))
}

// unsupported says that the system does not lock a file.
func unsupported(file *os.File, err error) error {
	return fmt.Errorf("%w: %w", ErrUnsupported, &os.PathError{Op: "lock", Path: file.Name(), Err: err})
}

// isAt reports whether an open file is still the one of that name.
func isAt(file *os.File, path string) bool {
	opened, err := file.Stat()
	if err != nil {
		return false
	}
	named, err := os.Stat(path)
	return err == nil && os.SameFile(opened, named)
}
