package metrics

// A MeanCurve is the mean of curves over the classes, at steps of equal width
// from 0 to 1. The zero MeanCurve holds none.
type MeanCurve struct {
	sums [meanSteps + 1]float64
	n    int
}

const meanSteps = 200

// AddROC adds a curve of [Ranking.ROC], straight between its points, as
// scikit-learn's example of a macro average does. One without points is left
// out.
func (m *MeanCurve) AddROC(points []Point) {
	m.add(points, func(a, b Point, x float64) float64 {
		if b.X <= a.X {
			return b.Y
		}
		return a.Y + (b.Y-a.Y)*(x-a.X)/(b.X-a.X)
	})
}

// AddPrecisionRecall adds a curve of [Ranking.PrecisionRecall]: the precision
// at a recall is that where this recall is first reached, as it is of
// [Ranking.AveragePrecision].
func (m *MeanCurve) AddPrecisionRecall(points []Point) {
	m.add(points, func(_, b Point, _ float64) float64 { return b.Y })
}

// add adds a curve whose X does not fall; between is its value at x, between
// the last point below x and the first that is not.
func (m *MeanCurve) add(points []Point, between func(a, b Point, x float64) float64) {
	if len(points) == 0 {
		return
	}
	m.n++
	at := 0
	for i := range m.sums {
		x := float64(i) / meanSteps
		for at < len(points)-1 && points[at].X < x {
			at++
		}
		m.sums[i] += between(points[max(0, at-1)], points[at], x)
	}
}

// Points returns the mean, nil if no curve was added.
func (m *MeanCurve) Points() []Point {
	if m.n == 0 {
		return nil
	}
	points := make([]Point, 0, len(m.sums)+1)
	for i, sum := range m.sums {
		points = append(points, Point{float64(i) / meanSteps, sum / float64(m.n)})
	}
	return points
}
