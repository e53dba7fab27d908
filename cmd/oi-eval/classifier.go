package main

import (
	"fmt"

	"github.com/opensandwich/oi/cmd/internal/cli"
	"github.com/opensandwich/oi/cmd/internal/dataset"
	"github.com/opensandwich/oi/cmd/internal/graph"
	"github.com/opensandwich/oi/cmd/internal/model"
	"github.com/opensandwich/oi/cmd/internal/nn"
	"github.com/opensandwich/oi/cmd/internal/transfer"
)

// channels of a picture.
const channels = 3

// A classifier is a model that answers for pictures.
type classifier interface {
	// Classes are the names of its answers.
	Classes() []string
	// Size is that of the pictures it takes. Suit is called with the size of
	// the pictures before; a model that takes several sizes then takes this.
	Size() dataset.Size
	// Context is the side of the second view that it takes, 0 if it looks at
	// one view alone.
	Context() int
	Suit(*cli.Env, dataset.Size) error
	// Predictor returns what answers for up to batch pictures at once, once
	// the size is settled; of a model of two views a picture is the bytes of
	// the one and then those of the other. The answers do not depend on the
	// batch, nor on threads.
	Predictor(batch, threads int) (predictor, error)
	// portable is the network as an ONNX file of the bytes of a picture and
	// the probabilities alone, once the size is settled.
	portable() ([]byte, error)

	// Arch names the architecture, Parameters counts the weights, and
	// WeightsHash identifies them.
	Arch() string
	Parameters() int
	WeightsHash() string
	// Backbone is what the features are made by, nil for a model of one
	// piece.
	Backbone() *model.Backbone
	layers() ([]layer, error)
	// graph is what computes the probabilities of pictures, once the size is
	// settled.
	graph() (*graph.Graph, error)
}

// A predictor gives the probabilities of the classes for pictures.
type predictor interface {
	Predict(images [][]byte) ([][]float32, error)
	Close()
}

// scratch is a classifier that oi-train trained from scratch.
type scratch struct{ of *model.Network }

func (n scratch) Classes() []string                 { return n.of.Classes }
func (n scratch) Size() dataset.Size                { return dataset.Size{Height: n.of.Height, Width: n.of.Width} }
func (n scratch) Context() int                      { return 0 }
func (n scratch) Suit(*cli.Env, dataset.Size) error { return nil }
func (n scratch) Arch() string                      { return n.of.Arch }
func (n scratch) Parameters() int                   { return n.of.Parameters() }
func (n scratch) WeightsHash() string               { return n.of.WeightsHash() }
func (n scratch) Backbone() *model.Backbone         { return nil }

// graph is that of the file that the network is written as.
func (n scratch) graph() (*graph.Graph, error) {
	file, err := n.portable()
	if err != nil {
		return nil, err
	}
	c, err := transfer.ParseClassifier(file)
	if err != nil {
		return nil, err
	}
	return c.Graph, nil
}

func (n scratch) Predictor(batch, threads int) (predictor, error) {
	return nn.NewPredictor(n.of, batch, threads)
}

// layers describes the layers with the shapes of their outputs.
func (n scratch) layers() ([]layer, error) {
	shapes, err := n.of.Shapes()
	if err != nil {
		return nil, err
	}
	var layers []layer
	for i, l := range n.of.Layers {
		layers = append(layers, layer{l, shapes[i+1]})
	}
	return layers, nil
}

// combined is a classifier that oi-train made of a backbone and a head.
type combined struct {
	of            *transfer.Classifier
	classes       []string
	backbone      model.Backbone
	weights, bias []float32 // of the head
}

// newCombined reads the network of a model that was read.
func newCombined(c *model.Classifier, file []byte) (*combined, error) {
	damaged := func(err error) error { return fmt.Errorf("%w: %w", model.ErrDamaged, err) }
	of, err := transfer.ParseClassifier(file)
	if err != nil {
		return nil, damaged(err)
	}
	m := &combined{of: of, classes: c.Classes, backbone: c.Backbone}
	if m.weights, m.bias, err = of.Head(); err != nil {
		return nil, damaged(err)
	}
	if of.Answers != len(c.Classes) {
		return nil, damaged(fmt.Errorf("%d answers for %d classes", of.Answers, len(c.Classes)))
	}
	return m, nil
}

func (m *combined) Classes() []string                 { return m.classes }
func (m *combined) Size() dataset.Size                { return dataset.Size{Height: m.of.Side, Width: m.of.Side} }
func (m *combined) Context() int                      { return m.of.Context }
func (m *combined) Suit(*cli.Env, dataset.Size) error { return nil }
func (m *combined) Arch() string                      { return m.backbone.Title() + ", linear head" }
func (m *combined) Parameters() int                   { return m.backbone.Parameters + len(m.weights) + len(m.bias) }
func (m *combined) Backbone() *model.Backbone         { return &m.backbone }
func (m *combined) layers() ([]layer, error)          { return nil, nil }
func (m *combined) graph() (*graph.Graph, error)      { return m.of.Graph, nil }

func (m *combined) WeightsHash() string {
	b := transfer.Backbone{Backbone: m.backbone}
	return b.WeightsHash(m.weights, m.bias)
}

func (m *combined) Predictor(batch, threads int) (predictor, error) {
	return m.of.Predictor(batch, threads)
}
