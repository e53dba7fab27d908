package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/opensandwich/oi/cmd/internal/cli"
)

// lockName returns the name of the lock that a run holds on its outputs. It
// lies in their folder, so that whatever way leads there is the way to it.
func (o *options) lockName() string {
	return filepath.Join(filepath.Dir(o.name), "."+filepath.Base(o.name)+".lock")
}

// lockOutputs keeps other runs from writing to the same names, and from taking
// away the checkpoint, until unlock is called. The system ends the lock with the
// process, however that ends; a file that was left behind locks nothing.
func lockOutputs(o *options, env *cli.Env) (unlock func() error, err error) {
	for {
		file, err := os.OpenFile(o.lockName(), os.O_RDWR|os.O_CREATE, 0o666)
		if err != nil {
			return nil, fmt.Errorf("lock the output: %w", err)
		}
		switch err := tryLock(file); {
		case errors.Is(err, unix.EWOULDBLOCK):
			return nil, errors.Join(inUse(o, file), file.Close())
		case err != nil:
			// Not every network file system has locks.
			env.Warnf("%s cannot be locked, so nothing keeps a second run with -o %s from writing to the same files: %v", o.lockName(), o.name, err)
		case !isAt(file, o.lockName()):
			// The run that had it has removed it meanwhile.
			if err := file.Close(); err != nil {
				return nil, err
			}
			continue
		}
		sign(file)
		return func() error { return errors.Join(os.Remove(o.lockName()), file.Close()) }, nil
	}
}

func tryLock(file *os.File) error {
	for {
		if err := unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB); !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}

// isAt reports whether an open file is still the one of that name.
func isAt(file *os.File, name string) bool {
	opened, err := file.Stat()
	if err != nil {
		return false
	}
	named, err := os.Stat(name)
	return err == nil && os.SameFile(opened, named)
}

// sign writes into the lock whose it is, for the message of another run. That is
// shorter where it cannot be written; the lock is none the worse for it.
func sign(file *os.File) {
	host, err := os.Hostname()
	if err != nil {
		host = "a machine without a name"
	}
	if file.Truncate(0) == nil {
		_, _ = fmt.Fprintf(file, "process %d on %s\n", os.Getpid(), host)
	}
}

// inUse is the error of a run whose names another one has.
func inUse(o *options, file *os.File) error {
	const most = 300 // bytes that a lock is read to
	text, err := io.ReadAll(io.LimitReader(file, most))
	owner := strings.TrimSpace(string(text))
	if err != nil || owner == "" {
		owner = "another process"
	}
	return cli.WithHint(fmt.Errorf("another oi-train is writing to %s.onnx and its companions: %s", o.name, owner),
		"wait until it has ended, or give this run a name of its own with -o")
}
