package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/opensandwich/oi/cmd/internal/cli"
	"github.com/opensandwich/oi/cmd/internal/dataset"
	"github.com/opensandwich/oi/cmd/internal/logreg"
	"github.com/opensandwich/oi/cmd/internal/status"
	"github.com/opensandwich/oi/cmd/internal/stream"
	"github.com/opensandwich/oi/cmd/internal/transfer"
	"github.com/opensandwich/oi/record"
)

// featureBatch is how many pictures the backbone is given at once.
const featureBatch = 16

// A rowSet is where in the store the features of a set's items are.
type rowSet struct {
	rows   []int32
	labels []int // the numbers of their classes
	groups []int // of items of one author or photo; nil where none are needed

	epochs []int // of variants: how many rows there are after each
}

// An extraction computes the features of all items.
type extraction struct {
	ctx       context.Context
	data      *data
	store     *featureStore
	extractor *transfer.Extractor
	batch     *batch
	pictures  []dataset.Picture // of the batch
	computed  int
	known     int // that were in the store
	status    *status.Status
	features  []float32 // of an item that brings them
	embedding []byte    // likewise
}

// extract computes the features of the items in the sets train, val and test.
func extract(ctx context.Context, o *options, env *cli.Env, d *data, b *transfer.Backbone, tail *transfer.Tail, s *featureStore) (map[string]*rowSet, error) {
	source := b.Extractor
	if tail != nil {
		source = tail.Extractor
	}
	extractor, err := source(featureBatch, o.stream.Workers())
	if err != nil {
		return nil, err
	}
	defer extractor.Close()
	start := env.Now()
	x := &extraction{ctx: ctx, data: d, store: s, extractor: extractor, batch: newBatch(featureBatch), known: s.n, status: stream.StartStatus(env, "pictures")}
	defer x.status.Stop()
	sets := map[string]*rowSet{}
	if d.streamed == nil {
		x.status.SetTotal(int64(d.items.Entries().Len()))
	}
	// In the same order in every run, so that of several pictures that cannot
	// be used the same one is named.
	for _, set := range []struct {
		name    string
		entries dataset.Entries
	}{{dataset.Train, d.train}, {dataset.Val, d.val}, {dataset.Test, d.test}} {
		if set.name == dataset.Train && d.streamed != nil {
			continue
		}
		if sets[set.name], err = x.entries(set.entries); err != nil {
			return nil, x.stopped(err)
		}
	}
	if d.streamed != nil {
		if sets[dataset.Train], err = x.variants(o, env); err != nil {
			return nil, x.stopped(err)
		}
	}
	if err := x.flush(); err != nil {
		return nil, x.stopped(err)
	}
	took := env.Now().Sub(start).Seconds()
	if took > 0 && x.computed > 0 {
		env.Infof("computed the features of %d pictures in %.1f s: %.0f a second", x.computed, took, float64(x.computed)/took)
	}
	return sets, nil
}

// stopped says what becomes of the features after an interrupt.
func (x *extraction) stopped(err error) error {
	if !wasInterrupted(x.ctx, err) {
		return err
	}
	err = fmt.Errorf("interrupted after the features of %d pictures: %w", x.store.n, context.Canceled)
	if x.store.n == 0 {
		return err
	}
	return cli.WithHint(err, "the same command with --resume goes on from there")
}

// entries computes the features of items in the spool.
func (x *extraction) entries(entries dataset.Entries) (*rowSet, error) {
	set := &rowSet{rows: make([]int32, 0, entries.Len()), labels: make([]int, 0, entries.Len())}
	for _, e := range entries.All() {
		row, err := x.entry(e)
		if err != nil {
			return nil, err
		}
		set.add(row, x.data.index[e.Label])
		x.status.Add(1)
	}
	return set, nil
}

// entry returns the row of an item in the spool.
func (x *extraction) entry(e dataset.Entry) (int, error) {
	if x.data.embedded.first != nil {
		var err error
		if x.embedding, err = x.data.items.Spool.Embedding(e.Number, x.embedding); err != nil {
			return 0, err
		}
		return x.taken(x.embedding)
	}
	_, pixels, err := x.data.items.Hashes(e)
	if err != nil {
		return 0, err
	}
	if row, ok := x.store.rows[pixels]; ok {
		return row, nil
	}
	if err := x.batch.load(x.data.items.Spool, e, 0); err != nil {
		return 0, err
	}
	return x.queued(pixels)
}

// taken returns the row of features that an item brings. They come with it
// again after an interrupt, so that nothing is remembered of them.
func (x *extraction) taken(data []byte) (int, error) {
	if x.store.size > 0 {
		return 0, errEmbedded
	}
	x.features = slices.Grow(x.features[:0], x.store.dim)[:x.store.dim]
	x.data.embedded.check.Unpack(x.features, data)
	row := x.store.n
	return row, x.store.add([]dataset.Picture{sha256.Sum256(data)}, x.features, nil)
}

func (s *rowSet) add(row, label int) {
	s.rows, s.labels = append(s.rows, int32(row)), append(s.labels, label)
}

// sample returns some n rows of the set, or all of it if it has no more.
func (s *rowSet) sample(classes, n int, seed uint64) *rowSet {
	if len(s.rows) <= n {
		return s
	}
	some := &rowSet{}
	for _, i := range logreg.Sample(s.labels, classes, n, seed) {
		some.add(int(s.rows[i]), s.labels[i])
		if s.groups != nil {
			some.groups = append(some.groups, s.groups[i])
		}
	}
	return some
}

// queued gives the picture that was added to the batch last its row, and
// computes the batch if it is full.
func (x *extraction) queued(picture dataset.Picture) (int, error) {
	row := x.store.n + len(x.pictures)
	x.store.rows[picture] = row
	x.pictures = append(x.pictures, picture)
	if !x.batch.full() {
		return row, nil
	}
	return row, x.flush()
}

// flush computes the batch.
func (x *extraction) flush() error {
	if x.ctx.Err() != nil {
		return context.Cause(x.ctx)
	}
	if len(x.pictures) == 0 {
		return nil
	}
	features, maps, err := x.compute()
	var unusable *transfer.ValueError
	if errors.As(err, &unusable) {
		return fmt.Errorf("item %s: %w", x.batch.keys[unusable.Picture], err)
	}
	if err != nil {
		return err
	}
	if err := x.store.add(x.pictures, features, maps); err != nil {
		return err
	}
	x.computed += len(x.pictures)
	x.pictures = x.pictures[:0]
	x.batch.clear()
	return nil
}

// compute computes the features, and the maps if they are to be kept.
func (x *extraction) compute() (features, maps []float32, err error) {
	if x.store.size > 0 {
		return x.extractor.FeaturesAndMaps(x.batch.images)
	}
	features, err = x.extractor.Features(x.batch.images)
	return features, nil, err
}

// endlessEpochs is how many epochs of oi-augment are taken if it makes any
// number of them and --epochs does not say.
const endlessEpochs = 3

// variants computes the features of what oi-augment makes of the train items.
func (x *extraction) variants(o *options, env *cli.Env) (*rowSet, error) {
	set, most := &rowSet{}, 0 // all that come
	var photos []dataset.Photo
	switch {
	case o.given("epochs"):
		most = o.epochs
	case slices.ContainsFunc(x.data.origin.Header.Stages, func(s record.Stage) bool { return s.Tool == "oi-augment" && s.Args["epochs"] == "0" }):
		most = endlessEpochs
		env.Infof("taking %d epochs of variants; --epochs N takes more", most)
	}
	take := func(item *record.Item, class int) error {
		row, err := x.variant(item)
		set.add(row, class)
		photos = append(photos, x.data.items.Photos.Add(item.ID, dataset.PictureOf(item)))
		x.status.Add(1)
		return err
	}
	source := &streamBatches{data: x.data, seen: map[string]bool{}, pending: x.data.streamed, take: take}
	for epoch := 1; (most == 0 || epoch <= most) && source.begin(epoch); epoch++ {
		if err := source.next(newBatch(1)); !errors.Is(err, io.EOF) {
			return nil, err
		}
		set.epochs = append(set.epochs, len(set.rows))
	}
	group := x.data.items.Groups()
	for _, photo := range photos {
		set.groups = append(set.groups, int(group(dataset.Entry{Photo: photo})))
	}
	return set, x.data.check()
}

// group sets to which author or photo the items of a set belong.
func (s *rowSet) group(items *dataset.Collection, entries dataset.Entries) {
	if s.groups != nil { // of variants
		return
	}
	group := items.Groups()
	s.groups = make([]int, entries.Len())
	for i, e := range entries.All() {
		s.groups[i] = int(group(e))
	}
}

// variant returns the row of what oi-augment made of an item.
func (x *extraction) variant(item *record.Item) (int, error) {
	if item.Embedding != nil {
		return x.taken(item.Embedding.Data)
	}
	picture := dataset.TensorOf(item)
	if row, ok := x.store.rows[picture]; ok {
		return row, nil
	}
	x.batch.add(dataset.KeyOf(item), dataset.Views(item), 0)
	return x.queued(picture)
}
