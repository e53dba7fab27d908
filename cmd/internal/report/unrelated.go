package report

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"github.com/opensandwich/oi/cmd/internal/metrics"
)

// DefaultConfident is the probability from which on an answer counts as
// confident where the model has no threshold of its own.
const DefaultConfident = 0.8

// maxUnrelated is how many pictures a report names.
const maxUnrelated = 12

// Unrelated is what a model says of pictures, photos or crops of them, that show
// none of its classes: every confident answer is wrong.
type Unrelated struct {
	Photos    int64            `json:"photos"`    // or crops
	Confident int64            `json:"confident"` // answers of at least Threshold
	Share     float64          `json:"share"`
	Interval  metrics.Interval `json:"share_interval"` // by group
	Groups    int              `json:"groups"`         // the authors of crops, or their photos, and each photo
	Threshold float64          `json:"threshold"`
	// Worst are those of the most confident answers.
	Worst []UnrelatedPhoto `json:"worst"`

	groups map[string]metrics.Group
}

// An UnrelatedPhoto is one of them.
type UnrelatedPhoto struct {
	File        string  `json:"file"` // its name without a folder
	Answer      string  `json:"answer"`
	Probability float64 `json:"probability"`
}

// Add counts an answer about a picture of a group.
func (u *Unrelated) Add(group string, p UnrelatedPhoto) {
	g := u.groups[group]
	u.Photos++
	g.Total++
	if p.Probability >= u.Threshold {
		u.Confident++
		g.Right++
	}
	if u.groups == nil {
		u.groups = map[string]metrics.Group{}
	}
	u.groups[group] = g
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
	u.Groups = len(u.groups)
	u.Interval, _ = metrics.Clustered(slices.Collect(maps.Values(u.groups)))
}

// Basis says what the interval is by.
func (u *Unrelated) Basis() string {
	if int64(u.Groups) == u.Photos {
		return "each for itself"
	}
	return fmt.Sprintf("by author or photo, %d groups", u.Groups)
}

// Text says it in a line.
func (u *Unrelated) Text() string {
	return fmt.Sprintf("of %s that show none of the classes, %d (%.0f %%; 95%% interval %.0f to %.0f %s) get an answer of %g or more",
		plural(u.Photos, "picture"), u.Confident, 100*u.Share, 100*u.Interval.Low, 100*u.Interval.High, u.Basis(), u.Threshold)
}
