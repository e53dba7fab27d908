package nn

import (
	"testing"

	"github.com/opensandwich/oi/cmd/internal/model"
	"github.com/opensandwich/oi/cmd/internal/rng"
)

// noise returns n pictures and labels for a network.
func noise(net *model.Network, n int, seed uint64) (images [][]byte, labels []int) {
	size := net.Height * net.Width * net.Channels
	for i := range n {
		image := make([]byte, size)
		for k := range image {
			image[k] = byte(rng.At(seed, uint64(i*size+k)+1))
		}
		images = append(images, image)
		labels = append(labels, int(rng.At(seed+uint64(i), 1)%uint64(len(net.Classes))))
	}
	return images, labels
}

// mixed is a small network with every kind of layer, alone and fused.
func mixed(t testing.TB, classes int) *model.Network {
	t.Helper()
	n := &model.Network{
		Height: 13, Width: 12, Channels: 3, Arch: "mixed", Classes: []string{"a", "b", "c", "d"}[:classes],
		Layers: []model.Layer{
			{Kind: model.Conv, Out: 5, Kernel: 3, Stride: 1}, {Kind: model.ReLU}, {Kind: model.MaxPool2},
			{Kind: model.Conv, Out: 6, Kernel: 3, Stride: 1, Pad: 1}, {Kind: model.ReLU},
			{Kind: model.MaxPool2},
			{Kind: model.Dropout, Rate: 0.25},
			{Kind: model.Conv, Out: 4, Kernel: 2, Stride: 2, Pad: 1}, {Kind: model.MaxPool2},
			{Kind: model.Flatten}, {Kind: model.Dense, Out: 7}, {Kind: model.ReLU}, {Kind: model.Dropout, Rate: 0.5},
		},
	}
	n.Layers = append(n.Layers, model.Layer{Kind: model.Dense, Out: n.Outputs()})
	if err := Initialise(n, 5); err != nil {
		t.Fatal(err)
	}
	scatter(n.Params)
	return n
}

// scatter gives biases and gains values other than those they start with, which
// would hide a mistake.
func scatter(params []model.Param) {
	for i, p := range params {
		if len(p.Shape) == 1 {
			for k := range p.Data {
				p.Data[k] = float32(int(rng.At(uint64(i*100+k), 1)%11)-4) / 50
			}
		}
	}
}

// skipping is a small network of additions: with and without ReLU after them,
// of pictures and of vectors, two of the same layer, of one in the midst of
// what could be fused, and of one without parameters before it.
func skipping(t testing.TB, classes int) *model.Network {
	t.Helper()
	conv := func(out int) model.Layer {
		return model.Layer{Kind: model.Conv, Out: out, Kernel: 3, Stride: 1, Pad: 1}
	}
	relu := model.Layer{Kind: model.ReLU}
	add := func(from int) model.Layer { return model.Layer{Kind: model.Add, From: from} }
	n := &model.Network{
		Height: 11, Width: 8, Channels: 3, Arch: "skipping", Classes: []string{"a", "b", "c", "d"}[:classes],
		Layers: []model.Layer{
			relu, conv(3), add(1), // 3: the picture again
			conv(5), relu, {Kind: model.MaxPool2}, // 6
			conv(5), relu, conv(5), add(6), relu, // 11
			conv(5), add(6), // 13: without ReLU
			conv(5), relu, add(14), // 16: of the convolution before its ReLU
			{Kind: model.Dropout, Rate: 0.25},
			conv(5), add(17), relu, add(11), // 21
			{Kind: model.AvgPool}, // 22
			{Kind: model.Dense, Out: 5}, relu, add(22), {Kind: model.Dropout, Rate: 0.25},
		},
	}
	n.Layers = append(n.Layers, model.Layer{Kind: model.Dense, Out: n.Outputs()})
	if err := Initialise(n, 5); err != nil {
		t.Fatal(err)
	}
	scatter(n.Params)
	return n
}

// modern are options that use everything that Residual is made for.
func modern(o Options) Options {
	o.Optimizer, o.LR, o.WeightDecay, o.LabelSmoothing, o.EMADecay, o.WeightStandardization = "muon", 0.002, 0.05, 0.1, 0.99, true
	return o
}

func newTrainer(t testing.TB, net *model.Network, o Options) *Trainer {
	t.Helper()
	tr, err := NewTrainer(net, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(tr.Close)
	return tr
}

func step(t testing.TB, tr *Trainer, images [][]byte, labels []int, weights []float32) float64 {
	t.Helper()
	loss, _, err := tr.Step(Batch{Images: images, Labels: labels, Weights: weights})
	if err != nil {
		t.Fatal(err)
	}
	return loss
}

// predicted returns what the network of a trainer says of pictures.
func predicted(t testing.TB, tr *Trainer, images [][]byte) [][]float32 {
	t.Helper()
	p, err := tr.Predictor()
	if err != nil {
		t.Fatal(err)
	}
	rows, err := p.Predict(images)
	if err != nil {
		t.Fatal(err)
	}
	return rows
}
