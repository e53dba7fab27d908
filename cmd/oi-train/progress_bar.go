package main

import (
	"fmt"
	"io"
	"math"
	"strings"
	"time"

	"github.com/opensandwich/oi/cmd/internal/status"
)

// A progressBar is a line on a terminal that shows how far an epoch has come
// and is drawn again as it goes on. oi-train may draw one because it is the
// last of the pipe; the stages before it write plain lines.
type progressBar struct {
	out     io.Writer // nil: nothing is drawn
	columns int       // of the terminal, 0 is not known
	now     func() time.Time
	start   time.Time // of the epoch
	last    time.Time // when it was drawn, zero if it is not on the screen
}

const (
	barWidth = 24
	barEvery = 100 * time.Millisecond
)

// begin says when an epoch started.
func (b *progressBar) begin(at time.Time) { b.start = at }

// draw shows that an epoch has seen n of total pictures. total is 0 where it
// is not known.
func (b *progressBar) draw(label string, n, total int, loss float64) {
	if b.out == nil {
		return
	}
	now := b.now()
	if !b.last.IsZero() && now.Sub(b.last) < barEvery {
		return
	}
	b.last = now
	// The cursor goes back to the start of the line, so that a line of
	// another stage is written over the bar and not after it. What does not
	// fit is cut off (autowrap is switched off and on again), since only
	// one line can be drawn over. A bar that cannot be drawn is no reason
	// to fail.
	_, _ = fmt.Fprintf(b.out, "\r\x1b[K\x1b[?7l%s\x1b[?7h\r", b.line(label, n, total, loss, now.Sub(b.start)))
}

// line is the text of the bar. Where the terminal is narrow, the bar is shorter
// and what is least needed is left out.
func (b *progressBar) line(label string, n, total int, loss float64, elapsed time.Duration) string {
	perSecond := 0.0
	if elapsed > 0 {
		perSecond = float64(n) / elapsed.Seconds()
	}
	losses, rate := fmt.Sprintf("  loss %.4f", loss), fmt.Sprintf("  %.0f img/s", perSecond)
	if total == 0 {
		count := fmt.Sprintf("%s  %d images", label, n)
		return status.Fit(b.columns, count+losses+rate, count+rate, count)
	}
	n = min(n, total)
	left := "  ? left"
	if perSecond > 0 {
		left = fmt.Sprintf("  %s left", inSeconds(float64(total-n)/perSecond))
	}
	var forms []string
	for _, tail := range []string{losses + rate + left, losses + left, left} {
		for _, width := range []int{barWidth, barWidth / 2} {
			done := width * n / total
			forms = append(forms, fmt.Sprintf("%s  [%s%s]%s", label, strings.Repeat("#", done), strings.Repeat(".", width-done), tail))
		}
	}
	return status.Fit(b.columns, append(forms, fmt.Sprintf("%s  %d%%%s", label, 100*n/total, left))...)
}

// inSeconds is a time as it is shown, 292 years at most.
func inSeconds(s float64) time.Duration {
	const longest = math.MaxInt64 / time.Second
	return time.Duration(min(math.Round(s), float64(longest))) * time.Second
}

// clear removes the bar from the screen.
func (b *progressBar) clear() {
	if b.last.IsZero() {
		return
	}
	b.last = time.Time{}
	_, _ = io.WriteString(b.out, "\r\x1b[K")
}
