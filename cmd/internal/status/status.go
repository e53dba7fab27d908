// Package status tells a person how a stage is getting on: one plain line on
// standard error every few seconds. Seven processes share one terminal, so
// nothing is drawn over and no line depends on another.
package status

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Every is the time between two lines.
const Every = 5 * time.Second

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
		tick := time.NewTicker(Every)
		defer tick.Stop()
		for {
			select {
			case <-s.stop:
				return
			case <-tick.C:
				// Progress that cannot be shown is no reason to fail.
				_, _ = io.WriteString(w, s.Line()+"\n")
			}
		}
	})
	return s
}

// SetTotal says how many records are expected, so that the time left can be
// told.
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
	if total > 0 {
		fmt.Fprintf(&b, " of %d", total)
	}
	b.WriteString(" records")
	if seconds := elapsed.Seconds(); seconds > 0 && in > 0 {
		rate := float64(in) / seconds
		fmt.Fprintf(&b, ", %.0f/s", rate)
		if left := total - in; left > 0 {
			fmt.Fprintf(&b, ", %s left", time.Duration(float64(left)/rate*float64(time.Second)).Round(time.Second))
		}
	}
	if n := s.skipped.Load(); n > 0 {
		fmt.Fprintf(&b, ", %d skipped", n)
	}
	return b.String()
}
