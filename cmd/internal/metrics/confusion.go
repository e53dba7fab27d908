package metrics

import (
	"fmt"
	"slices"
)

// A Confusion counts answers by what was true and what was predicted.
type Confusion struct {
	classes []string
	counts  []int64 // row: truth, column: prediction
}

// NewConfusion returns an empty matrix of the classes, in the given order.
func NewConfusion(classes []string) *Confusion {
	return &Confusion{classes: slices.Clone(classes), counts: make([]int64, len(classes)*len(classes))}
}

// Classes returns the names, in the order of rows and columns.
func (c *Confusion) Classes() []string { return slices.Clone(c.classes) }

// Add counts one answer. Both numbers are positions in the classes; it is an
// error if one is not.
func (c *Confusion) Add(truth, predicted int) error {
	n := len(c.classes)
	if truth < 0 || truth >= n || predicted < 0 || predicted >= n {
		return fmt.Errorf("answer (%d, %d) is not within %d classes", truth, predicted, n)
	}
	c.counts[truth*n+predicted]++
	return nil
}

// Count returns how often predicted was the answer where truth was true.
func (c *Confusion) Count(truth, predicted int) int64 {
	return c.counts[truth*len(c.classes)+predicted]
}

// Matrix returns a copy, row by row.
func (c *Confusion) Matrix() [][]int64 {
	rows := make([][]int64, len(c.classes))
	for i := range rows {
		rows[i] = slices.Clone(c.counts[i*len(c.classes) : (i+1)*len(c.classes)])
	}
	return rows
}

// Total returns the number of answers.
func (c *Confusion) Total() int64 {
	var n int64
	for _, k := range c.counts {
		n += k
	}
	return n
}

// Correct returns the number of right answers.
func (c *Confusion) Correct() int64 {
	var n int64
	for i := range c.classes {
		n += c.Count(i, i)
	}
	return n
}

// Accuracy returns the share of right answers, 0 where there is none at all.
func (c *Confusion) Accuracy() float64 {
	return ratio(c.Correct(), c.Total())
}

// marginals returns, for each class, how often it was right, predicted and
// true.
func (c *Confusion) marginals() (right, predicted, truth []int64) {
	n := len(c.classes)
	right, predicted, truth = make([]int64, n), make([]int64, n), make([]int64, n)
	for i := range n {
		right[i] = c.Count(i, i)
		for j := range n {
			truth[i] += c.Count(i, j)
			predicted[j] += c.Count(i, j)
		}
	}
	return right, predicted, truth
}

// ratio is a/b, and 0 where b is 0, as scikit-learn's zero_division=0.
func ratio(a, b int64) float64 {
	if b == 0 {
		return 0
	}
	return float64(a) / float64(b)
}
