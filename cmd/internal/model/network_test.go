package model

import (
	"math"
	"slices"
	"strings"
	"testing"
)

// tiny returns a network with every kind of layer but those of skipping, its
// weights a fixed pattern.
func tiny(classes ...string) *Network {
	n := &Network{
		Height: 9, Width: 8, Channels: 3, Classes: classes, Arch: "tiny",
		Layers: []Layer{
			{Kind: Conv, Out: 4, Kernel: 3, Stride: 1, Pad: 1}, {Kind: ReLU}, {Kind: MaxPool2},
			{Kind: Conv, Out: 5, Kernel: 2, Stride: 2}, {Kind: ReLU},
			{Kind: Flatten}, {Kind: Dense, Out: 6}, {Kind: ReLU}, {Kind: Dropout, Rate: 0.5},
		},
	}
	n.Layers = append(n.Layers, Layer{Kind: Dense, Out: n.Outputs()})
	fill(n)
	return n
}

// fill gives the network its weights.
func fill(n *Network) {
	spec, err := n.Spec()
	if err != nil {
		panic(err)
	}
	for i, p := range spec {
		p.Data = make([]float32, p.Size())
		for k := range p.Data {
			p.Data[k] = float32(math.Sin(float64(7*i+k))) / 2
		}
		n.Params = append(n.Params, p)
	}
}

// skipping returns a network with additions, of pictures and of vectors, and a
// mean over the picture.
func skipping(classes ...string) *Network {
	n := &Network{
		Height: 7, Width: 6, Channels: 3, Classes: classes, Arch: "skipping",
		Layers: []Layer{
			{Kind: Conv, Out: 4, Kernel: 3, Stride: 1, Pad: 1}, {Kind: ReLU}, {Kind: MaxPool2},
			{Kind: Conv, Out: 4, Kernel: 3, Stride: 1, Pad: 1}, {Kind: ReLU},
			{Kind: Conv, Out: 4, Kernel: 3, Stride: 1, Pad: 1}, {Kind: Add, From: 3}, {Kind: ReLU},
			{Kind: Dropout, Rate: 0.25}, {Kind: AvgPool},
			{Kind: Dense, Out: 4}, {Kind: ReLU}, {Kind: Add, From: 10},
		},
	}
	n.Layers = append(n.Layers, Layer{Kind: Dense, Out: n.Outputs()})
	fill(n)
	return n
}

func TestShapes(t *testing.T) {
	n := tiny("a", "b")
	shapes, err := n.Shapes()
	if err != nil {
		t.Fatal(err)
	}
	want := [][]int{{9, 8, 3}, {9, 8, 4}, {9, 8, 4}, {4, 4, 4}, {2, 2, 5}, {2, 2, 5}, {20}, {6}, {6}, {6}, {1}}
	if !slices.EqualFunc(shapes, want, slices.Equal) {
		t.Errorf("shapes %v, want %v", shapes, want)
	}
	if err := n.Validate(); err != nil {
		t.Error(err)
	}
	var names []string
	for _, p := range n.Params {
		names = append(names, p.Name)
	}
	if got := strings.Join(names, " "); got != "conv1.weight conv1.bias conv2.weight conv2.bias dense1.weight dense1.bias dense2.weight dense2.bias" {
		t.Error(got)
	}
	if got, want := n.Parameters(), 3*3*3*4+4+2*2*4*5+5+20*6+6+6+1; got != want {
		t.Errorf("%d parameters, want %d", got, want)
	}
}

func TestShapesOfSkipping(t *testing.T) {
	n := skipping("a", "b", "c")
	shapes, err := n.Shapes()
	if err != nil {
		t.Fatal(err)
	}
	want := [][]int{{7, 6, 3}, {7, 6, 4}, {7, 6, 4}, {3, 3, 4}, {3, 3, 4}, {3, 3, 4}, {3, 3, 4}, {3, 3, 4}, {3, 3, 4}, {3, 3, 4}, {4}, {4}, {4}, {4}, {3}}
	if !slices.EqualFunc(shapes, want, slices.Equal) {
		t.Errorf("shapes %v, want %v", shapes, want)
	}
	if err := n.Validate(); err != nil {
		t.Error(err)
	}
}

func TestValidateRefusesSkipping(t *testing.T) {
	for _, test := range []struct {
		name string
		edit func([]Layer)
		want string
	}{
		{"no layer", func(l []Layer) { l[6].From = 0 }, "layer 7 (add): adds layer 0: must be from 1 to 5"},
		{"negative", func(l []Layer) { l[6].From = math.MinInt }, "must be from 1 to 5"},
		{"the one before", func(l []Layer) { l[6].From = 6 }, "must be from 1 to 5"},
		{"itself", func(l []Layer) { l[6].From = 7 }, "must be from 1 to 5"},
		{"later", func(l []Layer) { l[6].From = math.MaxInt }, "must be from 1 to 5"},
		{"another shape", func(l []Layer) { l[6].From = 2 }, "adds layer 2 of shape [7 6 4] to shape [3 3 4]"},
		{"a picture to a vector", func(l []Layer) { l[12].From = 9 }, "adds layer 9 of shape [3 3 4] to shape [4]"},
		{"first", func(l []Layer) { l[0] = Layer{Kind: Add} }, "layer 1 (add): adds layer 0"},
		{"second", func(l []Layer) { l[1] = Layer{Kind: Add, From: 1} }, "layer 2 (add): adds layer 1"},
		{"mean of a vector", func(l []Layer) { l[11] = Layer{Kind: AvgPool} }, "layer 12 (avgpool): needs a picture"},
	} {
		t.Run(test.name, func(t *testing.T) {
			n := skipping("a", "b")
			test.edit(n.Layers)
			if err := n.Validate(); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %q", err, test.want)
			}
		})
	}
}

func TestValidateRefuses(t *testing.T) {
	tests := []struct {
		name string
		edit func(*Network)
		want string
	}{
		{"one class", func(n *Network) { n.Classes = n.Classes[:1] }, "1 classes"},
		{"no layer", func(n *Network) { n.Layers = nil }, "0 layers"},
		{"no picture", func(n *Network) { n.Height = 0 }, "picture of 8x0"},
		{"too small", func(n *Network) { n.Height = 1; n.Width = 1 }, "too small: use larger pictures"},
		{"huge", func(n *Network) { n.Layers[0].Out = 1 << 20; n.Height, n.Width = maxSide, maxSide }, "too large"},
		{"many outputs", func(n *Network) {
			n.Height, n.Width = 4096, 4096
			n.Layers = append(slices.Repeat([]Layer{{Kind: Conv, Out: 4, Kernel: 1, Stride: 1}}, 5), Layer{Kind: AvgPool}, Layer{Kind: Dense, Out: n.Outputs()})
		}, "layer 5 (conv): the outputs up to here"},
		{"many parameters", func(n *Network) { n.Layers[6].Out = 1 << 20; n.Height, n.Width = 512, 512 }, "too large"},
		{"dense on a picture", func(n *Network) { n.Layers[5] = Layer{Kind: ReLU} }, "flatten first"},
		{"conv on a vector", func(n *Network) { n.Layers[7] = n.Layers[0] }, "needs a picture"},
		{"stride 0", func(n *Network) { n.Layers[0].Stride = 0 }, "do not make a convolution"},
		{"pad as large as the kernel", func(n *Network) { n.Layers[0].Pad = 3 }, "do not make a convolution"},
		{"rate 1", func(n *Network) { n.Layers[8].Rate = 1 }, "rate 1"},
		{"rate NaN", func(n *Network) { n.Layers[8].Rate = math.NaN() }, "rate NaN"},
		{"unknown", func(n *Network) { n.Layers[1].Kind = "gelu" }, "unknown kind"},
		{"wrong head", func(n *Network) { n.Layers[9].Out = 2 }, "the last layer must be dense with 1 outputs for 2 classes"},
		{"missing parameter", func(n *Network) { n.Params = n.Params[1:] }, "7 parameter tensors"},
		{"wrong name", func(n *Network) { n.Params[0].Name = "x" }, `parameter "x"`},
		{"short data", func(n *Network) { n.Params[1].Data = n.Params[1].Data[1:] }, "has 3 numbers"},
		{"NaN", func(n *Network) { n.Params[2].Data[5] = float32(math.NaN()) }, `"conv2.weight", number 5 is NaN`},
		{"infinity", func(n *Network) { n.Params[2].Data[5] = float32(math.Inf(-1)) }, "number 5 is -Inf"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			n := tiny("a", "b")
			test.edit(n)
			if err := n.Validate(); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %q", err, test.want)
			}
		})
	}
}

func TestCloneSharesNothing(t *testing.T) {
	n := tiny("a", "b")
	hash := n.WeightsHash()
	c := n.Clone()
	c.Params[0].Data[0]++
	c.Params[0].Shape[0]++
	c.Classes[0] = "z"
	c.Layers[0].Out++
	if n.WeightsHash() != hash || n.Classes[0] != "a" || n.Layers[0].Out != 4 {
		t.Error("the original changed with its clone")
	}
}

func TestWeightsHash(t *testing.T) {
	base := tiny("a", "b").WeightsHash()
	if len(base) != 64 {
		t.Fatalf("hash %q", base)
	}
	// The hash of one parameter, spelt out by hand in another language.
	one := &Network{Params: []Param{{Name: "w", Shape: []int{2}, Data: []float32{1, -2}}}}
	if got := one.WeightsHash(); got != "f5638ce0e04e739d1eacb131527bb4278abba0bc08238f34d1484b5bc271599a" {
		t.Errorf("hash %s", got)
	}
	edits := map[string]func(*Network){
		"data":      func(n *Network) { n.Params[3].Data[0] = math.Nextafter32(n.Params[3].Data[0], 9) },
		"name":      func(n *Network) { n.Params[0].Name = "conv1.weighs" },
		"shape":     func(n *Network) { n.Params[4].Shape[0], n.Params[4].Shape[1] = 6, 20 },
		"sign of 0": func(n *Network) { n.Params[0].Data[0] = float32(math.Copysign(0, -1)) },
	}
	for name, edit := range edits {
		n := tiny("a", "b")
		edit(n)
		if n.WeightsHash() == base {
			t.Errorf("%s does not change the hash", name)
		}
	}
	if tiny("c", "d").WeightsHash() != base {
		t.Error("class names change the hash of the weights")
	}
}
