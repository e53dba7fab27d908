// Package model is a network at rest: its layers, its weights, and the two
// files they are kept in, ONNX and safetensors.
//
// A [Network] takes pictures of Height x Width x Channels bytes (rows from top
// to bottom, pixels from left to right, channels together: RGB as a decoder
// gives it), multiplies every byte by [PixelScale] and sends the result through
// its Layers. The last layer is a dense one and gives the logits. Two classes
// have one logit z, and their probabilities are [1-sigmoid(z), sigmoid(z)];
// more classes have a logit each, and their probabilities are the softmax.
package model

import (
	"errors"
	"fmt"
	"math"
	"slices"
)

// PixelScale is what the bytes of a picture are multiplied by before the first
// layer.
const PixelScale = float32(1.0 / 255)

// Kind names what a [Layer] does.
type Kind string

// The kinds of layer. Each turns a tensor [H,W,C], or a vector [D] after
// Flatten, into another; the batch is the leading dimension of all of them and
// is not written.
const (
	// [H,W,C] -> [H',W',Out]: square kernel, zero padding, bias;
	// H' = (H+2*Pad-Kernel)/Stride + 1
	Conv Kind = "conv"
	// max(0, x), any shape
	ReLU Kind = "relu"
	// [H,W,C] -> [H/2,W/2,C]: the largest of 2x2, an odd last row or column
	// is dropped
	MaxPool2 Kind = "maxpool2"
	// [H,W,C] -> [H*W*C], channels running fastest
	Flatten Kind = "flatten"
	// [D] -> [Out], with bias
	Dense Kind = "dense"
	// training only: zero with probability Rate, else multiplied by
	// 1/(1-Rate)
	Dropout Kind = "dropout"
	// the output of the layer before plus that of layer From, of the same
	// shape
	Add Kind = "add"
	// [H,W,C] -> [C]: the mean over the whole picture
	AvgPool Kind = "avgpool"
)

// Layer is one step of a network. Fields that its kind does not use are zero.
type Layer struct {
	Kind   Kind    `json:"kind"`
	Out    int     `json:"out,omitempty"`    // conv: channels, dense: units
	Kernel int     `json:"kernel,omitempty"` // conv: height and width of the kernel
	Stride int     `json:"stride,omitempty"` // conv
	Pad    int     `json:"pad,omitempty"`    // conv: zeros on each of the four sides
	Rate   float64 `json:"rate,omitempty"`   // dropout, 0 <= Rate < 1
	From   int     `json:"from,omitempty"`   // add: a layer before the last one, counted from 1
}

// Param is one tensor of weights, in row-major order. Convolutions have
// "convI.weight" of shape [Kernel,Kernel,Cin,Cout] and "convI.bias" of shape
// [Cout]; dense layers have "denseI.weight" of shape [in,out] and "denseI.bias"
// of shape [out]. These are the layouts of Keras.
type Param struct {
	Name  string
	Shape []int
	Data  []float32
}

// Network is a description of layers with their weights. Params follow the
// order of [Network.Spec].
type Network struct {
	Height, Width, Channels int
	Classes                 []string // sorted by name; of two, the second is the positive one
	Arch                    string   // name of the architecture, for people
	Layers                  []Layer
	Params                  []Param
}

// Bounds on what a description may claim, so that sizes can be multiplied
// without overflow and a damaged file cannot ask for absurd amounts of memory.
const (
	maxSide       = 8192
	maxChannels   = 64
	maxClasses    = 65536
	maxLayers     = 1024
	maxOut        = 1 << 20
	maxKernel     = 64
	maxParameters = 1 << 28
	maxUnits      = 1 << 28 // numbers in the outputs of all layers, for one picture
)

// Outputs is the number of logits: one for two classes, otherwise one a class.
func (n *Network) Outputs() int {
	if len(n.Classes) == 2 {
		return 1
	}
	return len(n.Classes)
}

// Shapes returns the shape of the input followed by that of each layer's
// output, without the batch: [H,W,C] or [D]. It fails when the layers do not
// fit together.
func (n *Network) Shapes() ([][]int, error) {
	if err := n.checkInput(); err != nil {
		return nil, err
	}
	shape := []int{n.Height, n.Width, n.Channels}
	shapes := [][]int{shape}
	units := 0
	for i, layer := range n.Layers {
		next, err := layer.output(shape)
		if err == nil && layer.Kind == Add {
			err = layer.checkFrom(shapes)
		}
		if units += size(next); err == nil && units > maxUnits {
			err = fmt.Errorf("the outputs up to here have more than %d numbers: use smaller pictures", maxUnits)
		}
		if err != nil {
			return nil, fmt.Errorf("layer %d (%s): %w", i+1, layer.Kind, err)
		}
		shape = next
		shapes = append(shapes, shape)
	}
	last := n.Layers[len(n.Layers)-1]
	if last.Kind != Dense || last.Out != n.Outputs() {
		return nil, fmt.Errorf("the last layer must be dense with %d outputs for %d classes", n.Outputs(), len(n.Classes))
	}
	return shapes, nil
}

func (n *Network) checkInput() error {
	switch {
	case n.Height < 1 || n.Width < 1 || n.Height > maxSide || n.Width > maxSide:
		return fmt.Errorf("picture of %dx%d: sides must be from 1 to %d", n.Width, n.Height, maxSide)
	case n.Channels < 1 || n.Channels > maxChannels:
		return fmt.Errorf("%d channels: must be from 1 to %d", n.Channels, maxChannels)
	case len(n.Classes) < 2 || len(n.Classes) > maxClasses:
		return fmt.Errorf("%d classes: must be from 2 to %d", len(n.Classes), maxClasses)
	case len(n.Layers) < 1 || len(n.Layers) > maxLayers:
		return fmt.Errorf("%d layers: must be from 1 to %d", len(n.Layers), maxLayers)
	}
	return nil
}

// output returns the shape that the layer makes of an input of the shape given.
func (l Layer) output(in []int) ([]int, error) {
	picture := len(in) == 3
	switch l.Kind {
	case Conv:
		switch {
		case !picture:
			return nil, errors.New("needs a picture, not a vector")
		case l.Out < 1 || l.Out > maxOut:
			return nil, fmt.Errorf("%d output channels: must be from 1 to %d", l.Out, maxOut)
		case l.Kernel < 1 || l.Kernel > maxKernel || l.Stride < 1 || l.Stride > maxKernel || l.Pad < 0 || l.Pad >= l.Kernel:
			return nil, fmt.Errorf("kernel %d, stride %d, pad %d do not make a convolution", l.Kernel, l.Stride, l.Pad)
		}
		h, w := in[0]+2*l.Pad-l.Kernel, in[1]+2*l.Pad-l.Kernel
		if h < 0 || w < 0 {
			return nil, fmt.Errorf("its input of %dx%d is too small: use larger pictures", in[1], in[0])
		}
		return bounded(h/l.Stride+1, w/l.Stride+1, l.Out)
	case MaxPool2:
		switch {
		case !picture:
			return nil, errors.New("needs a picture, not a vector")
		case in[0] < 2 || in[1] < 2:
			return nil, fmt.Errorf("its input of %dx%d is too small: use larger pictures", in[1], in[0])
		}
		return []int{in[0] / 2, in[1] / 2, in[2]}, nil
	case Flatten:
		if !picture {
			return nil, errors.New("needs a picture, not a vector")
		}
		return []int{in[0] * in[1] * in[2]}, nil
	case Dense:
		switch {
		case picture:
			return nil, errors.New("needs a vector: flatten first")
		case l.Out < 1 || l.Out > maxOut:
			return nil, fmt.Errorf("%d outputs: must be from 1 to %d", l.Out, maxOut)
		}
		return []int{l.Out}, nil
	case AvgPool:
		if !picture {
			return nil, errors.New("needs a picture, not a vector")
		}
		return []int{in[2]}, nil
	case ReLU, Add:
		return in, nil
	case Dropout:
		if !(l.Rate >= 0 && l.Rate < 1) {
			return nil, fmt.Errorf("rate %v: must be from 0 to below 1", l.Rate)
		}
		return in, nil
	default:
		return nil, errors.New("unknown kind of layer")
	}
}

// checkFrom checks the other summand of an addition. shapes are those of the
// input and of all layers before this one.
func (l Layer) checkFrom(shapes [][]int) error {
	last := len(shapes) - 1
	if l.From < 1 || l.From >= last {
		return fmt.Errorf("adds layer %d: must be from 1 to %d", l.From, last-1)
	}
	if !slices.Equal(shapes[l.From], shapes[last]) {
		return fmt.Errorf("adds layer %d of shape %v to shape %v", l.From, shapes[l.From], shapes[last])
	}
	return nil
}

func bounded(h, w, c int) ([]int, error) {
	if h*w > maxUnits/c {
		return nil, fmt.Errorf("output of %dx%dx%d is too large", h, w, c)
	}
	return []int{h, w, c}, nil
}

// Units is the number of numbers in the outputs of all layers, for one picture:
// the memory that the network takes to run.
func (n *Network) Units() (int, error) {
	shapes, err := n.Shapes()
	if err != nil {
		return 0, err
	}
	units := 0
	for _, shape := range shapes[1:] {
		units += size(shape)
	}
	return units, nil
}

// Spec returns the names and shapes of the parameters that the layers need, in
// order, without data.
func (n *Network) Spec() ([]Param, error) {
	shapes, err := n.Shapes()
	if err != nil {
		return nil, err
	}
	var spec []Param
	convs, denses, total := 0, 0, 0
	add := func(name string, shape ...int) error {
		spec = append(spec, Param{Name: name, Shape: shape})
		size := 1
		for _, d := range shape {
			if size > maxParameters/d {
				return fmt.Errorf("%s of shape %v is too large", name, shape)
			}
			size *= d
		}
		if total += size; total > maxParameters {
			return fmt.Errorf("more than %d parameters", maxParameters)
		}
		return nil
	}
	for i, layer := range n.Layers {
		in := shapes[i]
		switch layer.Kind {
		case Conv:
			convs++
			name := fmt.Sprintf("conv%d", convs)
			err = errors.Join(add(name+".weight", layer.Kernel, layer.Kernel, in[2], layer.Out), add(name+".bias", layer.Out))
		case Dense:
			denses++
			name := fmt.Sprintf("dense%d", denses)
			err = errors.Join(add(name+".weight", in[0], layer.Out), add(name+".bias", layer.Out))
		}
		if err != nil {
			return nil, err
		}
	}
	return spec, nil
}

// Validate checks that the layers fit together, that Params are those that the
// layers need, and that every weight is a finite number.
func (n *Network) Validate() error {
	spec, err := n.Spec()
	if err != nil {
		return err
	}
	if len(spec) != len(n.Params) {
		return fmt.Errorf("%d parameter tensors, the layers need %d", len(n.Params), len(spec))
	}
	for i, want := range spec {
		got := n.Params[i]
		if got.Name != want.Name || !slices.Equal(got.Shape, want.Shape) {
			return fmt.Errorf("parameter %q of shape %v where the layers need %q of shape %v", got.Name, got.Shape, want.Name, want.Shape)
		}
		if len(got.Data) != want.Size() {
			return fmt.Errorf("parameter %q has %d numbers, shape %v needs %d", got.Name, len(got.Data), got.Shape, want.Size())
		}
		if k := firstNonFinite(got.Data); k >= 0 {
			return fmt.Errorf("parameter %q, number %d is %v", got.Name, k, got.Data[k])
		}
	}
	return nil
}

// Size is the number of weights that the shape asks for.
func (p Param) Size() int { return size(p.Shape) }

// size is the product of a shape, 1 of none.
func size(shape []int) int {
	product := 1
	for _, d := range shape {
		product *= d
	}
	return product
}

// firstNonFinite returns the index of the first NaN or infinity, or -1.
func firstNonFinite(data []float32) int {
	const exponent = 0x7f800000
	for i, v := range data {
		if math.Float32bits(v)&exponent == exponent {
			return i
		}
	}
	return -1
}

// Parameters is the number of weights of the whole network.
func (n *Network) Parameters() int {
	total := 0
	for _, p := range n.Params {
		total += len(p.Data)
	}
	return total
}

// Clone returns a copy that shares nothing with n.
func (n *Network) Clone() *Network {
	c := *n
	c.Classes = slices.Clone(n.Classes)
	c.Layers = slices.Clone(n.Layers)
	c.Params = make([]Param, len(n.Params))
	for i, p := range n.Params {
		c.Params[i] = Param{Name: p.Name, Shape: slices.Clone(p.Shape), Data: slices.Clone(p.Data)}
	}
	return &c
}
