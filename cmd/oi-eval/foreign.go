package main

import (
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/opensandwich/oi/cmd/internal/cli"
	"github.com/opensandwich/oi/cmd/internal/dataset"
	"github.com/opensandwich/oi/cmd/internal/graph"
	"github.com/opensandwich/oi/cmd/internal/model"
	"github.com/opensandwich/oi/cmd/internal/transfer"
)

// foreign is a classifier that oi-train did not write. Its network is prepared
// for pictures of one size when these are known.
type foreign struct {
	path    string
	file    *transfer.File
	classes []string
	of      *transfer.Classifier // nil until the size is known
}

// loadForeign reads a model whose answers --labels names. Without, as --demo
// allows, they have numbers, from 0.
func (o *options) loadForeign(path string) (*foreign, error) {
	var classes []string
	if o.labels != "" {
		var err error
		if classes, err = readLabels(o.labels); err != nil {
			return nil, fmt.Errorf("--labels %s: %w", o.labels, err)
		}
	}
	file, err := transfer.Load(path, o.transferOptions())
	if err != nil {
		return nil, explainBackbone(path, err)
	}
	if o.labels == "" {
		n, err := file.AnswerCount()
		if err != nil {
			return nil, cli.WithHint(err, "--labels NAMES.txt names the answers, and so says how many there are")
		}
		for i := range n {
			classes = append(classes, strconv.Itoa(i))
		}
	}
	return &foreign{path: path, file: file, classes: classes}, nil
}

// Suit prepares the network for pictures of a size, for the size that it
// declares where there is none.
func (m *foreign) Suit(env *cli.Env, size dataset.Size) error {
	if m.of != nil {
		return nil
	}
	if size.Height != size.Width {
		return fmt.Errorf("model %s takes square pictures, these are %v", m.path, size)
	}
	of, err := m.file.Classifier(size.Height, len(m.classes))
	var answers *transfer.AnswersError
	if errors.As(err, &answers) {
		return cli.WithHint(fmt.Errorf("model %w", err), "--labels wants a line for each answer, in their order; lists of ImageNet's 1000 classes differ from those of 1001, which begin with background")
	}
	if err != nil {
		return explainBackbone(m.path, err)
	}
	m.of = of
	if text := of.DeclaredText(m.Arch()); text != "" {
		env.Infof("%s", text)
	}
	env.Infof("answers: output %s; pictures of %dx%d", of.Output, of.Side, of.Side)
	return nil
}

func (m *foreign) Classes() []string         { return m.classes }
func (m *foreign) Context() int              { return 0 }
func (m *foreign) Arch() string              { return strings.TrimSuffix(filepath.Base(m.path), ".onnx") }
func (m *foreign) Backbone() *model.Backbone { return nil }
func (m *foreign) layers() ([]layer, error)  { return nil, nil }
func (m *foreign) WeightsHash() string       { return "" } // the file has one

// graph is called once pictures were asked about, and so of Suit.
func (m *foreign) graph() (*graph.Graph, error) { return m.of.Graph, nil }

func (m *foreign) Size() dataset.Size {
	if m.of == nil {
		return dataset.Size{}
	}
	return dataset.Size{Height: m.of.Side, Width: m.of.Side}
}

func (m *foreign) Parameters() int {
	if m.of == nil {
		return 0
	}
	return m.of.Graph.Parameters()
}

func (m *foreign) Predictor(batch, threads int) (predictor, error) {
	return m.of.Predictor(batch, threads)
}
