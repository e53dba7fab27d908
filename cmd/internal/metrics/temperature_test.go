package metrics

import (
	"math"
	"math/rand/v2"
	"testing"
)

// TestTemperature: answers drawn from the softmax of logits, which are told
// too large by a factor, have that factor.
func TestTemperature(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, want := range []float64{0.5, 1, 3} {
		var rows [][]float32
		var truth []int
		for range 20_000 {
			logits := make([]float64, 4)
			var honest, told float64
			for i := range logits {
				logits[i] = 1.5 * r.NormFloat64()
				honest += math.Exp(logits[i])
				told += math.Exp(logits[i] * want)
			}
			row := make([]float32, 4)
			for i, l := range logits {
				row[i] = float32(math.Exp(l*want) / told)
			}
			at, class := r.Float64()*honest, 0
			for at -= math.Exp(logits[0]); at > 0 && class < 3; at -= math.Exp(logits[class]) {
				class++
			}
			rows, truth = append(rows, row), append(truth, class)
		}
		got := Temperature(rows, truth)
		if math.Abs(got-want) > 0.05*want {
			t.Errorf("got %g, want %g", got, want)
		}
		if loss(rows, truth, got) > min(loss(rows, truth, got*1.01), loss(rows, truth, got/1.01)) {
			t.Errorf("%g has not the least loss", got)
		}
	}
	// Always right, always wrong, and never sure.
	if got := Temperature([][]float32{{0.9, 0.1}}, []int{0}); got != minTemperature {
		t.Errorf("always right: %g", got)
	}
	if got := Temperature([][]float32{{1, 0}}, []int{1}); got != maxTemperature {
		t.Errorf("always wrong: %g", got)
	}
}

// loss is the mean log loss at a temperature.
func loss(rows [][]float32, truth []int, temperature float64) float64 {
	sum := 0.0
	for n, row := range rows {
		total := 0.0
		for _, p := range row {
			total += math.Pow(float64(p), 1/temperature)
		}
		sum -= math.Log(math.Pow(float64(row[truth[n]]), 1/temperature) / total)
	}
	return sum
}
