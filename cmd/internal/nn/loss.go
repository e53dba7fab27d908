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
// as a scalar: after a sigmoid for one output, after a softmax for more. What is
// given are labels [n], ints, weights [n], float32, second labels [n], ints, with
// their shares [n], float32, and with a teacher its answers [n*classes], float32,
// of which the loss has a part then. Its value in more precision, and the number
// of correct answers, are found.
func (t *trainingGraph) loss(logits *gorgonia.Node, given gorgonia.Nodes) (*gorgonia.Node, error) {
	outputs := len(t.logits) / t.n
	dz := t.arena.floats(len(t.logits))
	value := gorgonia.NewF32(0)
	forward := &op{name: "loss", result: value, run: func(_ gorgonia.Value, in []gorgonia.Value) error {
		z, labels, weights := floats(in[0]), in[1].(*tensor.Dense).Ints(), floats(in[2])
		seconds, shares := in[3].(*tensor.Dense).Ints(), floats(in[4])
		if outputs == 1 {
			t.found.loss, t.found.correct = kernel.SigmoidCE(dz, nil, z, labels, weights, t.state.smoothing)
		} else {
			t.found.loss, t.found.correct = kernel.SoftmaxCE(dz, nil, z, outputs, labels, weights, t.state.smoothing)
		}
		t.found.loss = kernel.MixedLabels(dz, z, outputs, labels, seconds, shares, weights, t.state.smoothing, t.found.loss)
		if teacher := t.state.teacher; teacher.Share > 0 {
			t.found.loss = kernel.Distill(dz, z, floats(in[5]), outputs, weights, t.found.loss, teacher.Share, teacher.Temperature)
		}
		*value = gorgonia.F32(t.found.loss)
		return nil
	}}
	forward.wrt = append([]bool{true}, make([]bool, len(given))...)
	forward.diff = func(_ gorgonia.Nodes, output, grad *gorgonia.Node) (gorgonia.Nodes, error) {
		// dz is the gradient for one unit of loss; it is written by the
		// op of output.
		dx := flat(t.arena.floats(len(dz)))
		node, err := apply(&op{name: "loss gradient", shape: dx.Shape(), result: dx, run: func(_ gorgonia.Value, in []gorgonia.Value) error {
			scaleBy(dx.Float32s(), dz, float32(*in[1].(*gorgonia.F32)))
			return nil
		}}, output, grad)
		return append(gorgonia.Nodes{node}, make(gorgonia.Nodes, len(given))...), err
	}
	return apply(forward, append(gorgonia.Nodes{logits}, given...)...)
}

func scaleBy(dst, src []float32, factor float32) {
	for i, v := range src {
		dst[i] = v * factor
	}
}
