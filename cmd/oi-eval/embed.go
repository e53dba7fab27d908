package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"

	"github.com/opensandwich/oi/cmd/internal/cli"
	"github.com/opensandwich/oi/cmd/internal/dataset"
	"github.com/opensandwich/oi/cmd/internal/stream"
	"github.com/opensandwich/oi/cmd/internal/transfer"
	"github.com/opensandwich/oi/record"
)

// An embedder adds to items what a network makes of their pictures. How large
// these are tells the trail, or the first item.
type embedder struct {
	options   *options
	env       *cli.Env
	path      string
	file      *transfer.File
	in        *stream.Input
	ahead     []record.Record // read to see the first item
	args      map[string]string
	backbone  *transfer.Backbone
	extractor *transfer.Extractor
	check     transfer.Embeddings
	had       int // items that had their embedding already
}

// embedItems writes the items of files with their embeddings.
func (o *options) embedItems(ctx context.Context, env *cli.Env, path string, in *inputs) error {
	e := &embedder{options: o, env: env, path: path, args: map[string]string{}}
	var err error
	if e.file, err = transfer.Load(path, o.transferOptions()); err != nil {
		return explainBackbone(path, err)
	}
	if e.in, err = stream.OpenFrom(env, &o.stream, in.first, in.names); err != nil {
		return err
	}
	if o.keepTensor {
		e.args["keep_tensor"] = "true"
	}
	defer func() {
		if e.extractor != nil {
			e.extractor.Close()
		}
	}()
	return stream.Filter(ctx, env, &o.stream, in.names, stream.Stage{
		Args: e.args, Source: e, Batch: e.embed, BatchSize: o.batch,
		Finish: func(record.StageCounts) error {
			if e.had > 0 {
				env.Infof("%d items had their embedding already, and keep it", e.had)
			}
			return nil
		},
	})
}

// Close closes the input.
func (e *embedder) Close() error { return e.in.Close() }

// Read returns the next record. Before the first header, the backbone is made:
// what made the embeddings stands in the trail.
func (e *embedder) Read() (record.Record, error) {
	if len(e.ahead) > 0 {
		next := e.ahead[0]
		e.ahead = e.ahead[1:]
		return next, nil
	}
	next, err := e.next()
	if h, ok := next.(*record.Header); err == nil && ok && e.backbone == nil {
		err = e.prepare(h)
	}
	if err != nil {
		return nil, err
	}
	return next, nil
}

func (e *embedder) next() (record.Record, error) {
	next, err := e.in.Read()
	if err != nil {
		return nil, err
	}
	if h, ok := next.(*record.Header); ok {
		err = e.check.Begin(h, e.in.Name())
	}
	return next, err
}

// prepare makes the backbone for the pictures of a segment. Where there are
// none, it is left to the next one.
func (e *embedder) prepare(h *record.Header) error {
	side, context := 0, 0
	for _, stage := range h.Stages {
		if stage.Tool == "oi-crop" {
			side, _ = strconv.Atoi(stage.Args["size"]) // 0: the items tell
			context, _ = strconv.Atoi(stage.Args["two_views"])
			if context == 0 && stage.Args["two_views"] != "" {
				side = 0
			}
		}
	}
	for side == 0 {
		next, err := e.next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		e.ahead = append(e.ahead, next)
		if item, ok := next.(*record.Item); ok {
			if side, context, err = sidesOf(item); err != nil {
				return err
			}
		}
	}
	var err error
	if e.backbone, err = e.file.Views(side, context); err != nil {
		return explainBackbone(e.path, err)
	}
	if e.extractor, err = e.backbone.Extractor(e.options.batch, e.options.stream.Workers()); err != nil {
		return err
	}
	e.check.Expect(e.backbone)
	e.args["model"], e.args["embedding"] = e.backbone.FileSHA256, e.backbone.Of
	if text := e.backbone.DeclaredText(); text != "" {
		e.env.Infof("%s", text)
	}
	if text := e.backbone.Views(); text != "" {
		e.env.Infof("%s", text)
	}
	e.env.Infof("features: %s", e.backbone.Cut)
	e.env.Infof("embeddings of %d %s by %.12s, preprocessing: %s", e.backbone.Dim, e.backbone.DType, e.backbone.Of, e.backbone.Preprocessing)
	return nil
}

// sidesOf returns the side of the picture that an item is, or that its embedding
// is of, and that of its second view, 0 where there is none.
func sidesOf(item *record.Item) (side, context int, err error) {
	if item.Tensor == nil && item.Embedding != nil {
		return item.Embedding.Side, item.Embedding.Context, nil
	}
	size, err := dataset.SizeOf(item)
	if err == nil && size.Height != size.Width {
		err = fmt.Errorf("item %s is %v pixels: want a square", dataset.KeyOf(item), size)
	}
	if err != nil {
		return 0, 0, err
	}
	second, err := dataset.ContextOf(item)
	if err == nil && second.Height != second.Width {
		err = fmt.Errorf("item %s has a context of %v pixels: want a square", dataset.KeyOf(item), second)
	}
	return size.Height, second.Height, err
}

// embed adds the embeddings to items.
func (e *embedder) embed(_ context.Context, items []*record.Item) ([]stream.Result, error) {
	results := make([]stream.Result, len(items))
	var asked []*record.Item
	var images [][]byte
	for i, item := range items {
		out := *item
		out.Key = dataset.KeyOf(item)
		results[i].Items = []*record.Item{&out}
		if item.Embedding != nil {
			if err := e.check.Add(item); err != nil {
				return nil, err
			}
			e.had++
			continue
		}
		if err := e.fits(item); err != nil {
			return nil, err
		}
		asked, images = append(asked, &out), append(images, dataset.Views(item))
	}
	if len(asked) > 0 {
		features, err := e.extractor.Features(images)
		if err != nil {
			return nil, nameItem(asked, err)
		}
		dim := e.backbone.Dim
		for i, item := range asked {
			item.Embedding = e.backbone.Embedding(features[i*dim:(i+1)*dim], dataset.TensorOf(item))
		}
	}
	if !e.options.keepTensor {
		for _, result := range results {
			result.Items[0].Tensor, result.Items[0].Context = nil, nil
		}
	}
	return results, nil
}

// fits checks that the backbone takes pictures of the item's size.
func (e *embedder) fits(item *record.Item) error {
	size, err := dataset.SizeOf(item)
	if err != nil {
		return err
	}
	if side := e.backbone.Side; size != (dataset.Size{Height: side, Width: side}) {
		return cli.WithHint(fmt.Errorf("item %s is %v pixels, not %dx%d as the trail or the items before it say", dataset.KeyOf(item), size, side, side),
			"cut all of them with the same oi-crop --size")
	}
	context, err := dataset.ContextOf(item)
	if err != nil {
		return err
	}
	if side := e.backbone.ContextSide; context != (dataset.Size{Height: side, Width: side}) {
		return cli.WithHint(fmt.Errorf("item %s has another second view than the trail or the items before it say: %v pixels, not %dx%d", dataset.KeyOf(item), context, side, side),
			"cut all of them with the same oi-crop --two-views, or without")
	}
	return nil
}

// nameItem names the item whose features cannot be used.
func nameItem(items []*record.Item, err error) error {
	var value *transfer.ValueError
	if errors.As(err, &value) {
		return fmt.Errorf("item %s: %w", items[value.Picture].Key, err)
	}
	return fmt.Errorf("items %s to %s: %w", items[0].Key, items[len(items)-1].Key, err)
}

// explainBackbone says what to do about a file that cannot be used as it is.
func explainBackbone(path string, err error) error {
	var normalization *transfer.NormalizationError
	var side *transfer.SideError
	var second *transfer.ContextError
	switch {
	case errors.As(err, &normalization):
		return cli.WithHint(fmt.Errorf("model %w", err),
			"the model's page or the program that exported it says which; oi-eval --labels NAMES.txt --normalize=CHOICE "+path+" photo.jpg shows the answers with each")
	case errors.As(err, &second) && errors.As(err, &side):
		return cli.WithHint(fmt.Errorf("model %s: %w", path, err), fmt.Sprintf("cut the second views with oi-crop --two-views %d", side.Declared))
	case errors.As(err, &side):
		return cli.WithHint(fmt.Errorf("model %w", err), fmt.Sprintf("cut the pictures with oi-crop --size %d", side.Declared))
	}
	return fmt.Errorf("model %w", err)
}
