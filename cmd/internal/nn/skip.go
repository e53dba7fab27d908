package nn

import (
	"fmt"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/opensandwich/oi/cmd/internal/kernel"
	"github.com/opensandwich/oi/cmd/internal/model"
)

// skipConnection is the output of a layer that an addition further on reads
// too. The gradients that come back must be added up. Gorgonia would do it with
// an operation that allocates in every step. Here the additions say that they
// have no gradient for their other summand, and leave it with the skip
// connection, which adds what was left to what comes from the next layer.
// Gorgonia differentiates a node when all that reads it has been.
type skipConnection struct {
	node      *gorgonia.Node
	gradients gorgonia.Nodes // gradients from additions
}

// skipSources returns which layers, counted from 1, an addition reads besides
// the next layer.
func skipSources(layers []model.Layer) map[int]bool {
	is := map[int]bool{}
	for _, layer := range layers {
		if layer.Kind == model.Add {
			is[layer.From] = true
		}
	}
	return is
}

// startSkip adds a node of the same memory as x, and remembers it as the output
// of the layer.
func (b *builder) startSkip(name string, layer int, shape []int, x *gorgonia.Node) (*gorgonia.Node, error) {
	s := &skipConnection{}
	b.skips[layer] = s
	forward, err := b.reshape(name, shape, x)
	if err != nil {
		return nil, err
	}
	forward.wrt = []bool{true}
	forward.diff = func(_ gorgonia.Nodes, _, grad *gorgonia.Node) (gorgonia.Nodes, error) {
		total := grad
		for i, skip := range s.gradients {
			var err error
			total, err = apply(b.op(fmt.Sprintf("%sgrad%d", name, i+1), shape, func(y []float32, in []gorgonia.Value) {
				kernel.Add(b.workers, y, floats(in[0]), floats(in[1]))
			}), total, skip)
			if err != nil {
				return nil, err
			}
		}
		return gorgonia.Nodes{total}, nil
	}
	s.node, err = apply(forward, x)
	return s.node, err
}

// add adds the addition of a skip connection.
func (b *builder) add(name string, shape []int, x *gorgonia.Node, skip *skipConnection) (*gorgonia.Node, error) {
	forward := b.op(name, shape, func(y []float32, in []gorgonia.Value) {
		kernel.Add(b.workers, y, floats(in[0]), floats(in[1]))
	})
	forward.wrt = []bool{true, false}
	forward.diff = func(_ gorgonia.Nodes, _, grad *gorgonia.Node) (gorgonia.Nodes, error) {
		skip.gradients = append(skip.gradients, grad)
		return gorgonia.Nodes{grad, nil}, nil
	}
	return apply(forward, x, skip.node)
}

// convReLU adds a convolution with ReLU, and between the two the addition of a
// skip connection, if it is not nil: y [N,OH,OW,Cout] = relu(x*w + b + skip).
func (b *builder) convReLU(name string, layer model.Layer, in, out []int, x *gorgonia.Node, skip *skipConnection) (*gorgonia.Node, error) {
	c, weight, bias, err := b.nextConv(name, layer, in)
	if err != nil {
		return nil, err
	}
	forward := b.op(name+"relu", out, func(y []float32, in []gorgonia.Value) {
		var add []float32
		if skip != nil {
			add = floats(in[3])
		}
		c.ForwardReLU(b.workers, y, floats(in[0]), floats(in[1]), floats(in[2]), add)
	})
	// The gradient before ReLU is that of all summands.
	dz := b.arena.tensor(b.batched(out)...)
	inputs := gorgonia.Nodes{x, weight, bias}
	var skipGrad *skipGradient
	if skip != nil {
		inputs = append(inputs, skip.node)
		skipGrad = &skipGradient{skip, dz}
	}
	b.gradients(forward, x, weight, bias, skipGrad, func(dx, dw, db, dy []float32, in []gorgonia.Value) {
		kernel.ReLUBackward(b.workers, dz.Float32s(), dy, floats(in[3]))
		c.Backward(b.workers, dx, dw, db, dz.Float32s(), floats(in[0]), floats(in[1]))
	})
	return apply(forward, inputs...)
}

// skipGradient is a gradient that an operation computes along with its own and
// leaves with a skip connection.
type skipGradient struct {
	skip     *skipConnection
	gradient *tensor.Dense
}
