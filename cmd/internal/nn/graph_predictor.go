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
	return p.rows(out[0])
}

// PredictFloats is Predict for a graph that takes float32 [N,...], of n rows.
func (p *GraphPredictor) PredictFloats(x []float32, n int) ([][]float32, error) {
	out, err := p.evaluator.RunFloats(x, n)
	if err != nil {
		return nil, err
	}
	return p.rows(out[0])
}

// rows divides probabilities into those of each picture.
func (p *GraphPredictor) rows(out []float32) ([][]float32, error) {
	if i := kernel.FirstNonFinite(out); i >= 0 {
		return nil, fmt.Errorf("predict: picture %d: probability %v: the model is damaged, or wants another --normalize", i/p.answers+1, out[i])
	}
	rows := make([][]float32, len(out)/p.answers)
	for i := range rows {
		rows[i] = out[i*p.answers:][:p.answers]
	}
	return rows, nil
}
