package nn

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"gorgonia.org/gorgonia"

	"github.com/opensandwich/oi/cmd/internal/kernel"
	"github.com/opensandwich/oi/cmd/internal/model"
)

// Trainer changes a network's weights, batch by batch. The same network,
// options (Threads aside) and batches give the same weights, bit for
// bit. A Trainer is for one goroutine at a time, together with the Predictors
// that it made.
type Trainer struct {
	options   Options
	workers   *kernel.Workers
	weights   *weights
	ema       []model.Param // of weights.params; nil: not averaged
	state     trainingState
	memory    bufferPool // of the graphs, and of the Predictors'
	graphs    graphCache
	optimizer *optimizer

	// The network as it is used: weights themselves, if they are neither
	// averaged nor standardized.
	deployed *weights
	stale    bool // deployed is not that of the weights
}

// NonFiniteError says that training has left the real numbers: the loss, a
// logit, or a weight is NaN or infinite. The weights are of no use any more.
type NonFiniteError struct {
	Step uint64  // the batch, counted from 1 over the whole run
	What string  // "loss", "logit", or the name of a parameter
	Got  float64 // its value

	// Index is the first picture of the batch, from 0, for which a logit is
	// NaN or infinite, or -1.
	Index int
}

func (e *NonFiniteError) Error() string {
	return fmt.Sprintf("batch %d: %s is %v: the training has diverged", e.Step, e.What, e.Got)
}

// NewTrainer copies the network, which must have its parameters ([Initialise]).
// Close releases the Trainer's threads.
func NewTrainer(net *model.Network, o Options) (*Trainer, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, fmt.Errorf("train: %w", err)
	}
	w, err := newWeights(net)
	if err != nil {
		return nil, fmt.Errorf("train: %w", err)
	}
	if o.WeightStandardization {
		w.addGains()
	}
	g, err := w.trainingGraph()
	if err != nil {
		return nil, fmt.Errorf("train: %w", err)
	}
	workers, err := o.startWorkers()
	if err != nil {
		return nil, fmt.Errorf("train: %w", err)
	}
	t := &Trainer{
		options: o, weights: w, workers: workers, deployed: w, stale: true,
		state: trainingState{seed: o.Seed, smoothing: o.LabelSmoothing},
	}
	if o.EMADecay > 0 {
		t.ema = cloneParams(w.params)
	}
	if o.EMADecay > 0 || o.WeightStandardization {
		if t.deployed, err = newWeights(net); err != nil {
			t.Close()
			return nil, fmt.Errorf("train: %w", err)
		}
	}
	t.optimizer = newOptimizer(workers, o.rule(), &t.state, w)
	t.optimizer.lr, t.optimizer.decay = o.LR, o.WeightDecay
	t.graphs = graphCache{batch: o.Batch, make: func(n int) (*trainingGraph, error) {
		return newTrainingGraph(workers, &t.memory, g, w, n, &t.state)
	}}
	if _, err := t.graphs.of(o.Batch); err != nil {
		t.Close()
		return nil, fmt.Errorf("train: %w", err)
	}
	return t, nil
}

// Close stops the threads. The Trainer and its Predictors cannot be used
// afterwards.
func (t *Trainer) Close() { t.workers.Close() }

// Step trains on one batch of 1 to Options.Batch pictures, each of
// Height*Width*Channels bytes. labels are indices of classes. weights, one a
// picture and none negative, may be nil: all 1.
//
// It returns the mean loss over the batch before the step, with dropout: the
// sum of weight times cross-entropy, divided by the number of pictures whose
// weight is not zero, as Keras 2.2.4 does; and how many pictures of such a
// weight were classified correctly. Unless a [NonFiniteError] is returned, an
// error leaves everything as it was.
func (t *Trainer) Step(images [][]byte, labels []int, weights []float32) (loss float64, correct int, err error) {
	if err := t.check(images, labels, weights); err != nil {
		return 0, 0, fmt.Errorf("train: %w", err)
	}
	cg, err := t.graphs.of(len(images))
	if err != nil {
		return 0, 0, fmt.Errorf("train: %w", err)
	}
	cg.load(images)
	copy(cg.labels, labels)
	for i := range cg.weights {
		cg.weights[i] = 1
	}
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
	t.stale = true
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
func (t *Trainer) updateEMA() {
	if t.ema == nil {
		return
	}
	step := float64(t.state.step)
	decay := min(t.options.EMADecay, (1+step)/(10+step))
	for i, p := range t.weights.params {
		kernel.EMA(t.workers, t.ema[i].Data, p.Data, decay)
	}
}

func (t *Trainer) check(images [][]byte, labels []int, weights []float32) error {
	classes := len(t.weights.net.Classes)
	switch {
	case len(images) == 0:
		return errors.New("an empty batch")
	case len(images) > t.options.Batch:
		return fmt.Errorf("%d pictures for a batch of %d", len(images), t.options.Batch)
	case len(labels) != len(images):
		return fmt.Errorf("%d labels for %d pictures", len(labels), len(images))
	case weights != nil && len(weights) != len(images):
		return fmt.Errorf("%d weights for %d pictures", len(weights), len(images))
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
	return checkImages(t.weights.net, images)
}

// SetLR changes the learning rate of the steps to come, which may be 0. It is
// no part of the State.
func (t *Trainer) SetLR(lr float64) error {
	if !(lr >= 0 && lr <= math.MaxFloat32) {
		return fmt.Errorf("train: learning rate %v: must not be negative", lr)
	}
	t.optimizer.lr = lr
	return nil
}

// refresh brings the network as it is used up to date.
func (t *Trainer) refresh() {
	if !t.stale || t.deployed == t.weights {
		return
	}
	values := t.weights.params
	if t.ema != nil {
		values = t.ema
	}
	t.weights.fold(t.workers, t.deployed, values)
	t.stale = false
}

// Network returns a copy of the network as it is to be used: of averages, with
// Options.EMADecay, and with gains and standardization worked into plain
// convolutions, with Options.WeightStandardization.
func (t *Trainer) Network() *model.Network {
	t.refresh()
	return t.deployed.net.Clone()
}

// State is all that a Trainer knows besides its options and learning rate: with
// these it goes on as if it had never stopped.
type State struct {
	Step uint64 // batches so far

	// Tensors are weights, gains, what the optimiser remembers, and
	// averages. Their names differ.
	Tensors []model.Param
}

// tensors are those of the State, in memory that they share.
func (t *Trainer) tensors() []model.Param {
	tensors := append(slices.Clone(t.weights.params), t.optimizer.tensors()...)
	for _, p := range t.ema {
		tensors = append(tensors, model.Param{Name: "average/" + p.Name, Shape: p.Shape, Data: p.Data})
	}
	return tensors
}

// State returns a copy of the state.
func (t *Trainer) State() State {
	return State{Step: t.state.step, Tensors: cloneParams(t.tensors())}
}

// SetState takes over a copy of a state from a Trainer of the same layers and
// options.
func (t *Trainer) SetState(s State) error {
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
	t.state.step, t.stale = s.Step, true
	t.weights.version++
	return nil
}

// Predictor returns a Predictor of the network as it is to be used (see
// Network). It shares the Trainer's threads and always answers with the weights
// of the moment. It needs no Close of its own.
func (t *Trainer) Predictor() (*Predictor, error) {
	p, err := newPredictor(t.deployed, t.options.Batch, t.workers, &t.memory)
	if err != nil {
		return nil, err
	}
	p.refresh = t.refresh
	return p, nil
}
