package nn

import (
	"fmt"
	"hash/fnv"
	"math"
	"strconv"

	"github.com/opensandwich/oi/cmd/internal/model"
	"github.com/opensandwich/oi/cmd/internal/rng"
)

// Reference returns the reference network for RGB pictures of h x w,
// initialised from the seed: three times a valid 3x3 convolution, ReLU and 2x2
// max pooling, with 32, 32 and 64 channels, then a dense layer of 64 with ReLU,
// dropout of a half, and the logits. For two classes of 128x128 pictures it has
// 831,585 parameters. The classes are named by their numbers until the caller
// names them.
//
// Pictures of less than 22x22, or less than two classes, give a network without
// parameters; its Validate, and [NewTrainer], say what is wrong with it.
func Reference(h, w, classes int, seed uint64) *model.Network {
	n := &model.Network{Height: h, Width: w, Channels: 3, Arch: "reference"}
	for i := range classes {
		n.Classes = append(n.Classes, strconv.Itoa(i))
	}
	for _, channels := range []int{32, 32, 64} {
		n.Layers = append(n.Layers,
			model.Layer{Kind: model.Conv, Out: channels, Kernel: 3, Stride: 1},
			model.Layer{Kind: model.ReLU},
			model.Layer{Kind: model.MaxPool2})
	}
	n.Layers = append(n.Layers,
		model.Layer{Kind: model.Flatten},
		model.Layer{Kind: model.Dense, Out: 64},
		model.Layer{Kind: model.ReLU},
		model.Layer{Kind: model.Dropout, Rate: 0.5},
		model.Layer{Kind: model.Dense, Out: n.Outputs()})
	if err := Initialise(n, seed); err != nil {
		n.Params = nil
	}
	return n
}

// Initialise gives the network the parameters that its layers need: weights by
// Glorot and Bengio's uniform rule (AISTATS 2010), biases zero. A weight
// depends on the seed, its tensor's name and its index in it, and on nothing
// else, so the same seed gives the same bits everywhere.
func Initialise(n *model.Network, seed uint64) error {
	spec, err := n.Spec()
	if err != nil {
		return fmt.Errorf("initialise network: %w", err)
	}
	draw(spec, seed)
	n.Params = spec
	return nil
}

// draw gives parameters the numbers that training starts from: those of one
// dimension are 0.
func draw(params []model.Param, seed uint64) {
	for i, p := range params {
		params[i].Data = make([]float32, p.Size())
		if len(p.Shape) > 1 {
			glorotUniform(params[i], seed)
		}
	}
}

// glorotUniform fills p with numbers from [-L, L), L = sqrt(6 / (fan_in +
// fan_out)). The fans are the products of the kernel's area, if there is one,
// with the input and the output channels.
func glorotUniform(p model.Param, seed uint64) {
	dims := len(p.Shape)
	area := 1
	for _, d := range p.Shape[:dims-2] {
		area *= d
	}
	limit := math.Sqrt(6 / float64(area*(p.Shape[dims-2]+p.Shape[dims-1])))
	h := fnv.New64a()
	h.Write([]byte(p.Name)) // a hash never fails
	stream := rng.At(seed^h.Sum64(), 1)
	for i := range p.Data {
		// 53 bits, so that both u and 2u-1 are exact and only the
		// product rounds, with or without fused multiply-add.
		u := rng.Float64(rng.At(stream, uint64(i)+1))
		p.Data[i] = float32(limit * (2*u - 1))
	}
}
