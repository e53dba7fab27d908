// Package status tells a person how a stage is getting on: one plain line on
// standard error within a second and then every few seconds. Seven processes
// share one terminal, so nothing is drawn over and no line depends on another.
package status

import (
	"cmp"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"
	"unicode/utf8"
)

const (
	// First is the time before the first line.
	First = 900 * time.Millisecond
	// Every is the time between two lines.
	Every = 5 * time.Second

	// maxLeft is the longest time left that is told.
	maxLeft = 100 * 24 * time.Hour
)

// A Subject is what a status is of.
type Subject struct {
	Name    string // of the stage
	Unit    string // what is counted: "records"
	Columns int    // of the terminal, which no line is wider than; 0 is not known
}

// A Status counts records and reports them until it is stopped.
type Status struct {
	in, skipped atomic.Int64
	total       atomic.Int64
	stop        chan struct{}
	done        sync.WaitGroup
	once        sync.Once
	subject     Subject
	start       time.Time
	now         func() time.Time
}

// Start begins to report on w. A nil w reports nothing; the counts are kept all
// the same.
func Start(w io.Writer, subject Subject, now func() time.Time) *Status {
	s := &Status{subject: subject, now: now, start: now(), stop: make(chan struct{})}
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
	seconds := s.now().Sub(s.start).Seconds()
	known := in <= total && total > 0
	count, percent := fmt.Sprint(in), ""
	if known {
		count += fmt.Sprintf(" of %d", total)
		percent = fmt.Sprintf("%d%%", int(100*(float64(in)/float64(total))))
	}
	rate, left, skipped := "", "", ""
	if seconds > 0 && in > 0 {
		perSecond := float64(in) / seconds
		rate = fmt.Sprintf(", %.0f/s", perSecond)
		if wait := float64(total-in) / perSecond; known && in < total && wait < maxLeft.Seconds() {
			left = fmt.Sprintf(", %s left", time.Duration(wait*float64(time.Second)).Round(time.Second))
		}
	}
	if n := s.skipped.Load(); n > 0 {
		skipped = fmt.Sprintf(", %d skipped", n)
	}
	parenthesis := ""
	if known {
		parenthesis = " (" + percent + ")"
	}
	name := s.subject.Name + ": "
	return Fit(s.subject.Columns,
		name+count+" "+s.subject.Unit+parenthesis+rate+left+skipped,
		name+count+parenthesis+rate+left+skipped,
		name+cmp.Or(percent, count)+rate+left+skipped,
		name+cmp.Or(percent, count)+left+skipped,
		name+cmp.Or(percent, count)+left)
}

// Fit returns the first of the forms of a line, the longest first, that leaves
// the last column of a terminal free, so that it never wraps. Of the last form
// the end is cut off if need be. columns is 0 where the width is not known: the
// first form then.
func Fit(columns int, forms ...string) string {
	if columns <= 0 {
		return forms[0]
	}
	for _, form := range forms {
		if utf8.RuneCountInString(form) < columns {
			return form
		}
	}
	return string([]rune(forms[len(forms)-1])[:columns-1])
}
