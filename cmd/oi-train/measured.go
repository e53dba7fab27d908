package main

import (
	"cmp"
	"context"
	"slices"

	"github.com/opensandwich/oi/cmd/internal/dataset"
	"github.com/opensandwich/oi/cmd/internal/metrics"
	"github.com/opensandwich/oi/cmd/internal/nn"
	"github.com/opensandwich/oi/cmd/internal/report"
	"github.com/opensandwich/oi/record"
)

// The loss that training brings down is not what validation measures: labels
// are smoothed, units dropped out, and the weights change under way. To show
// whether a model learns its train items by heart, the loss on some of them is
// measured after each epoch as that on the validation items is: with the same
// weights and without any of this.
//
// To measure a picture takes up to 0.42 of the time that it takes to train on
// it, so this part of the train items costs less than 2 % of the speed. That of
// a small set, of which more are measured, is no matter.
const (
	measuredPart  = 24   // one of so many train items is measured
	leastMeasured = 32   // which tell something at least
	mostMeasured  = 1024 // which tell enough of any set, and fit in memory
)

// measuredItems returns on how many train items the loss is measured. Several
// batches are whole ones, as the graph for a part of one would have to be
// compiled after every epoch.
func measuredItems(train, val, batch int) int {
	n := min(max(leastMeasured, train/measuredPart), mostMeasured, train, val)
	if n > batch {
		n -= n % batch
	}
	return n
}

// measuredEntries returns the train items on which the loss is measured, the
// same ones after each epoch.
func measuredEntries(o *options, train dataset.Entries, val int) dataset.Entries {
	ranks, places := make([]uint64, train.Len()), make([]int, train.Len())
	for i, entry := range train.All() {
		ranks[i], places[i] = dataset.Rank(o.seed, entry.Key, 0), i
	}
	slices.SortStableFunc(places, func(a, b int) int { return cmp.Compare(ranks[a], ranks[b]) })
	return train.Pick(slices.Values(places[:measuredItems(train.Len(), val, o.batch)]))
}

// measuredVariants keeps the variants of an epoch on which the loss is
// measured. Epochs of the same items give variants of the same items.
type measuredVariants struct {
	options *options
	val     int // validation items
	seen    int // variants of the epoch
	ranks   []uint64
	kept    []variant // in the order of their ranks, as many as may be needed
}

// A variant is a picture of oi-augment with the number of its class.
type variant struct {
	key    string
	pixels []byte
	class  int
}

// begin forgets the epoch before.
func (m *measuredVariants) begin() {
	m.seen = 0
	m.ranks = m.ranks[:0]
	clear(m.kept)
	m.kept = m.kept[:0]
}

// add takes a variant that was trained on.
func (m *measuredVariants) add(item *record.Item, class int) {
	m.seen++
	rank := dataset.Rank(m.options.seed, dataset.KeyOf(item), item.Augment.Copy)
	most := min(mostMeasured, m.val)
	at, _ := slices.BinarySearch(m.ranks, rank)
	if at == most {
		return
	}
	m.ranks = slices.Insert(m.ranks, at, rank)
	m.kept = slices.Insert(m.kept, at, variant{dataset.KeyOf(item), item.Tensor.Data, class})
	if len(m.kept) > most {
		m.ranks, m.kept = m.ranks[:most], m.kept[:most]
	}
}

// variants returns those on which the loss is measured.
func (m *measuredVariants) variants() []variant {
	return m.kept[:measuredItems(m.seen, m.val, m.options.batch)]
}

// figures are what a network came to on some pictures.
type figures struct {
	loss     metrics.LogLoss
	right, n int
}

// add counts the probabilities that the network gave a picture of a class.
func (f *figures) add(probabilities []float32, class int) {
	f.loss.Add(float64(probabilities[class]))
	f.n++
	if report.ArgMax(probabilities) == class {
		f.right++
	}
}

// accuracy returns the share of right answers, NaN of none.
func (f *figures) accuracy() float64 { return float64(f.right) / float64(f.n) }

// measureEntries tries a network on items of the spool.
func measureEntries(ctx context.Context, p *nn.Predictor, d *data, entries dataset.Entries) (figures, error) {
	var f figures
	err := predict(ctx, p, d, entries, func(entry dataset.Entry, probabilities []float32) error {
		f.add(probabilities, d.index[entry.Label])
		return nil
	})
	return f, err
}

// measureVariants tries a network on variants.
func measureVariants(ctx context.Context, p *nn.Predictor, variants []variant) (figures, error) {
	var f figures
	load := func(b *batch, i int) error {
		b.add(variants[i].key, variants[i].pixels, variants[i].class)
		return nil
	}
	err := predictEach(ctx, p, len(variants), load, func(i int, probabilities []float32) error {
		f.add(probabilities, variants[i].class)
		return nil
	})
	return f, err
}

// measuredOn says what the training loss is measured on; nil where a head alone
// is trained.
func (d *data) measuredOn() *report.Measured {
	switch {
	case d.backbone != nil:
		return nil
	case d.streamed != nil:
		return &report.Measured{Items: min(mostMeasured, d.val.Len()), Variants: true}
	}
	return &report.Measured{Items: measuredItems(d.train.Len(), d.val.Len(), d.options.batch)}
}
