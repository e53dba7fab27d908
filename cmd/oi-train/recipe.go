package main

import (
	"maps"
	"slices"
	"strings"

	"github.com/opensandwich/oi/cmd/internal/model"
	"github.com/opensandwich/oi/cmd/internal/nn"
)

// A recipe is an architecture and the way it is trained best.
type recipe struct {
	network   func(height, width, classes int, seed uint64) *model.Network
	optimizer string
	options   nn.Options // all but what the command line says
}

const defaultArch = "residual"

// recipes returns what --arch can name.
func recipes() map[string]recipe {
	return map[string]recipe{
		// The network of the article, trained as it was there.
		"reference": {network: nn.Reference, optimizer: "rmsprop"},
		// The learning rate stays what it is: the average of the weights takes
		// out the noise that others lower it for, so that it need not be known
		// beforehand how long training will last.
		"residual": {
			network: func(height, width, classes int, seed uint64) *model.Network {
				return nn.Residual(height, width, classes, residualWidth, seed)
			},
			optimizer: "adam",
			options:   nn.Options{WeightDecay: 0.05, LabelSmoothing: 0.1, EMADecay: 0.999, WeightStandardization: true},
		},
	}
}

// residualWidth is the number of channels of the first convolution.
const residualWidth = 16

// learningRates returns the learning rate of each optimizer where --lr does
// not say.
func learningRates() map[string]float64 {
	return map[string]float64{"adam": 0.001, "rmsprop": 0.0005, "sgd": 0.01}
}

// names lists the keys of a table in words.
func names[V any](table map[string]V) string {
	return strings.Join(slices.Sorted(maps.Keys(table)), ", ")
}

// complete fills in what the command line leaves to the architecture. The
// options have been checked.
func (o *options) complete() {
	if o.optimizer == "" {
		o.optimizer = recipes()[o.arch].optimizer
	}
	if o.lr == 0 {
		o.lr = learningRates()[o.optimizer]
	}
}

// trainer returns what trains a network for pictures of the size and classes
// given.
func (o *options) trainer(height, width int, classes []string) (*model.Network, nn.Options) {
	r := recipes()[o.arch]
	network := r.network(height, width, len(classes), o.seed)
	network.Classes = classes
	return network, o.how()
}

// how is the way the network is trained.
func (o *options) how() nn.Options {
	how := recipes()[o.arch].options
	how.Batch, how.LR, how.Optimizer, how.Seed, how.Threads = o.batch, o.lr, o.optimizer, o.seed, o.stream.Workers()
	if o.optimizer == "rmsprop" {
		how.WeightDecay = 0 // it has none
	}
	return how
}

// all are the values of the command line and those of the recipe, for people.
func (o *options) all() map[string]any {
	all, how := o.values(), o.how()
	all["weight_decay"], all["label_smoothing"] = how.WeightDecay, how.LabelSmoothing
	all["weight_average"], all["standardised_weights"] = how.EMADecay, how.WeightStandardization
	return all
}
