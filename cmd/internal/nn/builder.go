package nn

import (
	"fmt"
	"slices"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/opensandwich/oi/cmd/internal/kernel"
	"github.com/opensandwich/oi/cmd/internal/model"
	"github.com/opensandwich/oi/cmd/internal/rng"
)

// builder turns the layers of a network into a Gorgonia graph for batches of n
// pictures.
type builder struct {
	workers  *kernel.Workers
	graph    *gorgonia.ExprGraph
	arena    arena
	n        int
	training *trainingState          // nil: dropout does nothing
	unused   gorgonia.Nodes          // parameters of the layers that are still to come
	gains    gorgonia.Nodes          // of the convolutions that are still to come, if standardized
	skips    map[int]*skipConnection // outputs of layers, counted from 1, that additions read
}

// trainingState is what a training step depends on besides its inputs.
type trainingState struct {
	seed      uint64 // of dropout
	step      uint64 // of the run, from 1
	smoothing float64
}

// layers adds all layers to the graph and returns the logits, [n, outputs].
func (b *builder) layers(net *model.Network, image *gorgonia.Node) (*gorgonia.Node, error) {
	shapes, err := net.Shapes()
	if err != nil {
		return nil, err
	}
	x, err := b.scale(image, shapes[0])
	if err != nil {
		return nil, err
	}
	sources := skipSources(net.Layers)
	for i := 0; i < len(net.Layers); i++ {
		layer, in := net.Layers[i], shapes[i]
		name := layerName(layer, i)
		group := fusion(net.Layers[i:], func(k int) bool { return sources[i+k] })
		out := shapes[i+len(group)]
		switch {
		case slices.Equal(group, convReLUPool):
			x, err = b.convReLUPool(name, layer, in, out, x)
		case slices.Equal(group, convReLU):
			x, err = b.convReLU(name, layer, in, out, x, nil)
		case slices.Equal(group, convAddReLU):
			x, err = b.convReLU(name, layer, in, out, x, b.skips[net.Layers[i+1].From])
		default:
			x, err = b.layer(name, i, layer, in, out, x)
		}
		if err != nil {
			return nil, err
		}
		i += len(group) - 1
		if number := i + 1; sources[number] {
			if x, err = b.startSkip(layerName(net.Layers[i], i)+"skip", number, out, x); err != nil {
				return nil, err
			}
		}
	}
	return x, nil
}

// layerName is unique in a network.
func layerName(layer model.Layer, i int) string { return fmt.Sprintf("%s%d", layer.Kind, i+1) }

// layer adds a layer, number i from 0, that has a kernel to itself.
func (b *builder) layer(name string, i int, layer model.Layer, in, out []int, x *gorgonia.Node) (*gorgonia.Node, error) {
	switch layer.Kind {
	case model.Conv:
		return b.conv(name, layer, in, out, x)
	case model.ReLU:
		return b.relu(name, out, x)
	case model.MaxPool2:
		return b.maxPool(name, in, out, x)
	case model.AvgPool:
		return b.avgPool(name, in, out, x)
	case model.Flatten:
		return b.flatten(name, in, out, x)
	case model.Dense:
		return b.dense(name, in, out, x)
	case model.Add:
		return b.add(name, out, x, b.skips[layer.From])
	case model.Dropout:
		if b.training == nil {
			return x, nil
		}
		return b.dropout(name, i, layer.Rate, out, x)
	default:
		return nil, fmt.Errorf("layer %d: unknown kind %q", i+1, layer.Kind)
	}
}

// Layers that have one kernel together.
var (
	convReLUPool = []model.Kind{model.Conv, model.ReLU, model.MaxPool2}
	convAddReLU  = []model.Kind{model.Conv, model.Add, model.ReLU}
	convReLU     = []model.Kind{model.Conv, model.ReLU}
)

// fusion returns the kinds of the layers at the start of those given that one
// kernel computes together. isSource reports whether the output of a layer,
// counted from 1, is read elsewhere too, so that it must be computed by itself.
func fusion(layers []model.Layer, isSource func(int) bool) []model.Kind {
	for _, group := range [][]model.Kind{convReLUPool, convAddReLU, convReLU} {
		fits := len(layers) >= len(group)
		for k := 0; fits && k < len(group); k++ {
			fits = layers[k].Kind == group[k] && (k == len(group)-1 || !isSource(k+1))
		}
		if fits {
			return group
		}
	}
	return []model.Kind{layers[0].Kind}
}

// nextParams returns the next layer's weights and biases.
func (b *builder) nextParams() (weight, bias *gorgonia.Node) {
	weight, bias = b.unused[0], b.unused[1]
	b.unused = b.unused[2:]
	return weight, bias
}

// batched puts the batch before a shape of one picture.
func (b *builder) batched(shape []int) []int { return append([]int{b.n}, shape...) }

// op adds an operation with a result of its own, shaped for a batch.
func (b *builder) op(name string, shape []int, run func(y []float32, in []gorgonia.Value)) *op {
	full := b.batched(shape)
	return &op{name: name, shape: full, result: b.arena.tensor(full...), run: func(result gorgonia.Value, in []gorgonia.Value) error {
		run(floats(result), in)
		return nil
	}}
}

// scale makes float32 of the bytes of a picture.
func (b *builder) scale(image *gorgonia.Node, shape []int) (*gorgonia.Node, error) {
	return apply(b.op("scale", shape, func(y []float32, in []gorgonia.Value) {
		kernel.Scale(b.workers, y, in[0].(*tensor.Dense).Uint8s(), model.PixelScale)
	}), image)
}

// nextConv returns the shape of the next convolution, its weights, standardized
// if they are to be, and its biases.
func (b *builder) nextConv(name string, layer model.Layer, in []int) (c kernel.Conv, weight, bias *gorgonia.Node, err error) {
	c = kernel.Conv{
		N: b.n, H: in[0], W: in[1], Cin: in[2], Cout: layer.Out, K: layer.Kernel, Stride: layer.Stride, Pad: layer.Pad,
	}
	if err := c.Check(); err != nil {
		return c, nil, nil, err
	}
	weight, bias = b.nextParams()
	if len(b.gains) > 0 {
		gain := b.gains[0]
		b.gains = b.gains[1:]
		weight, err = b.standardizeWeights(name, weight, gain)
	}
	return c, weight, bias, err
}

func (b *builder) conv(name string, layer model.Layer, in, out []int, x *gorgonia.Node) (*gorgonia.Node, error) {
	c, weight, bias, err := b.nextConv(name, layer, in)
	if err != nil {
		return nil, err
	}
	forward := b.op(name, out, func(y []float32, in []gorgonia.Value) {
		c.Forward(b.workers, y, floats(in[0]), floats(in[1]), floats(in[2]))
	})
	b.gradients(forward, x, weight, bias, nil, func(dx, dw, db, dy []float32, in []gorgonia.Value) {
		c.Backward(b.workers, dx, dw, db, dy, floats(in[0]), floats(in[1]))
	})
	return apply(forward, x, weight, bias)
}

func (b *builder) convReLUPool(name string, layer model.Layer, in, out []int, x *gorgonia.Node) (*gorgonia.Node, error) {
	c, weight, bias, err := b.nextConv(name, layer, in)
	if err != nil {
		return nil, err
	}
	idx := make([]uint8, b.n*out[0]*out[1]*out[2])
	forward := b.op(name+"relupool", out, func(y []float32, in []gorgonia.Value) {
		c.ForwardReLUPool(b.workers, y, idx, floats(in[0]), floats(in[1]), floats(in[2]))
	})
	b.gradients(forward, x, weight, bias, nil, func(dx, dw, db, dy []float32, in []gorgonia.Value) {
		c.BackwardReLUPool(b.workers, dx, dw, db, dy, idx, floats(in[0]), floats(in[1]))
	})
	return apply(forward, x, weight, bias)
}

func (b *builder) dense(name string, in, out []int, x *gorgonia.Node) (*gorgonia.Node, error) {
	d := kernel.Dense{N: b.n, In: in[0], Out: out[0]}
	if err := d.Check(); err != nil {
		return nil, err
	}
	weight, bias := b.nextParams()
	forward := b.op(name, out, func(y []float32, in []gorgonia.Value) {
		d.Forward(b.workers, y, floats(in[0]), floats(in[1]), floats(in[2]))
	})
	b.gradients(forward, x, weight, bias, nil, func(dx, dw, db, dy []float32, in []gorgonia.Value) {
		d.Backward(b.workers, dx, dw, db, dy, floats(in[0]), floats(in[1]))
	})
	return apply(forward, x, weight, bias)
}

// gradients gives an op of inputs, weights and biases, in this order, its
// gradients, which one kernel computes together. An op has one result in
// Gorgonia: here the gradient of the weights; the others are kept next to
// it, and handed out by ops that depend on the first. The gradient of the first
// layer's input, the picture, is not computed: dx is nil. An op with a fourth
// input leaves its gradient with the skip connection. The values that backward
// is given are inputs, weights, dy, and the op's output.
func (b *builder) gradients(forward *op, x, weight, bias *gorgonia.Node, skipGrad *skipGradient, backward func(dx, dw, db, dy []float32, in []gorgonia.Value)) {
	inner := !isPicture(x)
	forward.wrt = []bool{inner, true, true}
	if skipGrad != nil {
		forward.wrt = append(forward.wrt, false)
	}
	forward.diff = func(inputs gorgonia.Nodes, output, grad *gorgonia.Node) (gorgonia.Nodes, error) {
		db := b.arena.tensor(bias.Shape()...)
		var dx *tensor.Dense
		var dxs []float32
		if inner {
			dx = b.arena.tensor(x.Shape()...)
			dxs = dx.Float32s()
		}
		name := forward.name + "grad"
		main := &op{name: name, shape: weight.Shape(), result: b.arena.tensor(weight.Shape()...), run: func(result gorgonia.Value, in []gorgonia.Value) error {
			backward(dxs, floats(result), db.Float32s(), floats(in[2]), in)
			return nil
		}}
		nodes := make(gorgonia.Nodes, len(inputs))
		var err error
		if nodes[1], err = apply(main, inputs[0], inputs[1], grad, output); err != nil {
			return nil, err
		}
		if nodes[2], err = secondaryOutput(name+"bias", db, nodes[1]); err != nil {
			return nil, err
		}
		if inner {
			if nodes[0], err = secondaryOutput(name+"input", dx, nodes[1]); err != nil {
				return nil, err
			}
		}
		if skipGrad != nil {
			gradient, err := secondaryOutput(name+"skip", skipGrad.gradient, nodes[1])
			if err != nil {
				return nil, err
			}
			skipGrad.skip.gradients = append(skipGrad.skip.gradients, gradient)
		}
		return nodes, nil
	}
}

// isPicture reports whether n is made from the input alone, so that nobody
// wants its gradient.
func isPicture(n *gorgonia.Node) bool {
	o, ok := n.Op().(*op)
	return ok && o.diff == nil
}

// secondaryOutput hands out a value that the op of another node computes along
// with its own.
func secondaryOutput(name string, value *tensor.Dense, of *gorgonia.Node) (*gorgonia.Node, error) {
	return apply(&op{name: name, shape: value.Shape().Clone(), result: value, run: noop}, of)
}

// noop is the run of an op whose result is already there.
func noop(gorgonia.Value, []gorgonia.Value) error { return nil }

func (b *builder) relu(name string, shape []int, x *gorgonia.Node) (*gorgonia.Node, error) {
	forward := b.op(name, shape, func(y []float32, in []gorgonia.Value) {
		kernel.ReLU(b.workers, y, floats(in[0]))
	})
	forward.wrt = []bool{true}
	forward.diff = func(_ gorgonia.Nodes, output, grad *gorgonia.Node) (gorgonia.Nodes, error) {
		dx, err := apply(b.op(name+"grad", shape, func(dx []float32, in []gorgonia.Value) {
			kernel.ReLUBackward(b.workers, dx, floats(in[0]), floats(in[1]))
		}), grad, output)
		return gorgonia.Nodes{dx}, err
	}
	return apply(forward, x)
}

func (b *builder) maxPool(name string, in, out []int, x *gorgonia.Node) (*gorgonia.Node, error) {
	m := kernel.MaxPool{N: b.n, H: in[0], W: in[1], C: in[2]}
	idx := make([]uint8, b.n*out[0]*out[1]*out[2])
	forward := b.op(name, out, func(y []float32, in []gorgonia.Value) {
		m.Forward(b.workers, y, idx, floats(in[0]))
	})
	forward.wrt = []bool{true}
	forward.diff = func(_ gorgonia.Nodes, output, grad *gorgonia.Node) (gorgonia.Nodes, error) {
		// The output is an input here only so that idx is written
		// before it is read.
		dx, err := apply(b.op(name+"grad", in, func(dx []float32, in []gorgonia.Value) {
			m.Backward(b.workers, dx, floats(in[0]), idx)
		}), grad, output)
		return gorgonia.Nodes{dx}, err
	}
	return apply(forward, x)
}

func (b *builder) avgPool(name string, in, out []int, x *gorgonia.Node) (*gorgonia.Node, error) {
	g := kernel.GlobalAvgPool{N: b.n, H: in[0], W: in[1], C: in[2]}
	forward := b.op(name, out, func(y []float32, in []gorgonia.Value) {
		g.Forward(b.workers, y, floats(in[0]))
	})
	forward.wrt = []bool{true}
	forward.diff = func(_ gorgonia.Nodes, _, grad *gorgonia.Node) (gorgonia.Nodes, error) {
		dx, err := apply(b.op(name+"grad", in, func(dx []float32, in []gorgonia.Value) {
			g.Backward(b.workers, dx, floats(in[0]))
		}), grad)
		return gorgonia.Nodes{dx}, err
	}
	return apply(forward, x)
}

// flatten gives the same memory another shape.
func (b *builder) flatten(name string, in, out []int, x *gorgonia.Node) (*gorgonia.Node, error) {
	forward, err := b.reshape(name, out, x)
	if err != nil {
		return nil, err
	}
	forward.wrt = []bool{true}
	forward.diff = func(_ gorgonia.Nodes, output, grad *gorgonia.Node) (gorgonia.Nodes, error) {
		backward, err := b.reshape(name+"grad", in, grad)
		if err != nil {
			return nil, err
		}
		dx, err := apply(backward, grad)
		return gorgonia.Nodes{dx}, err
	}
	return apply(forward, x)
}

// reshape is an op whose result is x's memory under another shape.
func (b *builder) reshape(name string, shape []int, x *gorgonia.Node) (*op, error) {
	o, ok := x.Op().(*op)
	if !ok {
		return nil, fmt.Errorf("%s: cannot reshape %v", name, x)
	}
	full := b.batched(shape)
	value := tensor.New(tensor.WithShape(full...), tensor.WithBacking(floats(o.result)))
	return &op{name: name, shape: full, result: value, run: noop}, nil
}

// dropout draws from the run's seed, the layer's place in the network and the
// step.
func (b *builder) dropout(name string, layer int, rate float64, shape []int, x *gorgonia.Node) (*gorgonia.Node, error) {
	state, seed := b.training, rng.At(b.training.seed, uint64(layer)+1)
	same := func(name string, x *gorgonia.Node) *op {
		return b.op(name, shape, func(y []float32, in []gorgonia.Value) {
			kernel.Dropout(b.workers, y, floats(in[0]), rate, seed, state.step)
		})
	}
	forward := same(name, x)
	forward.wrt = []bool{true}
	forward.diff = func(_ gorgonia.Nodes, output, grad *gorgonia.Node) (gorgonia.Nodes, error) {
		dx, err := apply(same(name+"grad", grad), grad)
		return gorgonia.Nodes{dx}, err
	}
	return apply(forward, x)
}
