package main

import (
	"errors"
	"fmt"
	"slices"

	"github.com/opensandwich/oi/cmd/internal/cli"
	"github.com/opensandwich/oi/cmd/internal/dataset"
	"github.com/opensandwich/oi/cmd/internal/nn"
	"github.com/opensandwich/oi/cmd/internal/report"
	"github.com/opensandwich/oi/cmd/internal/transfer"
	"github.com/opensandwich/oi/record"
)

// embeddedInput sees to it that a model made with a backbone is asked in one way:
// by the pixels of all items, or, where no item brings pixels, by embeddings
// that its own backbone made of pictures cut like those it was trained on.
type embeddedInput struct {
	model  *combined
	check  transfer.Embeddings
	crop   error  // of the trails, which matters where embeddings answer
	first  string // key of the first item
	pixels bool   // that it has
	items  int    // that were asked about
}

// newEmbeddedInput returns what checks the items of a stream, nil if the model was
// not made with a backbone and answers for pictures alone.
func newEmbeddedInput(m *trained) (*embeddedInput, error) {
	of, ok := m.classifier.(*combined)
	if !ok {
		return nil, nil
	}
	e := &embeddedInput{model: of}
	e.check.Expect(&transfer.Backbone{Backbone: of.backbone})
	var trail []report.Stage
	if err := m.get("trail", &trail); err != nil {
		return nil, err
	}
	h := &record.Header{}
	for _, s := range trail {
		h.Stages = append(h.Stages, record.Stage{Tool: s.Tool, Version: s.Version, Args: s.Args})
	}
	e.begin(h, m.path)
	return e, nil
}

// begin takes note of a segment.
func (e *embeddedInput) begin(h *record.Header, file string) {
	if e != nil && e.crop == nil {
		e.crop = e.check.Begin(h, file)
	}
}

// fits checks an item that is asked about.
func (e *embeddedInput) fits(item *record.Item) error {
	pixels, key := item.Tensor != nil, dataset.KeyOf(item)
	if e.items++; e.items == 1 {
		e.first, e.pixels = key, pixels
	}
	switch {
	case pixels && !e.pixels:
		return cli.WithHint(fmt.Errorf("item %s has a tensor, and item %s an embedding alone", key, e.first), mixed)
	case !pixels && e.pixels:
		return cli.WithHint(fmt.Errorf("item %s has no tensor, unlike item %s", key, e.first), mixed)
	case pixels:
		return nil
	case e.crop != nil:
		return e.crop
	}
	return e.check.Add(item)
}

const mixed = "answers come from pixels or from embeddings, of all items alike: ask about the two kinds apart, or embed those with tensors too"

// use reports whether the answers come from embeddings.
func (e *embeddedInput) use() bool { return e != nil && e.items > 0 && !e.pixels }

// predictor returns what answers by the numbers of embeddings, as they stand in
// records.
func (e *embeddedInput) predictor(batch, threads int) (predictor, error) {
	g, err := transfer.Head(e.model.weights, e.model.bias)
	if err != nil {
		return nil, err
	}
	evaluator, err := nn.NewEvaluator(g, nn.EvaluatorOptions{Batch: batch, Threads: threads})
	if err != nil {
		return nil, err
	}
	return &headPredictor{nn.NewGraphPredictor(evaluator, len(e.model.bias)), &e.check}, nil
}

// headPredictor answers by embeddings.
type headPredictor struct {
	*nn.GraphPredictor
	embeddings *transfer.Embeddings
}

// Predict returns a row of probabilities for the numbers of each embedding.
func (p *headPredictor) Predict(embeddings [][]byte) ([][]float32, error) {
	x := make([]float32, len(embeddings)*p.embeddings.Dim)
	p.embeddings.Unpack(x, slices.Concat(embeddings...))
	for i, v := range x {
		if v-v != 0 {
			return nil, cli.WithHint(fmt.Errorf("the embedding of the %dth of them has %v", i/p.embeddings.Dim+1, v), "embed it again")
		}
	}
	return p.PredictFloats(x, len(embeddings))
}

// errPicturesAlone is an item without pixels for a model that was trained from
// scratch or by others.
func errPicturesAlone(item *record.Item, path string, size error) error {
	var problem *dataset.Problem
	if item.Embedding == nil || !errors.As(size, &problem) {
		return size
	}
	return &dataset.Problem{
		Text: fmt.Sprintf("%s; %s answers for pictures alone", problem.Text, path),
		Next: problem.Next + "; models of oi-train --backbone answer for its embeddings, too",
	}
}
