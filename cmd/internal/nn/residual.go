package nn

import (
	"strconv"

	"github.com/opensandwich/oi/cmd/internal/model"
)

// Residual returns a network of 3x3 convolutions, all with stride 1 and padding
// 1, for RGB pictures of h x w. It has no normalisation that depends on the
// batch, and wants [Options.WeightStandardization]: its parameters are the raw
// weights that training with it starts from, drawn from the seed as
// [Initialise] says (their scale is of no account then).
//
//	conv(width), pool
//	conv(2*width), pool, block
//	conv(4*width), pool, block
//	conv(8*width), pool, block
//	mean over the picture, logits
//
// Every convolution is followed by ReLU; pool is the largest of 2x2; a block is
// relu(x + conv(relu(conv(x)))) (He et al., "Deep residual learning for image
// recognition", CVPR 2016).
//
// Pictures of less than 16x16, or less than two classes, give a network without
// parameters; its Validate, and [NewTrainer], say what is wrong with it.
func Residual(h, w, classes, width int, seed uint64) *model.Network {
	n := &model.Network{Height: h, Width: w, Channels: 3, Arch: "residual"}
	for i := range classes {
		n.Classes = append(n.Classes, strconv.Itoa(i))
	}
	add := func(layers ...model.Layer) { n.Layers = append(n.Layers, layers...) }
	conv := func(channels int) model.Layer {
		return model.Layer{Kind: model.Conv, Out: channels, Kernel: 3, Stride: 1, Pad: 1}
	}
	relu, pool := model.Layer{Kind: model.ReLU}, model.Layer{Kind: model.MaxPool2}
	add(conv(width), relu, pool)
	for _, channels := range []int{2 * width, 4 * width, 8 * width} {
		add(conv(channels), relu, pool)
		x := len(n.Layers)
		add(conv(channels), relu, conv(channels), model.Layer{Kind: model.Add, From: x}, relu)
	}
	add(model.Layer{Kind: model.AvgPool}, model.Layer{Kind: model.Dense, Out: n.Outputs()})
	if err := Initialise(n, seed); err != nil {
		n.Params = nil
	}
	return n
}
