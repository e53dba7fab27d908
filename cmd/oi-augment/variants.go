package main

import (
	"context"
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
			var warper pix.Warper
			for v := range work {
				v.item, v.err = r.draw(v, &warper)
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
	first := int64(len(r.items.Of(dataset.Train))) // these stand for the items that came in
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
		train := r.items.Of(dataset.Train)
		copies := r.options.copies
		for epoch := 1; r.options.epochs == 0 || epoch <= r.options.epochs; epoch++ {
			for _, k := range dataset.Permutation(r.options.seed, epoch, len(train)*copies) {
				v := &variant{entry: train[k/copies], epoch: epoch, copy: k % copies, done: make(chan struct{})}
				if !yield(v) {
					return
				}
			}
		}
	}
}

// draw makes a variant.
func (r *run) draw(v *variant, warper *pix.Warper) (*record.Item, error) {
	item, err := r.items.Spool.Item(v.entry.Number)
	if err != nil {
		return nil, err
	}
	size := r.items.Size()
	warp := pix.DrawWarp(pix.NewRand(r.options.seed, v.entry.Key, v.epoch, v.copy), r.options.ranges)
	pixels := make([]byte, len(item.Tensor.Data))
	warper.Apply(warp, pixels, item.Tensor.Data, size.Height, size.Width, 3)
	item.Tensor.Data = pixels
	item.Embedding = nil // that was of other pixels
	item.Set = v.entry.Set
	item.Augment = &record.Augment{
		Epoch: v.epoch, Copy: v.copy, Seed: r.options.seed,
		Theta: warp.Theta, TX: warp.TX * float64(size.Height), TY: warp.TY * float64(size.Width), Shear: warp.Shear,
		ZX: warp.ZX, ZY: warp.ZY, FlipH: warp.FlipH, FlipV: warp.FlipV, Of: v.entry.Pixels.String(),
	}
	return item, nil
}
