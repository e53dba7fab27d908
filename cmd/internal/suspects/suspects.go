// Package suspects finds items whose label may be wrong, from answers of models
// that did not see the items: confident learning, as of Northcutt, Jiang and
// Chuang (2021), "Confident Learning: Estimating Uncertainty in Dataset
// Labels", Journal of Artificial Intelligence Research 70.
package suspects

import (
	"cmp"
	"slices"
)

// An Answer is what a model that did not see an item says of it. The zero
// Answer is of an item that no such model could answer for, since no other item
// of its class was there to learn from.
type Answer struct {
	Given     bool
	OfLabel   float64 // the probability of the item's own label
	Other     int     // the most probable of the other classes
	OfOther   float64 // its probability
	Confident bool    // see Mark
}

// NewAnswer returns what probabilities [K], K at least 2, say of an item of the
// class label; of equals the first other class.
func NewAnswer[T float32 | float64](probabilities []T, label int) Answer {
	a := Answer{Given: true, OfLabel: float64(probabilities[label]), Other: -1}
	for k, p := range probabilities {
		if k != label && (a.Other < 0 || float64(p) > a.OfOther) {
			a.Other, a.OfOther = k, float64(p)
		}
	}
	return a
}

// Margin is the normalised margin: the probability of the label minus that of
// the best other class, from -1 to 1.
func (a Answer) Margin() float64 { return a.OfLabel - a.OfOther }

// Differs reports whether the answer is another class than the label.
func (a Answer) Differs() bool { return a.Given && a.Margin() < 0 }

// Mark marks the answers that differ and are confident: that give the other
// class at least the probability which items of that class get for it on
// average, the threshold of confident learning. labels are the items' classes,
// from 0 to classes-1.
func Mark(answers []Answer, labels []int, classes int) {
	sum, n := make([]float64, classes), make([]float64, classes)
	for i, a := range answers {
		if a.Given {
			sum[labels[i]] += a.OfLabel
			n[labels[i]]++
		}
	}
	for i := range answers {
		a := &answers[i]
		a.Confident = a.Differs() && n[a.Other] > 0 && a.OfOther >= sum[a.Other]/n[a.Other]
	}
}

// Order returns the places of the answers that differ, the lowest margin first,
// of equals the first.
func Order(answers []Answer) []int {
	var order []int
	for i, a := range answers {
		if a.Differs() {
			order = append(order, i)
		}
	}
	slices.SortStableFunc(order, func(i, j int) int { return cmp.Compare(answers[i].Margin(), answers[j].Margin()) })
	return order
}
