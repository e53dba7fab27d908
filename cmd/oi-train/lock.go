package main

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/opensandwich/oi/cmd/internal/cli"
	"github.com/opensandwich/oi/cmd/internal/filelock"
)

// lockName returns the name of the lock that a run holds on its outputs. It
// lies in their folder, so that whatever way leads there is the way to it.
func (o *options) lockName() string {
	return filepath.Join(filepath.Dir(o.name), "."+filepath.Base(o.name)+".lock")
}

// lockOutputs keeps other runs from writing to the same names, and from taking
// away the checkpoint, until release is called.
func lockOutputs(o *options, env *cli.Env) (release func() error, err error) {
	lock, err := filelock.Try(o.lockName())
	switch {
	case errors.Is(err, filelock.ErrHeld):
		owner := cmp.Or(filelock.Owner(o.lockName()), "another process")
		return nil, cli.WithHint(fmt.Errorf("another oi-train is writing to %s.onnx and its companions: %s", o.name, owner),
			"wait until it has ended, or give this run a name of its own with -o")
	case errors.Is(err, filelock.ErrUnsupported):
		env.Warnf("nothing keeps a second run with -o %s from writing to the same files: %v", o.name, err)
		return func() error { return nil }, nil
	case err != nil:
		return nil, fmt.Errorf("lock the output: %w", err)
	}
	host, err := os.Hostname()
	if err != nil {
		host = "a machine without a name"
	}
	_ = lock.Sign(fmt.Sprintf("process %d on %s", os.Getpid(), host)) // only makes a message longer
	return lock.Release, nil
}
