package main

import (
	"context"
	"errors"
	"io"

	"github.com/opensandwich/oi/cmd/internal/dataset"
	"github.com/opensandwich/oi/cmd/internal/nn"
	"github.com/opensandwich/oi/record"
)

// A batchSource yields the batches of each epoch: of the spool, or as they
// arrive from oi-augment.
type batchSource interface {
	// begin starts an epoch, counted from 1. It returns false if there is
	// no such epoch.
	begin(epoch int) bool
	// next fills b and returns io.EOF after the epoch's last batch.
	next(b *batch) error
	// measure measures a network on some of the epoch's pictures, after the
	// last batch.
	measure(ctx context.Context, p *nn.Predictor) (figures, error)
}

// A batch is up to N pictures, each [H,W,3] uint8, with the numbers of their
// classes and the keys of their items.
type batch struct {
	images  [][]byte
	labels  []int
	keys    []string
	buffers [][]byte // for pictures that are read from the spool, reused
}

func newBatch(size int) *batch {
	return &batch{images: make([][]byte, 0, size), labels: make([]int, 0, size), keys: make([]string, 0, size), buffers: make([][]byte, size)}
}

func (b *batch) clear()     { b.images, b.labels, b.keys = b.images[:0], b.labels[:0], b.keys[:0] }
func (b *batch) full() bool { return len(b.images) == cap(b.images) }

func (b *batch) add(key string, image []byte, label int) {
	b.images, b.labels, b.keys = append(b.images, image), append(b.labels, label), append(b.keys, key)
}

// offendingItem names the item of picture i for an error message, "" if there
// is no such picture.
func (b *batch) offendingItem(i int) string {
	if i < 0 || i >= len(b.keys) {
		return ""
	}
	return ", first seen at item " + b.keys[i]
}

// load reads a picture from the spool and adds it.
func (b *batch) load(spool *dataset.Spool, entry dataset.Entry, label int) error {
	at := len(b.images)
	pixels, err := spool.Views(entry.Number, b.buffers[at])
	if err != nil {
		return err
	}
	b.buffers[at] = pixels
	b.add(entry.Key, pixels, label)
	return nil
}

// spoolBatches makes epochs of the items in the spool: each is a permutation of
// all train items.
type spoolBatches struct {
	data     *data
	order    []int
	measured dataset.Entries
}

func newSpoolBatches(d *data) *spoolBatches {
	return &spoolBatches{data: d, measured: measuredEntries(d.options, d.train, d.val.Len())}
}

func (s *spoolBatches) begin(epoch int) bool {
	s.order = dataset.Permutation(s.data.options.seed, epoch, s.data.train.Len())
	return true
}

func (s *spoolBatches) next(b *batch) error {
	b.clear()
	for len(s.order) > 0 && !b.full() {
		entry := s.data.train.At(s.order[0])
		s.order = s.order[1:]
		if err := b.load(s.data.items.Spool, entry, s.data.index[entry.Label]); err != nil {
			return err
		}
	}
	if len(b.images) == 0 {
		return io.EOF
	}
	return nil
}

func (s *spoolBatches) measure(ctx context.Context, p *nn.Predictor) (figures, error) {
	return measureEntries(ctx, p, s.data, s.measured)
}

// streamBatches takes the epochs of variants that oi-augment makes, as they
// arrive.
type streamBatches struct {
	data     *data
	seen     map[string]bool
	pending  *record.Item // read already, of the epoch that begins
	epoch    int          // as the items count
	ended    bool
	measured measuredVariants
	take     func(item *record.Item, class int) error // takes the items in place of the batch
}

func newStreamBatches(d *data) *streamBatches {
	return &streamBatches{
		data: d, seen: map[string]bool{}, pending: d.streamed,
		measured: measuredVariants{options: d.options, val: d.val.Len()},
	}
}

func (s *streamBatches) begin(int) bool {
	if s.pending == nil {
		return false
	}
	if s.pending.Augment != nil {
		s.epoch = s.pending.Augment.Epoch
	}
	s.measured.begin()
	s.data.variants.Forget()
	return true
}

func (s *streamBatches) measure(ctx context.Context, p *nn.Predictor) (figures, error) {
	return measureVariants(ctx, p, s.measured.variants())
}

func (s *streamBatches) next(b *batch) error {
	b.clear()
	for !b.full() {
		item := s.pending
		s.pending = nil
		if item == nil && !s.ended {
			var err error
			item, err = s.data.next()
			if s.ended = errors.Is(err, io.EOF); err != nil && !s.ended {
				return err
			}
		}
		if s.ended {
			break
		}
		if item.Augment != nil && item.Augment.Epoch != s.epoch {
			s.pending = item
			break
		}
		class, ok, err := s.data.accept(item, s.seen)
		if err != nil {
			return err
		}
		s.data.used.add(item)
		switch {
		case ok && s.take != nil:
			if err := s.take(item, class); err != nil {
				return err
			}
			s.data.trained.Add(item)
		case ok:
			b.add(dataset.KeyOf(item), dataset.Views(item), class)
			s.measured.add(item, class)
			s.data.trained.Add(item)
		}
	}
	if len(b.images) == 0 {
		return io.EOF
	}
	return nil
}
