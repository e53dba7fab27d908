package metrics

import (
	"math"
	"math/rand/v2"
	"testing"
)

// TestMeanCurve: the areas under the means are the means of the areas.
func TestMeanCurve(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	var roc, recall MeanCurve
	auc, ap := 0.0, 0.0
	const curves = 5
	for range curves {
		var scores []float32
		var positive []bool
		var groups []int32
		for i := range 2000 {
			yes := r.IntN(3) == 0
			s := r.NormFloat64()
			if yes {
				s++
			}
			scores, positive, groups = append(scores, float32(s)), append(positive, yes), append(groups, int32(i))
		}
		ranking := Rank(scores, positive, groups)
		roc.AddROC(ranking.ROC())
		recall.AddPrecisionRecall(ranking.PrecisionRecall())
		auc += ranking.AUC() / curves
		ap += ranking.AveragePrecision() / curves
	}
	area := func(points []Point) float64 {
		sum := 0.0
		for i := 1; i < len(points); i++ {
			sum += (points[i].X - points[i-1].X) * (points[i].Y + points[i-1].Y) / 2
		}
		return sum
	}
	if got := area(roc.Points()); math.Abs(got-auc) > 0.002 {
		t.Errorf("area under the mean ROC is %g, want %g", got, auc)
	}
	if got := area(recall.Points()); math.Abs(got-ap) > 0.005 {
		t.Errorf("area under the mean of precision and recall is %g, want %g", got, ap)
	}
	var empty MeanCurve
	empty.AddROC(nil)
	if empty.Points() != nil {
		t.Error("a mean of no curves")
	}
}

// TestMeanCurveByHand: a perfect class and one of chance.
func TestMeanCurveByHand(t *testing.T) {
	var m MeanCurve
	m.AddROC([]Point{{0, 0}, {0, 1}, {1, 1}})
	m.AddROC([]Point{{0, 0}, {1, 1}})
	for _, p := range m.Points() {
		want := (1 + p.X) / 2
		if p.X == 0 {
			want = 0 // the beginning of both
		}
		if math.Abs(p.Y-want) > 1e-12 {
			t.Fatalf("at %g it is %g, want %g", p.X, p.Y, want)
		}
	}
}
