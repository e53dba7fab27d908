package nn

import (
	"gorgonia.org/gorgonia"
)

// standardizeWeights adds the weights that a convolution works with, made of
// its raw ones and the gain of every channel.
func (b *builder) standardizeWeights(name string, raw, gain *gorgonia.Node) (*gorgonia.Node, error) {
	shape := raw.Shape().Clone()
	s := weightStandardization(shape)
	stats := make([]float64, s.Stats())
	forward := &op{name: name + "standardise", shape: shape, result: b.arena.tensor(shape...), run: func(w gorgonia.Value, in []gorgonia.Value) error {
		s.Forward(b.workers, floats(w), floats(in[0]), floats(in[1]), stats)
		return nil
	}}
	forward.wrt = []bool{true, true}
	forward.diff = func(inputs gorgonia.Nodes, _, grad *gorgonia.Node) (gorgonia.Nodes, error) {
		dgain := b.arena.tensor(s.Out)
		// grad depends on the output, so that stats are written before
		// they are read.
		main, err := apply(&op{name: forward.name + "grad", shape: shape, result: b.arena.tensor(shape...), run: func(dv gorgonia.Value, in []gorgonia.Value) error {
			s.Backward(b.workers, floats(dv), dgain.Float32s(), floats(in[2]), floats(in[0]), floats(in[1]), stats)
			return nil
		}}, inputs[0], inputs[1], grad)
		if err != nil {
			return nil, err
		}
		side, err := secondaryOutput(forward.name+"gradgain", dgain, main)
		return gorgonia.Nodes{main, side}, err
	}
	return apply(forward, raw, gain)
}
