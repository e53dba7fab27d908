package provenance

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/opensandwich/oi/cmd/internal/filelock"
)

// lockTime is how long this process waits for others to write the file. Each
// needs the lock for a moment.
const lockTime = 10 * time.Minute

// Locked makes a folder, and calls do while this process has the lock on it.
// Where there are no locks it calls unlocked before, which may warn of it.
func Locked(ctx context.Context, dir string, unlocked func(error), do func() error) error {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, lockTime, fmt.Errorf("waited for %s", lockTime))
	defer cancel()
	lock, err := filelock.Acquire(ctx, filepath.Join(dir, ".oi.lock"))
	if errors.Is(err, filelock.ErrUnsupported) {
		unlocked(err)
		return do()
	}
	if err != nil {
		return fmt.Errorf("lock the folder: %w", err)
	}
	return errors.Join(do(), lock.Release())
}

// A Problem is an error that a person can do something about.
type Problem struct {
	Err  error
	Next string // what to do
}

// Error implements error.
func (p *Problem) Error() string { return p.Err.Error() }

// Unwrap returns what is wrong.
func (p *Problem) Unwrap() error { return p.Err }

// Hint says what to do.
func (p *Problem) Hint() string { return p.Next }
