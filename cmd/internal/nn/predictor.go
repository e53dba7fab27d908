package nn

import (
	"fmt"

	"github.com/opensandwich/oi/cmd/internal/kernel"
	"github.com/opensandwich/oi/cmd/internal/lower"
	"github.com/opensandwich/oi/cmd/internal/model"
	"github.com/opensandwich/oi/cmd/internal/steps"
)

// Predictor gives the probabilities of the classes for pictures. It is for one
// goroutine at a time.
type Predictor struct {
	net     *model.Network
	steps   *stepGraph // up to the logits
	batch   int
	images  []byte          // of a batch
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

func newPredictor(w *weights, batch int, workers *kernel.Workers, m *bufferPool) (*Predictor, error) {
	if batch < 1 || batch > maxBatch {
		return nil, fmt.Errorf("predict: batch of %d: must be from 1 to %d", batch, maxBatch)
	}
	g, err := w.net.Graph(model.GraphOptions{})
	if err != nil {
		return nil, fmt.Errorf("predict: %w", err)
	}
	program, err := lower.Plan(g, batch)
	if err != nil {
		return nil, fmt.Errorf("predict: %w", err)
	}
	memory := arena{buffers: m}
	graph, err := newStepGraph(steps.New(workers, program, memory.floats(program.Memory), newParameters(program, w), steps.Packs{}))
	if err != nil {
		return nil, fmt.Errorf("predict: %w", err)
	}
	// The answers do not depend on the batch, so a large network works on
	// fewer pictures at once.
	return &Predictor{net: w.net, steps: graph, batch: program.Batch}, nil
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
	if err := checkImages(p.net, images); err != nil {
		return nil, fmt.Errorf("predict: %w", err)
	}
	if p.refresh != nil {
		p.refresh()
	}
	classes := len(p.net.Classes)
	all := make([]float32, len(images)*classes)
	for first := 0; first < len(images); first += p.batch {
		n := min(p.batch, len(images)-first)
		p.images = p.images[:0]
		for _, image := range images[first : first+n] {
			p.images = append(p.images, image...)
		}
		p.steps.SetBytes(p.images)
		if err := p.steps.run(n); err != nil {
			return nil, fmt.Errorf("predict: %w", err)
		}
		logits := p.steps.Floats(p.steps.Program.Outputs[0], n)
		probabilities(all[first*classes:(first+n)*classes], logits, classes)
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
