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

// loss adds the mean cross-entropy of the logits [n, outputs], the first of what
// is compared, for the labels, as a scalar: after a sigmoid for one output, after
// a softmax for more. What is given are labels [n], ints, weights [n], float32,
// and second labels [n], ints, with their shares [n], float32. The answers of a
// teacher, the targets, have a part of the loss then, and if there is a second
// thing to compare, features, its hints, which these should be. The value of the
// loss in more precision, and the number of correct answers, are found.
func (t *trainingGraph) loss(compared, given gorgonia.Nodes) (*gorgonia.Node, error) {
	outputs := len(t.logits) / t.n
	dz, df := t.arena.floats(len(t.logits)), t.arena.floats(len(t.features))
	value := gorgonia.NewF32(0)
	forward := &op{name: "loss", result: value, run: func(_ gorgonia.Value, in []gorgonia.Value) error {
		z, in := floats(in[0]), in[len(compared):]
		labels, weights := in[0].(*tensor.Dense).Ints(), floats(in[1])
		seconds, shares := in[2].(*tensor.Dense).Ints(), floats(in[3])
		if outputs == 1 {
			t.found.loss, t.found.correct = kernel.SigmoidCE(dz, nil, z, labels, weights, t.state.smoothing)
		} else {
			t.found.loss, t.found.correct = kernel.SoftmaxCE(dz, nil, z, outputs, labels, weights, t.state.smoothing)
		}
		t.found.loss = kernel.MixedLabels(dz, z, outputs, labels, seconds, shares, weights, t.state.smoothing, t.found.loss)
		teacher := t.state.teacher
		if teacher.Share > 0 {
			t.found.loss = kernel.Distill(dz, z, t.targets, outputs, weights, t.found.loss, teacher.Share, teacher.Temperature)
		}
		if teacher.FeatureShare > 0 {
			t.found.loss = kernel.Features(t.workers, df, t.features, t.hints, t.n, weights, t.found.loss, teacher.FeatureShare)
		}
		*value = gorgonia.F32(t.found.loss)
		return nil
	}}
	forward.wrt = make([]bool, len(compared)+len(given))
	for i := range compared {
		forward.wrt[i] = true
	}
	forward.diff = func(_ gorgonia.Nodes, output, grad *gorgonia.Node) (gorgonia.Nodes, error) {
		nodes := make(gorgonia.Nodes, len(forward.wrt))
		for i, d := range [][]float32{dz, df}[:len(compared)] {
			// d is the gradient for one unit of loss; it is written by the
			// op of output.
			dx := flat(t.arena.floats(len(d)))
			node, err := apply(&op{name: "loss gradient", shape: dx.Shape(), result: dx, run: func(_ gorgonia.Value, in []gorgonia.Value) error {
				scaleBy(dx.Float32s(), d, float32(*in[1].(*gorgonia.F32)))
				return nil
			}}, output, grad)
			if err != nil {
				return nil, err
			}
			nodes[i] = node
		}
		return nodes, nil
	}
	return apply(forward, append(compared, given...)...)
}

func scaleBy(dst, src []float32, factor float32) {
	for i, v := range src {
		dst[i] = v * factor
	}
}
