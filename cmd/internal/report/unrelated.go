package report

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/opensandwich/oi/cmd/internal/metrics"
)

// DefaultConfident is the probability from which on an answer counts as
// confident where the model has no threshold of its own.
const DefaultConfident = 0.8

// maxUnrelated is how many photos a report names.
const maxUnrelated = 12

// Unrelated is what a model says of photos that show none of its classes:
// every confident answer is wrong.
type Unrelated struct {
	Photos    int64            `json:"photos"`
	Confident int64            `json:"confident"` // answers of at least Threshold
	Share     float64          `json:"share"`
	Interval  metrics.Interval `json:"share_interval"` // each photo for itself
	Threshold float64          `json:"threshold"`
	// Worst are those of the most confident answers.
	Worst []UnrelatedPhoto `json:"worst"`
}

// An UnrelatedPhoto is one of them.
type UnrelatedPhoto struct {
	File        string  `json:"file"` // its name without a folder
	Answer      string  `json:"answer"`
	Probability float64 `json:"probability"`
}

// Add counts an answer.
func (u *Unrelated) Add(p UnrelatedPhoto) {
	u.Photos++
	if p.Probability >= u.Threshold {
		u.Confident++
	}
	at, _ := slices.BinarySearchFunc(u.Worst, p, func(a, b UnrelatedPhoto) int {
		return cmp.Or(cmp.Compare(b.Probability, a.Probability), cmp.Compare(a.File, b.File))
	})
	if at < maxUnrelated {
		u.Worst = slices.Insert(u.Worst, at, p)
		u.Worst = u.Worst[:min(len(u.Worst), maxUnrelated)]
	}
}

// Finish computes the share, now that all answers are counted.
func (u *Unrelated) Finish() {
	u.Share = float64(u.Confident) / float64(u.Photos)
	groups := make([]metrics.Group, u.Photos)
	for i := range groups {
		groups[i].Total = 1
		if int64(i) < u.Confident {
			groups[i].Right = 1
		}
	}
	u.Interval, _ = metrics.Clustered(groups)
}

// Text says it in a line.
func (u *Unrelated) Text() string {
	return fmt.Sprintf("of %s that show none of the classes, %d (%.0f %%; 95%% interval %.0f to %.0f) get an answer of %g or more",
		plural(u.Photos, "photo"), u.Confident, 100*u.Share, 100*u.Interval.Low, 100*u.Interval.High, u.Threshold)
}
