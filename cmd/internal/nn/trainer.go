package nn

import (
	"errors"
	"fmt"
	"math"

	"gorgonia.org/gorgonia"

	"github.com/opensandwich/oi/cmd/internal/kernel"
	"github.com/opensandwich/oi/cmd/internal/model"
)

// Options of a [Trainer]; a zero takes the default.
type Options struct {
	Batch   int     // pictures in a full batch, default 16
	LR      float64 // learning rate, default 0.0005
	Rho     float64 // decay of the average of squared gradients, default 0.9
	Eps     float64 // added to the root of the average, default 1e-7
	Seed    uint64  // of dropout
	Threads int     // default: all CPUs; the results do not depend on it
}

// maxBatch bounds Options.Batch, so that sizes can be multiplied.
const maxBatch = 1 << 16

func (o Options) withDefaults() (Options, error) {
	if o.Batch == 0 {
		o.Batch = 16
	}
	for _, f := range []struct {
		v *float64
		d float64
	}{{&o.LR, 0.0005}, {&o.Rho, 0.9}, {&o.Eps, 1e-7}} {
		if *f.v == 0 {
			*f.v = f.d
		}
	}
	switch {
	case o.Batch < 1 || o.Batch > maxBatch:
		return o, fmt.Errorf("batch of %d: must be from 1 to %d", o.Batch, maxBatch)
	case !(o.LR > 0 && o.LR <= math.MaxFloat32):
		return o, fmt.Errorf("learning rate %v: must be positive", o.LR)
	case !(o.Rho > 0 && o.Rho < 1):
		return o, fmt.Errorf("rho %v: must be between 0 and 1", o.Rho)
	case !(o.Eps > 0 && o.Eps <= 1):
		return o, fmt.Errorf("epsilon %v: must be above 0 and at most 1", o.Eps)
	}
	return o, nil
}

// Trainer changes a network's weights, batch by batch, with the RMSprop of Keras 2.2.4. The same network, options
// (Threads aside) and batches give the same weights, bit for bit. A Trainer is for one goroutine at a time, together with
// the Predictors that it made.
type Trainer struct {
	options   Options
	pool      *kernel.Pool
	weights   *weights
	state     trainingState
	plans     plans
	optimizer *rmsProp
}

// NonFiniteError says that training has left the real numbers: the loss, or a weight, is NaN or infinite. The weights are
// of no use any more.
type NonFiniteError struct {
	Step uint64  // the batch, counted from 1 over the whole run
	What string  // "loss", or the name of a parameter
	Got  float64 // its value
}

func (e *NonFiniteError) Error() string {
	return fmt.Sprintf("batch %d: %s is %v: the training has diverged", e.Step, e.What, e.Got)
}

// NewTrainer copies the network, which must have its parameters ([Initialise]). Close releases the Trainer's threads.
func NewTrainer(net *model.Network, o Options) (*Trainer, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, fmt.Errorf("train: %w", err)
	}
	w, err := newWeights(net)
	if err != nil {
		return nil, fmt.Errorf("train: %w", err)
	}
	t := &Trainer{options: o, weights: w, state: trainingState{seed: o.Seed}, pool: kernel.New(o.Threads)}
	t.optimizer = newRMSProp(t.pool, kernel.RMSProp{LR: o.LR, Rho: o.Rho, Eps: o.Eps}, w)
	t.plans = plans{batch: o.Batch, make: func(n int) (*plan, error) {
		return newTrainingPlan(t.pool, w, n, &t.state)
	}}
	if _, err := t.plans.of(o.Batch); err != nil {
		t.Close()
		return nil, fmt.Errorf("train: %w", err)
	}
	return t, nil
}

// Close stops the threads. The Trainer and its Predictors cannot be used afterwards.
func (t *Trainer) Close() { t.pool.Close() }

// Step trains on one batch of 1 to Options.Batch pictures, each of Height*Width*Channels bytes. labels are indices of
// classes. weights, one a picture and none negative, may be nil: all 1.
//
// It returns the mean loss over the batch before the step, with dropout: the sum of weight times cross-entropy, divided
// by the number of pictures whose weight is not zero, as Keras 2.2.4 does; and how many pictures of such a weight were
// classified correctly. Unless a [NonFiniteError] is returned, an error leaves everything as it was.
func (t *Trainer) Step(images [][]byte, labels []int, weights []float32) (loss float64, correct int, err error) {
	if err := t.check(images, labels, weights); err != nil {
		return 0, 0, fmt.Errorf("train: %w", err)
	}
	p, err := t.plans.of(len(images))
	if err != nil {
		return 0, 0, fmt.Errorf("train: %w", err)
	}
	p.load(images)
	copy(p.labels, labels)
	for i := range p.weights {
		p.weights[i] = 1
	}
	copy(p.weights, weights)

	t.state.step++
	if err := p.run(); err != nil {
		return 0, 0, fmt.Errorf("train: batch %d: %w", t.state.step, err)
	}
	if loss = p.found.loss; math.IsNaN(loss) || math.IsInf(loss, 0) {
		return 0, 0, &NonFiniteError{Step: t.state.step, What: "loss", Got: loss}
	}
	if err := t.optimizer.Step(gorgonia.NodesToValueGrads(p.params)); err != nil {
		return 0, 0, fmt.Errorf("train: batch %d: %w", t.state.step, err)
	}
	for _, param := range t.weights.net.Params {
		if i := kernel.FirstNonFinite(param.Data); i >= 0 {
			return 0, 0, &NonFiniteError{Step: t.state.step, What: param.Name, Got: float64(param.Data[i])}
		}
	}
	return loss, p.found.correct, nil
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

// Network returns a copy of the network with the weights as they are now.
func (t *Trainer) Network() *model.Network { return t.weights.net.Clone() }

// SetWeights takes over the weights of a network of the same layers, such as a snapshot from Network. The optimiser's
// state stays as it is.
func (t *Trainer) SetWeights(net *model.Network) error {
	if err := t.weights.set(net); err != nil {
		return fmt.Errorf("train: %w", err)
	}
	return nil
}

// State is what a Trainer knows besides its weights and options: with these it goes on as if it had never stopped.
type State struct {
	Step     uint64      // batches so far
	Averages [][]float32 // of squared gradients, in the order of the network's Params
}

// State returns a copy of the state.
func (t *Trainer) State() State {
	return State{Step: t.state.step, Averages: t.optimizer.snapshot()}
}

// SetState takes over a copy of a state from a Trainer of the same network.
func (t *Trainer) SetState(s State) error {
	if err := t.optimizer.restore(s.Averages); err != nil {
		return fmt.Errorf("train: %w", err)
	}
	t.state.step = s.Step
	return nil
}

// Predictor returns a Predictor that shares the Trainer's weights and threads: it always answers with the weights of the
// moment. It needs no Close of its own.
func (t *Trainer) Predictor() (*Predictor, error) {
	return newPredictor(t.weights, t.options.Batch, t.pool)
}
