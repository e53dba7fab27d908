package nn

import (
	"errors"
	"fmt"
	"math"

	"github.com/opensandwich/oi/cmd/internal/model"
)

// Trainer changes a network's weights, batch by batch. The same network,
// options (Threads aside) and batches give the same weights, bit for
// bit. A Trainer is for one goroutine at a time, together with the Predictors
// that it made, which share its memory.
type Trainer struct {
	training

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
	t := &Trainer{deployed: w, stale: true}
	if o.EMADecay > 0 || o.WeightStandardization {
		if t.deployed, err = newWeights(net); err != nil {
			return nil, fmt.Errorf("train: %w", err)
		}
	}
	if err := t.start(o, w, g); err != nil {
		return nil, fmt.Errorf("train: %w", err)
	}
	return t, nil
}

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
	if t.options.Teacher.Share > 0 {
		return 0, 0, errors.New("train: a step without the answers of the teacher")
	}
	return t.distill(images, labels, weights, nil)
}

// Distill is Step with the answers of a teacher, which Options.Teacher must give
// a share: the probabilities of all classes for each picture. The loss is that
// of kernel.Distill; what is correct depends on the labels alone.
func (t *Trainer) Distill(images [][]byte, labels []int, weights []float32, answers [][]float32) (loss float64, correct int, err error) {
	if t.options.Teacher.Share == 0 {
		return 0, 0, errors.New("train: the answers of a teacher, of which there is none")
	}
	if err := checkAnswers(answers, len(images), len(t.weights.net.Classes)); err != nil {
		return 0, 0, fmt.Errorf("train: %w", err)
	}
	return t.distill(images, labels, weights, answers)
}

// distill is Distill, or Step where there are no answers.
func (t *Trainer) distill(images [][]byte, labels []int, weights []float32, answers [][]float32) (loss float64, correct int, err error) {
	err = t.check(len(images), labels, weights, len(t.weights.net.Classes))
	if err == nil {
		err = checkImages(t.weights.net, images)
	}
	if err != nil {
		return 0, 0, fmt.Errorf("train: %w", err)
	}
	t.stale = true
	load := func(cg *trainingGraph) {
		cg.load(images)
		for i, row := range answers {
			copy(cg.targets[i*len(row):], row)
		}
	}
	return t.step(len(images), load, labels, weights)
}

// checkAnswers checks the answers of a teacher for n pictures.
func checkAnswers(answers [][]float32, n, classes int) error {
	if len(answers) != n {
		return fmt.Errorf("%d answers of the teacher for %d pictures", len(answers), n)
	}
	for i, row := range answers {
		if len(row) != classes {
			return fmt.Errorf("picture %d of the batch: %d probabilities of the teacher for %d classes", i+1, len(row), classes)
		}
		for _, p := range row {
			if !(p >= 0 && p <= math.MaxFloat32) {
				return fmt.Errorf("picture %d of the batch: a probability of the teacher is %v", i+1, p)
			}
		}
	}
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

// SetState takes over a copy of a state from a Trainer of the same layers and
// options.
func (t *Trainer) SetState(s State) error {
	t.stale = true
	return t.training.SetState(s)
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
