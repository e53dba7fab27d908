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
	answers []ranked
}

// A ranked is the group of an answer, and whether it is positive, whether the
// last of its score, in the lowest two bits.
type ranked uint32

const (
	positiveBit ranked = 1 << iota
	lastBit
)

// Rank orders fewer than 2^31 answers: a score for each, whether the picture
// shows the class, and the number of its group, below 2^30. No score is NaN.
func Rank(scores []float32, positive []bool, groups []int32) *Ranking {
	order := make([]int32, len(scores))
	for i := range order {
		order[i] = int32(i)
	}
	slices.SortFunc(order, func(a, b int32) int { return cmp.Compare(scores[b], scores[a]) })
	r := &Ranking{answers: make([]ranked, len(scores))}
	for place, i := range order {
		a := ranked(groups[i]) << 2
		if positive[i] {
			a |= positiveBit
		}
		if place+1 == len(order) || scores[order[place+1]] != scores[i] {
			a |= lastBit
		}
		r.answers[place] = a
	}
	return r
}

// steps calls yield after each step with the number of right and of wrong
// pictures so far.
func (r *Ranking) steps(yield func(right, wrong int)) {
	right := 0
	for place, a := range r.answers {
		right += int(a & positiveBit)
		if a&lastBit != 0 {
			yield(right, place+1-right)
		}
	}
}

// totals returns how many pictures are of the class and how many are not.
func (r *Ranking) totals() (right, wrong int) {
	r.steps(func(a, b int) { right, wrong = a, b })
	return right, wrong
}

// ROC returns the receiver operating characteristic, from (0, 0) to (1, 1): how
// many of the pictures of other classes (X) and of the class (Y) have at least
// some score. It is nil where there are none of one kind.
func (r *Ranking) ROC() []Point {
	right, wrong := r.totals()
	if right == 0 || wrong == 0 {
		return nil
	}
	points := []Point{{0, 0}}
	r.steps(func(a, b int) {
		points = append(points, Point{float64(b) / float64(wrong), float64(a) / float64(right)})
	})
	return points
}

// AUC returns the area under the ROC curve: how likely a picture of the class
// has a higher score than one of another class, ties counting one half. It is
// NaN where there are no pictures of one kind.
func (r *Ranking) AUC() float64 { return r.AUCs(nil)[0] }

// AUCs returns it for two draws: the answers of group g count as often as
// times[g] says, once if times is nil.
func (r *Ranking) AUCs(times []Times) [2]float64 {
	// Right and wrong pictures so far, and above this score, of two draws in
	// one number as Times has them; and pairs in the right order, doubled.
	// Bootstrap comes here some ten thousand times: no branch depends on what
	// an answer is.
	var right, wrong, rightAbove, wrongAbove uint64
	var first, second uint64
	for _, a := range r.answers {
		n := uint64(1<<32 | 1)
		if times != nil {
			n = uint64(times[a>>2])
		}
		positive := -uint64(a & positiveBit) // all bits, or none
		right += n & positive
		wrong += n &^ positive
		if a&lastBit != 0 {
			more, both := wrong-wrongAbove, right+rightAbove
			first += more & lowBits * (both & lowBits)
			second += more >> 32 * (both >> 32)
			rightAbove, wrongAbove = right, wrong
		}
	}
	auc := func(above, right, wrong uint64) float64 {
		if right == 0 || wrong == 0 {
			return math.NaN()
		}
		return float64(above) / 2 / float64(right) / float64(wrong)
	}
	return [2]float64{auc(first, right&lowBits, wrong&lowBits), auc(second, right>>32, wrong>>32)}
}

// PrecisionRecall returns recall (X) and precision (Y) as the score that is
// asked for falls, from the first answer on. It is nil where no picture shows
// the class.
func (r *Ranking) PrecisionRecall() []Point {
	right, _ := r.totals()
	if right == 0 {
		return nil
	}
	var points []Point
	r.steps(func(a, b int) {
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
