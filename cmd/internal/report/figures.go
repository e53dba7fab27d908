package report

import (
	"fmt"
	"math"

	"github.com/opensandwich/oi/cmd/internal/metrics"
)

// orDash writes a figure that may not be defined.
func orDash(n Number) string {
	if math.IsNaN(float64(n)) || math.IsInf(float64(n), 0) {
		return "-"
	}
	return fmt.Sprintf("%.3f", float64(n))
}

// four writes a loss or an accuracy of type float64 or Number, which may not be
// defined.
func four(v any) string {
	f, ok := v.(float64)
	if n, isNumber := v.(Number); isNumber {
		f, ok = float64(n), true
	}
	if !ok || math.IsNaN(f) || math.IsInf(f, 0) {
		return "-"
	}
	return fmt.Sprintf("%.4f", f)
}

// between writes an interval that may not be known.
func between(i *metrics.Interval) string {
	if i == nil {
		return "-"
	}
	return digits(i.Low) + " to " + digits(i.High)
}

// Right writes how many of the answers that are given are right.
func (c Coverage) Right() string {
	if math.IsNaN(float64(c.Accuracy)) {
		return "-"
	}
	return fmt.Sprintf("%.1f %%", 100*float64(c.Accuracy))
}

// Unit says what the figures are of, "" where it is not known.
func (e *Evaluation) Unit() string {
	if e.Details == nil || e.Details.Photos == 0 {
		return ""
	}
	text := plural(e.Details.Photos, "photo")
	if e.Interval.By == byAuthor {
		text += " by " + plural(int64(e.Interval.Groups), "author")
	}
	return text
}

// plural is 1 photo, 2 photos.
func plural(n int64, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

func digits(v float64) string { return fmt.Sprintf("%.2f", v) }
