package report

import (
	"encoding/json"
	"fmt"
	"io"

	"github.com/opensandwich/oi/cmd/internal/metrics"
)

// maxBaseline bounds a report that is read, in bytes.
const maxBaseline = 256 << 20

// enoughInCommon is the share of items that two reports must both have.
const enoughInCommon = 0.9

// A Baseline is what an earlier report says of its items.
type Baseline struct {
	Run   string
	items map[string]Judged // by key
}

// ReadBaseline reads the JSON of a report. It is an error if that lists no
// items.
func ReadBaseline(r io.Reader) (*Baseline, error) {
	var old struct {
		Run        string `json:"run"`
		Evaluation *struct {
			Details *struct {
				Items []Judged `json:"items"`
			} `json:"details"`
		} `json:"evaluation"`
	}
	limited := &io.LimitedReader{R: r, N: maxBaseline + 1}
	if err := json.NewDecoder(limited).Decode(&old); err != nil {
		if limited.N <= 0 {
			return nil, fmt.Errorf("is larger than %d MB", maxBaseline>>20)
		}
		return nil, fmt.Errorf("is no report in JSON: %w", err)
	}
	if old.Evaluation == nil || old.Evaluation.Details == nil || len(old.Evaluation.Details.Items) == 0 {
		return nil, fmt.Errorf("lists no items: it is no report, or of an older version, or of more than %d items", maxJudged)
	}
	b := &Baseline{Run: old.Run, items: map[string]Judged{}}
	for _, item := range old.Evaluation.Details.Items {
		b.items[item.Key] = item
	}
	return b, nil
}

// A Comparison is how a model does beside an earlier one, on the items that both
// were judged by.
type Comparison struct {
	Run        string   `json:"run"` // of the baseline
	Items      int64    `json:"items"`
	OnlyHere   int64    `json:"items_only_here"` // items that the baseline lacks, or has under another label
	OnlyThere  int64    `json:"items_only_there"`
	Accuracy   float64  `json:"accuracy"`
	Baseline   float64  `json:"baseline_accuracy"`
	Difference float64  `json:"difference"` // new minus old
	Interval   Interval `json:"difference_interval"`
	Gained     int64    `json:"gained"` // items right now that were wrong
	Lost       int64    `json:"lost"`   // items wrong now that were right
	// McNemar is the p-value as if boxes were independent, which those of
	// one author are not.
	McNemar float64 `json:"mcnemar_p_as_if_boxes_were_independent"`
}

// Compare compares an evaluation with a baseline.
func (e *Evaluation) Compare(b *Baseline) (*Comparison, error) {
	if e.Details == nil || e.Details.Items == nil {
		return nil, fmt.Errorf("more than %d items cannot be compared one by one", maxJudged)
	}
	c := &Comparison{Run: b.Run}
	groups := map[int]metrics.Pair{}
	var right, rightBase int64
	for _, item := range e.Details.Items {
		old, ok := b.items[item.Key]
		if !ok || old.Truth != item.Truth {
			c.OnlyHere++
			continue
		}
		c.Items++
		g := groups[item.Group]
		g.Total++
		now, before := item.Answer == item.Truth, old.Answer == old.Truth
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
	if larger := max(len(e.Details.Items), len(b.items)); float64(c.Items) < enoughInCommon*float64(larger) {
		return nil, fmt.Errorf("only %d items are in both, of %d here and %d in the baseline: these are other data, and at least 90 %% must be the same", c.Items, len(e.Details.Items), len(b.items))
	}
	list := make([]metrics.Pair, 0, len(groups))
	for i := range len(e.Details.Items) { // in the order of the numbers: sums of floats depend on it
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

// Text says it in a line.
func (c *Comparison) Text() string {
	return fmt.Sprintf("beside the baseline %.4f on %d common items: %+.4f (95%% interval %+.4f to %+.4f %s; %d gained, %d lost; McNemar's p, as if boxes were independent, %.2g)",
		c.Baseline, c.Items, c.Difference, c.Interval.Low, c.Interval.High, c.Interval.Basis(), c.Gained, c.Lost, c.McNemar)
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
