package nn

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/opensandwich/oi/cmd/internal/kernel"
	"github.com/opensandwich/oi/cmd/internal/model"
)

// Options of a [Trainer]; a zero takes the default.
type Options struct {
	Batch   int    // pictures in a full batch, default 16
	Seed    uint64 // of dropout
	Threads int    // default: all CPUs; the results do not depend on it

	// Optimizer is "rmsprop" of Keras 2.2.4 (default), "adam", "sgd" with
	// Nesterov's momentum, or "muon": kernel.Muon for the weights of
	// convolutions, and adam for all others, such as those of the last layer,
	// and for convolutions of more channels out than numbers in.
	Optimizer string

	LR       float64 // learning rate, default that of LearningRates; see SetLR
	Rho      float64 // rmsprop: decay of the average of squared gradients, default 0.9
	Beta1    float64 // adam: decay of the average of gradients, default 0.9
	Beta2    float64 // adam: decay of the average of squared gradients, default 0.999
	Eps      float64 // added to the root of that average, default 1e-7 for rmsprop, 1e-8 for adam
	Momentum float64 // sgd: default 0.9, muon: default 0.95

	// WeightDecay is the share of the weights that is taken off in every
	// step, in units of the learning rate, apart from the gradient; not of
	// rmsprop. What has one dimension does not decay. Default 0.
	WeightDecay float64

	// LabelSmoothing is the share of the target that is spread over all
	// classes, from 0 to below 1.
	LabelSmoothing float64

	// Teacher is what the answers and features of another network count in the
	// loss; see [Batch]. Default: there is none.
	Teacher Distillation

	// EMADecay is the decay of the exponential moving average over the
	// steps that is to be used in place of the weights. Default 0: none.
	EMADecay float64

	// WeightStandardization gives every convolution standardized weights
	// and a gain for every channel; see kernel.WeightStandardization.
	WeightStandardization bool

	backend string // of the kernels, for tests; default: the fastest
}

// Distillation is what a teacher's answers, see kernel.Distill, and its features
// count in the loss of its student.
type Distillation struct {
	Share       float64 // of the loss, from 0 to 1; that of the labels has the rest
	Temperature float64 // that softens the answers of both, above 0

	// FeatureShare is what the distance of features from the teacher's counts
	// besides, 0 or more; see kernel.Features. The network must end in a mean
	// over features, which are projected to Features, a part of training only.
	FeatureShare float64
	Features     model.FeatureMap // the teacher's; its places divide the student's evenly
}

// maxBatch bounds Options.Batch, so that sizes can be multiplied.
const maxBatch = 1 << 16

// maxTemperature is where all that a teacher says is the same, in float32.
const maxTemperature = 1000

// LearningRates returns the default of Options.LR for each optimizer that there
// is.
func LearningRates() map[string]float64 {
	return map[string]float64{"adam": 0.001, "muon": 0.003, "rmsprop": 0.0005, "sgd": 0.01}
}

func (o Options) withDefaults() (Options, error) {
	if o.Batch == 0 {
		o.Batch = 16
	}
	if o.Optimizer == "" {
		o.Optimizer = "rmsprop"
	}
	rates := LearningRates()
	lr := rates[o.Optimizer]
	if lr == 0 {
		return o, fmt.Errorf("optimizer %q: must be one of %s", o.Optimizer, strings.Join(slices.Sorted(maps.Keys(rates)), ", "))
	}
	eps, momentum := 1e-8, 0.9
	switch o.Optimizer {
	case "rmsprop":
		eps = 1e-7
	case "muon":
		momentum = 0.95
	}
	for _, f := range []struct {
		v *float64
		d float64
	}{{&o.LR, lr}, {&o.Rho, 0.9}, {&o.Beta1, 0.9}, {&o.Beta2, 0.999}, {&o.Eps, eps}, {&o.Momentum, momentum}} {
		if *f.v == 0 {
			*f.v = f.d
		}
	}
	if o.Batch < 1 || o.Batch > maxBatch {
		return o, fmt.Errorf("batch of %d: must be from 1 to %d", o.Batch, maxBatch)
	}
	if !(o.LR > 0 && o.LR <= math.MaxFloat32) {
		return o, fmt.Errorf("learning rate %v: must be positive", o.LR)
	}
	for _, f := range []struct {
		name string
		v    float64
	}{{"rho", o.Rho}, {"beta1", o.Beta1}, {"beta2", o.Beta2}, {"momentum", o.Momentum}} {
		if !(f.v > 0 && f.v < 1) {
			return o, fmt.Errorf("%s %v: must be between 0 and 1", f.name, f.v)
		}
	}
	switch {
	case !(o.Eps > 0 && o.Eps <= 1):
		return o, fmt.Errorf("epsilon %v: must be above 0 and at most 1", o.Eps)
	case !(o.WeightDecay >= 0 && o.WeightDecay*o.LR < 1):
		return o, fmt.Errorf("weight decay %v: must not be negative, and below 1 when multiplied by the learning rate", o.WeightDecay)
	case o.WeightDecay > 0 && o.Optimizer == "rmsprop":
		return o, fmt.Errorf("weight decay %v: rmsprop has none", o.WeightDecay)
	case !(o.LabelSmoothing >= 0 && o.LabelSmoothing < 1):
		return o, fmt.Errorf("label smoothing %v: must be from 0 to below 1", o.LabelSmoothing)
	case !(o.Teacher.Share >= 0 && o.Teacher.Share <= 1):
		return o, fmt.Errorf("a teacher's share %v: must be from 0 to 1", o.Teacher.Share)
	case o.Teacher.Share > 0 && !(o.Teacher.Temperature > 0 && o.Teacher.Temperature <= maxTemperature):
		return o, fmt.Errorf("a teacher's temperature %v: must be above 0 and at most %d", o.Teacher.Temperature, maxTemperature)
	case !(o.Teacher.FeatureShare >= 0 && o.Teacher.FeatureShare <= math.MaxFloat32):
		return o, fmt.Errorf("a share %v of a teacher's features: must not be negative", o.Teacher.FeatureShare)
	case (o.Teacher.FeatureShare > 0) != (o.Teacher.Features != model.FeatureMap{}):
		return o, fmt.Errorf("a share %v of a teacher's features %v: want both or neither", o.Teacher.FeatureShare, o.Teacher.Features)
	case !(o.EMADecay >= 0 && o.EMADecay < 1):
		return o, fmt.Errorf("decay of the average %v: must be from 0 to below 1", o.EMADecay)
	}
	return o, nil
}

// rule is how the optimiser that the options name changes a parameter.
func (o Options) rule(p model.Param) rule {
	switch o.Optimizer {
	case "muon":
		if cols := p.Shape[len(p.Shape)-1]; len(p.Shape) == 4 && len(p.Data) >= cols*cols {
			return muon{rows: len(p.Data) / cols, cols: cols, momentum: o.Momentum}
		}
		fallthrough
	case "adam":
		return adam{beta1: o.Beta1, beta2: o.Beta2, eps: o.Eps}
	case "sgd":
		return sgd{momentum: o.Momentum}
	default:
		return rmsProp{rho: o.Rho, eps: o.Eps}
	}
}

// startWorkers starts the threads.
func (o Options) startWorkers() (*kernel.Workers, error) {
	if o.backend == "" {
		return kernel.NewWorkers(o.Threads), nil
	}
	workers, ok := kernel.NewWorkersOn(o.backend, o.Threads)
	if !ok {
		return nil, fmt.Errorf("this machine has no kernels for %q", o.backend)
	}
	return workers, nil
}
