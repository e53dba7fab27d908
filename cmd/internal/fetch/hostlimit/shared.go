package hostlimit

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/time/rate"

	"github.com/opensandwich/oi/cmd/internal/filelock"
	"github.com/opensandwich/oi/cmd/internal/posixfile"
)

// Shared holds processes that name the same folder to one rate together, and
// to the pauses that a host asked one of them for. The folder has a file for
// each host; machines whose clocks differ wait for longer, and never send more.
type Shared struct{ dir string }

// What a file says beyond this is the error of a clock, and counts as nothing.
const (
	maxTurns = 10_000 // requests that wait for one host, one a process
	maxBreak = 24 * time.Hour

	maxInterval = float64(100 * 365 * 24 * time.Hour) // which a file can hold
)

// OpenShared makes the folder where it is missing.
func OpenShared(dir string) (*Shared, error) {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return nil, err
	}
	return &Shared{dir}, nil
}

// A schedule is what a host's file says: two times in nanoseconds since 1970,
// in decimal. What cannot be read is as good as nothing: a process that was
// killed may have left half of it.
type schedule struct {
	next   time.Time // no request before
	paused time.Time // the host wants to be left alone until then
}

const scheduleFormat = "%019d %019d\n"

func (s *Shared) path(group string) string {
	safe := func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '-' || r == '.' {
			return r
		}
		return '_'
	}
	return filepath.Join(s.dir, "host-"+strings.Map(safe, group))
}

// turn is the next time at which a request may be sent, when requests are an
// interval apart. The error is a *PauseError.
func (s schedule) turn(now time.Time, interval time.Duration) (time.Time, error) {
	at := now
	if pause := s.paused.Sub(now); pause > MaxPause && pause <= maxBreak {
		return at, &PauseError{pause}
	} else if pause > 0 && pause <= MaxPause {
		at = s.paused
	}
	most := MaxPause + time.Duration(min(maxTurns*float64(interval), maxInterval))
	if s.next.After(at) && s.next.Sub(now) <= most {
		at = s.next
	}
	return at, nil
}

// reserve takes the next time at which a request may be sent to a group of
// hosts. The error is a *PauseError, the context's, or of the folder.
func (s *Shared) reserve(ctx context.Context, group string, clock Clock, limit rate.Limit) (at time.Time, err error) {
	if limit == rate.Inf { // nothing to reserve: only a pause is to be known
		is, err := s.read(group)
		if err != nil {
			return at, err
		}
		return is.turn(clock.Now(), 0)
	}
	interval := time.Duration(min(float64(time.Second)/float64(limit), maxInterval))
	err = s.update(ctx, group, func(is *schedule) error {
		var err error
		at, err = is.turn(clock.Now(), interval) // the lock may have been waited for
		is.next = at.Add(interval)
		return err
	})
	return at, err
}

// pause notes that a group of hosts wants to be left alone.
func (s *Shared) pause(ctx context.Context, group string, now, until time.Time) error {
	return s.update(ctx, group, func(is *schedule) error {
		if until.After(is.paused) || is.paused.Sub(now) > maxBreak {
			is.paused = until
		}
		return nil
	})
}

// read returns what the file of a group says, which may be changing.
func (s *Shared) read(group string) (is schedule, err error) {
	file, err := posixfile.Open(s.path(group))
	if errors.Is(err, os.ErrNotExist) {
		return is, nil
	}
	if err != nil {
		return is, err
	}
	is, err = readSchedule(file)
	return is, errors.Join(err, file.Close())
}

// update changes the file of a group under its lock, unless change fails.
func (s *Shared) update(ctx context.Context, group string, change func(*schedule) error) (err error) {
	path := s.path(group)
	lock, err := filelock.Acquire(ctx, path)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	file := lock.File()
	defer func() { err = errors.Join(err, file.Close()) }() // gives the lock up
	is, err := readSchedule(file)
	if err != nil {
		return err
	}
	if err := change(&is); err != nil {
		return err
	}
	_, err = file.WriteAt(fmt.Appendf(nil, scheduleFormat, unixNano(is.next), unixNano(is.paused)), 0)
	return err
}

func readSchedule(file *os.File) (schedule, error) {
	const size = 2*19 + 2
	data := make([]byte, size)
	n, err := file.ReadAt(data, 0)
	if err != nil && err != io.EOF {
		return schedule{}, err
	}
	var next, paused int64
	if _, err := fmt.Sscanf(string(data[:n]), scheduleFormat, &next, &paused); err != nil || n < size {
		return schedule{}, nil
	}
	return schedule{time.Unix(0, next), time.Unix(0, paused)}, nil
}

// unixNano is the time as the file has it, 0 for none.
func unixNano(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return max(t.UnixNano(), 0)
}
