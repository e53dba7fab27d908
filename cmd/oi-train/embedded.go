package main

import (
	"github.com/opensandwich/oi/cmd/internal/dataset"
	"github.com/opensandwich/oi/cmd/internal/transfer"
	"github.com/opensandwich/oi/record"
)

// embedded sees to it that items which bring their features, by oi-eval
// --embed, can be used together and with the backbone. A nil one takes no items.
type embedded struct {
	check transfer.Embeddings
	crop  error        // of the trails, which matters if items are embedded
	first *record.Item // of those with an embedding, without its pixels
	items int
}

// begin takes note of a segment.
func (e *embedded) begin(h *record.Header, file string) {
	if e != nil && e.crop == nil {
		e.crop = e.check.Begin(h, file)
	}
}

// add takes an item. Either all have an embedding or none.
func (e *embedded) add(item *record.Item) error {
	if e == nil {
		return nil
	}
	e.items++
	switch {
	case item.Embedding == nil && e.first == nil:
		return nil
	case e.crop != nil:
		return e.crop
	}
	if err := e.check.Add(item); err != nil {
		return err
	}
	if e.first == nil {
		if e.items > 1 {
			return &dataset.Problem{
				Text: "item " + dataset.KeyOf(item) + " has an embedding, and items before it have none",
				Next: "oi-eval BACKBONE.onnx --embed adds those that are missing",
			}
		}
		e.first = &record.Item{Key: dataset.KeyOf(item), Embedding: item.Embedding}
	}
	return nil
}

// suit checks that the backbone makes the embeddings that items have.
func (e *embedded) suit(b *transfer.Backbone) error {
	if e.first == nil {
		return nil
	}
	var want transfer.Embeddings
	want.Expect(b)
	return want.Add(e.first)
}

// withoutEmbedding is a trail without the stage that computed the features of
// the backbone: where they are computed makes no difference.
func withoutEmbedding(trail []record.Stage, of string) []record.Stage {
	var rest []record.Stage
	for _, stage := range trail {
		if of == "" || stage.Tool != "oi-eval" || stage.Args["embedding"] != of {
			rest = append(rest, stage)
		}
	}
	return rest
}
