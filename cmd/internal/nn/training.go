package nn

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"gorgonia.org/gorgonia"

	"github.com/opensandwich/oi/cmd/internal/graph"
	"github.com/opensandwich/oi/cmd/internal/kernel"
	"github.com/opensandwich/oi/cmd/internal/model"
)

// training is what changes weights, batch by batch.
type training struct {
	options   Options
	workers   *kernel.Workers
	weights   *weights
	ema       []model.Param // of weights.params; nil: not averaged
	state     trainingState
	memory    bufferPool // of the graphs
	graphs    graphCache
	optimizer *optimizer
}

// start prepares the training of weights in a graph. The options have their
// defaults.
func (t *training) start(o Options, w *weights, g *graph.Graph) error {
	workers, err := o.startWorkers()
	if err != nil {
		return err
	}
	t.options, t.weights, t.workers = o, w, workers
	t.state = trainingState{seed: o.Seed, smoothing: o.LabelSmoothing, teacher: o.Teacher}
	if o.EMADecay > 0 {
		t.ema = cloneParams(w.params)
	}
	t.optimizer = newOptimizer(workers, o.rule, &t.state, w)
	t.optimizer.lr, t.optimizer.decay = o.LR, o.WeightDecay
	t.graphs = graphCache{batch: o.Batch, make: func(n int) (*trainingGraph, error) {
		return newTrainingGraph(workers, &t.memory, g, w, n, &t.state)
	}}
	if _, err := t.graphs.of(o.Batch); err != nil {
		t.Close()
		return err
	}
	return nil
}

// Close stops the threads. Nothing can be used afterwards, Predictors included.
func (t *training) Close() { t.workers.Close() }

// step trains on a batch of n pictures, which load puts into the graph, with what
// has been mixed into them and the answers of a teacher where there is one.
func (t *training) step(n int, load func(cg *trainingGraph), labels []int, weights []float32) (loss float64, correct int, err error) {
	cg, err := t.graphs.of(n)
	if err != nil {
		return 0, 0, fmt.Errorf("train: %w", err)
	}
	for i := range n {
		cg.weights[i], cg.seconds[i], cg.shares[i] = 1, 0, 0
	}
	load(cg)
	copy(cg.labels, labels)
	copy(cg.weights, weights)

	t.state.step++
	if err := cg.run(); err != nil {
		return 0, 0, fmt.Errorf("train: batch %d: %w", t.state.step, err)
	}
	index, logit := cg.nonFinite()
	if loss = cg.found.loss; math.IsNaN(loss) || math.IsInf(loss, 0) {
		return 0, 0, &NonFiniteError{Step: t.state.step, What: "loss", Got: loss, Index: index}
	}
	if index >= 0 { // an infinity, which the probability hides
		return 0, 0, &NonFiniteError{Step: t.state.step, What: "logit", Got: logit, Index: index}
	}
	t.weights.version++
	if err := t.optimizer.Step(gorgonia.NodesToValueGrads(cg.params)); err != nil {
		return 0, 0, fmt.Errorf("train: batch %d: %w", t.state.step, err)
	}
	for _, param := range t.weights.params {
		if i := kernel.FirstNonFinite(param.Data); i >= 0 {
			return 0, 0, &NonFiniteError{Step: t.state.step, What: param.Name, Got: float64(param.Data[i]), Index: -1}
		}
	}
	t.updateEMA()
	return loss, cg.found.correct, nil
}

// updateEMA moves the averages. Their decay is less in the first steps, so that
// they soon forget the weights they started from (the rule of TensorFlow's
// ExponentialMovingAverage with num_updates).
func (t *training) updateEMA() {
	if t.ema == nil {
		return
	}
	step := float64(t.state.step)
	decay := min(t.options.EMADecay, (1+step)/(10+step))
	for i, p := range t.weights.params {
		kernel.EMA(t.workers, t.ema[i].Data, p.Data, decay)
	}
}

// check checks a batch of n pictures but for these.
func (t *training) check(n int, labels []int, weights []float32, classes int) error {
	switch {
	case n == 0:
		return errors.New("an empty batch")
	case n > t.options.Batch:
		return fmt.Errorf("%d pictures for a batch of %d", n, t.options.Batch)
	case len(labels) != n:
		return fmt.Errorf("%d labels for %d pictures", len(labels), n)
	case weights != nil && len(weights) != n:
		return fmt.Errorf("%d weights for %d pictures", len(weights), n)
	}
	for i, label := range labels {
		if label < 0 || label >= classes {
			return fmt.Errorf("picture %d of the batch: label %d is not one of %d classes", i+1, label, classes)
		}
	}
	for i, w := range weights {
		if !(w >= 0 && w <= math.MaxFloat32) {
			return fmt.Errorf("picture %d of the batch: weight %v", i+1, w)
		}
	}
	return nil
}

// SetLR changes the learning rate of the steps to come, which may be 0. It is
// no part of the State.
func (t *training) SetLR(lr float64) error {
	if !(lr >= 0 && lr <= math.MaxFloat32) {
		return fmt.Errorf("train: learning rate %v: must not be negative", lr)
	}
	t.optimizer.lr = lr
	return nil
}

// State is all that a Trainer or a Tuner knows besides its options and learning
// rate: with these it goes on as if it had never stopped.
type State struct {
	Step uint64 // batches so far

	// Tensors are weights, gains, what the optimiser remembers, and
	// averages. Their names differ.
	Tensors []model.Param
}

// tensors are those of the State, in memory that they share.
func (t *training) tensors() []model.Param {
	tensors := append(slices.Clone(t.weights.params), t.optimizer.tensors()...)
	for _, p := range t.ema {
		tensors = append(tensors, model.Param{Name: "average/" + p.Name, Shape: p.Shape, Data: p.Data})
	}
	return tensors
}

// State returns a copy of the state.
func (t *training) State() State {
	return State{Step: t.state.step, Tensors: cloneParams(t.tensors())}
}

// SetState takes over a copy of a state of the same layers and options.
func (t *training) SetState(s State) error {
	own := t.tensors()
	if len(s.Tensors) != len(own) {
		return fmt.Errorf("train: the state of another network or optimiser: %d tensors, not %d", len(s.Tensors), len(own))
	}
	for i, p := range s.Tensors {
		switch want := own[i]; {
		case p.Name != want.Name || !slices.Equal(p.Shape, want.Shape) || len(p.Data) != len(want.Data):
			return fmt.Errorf("train: the state of another network or optimiser: %s %v of %d numbers, not %s %v of %d",
				p.Name, p.Shape, len(p.Data), want.Name, want.Shape, len(want.Data))
		case kernel.FirstNonFinite(p.Data) >= 0:
			return fmt.Errorf("train: the state of a training that has diverged: %s holds what is no number", p.Name)
		}
	}
	for i, p := range s.Tensors {
		copy(own[i].Data, p.Data)
	}
	t.state.step = s.Step
	t.weights.version++
	return nil
}
