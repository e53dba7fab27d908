package nn

import (
	"fmt"
	"slices"

	"github.com/opensandwich/oi/cmd/internal/kernel"
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
	if o.Teacher.FeatureShare > 0 {
		if err := w.addProjection(o.Teacher.Features, o.Seed); err != nil {
			return nil, fmt.Errorf("train: %w", err)
		}
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

// A Batch is what a Trainer learns from in one step: 1 to Options.Batch pictures,
// each of Height*Width*Channels bytes.
type Batch struct {
	Images  [][]byte
	Labels  []int     // indices of classes, one a picture
	Weights []float32 // one a picture, none negative; nil: all 1

	// Seconds are the labels of what has been mixed into the pictures, and
	// Shares, from 0 to 1, how much of each of them that is; see
	// kernel.MixedLabels. nil: nothing has.
	Seconds []int
	Shares  []float32

	// Answers are the probabilities of all classes that a teacher gives each
	// picture, where Options.Teacher has a share, and nil elsewhere; see
	// kernel.Distill.
	Answers [][]float32

	// Features are those of a teacher for each picture, as long as
	// Options.Teacher.Features says, where they have a share, and nil
	// elsewhere; see kernel.Features.
	Features [][]float32
}

// Step trains on one batch. It returns the mean loss over it before the step,
// with dropout: the sum of weight times cross-entropy, divided by the number of
// pictures whose weight is not zero, as Keras 2.2.4 does; and how many pictures
// of such a weight were classified as their labels, not their seconds, say.
// Unless a [NonFiniteError] is returned, an error leaves everything as it was.
func (t *Trainer) Step(b Batch) (loss float64, correct int, err error) {
	if err := t.checkBatch(b); err != nil {
		return 0, 0, fmt.Errorf("train: %w", err)
	}
	t.stale = true
	load := func(cg *trainingGraph) {
		cg.load(b.Images)
		copy(cg.seconds, b.Seconds)
		copy(cg.shares, b.Shares)
		for i, row := range b.Answers {
			copy(cg.targets[i*len(row):], row)
		}
		for i, row := range b.Features {
			copy(cg.hints[i*len(row):], row)
		}
	}
	return t.step(len(b.Images), load, b.Labels, b.Weights)
}

func (t *Trainer) checkBatch(b Batch) error {
	n, classes := len(b.Images), len(t.weights.net.Classes)
	if err := t.check(n, b.Labels, b.Weights, classes); err != nil {
		return err
	}
	if err := checkImages(t.weights.net, b.Images); err != nil {
		return err
	}
	if err := checkMixed(b.Seconds, b.Shares, n, classes); err != nil {
		return err
	}
	teacher := t.options.Teacher
	if err := checkRows("answers", b.Answers, teacher.Share > 0, n, classes); err != nil {
		return err
	}
	for i, row := range b.Answers {
		if k := slices.IndexFunc(row, func(p float32) bool { return p < 0 }); k >= 0 {
			return fmt.Errorf("picture %d of the batch: a probability of the teacher is %v", i+1, row[k])
		}
	}
	return checkRows("features", b.Features, teacher.FeatureShare > 0, n, teacher.Features.Size())
}

// checkMixed checks second labels and their shares for n pictures.
func checkMixed(seconds []int, shares []float32, n, classes int) error {
	if seconds == nil && shares == nil {
		return nil
	}
	if len(seconds) != n || len(shares) != n {
		return fmt.Errorf("%d second labels and %d shares for %d pictures", len(seconds), len(shares), n)
	}
	for i, second := range seconds {
		if second < 0 || second >= classes {
			return fmt.Errorf("picture %d of the batch: second label %d is not one of %d classes", i+1, second, classes)
		}
		if !(shares[i] >= 0 && shares[i] <= 1) {
			return fmt.Errorf("picture %d of the batch: a share of %v", i+1, shares[i])
		}
	}
	return nil
}

// checkRows checks what a teacher says of n pictures: a row of so many finite
// numbers for each.
func checkRows(what string, rows [][]float32, wanted bool, n, numbers int) error {
	switch {
	case !wanted && rows != nil:
		return fmt.Errorf("the %s of a teacher, which have no share", what)
	case wanted && len(rows) != n:
		return fmt.Errorf("%d rows of a teacher's %s for %d pictures", len(rows), what, n)
	}
	for i, row := range rows {
		if len(row) != numbers {
			return fmt.Errorf("picture %d of the batch: %d %s of the teacher, not %d", i+1, len(row), what, numbers)
		}
		if k := kernel.FirstNonFinite(row); k >= 0 {
			return fmt.Errorf("picture %d of the batch: one of the teacher's %s is %v", i+1, what, row[k])
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
