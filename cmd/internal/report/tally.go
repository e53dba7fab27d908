package report

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"

	"github.com/opensandwich/oi/cmd/internal/dataset"
	"github.com/opensandwich/oi/cmd/internal/metrics"
	"github.com/opensandwich/oi/record"
)

// MaxMistakes is how many mistakes a report shows.
const MaxMistakes = 24

// A Mistake is a wrong answer.
type Mistake struct {
	Key           string             `json:"key"`
	Truth         string             `json:"truth"`
	Predicted     string             `json:"predicted"`
	Probability   float64            `json:"probability"` // of the wrong answer
	Probabilities map[string]float64 `json:"probabilities"`
	Author        string             `json:"author,omitempty"`
	Title         string             `json:"title,omitempty"`
	License       string             `json:"license,omitempty"`
	LandingURL    string             `json:"landing_url,omitempty"`

	pixels []byte
	size   dataset.Size
}

// A Tally collects a model's answers on one set. Its size grows with the number
// of groups of items, by a few bytes each, and not with that of answers.
type Tally struct {
	set       string
	classes   []string
	confusion *metrics.Confusion
	groups    dataset.Groups
	answers   []metrics.Group // by the number of an item's group
	loss      metrics.LogLoss
	mistakes  []Mistake // most confident first
	shared    int64
	unshared  *Tally // without items of shared authors
}

// NewTally returns an empty tally.
func NewTally(set string, classes []string) *Tally {
	t := newTally(set, classes)
	t.unshared = newTally(set, classes)
	return t
}

func newTally(set string, classes []string) *Tally {
	return &Tally{set: set, classes: slices.Clone(classes), confusion: metrics.NewConfusion(classes)}
}

// Len returns the number of answers.
func (t *Tally) Len() int64 { return t.confusion.Total() }

// Best returns the position of the largest probability, the first of equal
// ones.
func Best(probabilities []float32) int {
	best := 0
	for i, p := range probabilities {
		if p > probabilities[best] {
			best = i
		}
	}
	return best
}

// Add counts the answer for an item whose class is truth. Shared says that
// train has photos by the same author.
func (t *Tally) Add(item *record.Item, truth int, probabilities []float32, shared bool) error {
	if len(probabilities) != len(t.classes) {
		return fmt.Errorf("item %s: %d probabilities for %d classes", item.Key, len(probabilities), len(t.classes))
	}
	for _, p := range probabilities {
		if math.IsNaN(float64(p)) {
			return fmt.Errorf("item %s: the model's answer is not a number", dataset.KeyOf(item))
		}
	}
	predicted := Best(probabilities)
	if err := t.confusion.Add(truth, predicted); err != nil {
		return err
	}
	t.loss.Add(float64(probabilities[truth]))
	t.group(item, predicted == truth)
	if predicted != truth {
		t.mistake(item, truth, predicted, probabilities)
	}
	switch {
	case t.unshared == nil:
	case shared:
		t.shared++
	default:
		return t.unshared.Add(item, truth, probabilities, false)
	}
	return nil
}

// group counts an answer among those on pictures like it.
func (t *Tally) group(item *record.Item, right bool) {
	n := t.groups.Add(item)
	if n >= len(t.answers) {
		t.answers = append(t.answers, make([]metrics.Group, n+1-len(t.answers))...)
	}
	t.answers[n].Total++
	if right {
		t.answers[n].Right++
	}
}

// interval returns the interval of the accuracy.
func (t *Tally) interval() Interval {
	groups, authors := map[int]metrics.Group{}, 0
	for n, answers := range t.answers {
		if answers.Total == 0 {
			continue
		}
		n = t.groups.Find(n)
		if _, ok := groups[n]; !ok && t.groups.HasAuthor(n) {
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

// mistake keeps a wrong answer if it is among the most confident ones.
func (t *Tally) mistake(item *record.Item, truth, predicted int, probabilities []float32) {
	if t.unshared == nil {
		return // kept by the tally of all answers
	}
	m := Mistake{
		Key: dataset.KeyOf(item), Truth: t.classes[truth], Predicted: t.classes[predicted],
		Probability: float64(probabilities[predicted]), Probabilities: map[string]float64{},
	}
	at, _ := slices.BinarySearchFunc(t.mistakes, m, func(a, b Mistake) int {
		return cmp.Or(cmp.Compare(b.Probability, a.Probability), cmp.Compare(a.Key, b.Key))
	})
	if at == MaxMistakes {
		return
	}
	for i, p := range probabilities {
		m.Probabilities[t.classes[i]] = float64(p)
	}
	if image := item.Image; image != nil {
		m.Author, m.Title, m.License, m.LandingURL = image.Author, image.Title, image.License, image.LandingURL
	}
	if size, err := dataset.SizeOf(item); err == nil {
		m.pixels, m.size = item.Tensor.Data, size
	}
	t.mistakes = slices.Insert(t.mistakes, at, m)
	t.mistakes = t.mistakes[:min(len(t.mistakes), MaxMistakes)]
}

// Evaluation returns the figures.
func (t *Tally) Evaluation() *Evaluation {
	total := t.confusion.Total()
	e := &Evaluation{
		Set: t.set, Items: total,
		Report: t.confusion.Dict(), Text: t.confusion.Text(2), Matrix: t.confusion.Matrix(),
		Accuracy: t.confusion.Accuracy(),
		Interval: t.interval(),
		LogLoss:  t.loss.Mean(),
		Mistakes: t.mistakes,

		scores: t.confusion.PerClass(), classes: t.classes, confusion: t.confusion,
	}
	for _, s := range e.scores {
		if total > 0 {
			e.Baseline = max(e.Baseline, float64(s.Support)/float64(total))
		}
	}
	if t.unshared != nil {
		e.SharedAuthors = t.shared
		if t.shared > 0 && t.unshared.Len() > 0 {
			e.Unshared = t.unshared.Evaluation()
		}
	}
	return e
}
