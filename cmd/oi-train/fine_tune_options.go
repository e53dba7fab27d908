package main

import (
	"errors"
	"math"

	"github.com/opensandwich/oi/cmd/internal/cli"
	"github.com/opensandwich/oi/cmd/internal/nn"
	"github.com/opensandwich/oi/cmd/internal/transfer"
)

// tuneOptions say how much of the backbone is trained with the head.
type tuneOptions struct {
	layers string // "": nothing
	wanted int    // as transfer.ParseLayers reads it
}

func (t *tuneOptions) flags(fs *cli.FlagSet) {
	fs.StringVar(&t.layers, "fine-tune", "", "then train the last `LAYERS` of the backbone with the head: a number, auto or all")
	cli.OneOf(fs, "fine-tune", transfer.AutoLayers, transfer.AllLayers)
	cli.AlsoCalled(fs, "fine-tune", "finetune", "unfreeze")
}

// tuneFlags are flags of training from scratch that fine-tuning has, too.
var tuneFlags = []string{"batch", "lr", "weight-decay", "seed"}

// How the backbone is fine-tuned where the command line does not say. Adam
// without the gradient in the decay is AdamW (Loshchilov and Hutter, "Decoupled
// weight decay regularization", ICLR 2019).
const (
	tuneBatch  = 32
	tuneLR     = 3e-4
	tuneDecay  = 0.05
	tuneEpochs = 6
)

func (t *tuneOptions) check() (err error) {
	if t.layers == "" {
		return nil
	}
	if t.wanted, err = transfer.ParseLayers(t.layers); err != nil {
		return cli.Usagef("--fine-tune %w", err)
	}
	return nil
}

// tuneBatch is how many pictures a step of fine-tuning goes by.
func (o *options) tuneBatch() int {
	if o.given("batch") {
		return o.batch
	}
	return tuneBatch
}

// tuneLR is the learning rate of fine-tuning.
func (o *options) tuneLR() float64 {
	if o.given("lr") && o.lr > 0 {
		return o.lr
	}
	return tuneLR
}

// tuneDecay is the decay of the weights in fine-tuning.
func (o *options) tuneDecay() float64 {
	if o.given("weight-decay") {
		return o.decay
	}
	return tuneDecay
}

// tunerOptions is how the backbone is fine-tuned.
func (o *options) tunerOptions() nn.Options {
	return nn.Options{
		Batch: o.tuneBatch(), LR: o.tuneLR(), Optimizer: "adam", Seed: o.seed, Threads: o.stream.Workers(),
		WeightDecay: o.tuneDecay(), LabelSmoothing: 0.1, EMADecay: 0.999,
	}
}

// tuneValues adds the options that change results.
func (o *options) tuneValues(values map[string]any) {
	if o.tune.layers != "" {
		values["fine_tune"], values["batch"], values["lr"], values["seed"] = o.tune.layers, o.tuneBatch(), o.tuneLR(), o.seed
		if o.given("weight-decay") {
			values["weight_decay"] = o.decay
		}
	}
}

// errEmbedded is for items that bring features in place of the maps that
// fine-tuning wants.
var errEmbedded = cli.WithHint(errors.New("--fine-tune goes by pixels, and these items bring features in their place"), "give the items as they were before oi-eval --embed")

// A schedule is a learning rate that grows for the first twentieth of the steps
// and then falls as a cosine does, to nothing (Loshchilov and Hutter, "SGDR:
// Stochastic gradient descent with warm restarts", ICLR 2017).
type schedule struct {
	lr    float64
	steps int // of the whole run
}

// at is the rate of a step, counted from 0.
func (s schedule) at(step int) float64 {
	warm := max(1, s.steps/20)
	if step < warm {
		return s.lr * float64(step+1) / float64(warm)
	}
	return s.lr / 2 * (1 + math.Cos(math.Pi*float64(step-warm)/float64(max(1, s.steps-warm))))
}
