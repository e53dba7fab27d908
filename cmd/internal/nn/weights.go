package nn

import (
	"fmt"
	"slices"

	"gorgonia.org/tensor"

	"github.com/opensandwich/oi/cmd/internal/graph"
	"github.com/opensandwich/oi/cmd/internal/kernel"
	"github.com/opensandwich/oi/cmd/internal/model"
)

// weights are the numbers that a graph works with, in memory that all of its
// graphs share: a network's parameters, if its convolutions are standardized a
// gain for every output channel of each, and if it learns the features of a
// teacher what projects its own to them.
type weights struct {
	net     *model.Network
	params  []model.Param // those of net, whose memory they share, then the gains, then the projection
	tensors []*tensor.Dense

	version uint64 // changes with the numbers

	// gainOf maps the index of a convolution's weights in params to the
	// index of its gain. It is empty without gains.
	gainOf map[int]int

	features model.FeatureMap // of the teacher, zero without one
}

// newWeights copies the network's parameters.
func newWeights(net *model.Network) (*weights, error) {
	if err := net.Validate(); err != nil {
		return nil, err
	}
	w := &weights{net: net.Clone()}
	w.add(w.net.Params...)
	return w, nil
}

func (w *weights) add(params ...model.Param) {
	for _, p := range params {
		w.params = append(w.params, p)
		w.tensors = append(w.tensors, tensor.New(tensor.WithShape(p.Shape...), tensor.WithBacking(p.Data)))
	}
}

// trainingGraph is the graph that the weights are trained with.
func (w *weights) trainingGraph() (*graph.Graph, error) {
	return w.net.Graph(model.GraphOptions{Training: true, Gains: len(w.gainOf) > 0, Features: w.features})
}

// addGains adds the gains. They start at 1, but at 0 where the convolution
// is directly before an addition, so that a block starts as what it adds to
// ("SkipInit": De and Smith, NeurIPS 2020; Goyal et al., 2017, with the scale
// of a batch norm).
func (w *weights) addGains() {
	w.gainOf = map[int]int{}
	param, convs := 0, 0
	for i, layer := range w.net.Layers {
		switch layer.Kind {
		case model.Conv:
			convs++
			gain := model.Param{Name: fmt.Sprintf("conv%d.gain", convs), Shape: []int{layer.Out}, Data: make([]float32, layer.Out)}
			if i+1 == len(w.net.Layers) || w.net.Layers[i+1].Kind != model.Add {
				for k := range gain.Data {
					gain.Data[k] = 1
				}
			}
			w.gainOf[param] = len(w.params)
			w.add(gain)
			param += 2
		case model.Dense:
			param += 2
		}
	}
}

// addProjection adds what projects features to those of a teacher.
func (w *weights) addProjection(to model.FeatureMap, seed uint64) error {
	params, err := w.net.Projection(to)
	if err != nil {
		return err
	}
	draw(params, seed)
	w.features = to
	w.add(params...)
	return nil
}

// fold sets the weights of a plain network to those of w with the gains worked
// into the convolutions. values stand for those of w.params.
func (w *weights) fold(workers *kernel.Workers, to *weights, values []model.Param) {
	to.version++
	for i, p := range to.net.Params {
		gain, ok := w.gainOf[i]
		if !ok {
			copy(p.Data, values[i].Data)
			continue
		}
		weightStandardization(p.Shape).Forward(workers, p.Data, values[i].Data, values[gain].Data, nil)
	}
}

// weightStandardization is the kernel for a convolution's weights
// [K,K,Cin,Cout].
func weightStandardization(shape []int) kernel.WeightStandardization {
	return kernel.WeightStandardization{FanIn: shape[0] * shape[1] * shape[2], Out: shape[3]}
}

// cloneParams copies the data too.
func cloneParams(params []model.Param) []model.Param {
	c := make([]model.Param, len(params))
	for i, p := range params {
		c[i] = model.Param{Name: p.Name, Shape: slices.Clone(p.Shape), Data: slices.Clone(p.Data)}
	}
	return c
}
