package main

import (
	"maps"
	"slices"
	"strings"

	"github.com/opensandwich/oi/cmd/internal/model"
	"github.com/opensandwich/oi/cmd/internal/nn"
)

// A preset is an architecture and the way it is trained best: optimizer, and
// what the command line has no option for.
type preset struct {
	network   func(height, width, classes int, seed uint64) *model.Network
	optimizer string
	options   nn.Options // all but what the command line says
}

const defaultArch = "residual"

// presets are what --arch can name.
var presets = map[string]preset{
	// The network of the article, trained as it was there.
	"reference": {network: nn.Reference, optimizer: "rmsprop"},
	"residual":  residual(16),
	// Zagoruyko and Komodakis, "Wide residual networks", 2016.
	"wide-residual": residual(24),
}

// residual is the preset of a residual network whose first convolution has so
// many channels. The learning rate stays the same unless --lr-schedule says
// otherwise: the average of the weights removes most of the noise for which
// others lower it, and nobody has to know in advance how long training will last.
func residual(channels int) preset {
	return preset{
		network: func(height, width, classes int, seed uint64) *model.Network {
			return nn.Residual(height, width, classes, channels, seed)
		},
		optimizer: "muon",
		options:   nn.Options{WeightDecay: 0.05, LabelSmoothing: 0.1, EMADecay: 0.999, WeightStandardization: true},
	}
}

// names lists the keys of a table in words.
func names[V any](table map[string]V) string {
	return strings.Join(slices.Sorted(maps.Keys(table)), ", ")
}

// complete fills in what the command line leaves to the architecture. The
// options have been checked.
func (o *options) complete() {
	if o.backbone.file != "" && !o.given("spool-memory") {
		o.memory = backboneMemory
	}
	if o.optimizer == "" {
		o.optimizer = presets[o.arch].optimizer
	}
	if o.lr == 0 {
		o.lr = nn.LearningRates()[o.optimizer]
	}
	if o.patienceFollows() {
		o.patience = o.epochs // so that it never ends sooner
	}
	if !o.given("weight-decay") {
		o.decay = o.defaultDecay()
	}
}

// patienceFollows says that the patience is that of the other options.
func (o *options) patienceFollows() bool { return o.schedule == linearRate && !o.given("patience") }

// defaultDecay is the decay of the weights where the command line has none. The
// optimizer is known.
func (o *options) defaultDecay() float64 {
	if o.optimizer == "rmsprop" { // which has none
		return 0
	}
	return presets[o.arch].options.WeightDecay
}

// network returns a new network for pictures and classes as given, its weights
// drawn by the seed.
func (o *options) network(height, width int, classes []string) *model.Network {
	network := presets[o.arch].network(height, width, len(classes), o.seed)
	network.Arch, network.Classes = o.arch, classes
	return network
}

// trainerOptions is how the network is trained.
func (o *options) trainerOptions() nn.Options {
	t := presets[o.arch].options
	t.Batch, t.LR, t.Optimizer, t.Seed, t.Threads = o.batch, o.lr, o.optimizer, o.seed, o.stream.Workers()
	t.WeightDecay, t.Teacher = o.decay, o.teacher.distillation()
	return t
}

// allValues are the values of the command line and those of the preset, for
// people.
func (o *options) allValues() map[string]any {
	if o.backbone.file != "" {
		return o.values()
	}
	all, t := o.values(), o.trainerOptions()
	all["weight_decay"], all["label_smoothing"] = t.WeightDecay, t.LabelSmoothing
	all["weight_average"], all["standardised_weights"] = t.EMADecay, t.WeightStandardization
	return all
}
