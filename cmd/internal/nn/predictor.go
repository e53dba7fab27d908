package nn

import (
	"fmt"

	"github.com/opensandwich/oi/cmd/internal/kernel"
	"github.com/opensandwich/oi/cmd/internal/model"
)

// Predictor gives the probabilities of the classes for pictures. It is for one
// goroutine at a time.
type Predictor struct {
	weights *weights
	graphs  graphCache
	batch   int
	own     *kernel.Workers // nil: somebody else's
	refresh func()          // brings the weights up to date; nil: they do not change
}

// NewPredictor copies the network, which must have its parameters. It works on
// up to batch pictures at a time, with the number of threads given, 0 for all
// CPUs; the answers depend on neither. Close releases the threads.
func NewPredictor(net *model.Network, batch, threads int) (*Predictor, error) {
	w, err := newWeights(net)
	if err != nil {
		return nil, fmt.Errorf("predict: %w", err)
	}
	workers := kernel.NewWorkers(threads)
	p, err := newPredictor(w, batch, workers, &bufferPool{})
	if err != nil {
		workers.Close()
		return nil, err
	}
	p.own = workers
	return p, nil
}

// maxUnits bounds the numbers in the outputs of all layers, for a batch, to 1
// GiB. A batch of one always passes.
const maxUnits = 1 << 28

func newPredictor(w *weights, batch int, workers *kernel.Workers, m *bufferPool) (*Predictor, error) {
	if batch < 1 || batch > maxBatch {
		return nil, fmt.Errorf("predict: batch of %d: must be from 1 to %d", batch, maxBatch)
	}
	units, err := w.net.Units()
	if err != nil {
		return nil, fmt.Errorf("predict: %w", err)
	}
	// The answers do not depend on the batch, so a large network works on
	// fewer pictures at once.
	batch = max(1, min(batch, maxUnits/units))
	p := &Predictor{weights: w, batch: batch}
	p.graphs = graphCache{batch: batch, make: func(n int) (*compiledGraph, error) { return newInferenceGraph(workers, m, w, n) }}
	return p, nil
}

// Close stops the threads, unless they are a Trainer's.
func (p *Predictor) Close() {
	if p.own != nil {
		p.own.Close()
	}
}

// Predict returns, for each picture of Height*Width*Channels bytes, the
// probabilities of all classes in the network's order. Any number of pictures
// is allowed. A picture's answer does not depend on the others.
func (p *Predictor) Predict(images [][]byte) ([][]float32, error) {
	if err := checkImages(p.weights.net, images); err != nil {
		return nil, fmt.Errorf("predict: %w", err)
	}
	if p.refresh != nil {
		p.refresh()
	}
	classes := len(p.weights.net.Classes)
	all := make([]float32, 0, len(images)*classes)
	for len(images) > 0 {
		n := min(p.batch, len(images))
		graph, err := p.graphs.of(n)
		if err != nil {
			return nil, fmt.Errorf("predict: %w", err)
		}
		graph.load(images[:n])
		if err := graph.run(); err != nil {
			return nil, fmt.Errorf("predict: %w", err)
		}
		all = append(all, floats(graph.probabilities.Value())...)
		images = images[n:]
	}
	if i := kernel.FirstNonFinite(all); i >= 0 {
		return nil, fmt.Errorf("predict: picture %d: probability %v", i/classes+1, all[i])
	}
	rows := make([][]float32, len(all)/classes)
	for i := range rows {
		rows[i] = all[i*classes : (i+1)*classes : (i+1)*classes]
	}
	return rows, nil
}
