package nn

import (
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/opensandwich/oi/cmd/internal/kernel"
)

// outcome is what the loss finds out besides its own value.
type outcome struct {
	loss    float64
	correct int
}

// loss adds the mean cross-entropy of the logits [n, outputs] for the labels,
// as a scalar: after a sigmoid for one output, after a softmax for more. labels
// [n] are ints, weights [n] float32. Its value in more precision, and the
// number of correct answers, go to found.
func (b *builder) loss(logits, labels, weights *gorgonia.Node, found *outcome) (*gorgonia.Node, error) {
	outputs := logits.Shape()[1]
	dz := b.arena.tensor(b.n, outputs)
	value := gorgonia.NewF32(0)
	forward := &op{name: "loss", result: value, run: func(_ gorgonia.Value, in []gorgonia.Value) error {
		z, labels, weights := floats(in[0]), in[1].(*tensor.Dense).Ints(), floats(in[2])
		if outputs == 1 {
			found.loss, found.correct = kernel.SigmoidCE(dz.Float32s(), nil, z, labels, weights, b.training.smoothing)
		} else {
			found.loss, found.correct = kernel.SoftmaxCE(dz.Float32s(), nil, z, outputs, labels, weights, b.training.smoothing)
		}
		*value = gorgonia.F32(found.loss)
		return nil
	}}
	forward.wrt = []bool{true, false, false}
	forward.diff = func(_ gorgonia.Nodes, output, grad *gorgonia.Node) (gorgonia.Nodes, error) {
		// dz is the gradient for one unit of loss; it is written by the
		// op of output.
		dx, err := apply(b.op("lossgrad", []int{outputs}, func(dx []float32, in []gorgonia.Value) {
			scaleBy(dx, dz.Float32s(), float32(*in[1].(*gorgonia.F32)))
		}), output, grad)
		return gorgonia.Nodes{dx, nil, nil}, err
	}
	return apply(forward, logits, labels, weights)
}

func scaleBy(dst, src []float32, factor float32) {
	for i, v := range src {
		dst[i] = v * factor
	}
}
