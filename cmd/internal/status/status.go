// Package status tells a person how a stage is getting on: one plain line on
// standard error within a second and then every few seconds. Seven processes
// share one terminal, so nothing is drawn over and no line depends on another.
package status

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// First is the time before the first line.
	First = 900 * time.Millisecond
	// Every is the time between two lines.
	Every = 5 * time.Second

	// maxLeft is the longest time left that is told.
	maxLeft = 100 * 24 * time.Hour
)

// A Status counts records and reports them until it is stopped.
type Status struct {
	in, skipped atomic.Int64
	total       atomic.Int64
	stop        chan struct{}
	done        sync.WaitGroup
	once        sync.Once
	name        string
	start       time.Time
	now         func() time.Time
}

// Start begins to report as name on w. A nil w reports nothing; the counts
// are kept all the same.
func Start(w io.Writer, name string, now func() time.Time) *Status {
	s := &Status{name: name, now: now, start: now(), stop: make(chan struct{})}
	if w == nil {
		return s
	}
	s.done.Go(func() {
		timer := time.NewTimer(First)
		defer timer.Stop()
		for {
			select {
			case <-s.stop:
				return
			case <-timer.C:
				// Progress that cannot be shown is no reason to
				// fail.
				_, _ = io.WriteString(w, s.Line()+"\n")
				timer.Reset(Every)
			}
		}
	})
	return s
}

// SetTotal says how many records are expected, 0 for not known, so that the
// share and the time left can be told. It is a hint: once more have come than
// that, neither is told any more.
func (s *Status) SetTotal(n int64) { s.total.Store(n) }

// Add counts n records that came in.
func (s *Status) Add(n int64) { s.in.Add(n) }

// Skip counts a record that failed.
func (s *Status) Skip() { s.skipped.Add(1) }

// Stop ends the reporting. It may be called more than once.
func (s *Status) Stop() {
	s.once.Do(func() { close(s.stop) })
	s.done.Wait()
}

// Line returns the line that would be shown now.
func (s *Status) Line() string {
	in, total := s.in.Load(), s.total.Load()
	elapsed := s.now().Sub(s.start)
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %d", s.name, in)
	known := in <= total && total > 0
	if known {
		fmt.Fprintf(&b, " of %d", total)
	}
	b.WriteString(" records")
	if known {
		fmt.Fprintf(&b, " (%d%%)", int(100*(float64(in)/float64(total))))
	}
	if seconds := elapsed.Seconds(); seconds > 0 && in > 0 {
		rate := float64(in) / seconds
		fmt.Fprintf(&b, ", %.0f/s", rate)
		if left := float64(total-in) / rate; known && in < total && left < maxLeft.Seconds() {
			fmt.Fprintf(&b, ", %s left", time.Duration(left*float64(time.Second)).Round(time.Second))
		}
	}
	if n := s.skipped.Load(); n > 0 {
		fmt.Fprintf(&b, ", %d skipped", n)
	}
	return b.String()
}
