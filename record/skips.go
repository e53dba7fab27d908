package record

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
)

// A SkipLimit says how many skipped items are too many: a number, or a share
// of the items that came in. The zero SkipLimit allows none.
type SkipLimit struct {
	number  int64
	percent float64
	from    int64 // a share of fewer items than this means nothing
	share   bool
}

var errSkipLimit = errors.New("want a number such as 10 or a percentage such as 25%")

// ParseSkipLimit reads a limit: a number such as "10", a share such as "25%",
// or a share such as "25% from 20", which holds where at least 20 items came
// in.
func ParseSkipLimit(text string) (SkipLimit, error) {
	if n, err := strconv.ParseInt(text, 10, 64); err == nil && n >= 0 {
		return SkipLimit{number: n}, nil
	}
	percent, rest, ok := strings.Cut(text, "%")
	l := SkipLimit{share: true}
	var err error
	if l.percent, err = strconv.ParseFloat(percent, 64); !ok || err != nil || !(l.percent >= 0 && l.percent <= 100) {
		return SkipLimit{}, errSkipLimit
	}
	if rest != "" {
		from, ok := strings.CutPrefix(rest, " from ")
		if l.from, err = strconv.ParseInt(from, 10, 64); !ok || err != nil || l.from < 0 {
			return SkipLimit{}, errSkipLimit
		}
	}
	return l, nil
}

// String returns the limit in the form that ParseSkipLimit reads.
func (l SkipLimit) String() string {
	switch {
	case !l.share:
		return strconv.FormatInt(l.number, 10)
	case l.from > 0:
		return fmt.Sprintf("%s%% from %d", strconv.FormatFloat(l.percent, 'f', -1, 64), l.from)
	}
	return strconv.FormatFloat(l.percent, 'f', -1, 64) + "%"
}

// IsPercentage reports whether the limit is a share of the items that came in.
func (l SkipLimit) IsPercentage() bool { return l.share }

// Exceeded reports whether skipped of in items are too many.
func (l SkipLimit) Exceeded(in, skipped int64) bool {
	if !l.share {
		return skipped > l.number
	}
	// 29 of 100 are no more than 29%, although 0.29*100 is less than 29.
	return in >= l.from && 100*float64(skipped) > l.percent*float64(in)
}

// A SkipError reports that the pieces of a segment, each of which may have
// been too small to tell, have too many skipped items together.
type SkipError struct {
	Counts StageCounts // the sums of the stage that skipped them
	Limit  string      // that they exceed; "" where everything was skipped, which none allows
}

func (e *SkipError) Error() string {
	const most = 5 // reasons, which anybody may have written
	var reasons []string
	for _, reason := range slices.Sorted(maps.Keys(e.Counts.Skipped)) {
		if len(reasons) == most {
			reasons = append(reasons, "…")
			break
		}
		reasons = append(reasons, fmt.Sprintf("%.60s: %d", reason, e.Counts.Skipped[reason]))
	}
	return fmt.Sprintf("%.40s skipped too many: %d of %d records (%s)",
		e.Counts.Tool, e.Counts.skips(), e.Counts.In, strings.Join(reasons, ", "))
}

// checkSkipLimit checks the text of a limit.
func checkSkipLimit(text string) error {
	_, err := ParseSkipLimit(text)
	return err
}

// maxSkipLimits is how many different limits the pieces of a segment may have.
const maxSkipLimits = 64

// skipLimits are the different limits of the parts of one stage.
type skipLimits []SkipLimit

// add takes note of a part's limit, "" for none.
func (s *skipLimits) add(text string) error {
	if text == "" {
		return nil
	}
	l, err := ParseSkipLimit(text)
	if err != nil || slices.Contains(*s, l) {
		return err
	}
	if len(*s) == maxSkipLimits {
		return fmt.Errorf("the pieces ran under more than %d different limits on skips", maxSkipLimits)
	}
	*s = append(*s, l)
	return nil
}

// check returns a *SkipError if the stage skipped everything, or more than the
// strictest of the limits allows.
func (s skipLimits) check(sums StageCounts) error {
	if sums.AllSkipped() {
		return &SkipError{Counts: sums}
	}
	if len(s) == 0 {
		return nil
	}
	strictest := slices.MinFunc(s, func(a, b SkipLimit) int {
		return cmp.Or(cmp.Compare(a.allowance(sums.In), b.allowance(sums.In)), cmp.Compare(a.String(), b.String()))
	})
	if strictest.Exceeded(sums.In, sums.skips()) {
		return &SkipError{Counts: sums, Limit: strictest.String()}
	}
	return nil
}

// allowance is how many of in items may be skipped, about.
func (l SkipLimit) allowance(in int64) float64 {
	switch {
	case !l.share:
		return float64(l.number)
	case in < l.from:
		return math.Inf(1)
	}
	return l.percent / 100 * float64(in)
}
