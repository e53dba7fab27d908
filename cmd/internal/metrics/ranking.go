package metrics

import (
	"cmp"
	"math"
	"slices"
)

// A Point is a point of a curve.
type Point struct{ X, Y float64 }

// A Ranking is the answers of a model to the question whether pictures show one
// class, by falling score. Answers of the same score are one step: nothing says
// which of them comes first.
type Ranking struct {
	order    []int32 // positions of the answers, the highest score first
	last     []bool  // by place in order: the next one has a lower score
	positive []bool  // by place in order
}

// Rank orders answers: a score for each, and whether the picture shows the
// class. No score is NaN.
func Rank(scores []float32, positive []bool) *Ranking {
	r := &Ranking{order: make([]int32, len(scores)), last: make([]bool, len(scores)), positive: make([]bool, len(scores))}
	for i := range r.order {
		r.order[i] = int32(i)
	}
	slices.SortFunc(r.order, func(a, b int32) int {
		return cmp.Or(cmp.Compare(scores[b], scores[a]), cmp.Compare(a, b))
	})
	for place, i := range r.order {
		r.positive[place] = positive[i]
		r.last[place] = place+1 == len(r.order) || scores[r.order[place+1]] != scores[i]
	}
	return r
}

// steps calls yield after each step with the number of right and of wrong
// pictures so far. Each answer counts weights times, once if that is nil.
func (r *Ranking) steps(weights []int32, yield func(right, wrong int64)) {
	var right, wrong int64
	for place, i := range r.order {
		n := int64(1)
		if weights != nil {
			n = int64(weights[i])
		}
		if r.positive[place] {
			right += n
		} else {
			wrong += n
		}
		if r.last[place] {
			yield(right, wrong)
		}
	}
}

// ROC returns the receiver operating characteristic, from (0, 0) to (1, 1): how
// many of the pictures of other classes (X) and of the class (Y) have at least
// some score. It is nil where there are none of one kind.
func (r *Ranking) ROC() []Point {
	right, wrong := r.totals(nil)
	if right == 0 || wrong == 0 {
		return nil
	}
	points := []Point{{0, 0}}
	r.steps(nil, func(a, b int64) {
		points = append(points, Point{float64(b) / float64(wrong), float64(a) / float64(right)})
	})
	return points
}

// AUC returns the area under the ROC curve: how likely a picture of the class
// has a higher score than one of another class, ties counting one half. Each
// answer counts weights times, once if that is nil. It is NaN where there are
// no pictures of one kind.
func (r *Ranking) AUC(weights []int32) float64 {
	var above, right, wrong int64 // pairs in the right order, doubled
	r.steps(weights, func(a, b int64) {
		above += (b - wrong) * (a + right)
		right, wrong = a, b
	})
	if right == 0 || wrong == 0 {
		return math.NaN()
	}
	return float64(above) / 2 / float64(right) / float64(wrong)
}

// PrecisionRecall returns recall (X) and precision (Y) as the score that is
// asked for falls, from the first answer on. It is nil where no picture shows
// the class.
func (r *Ranking) PrecisionRecall() []Point {
	right, _ := r.totals(nil)
	if right == 0 {
		return nil
	}
	var points []Point
	r.steps(nil, func(a, b int64) {
		points = append(points, Point{float64(a) / float64(right), float64(a) / float64(a+b)})
	})
	return points
}

// AveragePrecision returns the area under that curve as steps, without
// interpolation: the sum of each precision times the recall gained with it. It
// is NaN where no picture shows the class.
func (r *Ranking) AveragePrecision() float64 {
	points := r.PrecisionRecall()
	if points == nil {
		return math.NaN()
	}
	sum, recall := 0.0, 0.0
	for _, p := range points {
		sum += (p.X - recall) * p.Y
		recall = p.X
	}
	return sum
}

func (r *Ranking) totals(weights []int32) (right, wrong int64) {
	r.steps(weights, func(a, b int64) { right, wrong = a, b })
	return right, wrong
}
