package main

import (
	"context"
	"errors"
	"io"

	"github.com/opensandwich/oi/cmd/internal/dataset"
	"github.com/opensandwich/oi/cmd/internal/nn"
	"github.com/opensandwich/oi/record"
)

// A feed gives the batches of an epoch.
type feed interface {
	// begin starts an epoch, counted from 1. It returns false if there is
	// none.
	begin(epoch int) bool
	// next fills b and returns io.EOF after the epoch's last batch.
	next(b *batch) error
	// measure measures a network on some of the epoch's pictures, after the
	// last batch.
	measure(ctx context.Context, p *nn.Predictor) (figures, error)
}

// A batch is pictures, the numbers of their classes and the keys of their
// items.
type batch struct {
	images [][]byte
	labels []int
	keys   []string
	room   [][]byte // for pictures that are read back
}

func newBatch(size int) *batch {
	return &batch{images: make([][]byte, 0, size), labels: make([]int, 0, size), keys: make([]string, 0, size), room: make([][]byte, size)}
}

func (b *batch) clear()     { b.images, b.labels, b.keys = b.images[:0], b.labels[:0], b.keys[:0] }
func (b *batch) full() bool { return len(b.images) == cap(b.images) }

func (b *batch) add(key string, image []byte, label int) {
	b.images, b.labels, b.keys = append(b.images, image), append(b.labels, label), append(b.keys, key)
}

// culprit names the item of picture i for an error, if there is one.
func (b *batch) culprit(i int) string {
	if i < 0 || i >= len(b.keys) {
		return ""
	}
	return ", first seen at item " + b.keys[i]
}

// load adds a picture of the spool.
func (b *batch) load(spool *dataset.Spool, entry dataset.Entry, label int) error {
	at := len(b.images)
	pixels, err := spool.Pixels(entry.Number, b.room[at])
	if err != nil {
		return err
	}
	b.room[at] = pixels
	b.add(entry.Key, pixels, label)
	return nil
}

// spoolFeed makes epochs of items that are all there.
type spoolFeed struct {
	data     *data
	order    []int
	measured []dataset.Entry
}

func newSpoolFeed(d *data) *spoolFeed {
	return &spoolFeed{data: d, measured: measuredEntries(d.options, d.train, len(d.val))}
}

func (f *spoolFeed) begin(epoch int) bool {
	f.order = dataset.Permutation(f.data.options.seed, epoch, len(f.data.train))
	return true
}

func (f *spoolFeed) next(b *batch) error {
	b.clear()
	for len(f.order) > 0 && !b.full() {
		entry := f.data.train[f.order[0]]
		f.order = f.order[1:]
		if err := b.load(f.data.items.Spool, entry, f.data.index[entry.Label]); err != nil {
			return err
		}
	}
	if len(b.images) == 0 {
		return io.EOF
	}
	return nil
}

func (f *spoolFeed) measure(ctx context.Context, p *nn.Predictor) (figures, error) {
	return measureEntries(ctx, p, f.data, f.measured)
}

// streamFeed takes the epochs that oi-augment makes, as they come.
type streamFeed struct {
	data     *data
	seen     map[string]bool
	pending  *record.Item // read already, of the epoch that begins
	epoch    int          // as the items count
	ended    bool
	measured measuredVariants
}

func newStreamFeed(d *data) *streamFeed {
	return &streamFeed{
		data: d, seen: map[string]bool{}, pending: d.streamed,
		measured: measuredVariants{options: d.options, val: len(d.val)},
	}
}

func (f *streamFeed) begin(int) bool {
	if f.pending == nil {
		return false
	}
	if f.pending.Augment != nil {
		f.epoch = f.pending.Augment.Epoch
	}
	f.measured.begin()
	f.data.variants.Forget()
	return true
}

func (f *streamFeed) measure(ctx context.Context, p *nn.Predictor) (figures, error) {
	return measureVariants(ctx, p, f.measured.variants())
}

func (f *streamFeed) next(b *batch) error {
	b.clear()
	for !b.full() {
		item := f.pending
		f.pending = nil
		if item == nil && !f.ended {
			var err error
			item, err = f.data.next()
			if f.ended = errors.Is(err, io.EOF); err != nil && !f.ended {
				return err
			}
		}
		if f.ended {
			break
		}
		if item.Augment != nil && item.Augment.Epoch != f.epoch {
			f.pending = item
			break
		}
		class, ok, err := f.data.accept(item, f.seen)
		if err != nil {
			return err
		}
		f.data.used.add(item)
		if ok {
			b.add(dataset.KeyOf(item), item.Tensor.Data, class)
			f.measured.add(item, class)
			f.data.trained.Add(item)
		}
	}
	if len(b.images) == 0 {
		return io.EOF
	}
	return nil
}
