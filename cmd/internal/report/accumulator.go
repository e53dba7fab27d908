package report

import (
	"fmt"
	"maps"
	"math"
	"slices"

	"github.com/opensandwich/oi/cmd/internal/dataset"
	"github.com/opensandwich/oi/cmd/internal/metrics"
	"github.com/opensandwich/oi/record"
)

// An Accumulator collects the answers of a model on one set: the confusion
// matrix, the loss, the right answers of each group of items, and the worst
// mistakes; and the answers themselves, as long as they are not too many: some
// 100 bytes for each and 4 for each of its probabilities, 384 MB at most.
type Accumulator struct {
	set       string
	classes   []string
	confusion *metrics.Confusion
	groups    dataset.Groups
	answers   []metrics.Group // by the number of an item's group
	loss      metrics.LogLoss
	shown     *shown // nil within another
	details   details
	shared    int64
	unshared  *Accumulator // without items of shared authors
}

// NewAccumulator returns an empty accumulator.
func NewAccumulator(set string, classes []string) *Accumulator {
	a := newAccumulator(set, classes)
	a.unshared, a.shown = newAccumulator(set, classes), newShown(classes)
	return a
}

func newAccumulator(set string, classes []string) *Accumulator {
	return &Accumulator{set: set, classes: slices.Clone(classes), confusion: metrics.NewConfusion(classes)}
}

// Len returns the number of answers.
func (a *Accumulator) Len() int64 { return a.confusion.Total() }

// ArgMax returns the index of the largest probability, the first of equal ones.
func ArgMax(probabilities []float32) int {
	best := 0
	for i, p := range probabilities {
		if p > probabilities[best] {
			best = i
		}
	}
	return best
}

// Add counts the answer for an item whose class is truth, a probability for
// each class. Shared says that train has photos by the same author.
func (a *Accumulator) Add(item *record.Item, truth int, probabilities []float32, shared bool) error {
	if len(probabilities) != len(a.classes) {
		return fmt.Errorf("item %s: %d probabilities for %d classes", item.Key, len(probabilities), len(a.classes))
	}
	for _, p := range probabilities {
		if math.IsNaN(float64(p)) {
			return fmt.Errorf("item %s: the model's answer is not a number", dataset.KeyOf(item))
		}
	}
	predicted := ArgMax(probabilities)
	if err := a.confusion.Add(truth, predicted); err != nil {
		return err
	}
	a.loss.Add(float64(probabilities[truth]))
	group := a.group(item, predicted == truth)
	if a.unshared != nil {
		a.details.add(item, group, truth, predicted, probabilities, shared)
	}
	if a.shown != nil {
		a.shown.add(item, truth, predicted, probabilities)
	}
	switch {
	case a.unshared == nil:
	case shared:
		a.shared++
	default:
		return a.unshared.Add(item, truth, probabilities, false)
	}
	return nil
}

// group counts an answer in the group of its item, see [dataset.Groups], and
// returns its number.
func (a *Accumulator) group(item *record.Item, right bool) int {
	n := a.groups.Add(item)
	if n >= len(a.answers) {
		a.answers = append(a.answers, make([]metrics.Group, n+1-len(a.answers))...)
	}
	a.answers[n].Total++
	if right {
		a.answers[n].Right++
	}
	return n
}

// interval returns the interval of the accuracy.
func (a *Accumulator) interval() Interval {
	groups, authors := map[int]metrics.Group{}, 0
	for n, answers := range a.answers {
		if answers.Total == 0 {
			continue
		}
		n = a.groups.Find(n)
		if _, ok := groups[n]; !ok && a.groups.HasAuthor(n) {
			authors++
		}
		groups[n] = metrics.Group{Right: groups[n].Right + answers.Right, Total: groups[n].Total + answers.Total}
	}
	i := Interval{By: byEither, Groups: len(groups), TooFew: len(groups) < enoughGroups}
	switch authors {
	case len(groups):
		i.By = byAuthor
	case 0:
		i.By = byPhoto
	}
	i.Interval, i.DesignEffect = metrics.Clustered(slices.Collect(maps.Values(groups)))
	return i
}

// Evaluation returns the figures.
func (a *Accumulator) Evaluation() *Evaluation {
	total := a.confusion.Total()
	e := &Evaluation{
		Set: a.set, Items: total,
		Report: a.confusion.Dict(), Text: a.confusion.Text(2), Matrix: a.confusion.Matrix(),
		Accuracy: a.confusion.Accuracy(),
		Interval: a.interval(),
		LogLoss:  a.loss.Mean(),

		scores: a.confusion.PerClass(), classes: a.classes, confusion: a.confusion,
	}
	for _, s := range e.scores {
		if total > 0 {
			e.Baseline = max(e.Baseline, float64(s.Support)/float64(total))
		}
	}
	if a.unshared != nil {
		e.Details = a.evaluateDetails()
		e.Mistakes, e.Confident, e.Sample = a.shown.mistakes, a.shown.confident(), a.shown.sampled()
		e.SharedAuthors = a.shared
		if a.shared > 0 && a.unshared.Len() > 0 {
			e.Unshared = a.unshared.Evaluation()
		}
	}
	return e
}
