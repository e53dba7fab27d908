package main

import (
	"context"
	"fmt"
	"iter"

	"github.com/opensandwich/oi/cmd/internal/dataset"
	"github.com/opensandwich/oi/cmd/internal/pix"
	"github.com/opensandwich/oi/record"
)

// A variant is one to be made.
type variant struct {
	entry       dataset.Entry
	epoch, copy int
}

// variants writes the epochs.
func (r *run) variants(ctx context.Context) error {
	first := int64(r.train().Len()) // these stand for the items that came in
	return r.inOrder(ctx, r.plan(), func(t *task) {
		if first--; first < 0 {
			r.account.Add("variant", 1)
		}
		r.account.Out(1, t.made)
	})
}

// plan yields the variants of all epochs in the order they are written.
func (r *run) plan() iter.Seq[*task] {
	return func(yield func(*task) bool) {
		for epoch := 1; r.options.epochs == 0 || epoch <= r.options.epochs; epoch++ {
			all := r.epoch(epoch)
			for _, k := range dataset.Permutation(r.options.seed, epoch, len(all)) {
				v := variant{entry: all[k].entry, epoch: epoch, copy: all[k].copy}
				if !yield(&task{make: func(w *worker) (*record.Item, error) { return r.draw(v, w) }}) {
					return
				}
			}
		}
	}
}

// draw makes a variant. Its pixels are the worker's.
func (r *run) draw(v variant, w *worker) (*record.Item, error) {
	item, err := r.items.Spool.Item(v.entry.Number)
	if err != nil {
		return nil, err
	}
	size := r.items.Size()
	drawn := r.options.ranges.Draw(pix.NewRand(r.options.seed, v.entry.Key, v.epoch, v.copy), size.Height, size.Width)
	if err := r.change(item, drawn, w); err != nil {
		return nil, fmt.Errorf("item %s: %w", v.entry.Key, err)
	}
	item.Embedding, item.Prediction = nil, nil // those were of other pixels
	item.Set = v.entry.Set
	item.Augment = parameters(drawn)
	item.Augment.Epoch, item.Augment.Copy, item.Augment.Seed = v.epoch, v.copy, r.options.seed
	_, original, err := r.items.Hashes(v.entry)
	if err != nil {
		return nil, err
	}
	item.Augment.Of = original.String()
	return item, nil
}

// change makes a variant of an item's pixels, which are then the worker's. To the
// second view, if there is one, the same is done in proportion to its size.
func (r *run) change(item *record.Item, v pix.Variant, w *worker) error {
	size, second := r.items.Size(), r.items.Context()
	n := len(item.Tensor.Data)
	room := w.room(n + second.Height*second.Width*3)
	if err := w.maker.Apply(v, room[:n], item.Tensor.Data, size.Height, size.Width); err != nil {
		return err
	}
	item.Tensor.Data = room[:n]
	if item.Context == nil {
		return nil
	}
	err := w.maker.Apply(v.At(size.Height, size.Width, second.Height, second.Width), room[n:], item.Context.Data, second.Height, second.Width)
	item.Context.Data = room[n:]
	return err
}
