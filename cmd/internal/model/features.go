package model

import (
	"fmt"

	"github.com/opensandwich/oi/cmd/internal/graph"
)

// FeatureMap is the shape of a network's last features: so many numbers at each
// place of a grid over the picture.
type FeatureMap struct{ Height, Width, Channels int }

// Size is how many numbers that is.
func (m FeatureMap) Size() int { return m.Height * m.Width * m.Channels }

// FeatureMap returns the shape of the features whose mean over all places the
// last layer reads, and false of a network whose last layer reads something
// else.
func (n *Network) FeatureMap() (FeatureMap, bool) {
	shapes, err := n.Shapes()
	mean := n.meanLayer()
	if err != nil || mean < 0 {
		return FeatureMap{}, false
	}
	s := shapes[mean]
	return FeatureMap{s[0], s[1], s[2]}, true
}

// meanLayer is the index of the layer that takes that mean, -1 without one.
func (n *Network) meanLayer() int {
	i := len(n.Layers) - 2
	for i >= 0 && n.Layers[i].Kind == Dropout {
		i--
	}
	if i < 0 || n.Layers[i].Kind != AvgPool {
		return -1
	}
	return i
}

// Projection returns the parameters, without numbers, that turn the network's
// channels of features into those of to, by a convolution of 1x1.
func (n *Network) Projection(to FeatureMap) ([]Param, error) {
	from, ok := n.FeatureMap()
	switch {
	case !ok:
		return nil, fmt.Errorf("a %s network, which has no mean over features, cannot learn those of another", n.Arch)
	case to.Height < 1 || to.Width < 1 || to.Channels < 1 || to.Channels > maxOut || from.Height%to.Height != 0 || from.Width%to.Width != 0:
		return nil, fmt.Errorf("features of %dx%d places and %d channels for a network of %dx%d places", to.Height, to.Width, to.Channels, from.Height, from.Width)
	}
	return []Param{
		{Name: "projection.weight", Shape: []int{1, 1, from.Channels, to.Channels}},
		{Name: "projection.bias", Shape: []int{to.Channels}},
	}, nil
}

// project writes what turns the last value, a map of shape from, [H,W,C], into
// the features.
func (b *graphBuilder) project(to FeatureMap, from []int, weight, bias *graph.Value) *graph.Value {
	places := []int{to.Height, to.Width}
	window := []int{from[0] / to.Height, from[1] / to.Width}
	v := b.last
	if window[0] > 1 || window[1] > 1 {
		v = b.node(&graph.Pool{Kernel: window, Window: graph.Window{Strides: window}}, "places", batched(append(from[2:3:3], places...)), v)
	}
	planar := b.node(&graph.Transpose{Perm: []int{3, 2, 0, 1}}, "projection_planar", graph.Fixed([]int{to.Channels, from[2], 1, 1}), weight)
	v = b.node(&graph.Conv{Kernel: []int{1, 1}, Window: graph.Window{Pads: make([]int, 4), Strides: []int{1, 1}}, Group: 1}, "projection", batched(append([]int{to.Channels}, places...)), v, planar, bias)
	return b.node(&graph.Transpose{Perm: []int{0, 2, 3, 1}}, "features", batched(append(places, to.Channels)), v)
}
