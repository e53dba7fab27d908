package report

import (
	"fmt"
	"slices"

	"github.com/opensandwich/oi/cmd/internal/metrics"
)

// maxReport bounds a report that is read, in bytes.
const maxReport = 256 << 20

// enoughInCommon is the share of items that two reports must both have.
const enoughInCommon = 0.9

// A Baseline is what an earlier report says of its items.
type Baseline struct {
	Listed
	items map[string]outcome // by key
}

// An outcome is the true class of an item, and whether it was found.
type outcome struct {
	truth string
	right bool
}

// ReadBaseline reads the JSON of a report. It is an error if that lists no
// items.
func ReadBaseline(path string) (*Baseline, error) {
	b := &Baseline{items: map[string]outcome{}}
	classes := map[string]string{} // each name once in memory
	var err error
	b.Listed, err = ReadItems(path, func(item Judged) error {
		truth, ok := classes[item.Truth]
		if !ok {
			truth = item.Truth
			classes[truth] = truth
		}
		b.items[item.Key] = outcome{truth, item.Answer == item.Truth}
		return nil
	})
	return b, err
}

// A Comparison is how a model does beside an earlier one, on the items that both
// were judged by.
type Comparison struct {
	Run string `json:"run"` // of the baseline
	// OtherClasses says that the baseline tells other classes apart.
	OtherClasses bool     `json:"other_classes,omitempty"`
	Items        int64    `json:"items"`
	OnlyHere     int64    `json:"items_only_here"` // items that the baseline lacks, or has under another label
	OnlyThere    int64    `json:"items_only_there"`
	Accuracy     float64  `json:"accuracy"`
	Baseline     float64  `json:"baseline_accuracy"`
	Difference   float64  `json:"difference"` // new minus old
	Interval     Interval `json:"difference_interval"`
	Gained       int64    `json:"gained"` // items right now that were wrong
	Lost         int64    `json:"lost"`   // items wrong now that were right
	// McNemar is the p-value as if boxes were independent, which those of
	// one author are not.
	McNemar float64 `json:"mcnemar_p_as_if_boxes_were_independent"`
}

// Compare compares an evaluation with a baseline.
func (e *Evaluation) Compare(b *Baseline) (*Comparison, error) {
	if e.Details == nil {
		return nil, fmt.Errorf("more than %d items cannot be compared one by one", maxAnswers)
	}
	c := &Comparison{Run: b.Run, OtherClasses: !sameNames(b.Classes, e.classes)}
	groups := map[int]metrics.Pair{}
	var right, rightBase int64
	for item := range e.Details.judged() {
		old, ok := b.items[item.Key]
		if !ok || old.truth != item.Truth {
			c.OnlyHere++
			continue
		}
		c.Items++
		g := groups[item.Group]
		g.Total++
		now, before := item.Answer == item.Truth, old.right
		if now {
			right++
		}
		if before {
			rightBase++
		}
		switch {
		case now && !before:
			g.OnlyNew++
			c.Gained++
		case before && !now:
			g.OnlyBase++
			c.Lost++
		}
		groups[item.Group] = g
	}
	c.OnlyThere = int64(len(b.items)) - c.Items
	if larger := max(len(e.Details.answers), len(b.items)); float64(c.Items) < enoughInCommon*float64(larger) {
		return nil, fmt.Errorf("only %d items are in both, of %d here and %d in the baseline: these are other data, and at least 90 %% must be the same", c.Items, len(e.Details.answers), len(b.items))
	}
	list := make([]metrics.Pair, 0, len(groups))
	for i := range len(e.Details.answers) { // in the order of the numbers: sums of floats depend on it
		if g, ok := groups[i]; ok {
			list = append(list, g)
		}
	}
	c.Accuracy, c.Baseline = float64(right)/float64(c.Items), float64(rightBase)/float64(c.Items)
	c.Interval = Interval{By: e.Interval.By, Groups: len(list), TooFew: len(list) < enoughGroups}
	c.Difference, c.Interval.Interval = metrics.PairedDifference(list)
	c.McNemar = metrics.McNemar(c.Gained, c.Lost)
	return c, nil
}

// sameNames reports whether two lists have the same names, in any order.
func sameNames(a, b []string) bool {
	return slices.Equal(slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b)))
}

// Text says it in a line.
func (c *Comparison) Text() string {
	other := ""
	if c.OtherClasses {
		other = ", which tells other classes apart,"
	}
	return fmt.Sprintf("beside the baseline%s %.4f on %d common items: %+.4f (95%% interval %+.4f to %+.4f %s; %d gained, %d lost; McNemar's p, as if boxes were independent, %.2g)",
		other, c.Baseline, c.Items, c.Difference, c.Interval.Low, c.Interval.High, c.Interval.Basis(), c.Gained, c.Lost, c.McNemar)
}

// Sentence is the same for the page.
func (c *Comparison) Sentence() string { return Sentence(c.Text()) }

// CheckNoWorse returns an error unless the interval of the difference says that
// the model is worse by less than margin.
func (c *Comparison) CheckNoWorse(margin float64) error {
	if c.Interval.Low > -margin {
		return nil
	}
	more := ""
	if c.Difference >= 0 {
		more = "; more items would tell"
	}
	return fmt.Errorf("the accuracy may be lower than that of the baseline by %.4f (95%% interval of the difference %+.4f to %+.4f %s), allowed is less than %g%s",
		-c.Interval.Low, c.Interval.Low, c.Interval.High, c.Interval.Basis(), margin, more)
}
