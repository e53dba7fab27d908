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
	// Few answers that are all right are no reason to be surer than they are
	// many, and many that hardly are a reason to be surer.
	for _, test := range []struct {
		n    int
		said float32
	}{{1, 0.9}, {12, 0.9}, {12, 0.99}, {98, 0.6}} {
		var rows [][]float32
		for range test.n {
			rows = append(rows, []float32{test.said, 1 - test.said})
		}
		got := Temperature(rows, make([]int, test.n))
		p := 1 / (1 + math.Pow(1/float64(test.said)-1, 1/got))
		if want := float64(test.n+1) / float64(test.n+2); math.Abs(p-want) > 0.001 {
			t.Errorf("%d answers of %g, all right: divided by %g they say %g, want %g", test.n, test.said, got, p, want)
		}
	}
	if got := Temperature([][]float32{{1, 0}}, []int{1}); got != maxTemperature {
		t.Errorf("always wrong: %g", got)
	}
}

// loss is the mean log loss at a temperature, of truths as Temperature counts
// them.
func loss(rows [][]float32, truth []int, temperature float64) float64 {
	sum, doubt := 0.0, 1/float64(len(rows)+2)
	for n, row := range rows {
		total := 0.0
		for _, p := range row {
			total += math.Pow(float64(p), 1/temperature)
		}
		for class, p := range row {
			share := doubt / float64(len(row)-1)
			if class == truth[n] {
				share = 1 - doubt
			}
			sum -= share * math.Log(math.Pow(float64(p), 1/temperature)/total)
		}
	}
	return sum
}
