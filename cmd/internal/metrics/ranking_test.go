package metrics

import (
	"bytes"
	"encoding/json"
	"math"
	"math/rand/v2"
	"os/exec"
	"slices"
	"testing"

	"github.com/opensandwich/oi/cmd/internal/oitest"
)

// rankedAnswers are random ones about one class, many of them with equal scores.
func rankedAnswers(r *rand.Rand, n int) (scores []float32, positive []bool) {
	levels := 1 + r.IntN(40)
	for range n {
		scores = append(scores, float32(r.IntN(levels))/float32(levels))
		positive = append(positive, r.IntN(3) == 0)
	}
	return scores, positive
}

// TestAUC compares with the definition, over all pairs, answers of a
// group that counts several times as several.
func TestAUC(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		scores, positive := rankedAnswers(r, 1+r.IntN(60))
		times, groups := make([]Times, 10), make([]int32, len(scores))
		for i := range times {
			times[i] = Times(r.IntN(4)) | Times(r.IntN(4))<<32
		}
		for i := range groups {
			groups[i] = int32(r.IntN(len(times)))
		}
		area := func(count func(int32) float64) float64 {
			var pairs, above float64
			for i, right := range positive {
				for k, other := range positive {
					if !right || other {
						continue
					}
					n := count(groups[i]) * count(groups[k])
					pairs += n
					switch {
					case scores[i] > scores[k]:
						above += n
					case scores[i] == scores[k]:
						above += n / 2
					}
				}
			}
			return above / pairs
		}
		ranking := Rank(scores, positive, groups)
		both := ranking.AUCs(times)
		for _, tc := range []struct{ got, want float64 }{
			{ranking.AUC(), area(func(int32) float64 { return 1 })},
			{both[0], area(func(g int32) float64 { return float64(times[g].First()) })},
			{both[1], area(func(g int32) float64 { return float64(times[g].Second()) })},
		} {
			if !(math.Abs(tc.got-tc.want) < 1e-12) && !(math.IsNaN(tc.got) && math.IsNaN(tc.want)) {
				t.Errorf("got %g, want %g of %v %v %v", tc.got, tc.want, scores, positive, groups)
			}
		}
	}
}

const rankingScript = `
import json, sys
import numpy as np
from sklearn.metrics import auc, average_precision_score, brier_score_loss, precision_recall_curve, roc_auc_score, roc_curve
for line in sys.stdin:
    case = json.loads(line)
    y, s = np.array(case["positive"]), np.array(case["scores"], dtype=np.float32)
    x, tpr, _ = roc_curve(y, s, drop_intermediate=False)
    p, r, _ = precision_recall_curve(y, s)
    print(json.dumps({"auc": roc_auc_score(y, s), "ap": average_precision_score(y, s), "brier": brier_score_loss(y, s),
        "roc": [list(v) for v in zip(x, tpr)], "pr": [list(v) for v in zip(r, p)][-2::-1]}))
`

// Curves, their areas and the Brier score against scikit-learn itself.
func TestRankingAgainstScikitLearn(t *testing.T) {
	python := oitest.Python(t, "sklearn")
	type question struct {
		Scores   []float32 `json:"scores"`
		Positive []bool    `json:"positive"`
	}
	r := rand.New(rand.NewPCG(3, 4))
	var questions []question
	var stdin bytes.Buffer
	for len(questions) < 60 {
		scores, positive := rankedAnswers(r, 2+r.IntN(300))
		if !slices.Contains(positive, true) || !slices.Contains(positive, false) {
			continue // scikit-learn has no area for these
		}
		questions = append(questions, question{scores, positive})
		if err := json.NewEncoder(&stdin).Encode(questions[len(questions)-1]); err != nil {
			t.Fatal(err)
		}
	}
	command := exec.Command(python, "-c", rankingScript)
	command.Stdin = &stdin
	var stderr bytes.Buffer
	command.Stderr = &stderr
	out, err := command.Output()
	if err != nil {
		t.Fatalf("scikit-learn: %v\n%s", err, stderr.String())
	}
	answers := json.NewDecoder(bytes.NewReader(out))
	near := func(a, b float64) bool { return math.Abs(a-b) < 1e-9 }
	same := func(points []Point, want [][2]float64) bool {
		return slices.EqualFunc(points, want, func(p Point, w [2]float64) bool { return near(p.X, w[0]) && near(p.Y, w[1]) })
	}
	for i, q := range questions {
		var want struct {
			AUC, AP, Brier float64
			ROC, PR        [][2]float64
		}
		if err := answers.Decode(&want); err != nil {
			t.Fatal(err)
		}
		ranking := Rank(q.Scores, q.Positive, make([]int32, len(q.Scores)))
		if auc, ap := ranking.AUC(), ranking.AveragePrecision(); !near(auc, want.AUC) || !near(ap, want.AP) {
			t.Errorf("case %d: areas %g, %g, want %g, %g", i, auc, ap, want.AUC, want.AP)
		}
		if !same(ranking.ROC(), want.ROC) {
			t.Errorf("case %d: ROC %v, want %v", i, ranking.ROC(), want.ROC)
		}
		// scikit-learn 1.2 also begins at the first answer, and ends
		// where all of the class are found.
		if pr := ranking.PrecisionRecall(); len(pr) < len(want.PR) || !same(pr[:len(want.PR)], want.PR) {
			t.Errorf("case %d: precision and recall %v, want %v", i, pr, want.PR)
		}
		var c Calibration
		for k, s := range q.Scores {
			truth := 0
			if q.Positive[k] {
				truth = 1
			}
			c.Add([]float32{1 - s, s}, truth, 0)
		}
		if math.Abs(c.Brier()/2-want.Brier) > 1e-6 {
			t.Errorf("case %d: Brier %g, want %g", i, c.Brier()/2, want.Brier)
		}
	}
}

func TestRankingOfOneKind(t *testing.T) {
	none := Rank([]float32{0.5, 0.2}, []bool{false, false}, []int32{0, 1})
	if none.ROC() != nil || none.PrecisionRecall() != nil || !math.IsNaN(none.AUC()) || !math.IsNaN(none.AveragePrecision()) {
		t.Error("no picture of the class has no curve")
	}
	if all := Rank([]float32{0.5}, []bool{true}, []int32{0}); all.ROC() != nil || !math.IsNaN(all.AUC()) || all.AveragePrecision() != 1 {
		t.Error("nothing but the class has no ROC curve and a precision of 1")
	}
}

// TestCalibration: figures worked out by hand.
func TestCalibration(t *testing.T) {
	var c Calibration
	c.Add([]float32{0.75, 0.25}, 0, 0)
	c.Add([]float32{0.75, 0.25}, 1, 0)
	c.Add([]float32{0, 1}, 1, 1)
	c.Add([]float32{0, 0}, 1, 0) // a network with an output for each class may believe none
	if want := 0.5 / 4; math.Abs(c.ECE()-want) > 1e-6 {
		t.Errorf("ECE %g, want %g", c.ECE(), want)
	}
	if want := (0.125 + 1.125 + 0 + 1) / 4; math.Abs(c.Brier()-want) > 1e-6 {
		t.Errorf("Brier %g, want %g", c.Brier(), want)
	}
	bins := c.Bins()
	if b := bins[11]; b.Items != 2 || b.Accuracy != 0.5 || b.Confidence != 0.75 || b.Low >= 0.75 || b.High < 0.75 {
		t.Errorf("bin %+v", b)
	}
	if bins[0].Items != 1 || bins[14].Items != 1 {
		t.Errorf("bins of 0 and 1: %+v, %+v", bins[0], bins[14])
	}
}

// TestBootstrap: the interval of a mean of independent numbers is that of the
// normal distribution, and always the same.
func TestBootstrap(t *testing.T) {
	const n = 400
	r := rand.New(rand.NewPCG(5, 6))
	values := make([]float64, n)
	var sum, squares float64
	for i := range values {
		values[i] = r.Float64()
		sum += values[i]
		squares += values[i] * values[i]
	}
	mean := sum / n
	half := Normal95 * math.Sqrt((squares/n-mean*mean)/n)
	figures := func(times []Times) (figures [2][]float64) {
		for draw, of := range []func(Times) int64{Times.First, Times.Second} {
			sum := 0.0
			for i, k := range times {
				sum += float64(of(k)) * values[i]
			}
			rare := math.NaN()
			if of(times[0]) == 0 {
				rare = 1
			}
			figures[draw] = []float64{sum / n, rare}
		}
		return figures
	}
	got := Bootstrap(n, figures)
	if math.Abs(got[0].Low-(mean-half)) > half/5 || math.Abs(got[0].High-(mean+half)) > half/5 {
		t.Errorf("got %v, want %g to %g", got[0], mean-half, mean+half)
	}
	if !math.IsNaN(got[1].Low) || !math.IsNaN(got[1].High) {
		t.Errorf("a figure that many draws do not define has the interval %v", got[1])
	}
	if again := Bootstrap(n, figures); again[0] != got[0] {
		t.Errorf("once %v, once %v", got[0], again[0])
	}
	if Bootstrap(0, figures) != nil {
		t.Error("no groups have an interval")
	}
}
