package main

import (
	"context"
	"fmt"
	"iter"
	"sync"

	"github.com/opensandwich/oi/cmd/internal/dataset"
	"github.com/opensandwich/oi/cmd/internal/pix"
	"github.com/opensandwich/oi/record"
)

// A variant is one to be made, and then what came of it.
type variant struct {
	entry       dataset.Entry
	epoch, copy int

	item *record.Item
	err  error
	done chan struct{}
}

// perWorker is how many variants may wait for their turn to be written, for
// each worker.
const perWorker = 4

// variants writes the epochs. Variants are made in parallel and written in
// order.
func (r *run) variants(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	jobs := r.options.stream.Workers()
	work := make(chan *variant)
	ordered := make(chan *variant, perWorker*jobs)

	var workers sync.WaitGroup
	defer workers.Wait()
	defer cancel() // before waiting: standard output may be closed
	for range jobs {
		workers.Go(func() {
			var maker pix.Maker
			for v := range work {
				v.item, v.err = r.draw(v, &maker)
				close(v.done)
			}
		})
	}
	workers.Go(func() {
		defer close(ordered)
		defer close(work)
		for v := range r.plan() {
			for _, to := range []chan *variant{ordered, work} {
				select {
				case to <- v:
				case <-ctx.Done():
					return
				}
			}
		}
	})
	first := int64(len(r.train())) // these stand for the items that came in
	for v := range ordered {
		select {
		case <-v.done:
		case <-ctx.Done():
		}
		if ctx.Err() != nil {
			break
		}
		if v.err != nil {
			return v.err
		}
		if first--; first < 0 {
			r.account.Add("variant", 1)
		}
		if err := r.emit(v.item); err != nil {
			return err
		}
	}
	return context.Cause(ctx)
}

// plan yields the variants of all epochs in the order they are written.
func (r *run) plan() iter.Seq[*variant] {
	return func(yield func(*variant) bool) {
		for epoch := 1; r.options.epochs == 0 || epoch <= r.options.epochs; epoch++ {
			all := r.epoch(epoch)
			for _, k := range dataset.Permutation(r.options.seed, epoch, len(all)) {
				v := &variant{entry: all[k].entry, epoch: epoch, copy: all[k].copy, done: make(chan struct{})}
				if !yield(v) {
					return
				}
			}
		}
	}
}

// draw makes a variant.
func (r *run) draw(v *variant, maker *pix.Maker) (*record.Item, error) {
	item, err := r.items.Spool.Item(v.entry.Number)
	if err != nil {
		return nil, err
	}
	size := r.items.Size()
	drawn := r.options.ranges.Draw(pix.NewRand(r.options.seed, v.entry.Key, v.epoch, v.copy), size.Height, size.Width)
	pixels := make([]byte, len(item.Tensor.Data))
	if err := maker.Apply(drawn, pixels, item.Tensor.Data, size.Height, size.Width); err != nil {
		return nil, fmt.Errorf("item %s: %w", v.entry.Key, err)
	}
	item.Tensor.Data = pixels
	item.Embedding = nil // that was of other pixels
	item.Set = v.entry.Set
	item.Augment = parameters(drawn)
	item.Augment.Epoch, item.Augment.Copy, item.Augment.Seed = v.epoch, v.copy, r.options.seed
	item.Augment.Of = v.entry.Pixels.String()
	return item, nil
}
