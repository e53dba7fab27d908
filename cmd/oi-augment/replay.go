package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/opensandwich/oi/cmd/internal/cli"
	"github.com/opensandwich/oi/cmd/internal/dataset"
	"github.com/opensandwich/oi/cmd/internal/stream"
	"github.com/opensandwich/oi/record"
)

// replay writes the records of the file of variants as they are, but for the
// tensors, which are made again from the originals in the input. The file's own
// tensors are not looked at and may be missing.
func (r *run) replay(ctx context.Context) error {
	originals, err := r.originals()
	if err != nil {
		return err
	}
	in, err := stream.Open(r.env, &r.options.stream, []string{r.options.replay})
	if err != nil {
		return err
	}
	return errors.Join(r.remake(ctx, in, originals), in.Close())
}

// originals keeps the items of the input, and returns their numbers in the
// spool by their pixels.
func (r *run) originals() (map[dataset.Picture]int, error) {
	in, err := stream.Open(r.env, &r.options.stream, r.env.Args)
	if err != nil {
		return nil, err
	}
	if err := r.collect(in); err != nil {
		return nil, errors.Join(err, in.Close())
	}
	numbers := map[dataset.Picture]int{}
	for _, entry := range r.items.Entries().All() {
		_, pixels, err := r.items.Hashes(entry)
		if err != nil {
			return nil, errors.Join(err, in.Close())
		}
		numbers[pixels] = entry.Number
	}
	return numbers, in.Close()
}

func (r *run) remake(ctx context.Context, in *stream.Input, originals map[dataset.Picture]int) error {
	byKey := map[string]int{}
	for _, entry := range r.items.Entries().All() {
		byKey[entry.Key] = entry.Number
	}
	tasks := func(yield func(*task) bool) {
		for {
			next, err := in.Read()
			if errors.Is(err, io.EOF) {
				return
			}
			t := &task{record: next, err: err}
			if item, ok := next.(*record.Item); ok && err == nil {
				number, known := byKey[dataset.KeyOf(item)]
				if item.Augment != nil {
					number, known = originals[dataset.PixelsOf(item)]
				}
				if known {
					t.make = func(w *worker) (*record.Item, error) { return r.remakeItem(w, item, number) }
				} else {
					t.err = cli.WithHint(fmt.Errorf("--replay %s: the original of item %s is not in the input", r.options.replay, dataset.KeyOf(item)),
						"read the same crops that the variants were made of")
				}
			}
			failed := t.err != nil // after the yield it is a worker's
			if !yield(t) || failed {
				return
			}
		}
	}
	return r.inOrder(ctx, tasks, func(t *task) {
		if t.make != nil {
			r.account.Out(1, t.made)
		}
	})
}

// remakeItem gives an item the pixels that its original and its parameters
// make.
func (r *run) remakeItem(w *worker, item *record.Item, number int) (*record.Item, error) {
	original, err := r.items.Spool.Item(number)
	if err != nil {
		return nil, err
	}
	item.Tensor, item.Context = original.Tensor, original.Context
	if item.Augment == nil {
		return item, nil
	}
	v, err := variantOf(item.Augment)
	if err == nil {
		err = r.change(item, v, w)
	}
	if err != nil {
		return nil, fmt.Errorf("--replay %s: item %s: %w", r.options.replay, dataset.KeyOf(item), err)
	}
	return item, nil
}
