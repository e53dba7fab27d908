package nn

import (
	"fmt"

	"github.com/opensandwich/oi/cmd/internal/kernel"
)

// A GraphPredictor answers by a graph as a [Predictor] does by a network.
type GraphPredictor struct {
	evaluator *Evaluator
	answers   int
}

// NewGraphPredictor returns what answers by an evaluator whose first output is
// so many probabilities a row. Close closes the evaluator.
func NewGraphPredictor(e *Evaluator, answers int) *GraphPredictor { return &GraphPredictor{e, answers} }

// Close lets go of the threads.
func (p *GraphPredictor) Close() { p.evaluator.Close() }

// Predict returns a row of probabilities for each picture. A number that is
// none is an error: networks of others, or a wrong normalisation, can give it.
func (p *GraphPredictor) Predict(images [][]byte) ([][]float32, error) {
	out, err := p.evaluator.Run(images)
	if err != nil {
		return nil, err
	}
	return rows(out[0], p.answers, "probability")
}

// PredictFloats is Predict for a graph that takes float32 [N,...], of n rows.
func (p *GraphPredictor) PredictFloats(x []float32, n int) ([][]float32, error) {
	out, err := p.evaluator.RunFloats(x, n)
	if err != nil {
		return nil, err
	}
	return rows(out[0], p.answers, "probability")
}

// PredictAndShow is Predict, and returns a row of the graph's second output for
// each picture, so many numbers, too.
func (p *GraphPredictor) PredictAndShow(images [][]byte, numbers int) (answers, shown [][]float32, err error) {
	out, err := p.evaluator.Run(images)
	if err == nil {
		answers, err = rows(out[0], p.answers, "probability")
	}
	if err == nil {
		shown, err = rows(out[1], numbers, "feature")
	}
	return answers, shown, err
}

// rows divides an output into those of each picture.
func rows(out []float32, size int, what string) ([][]float32, error) {
	if i := kernel.FirstNonFinite(out); i >= 0 {
		return nil, fmt.Errorf("predict: picture %d: %s %v: the model is damaged, or wants another --normalize", i/size+1, what, out[i])
	}
	rows := make([][]float32, len(out)/size)
	for i := range rows {
		rows[i] = out[i*size:][:size]
	}
	return rows, nil
}
