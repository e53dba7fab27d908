package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/opensandwich/oi/cmd/internal/cli"
	"github.com/opensandwich/oi/cmd/internal/dataset"
	"github.com/opensandwich/oi/cmd/internal/kernel"
	"github.com/opensandwich/oi/cmd/internal/knn"
	"github.com/opensandwich/oi/cmd/internal/model"
	"github.com/opensandwich/oi/cmd/internal/report"
	"github.com/opensandwich/oi/cmd/internal/stream"
	"github.com/opensandwich/oi/cmd/internal/transfer"
	"github.com/opensandwich/oi/record"
)

// A neighbourhood answers for items by the train items whose embeddings are
// nearest to theirs: no model is trained.
type neighbourhood struct {
	options    *options
	env        *cli.Env
	items      *dataset.Collection
	embeddings transfer.Embeddings
	origin     dataset.Origin
	counters   *stream.Counters

	classes []string // of the train items, sorted
	train   dataset.Entries
	index   *knn.Index
	removed map[string]int
	notes   []string
	workers *kernel.Workers
}

// queriesAtOnce is how many items are compared with the train items at once.
const queriesAtOnce = 64

// findNeighbours answers for the items of files by their neighbours.
func (o *options) findNeighbours(ctx context.Context, env *cli.Env, files []string) (err error) {
	spool := dataset.NewSpool(int64(o.memory), "")
	defer func() { err = errors.Join(err, spool.Close()) }()
	b := &neighbourhood{options: o, env: env, items: dataset.NewCollection(spool, o.repeats), workers: kernel.NewWorkers(o.stream.Workers())}
	defer b.workers.Close()
	b.items.Embeddings = true
	var out *stream.Output
	if o.emit {
		if out, err = stream.Create(env, &o.stream); err != nil {
			return err
		}
	}
	in, err := stream.Open(env, &o.stream, files)
	if err != nil {
		return err
	}
	if b.counters, err = stream.NewCounters(env, &o.stream, files...); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.counters.Finish()) }()
	if err := errors.Join(b.read(ctx, in), in.Close()); err != nil {
		return err
	}
	if err := b.prepare(); err != nil {
		return err
	}
	if o.emit {
		return errors.Join(b.emit(ctx, out), out.Close())
	}
	return b.report(ctx)
}

// read takes in the whole stream.
func (b *neighbourhood) read(ctx context.Context, in *stream.Input) error {
	for ctx.Err() == nil {
		next, err := in.Read()
		if errors.Is(err, io.EOF) {
			return b.origin.Complete(b.options.incomplete, b.warn)
		}
		if err != nil {
			return err
		}
		switch v := next.(type) {
		case *record.Header:
			b.counters.Expect(v.Expected)
			err = errors.Join(b.origin.Begin(v), b.embeddings.Begin(v, in.Name()), b.items.Begin(v, in.Name(), in.Number()))
		case *record.Item:
			b.counters.In(1, record.DigestOf(v))
			if err = b.embeddings.Add(v); err == nil {
				err = b.items.Add(v)
			}
		case *record.End:
			err = b.origin.End(v)
		}
		if err != nil {
			return err
		}
	}
	return context.Cause(ctx)
}

// warn says something that the report is to say as well.
func (b *neighbourhood) warn(text string) {
	b.env.Warnf("%s", text)
	b.notes = append(b.notes, report.Sentence(text))
}

// prepare divides the items and makes the index of the train items.
func (b *neighbourhood) prepare() error {
	b.removed = map[string]int{}
	if n := b.items.Dropped; n > 0 {
		b.removed[dataset.Repeated] = n
		b.counters.Remove(dataset.Repeated, int64(n))
		b.env.Infof("%s", b.items.DropLine())
	}
	for _, line := range b.items.Divide(dataset.DefaultSplit()).Lines() {
		b.env.Infof("%s", line)
	}
	b.train = b.items.Of(dataset.Train)
	if b.train.Len() == 0 {
		return cli.WithHint(errors.New("there are no train items among which neighbours are found"), "give all sets in one stream")
	}
	for _, e := range b.train.All() {
		if at, known := slices.BinarySearch(b.classes, e.Label); !known {
			b.classes = slices.Insert(b.classes, at, e.Label)
		}
	}
	if n := b.options.neighbours; n > b.train.Len() {
		b.env.Warnf("--neighbours %d: there are only %d train items, and every answer is by all of them", n, b.train.Len())
	}
	vectors, err := b.vectors(b.train)
	if err != nil {
		return err
	}
	b.env.Infof("neighbours are found among %d train items: %d MB of vectors in memory", b.train.Len(), len(vectors)*4>>20)
	b.index, err = knn.NewIndex(vectors, b.embeddings.Dim)
	return err
}

// vectors returns the embeddings of entries.
func (b *neighbourhood) vectors(entries dataset.Entries) ([]float32, error) {
	numbers := make([]int, entries.Len())
	for i, e := range entries.All() {
		numbers[i] = e.Number
	}
	vectors := make([]float32, entries.Len()*b.embeddings.Dim)
	return vectors, b.embeddings.Rows(b.items.Spool, numbers).Read(vectors, 0)
}

// ask calls answer for each of the entries, in order, with its neighbours,
// which are of other photos.
func (b *neighbourhood) ask(ctx context.Context, entries dataset.Entries, answer func(dataset.Entry, []knn.Neighbour) error) error {
	photos := &b.items.Photos
	for first := 0; first < entries.Len(); first += queriesAtOnce {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		part := entries.Part(first, min(first+queriesAtOnce, entries.Len()))
		queries, err := b.vectors(part)
		if err != nil {
			return err
		}
		knn.Normalize(queries, b.embeddings.Dim)
		nearest, err := b.index.Nearest(b.workers, queries, b.options.neighbours, func(q, row int) bool {
			return photos.Find(part.At(q).Photo) == photos.Find(b.train.At(row).Photo)
		})
		if err != nil {
			return err
		}
		for i, e := range part.All() {
			if err := answer(e, nearest[i]); err != nil {
				return err
			}
		}
	}
	return nil
}

// votes are the shares of the classes among neighbours. Of classes that have as
// many, that of the neighbours that are more similar in sum is put before the
// others by less than any vote.
func (b *neighbourhood) votes(nearest []knn.Neighbour) (shares []float32, best int) {
	shares = make([]float32, len(b.classes))
	similar := make([]float64, len(b.classes))
	for _, n := range nearest {
		at, _ := slices.BinarySearch(b.classes, b.train.At(n.Row).Label)
		shares[at]++
		similar[at] += float64(n.Similarity)
	}
	for i := range shares {
		if shares[i] > shares[best] || shares[i] == shares[best] && similar[i] > similar[best] {
			best = i
		}
	}
	for i := range shares {
		shares[i] /= float32(max(1, len(nearest)))
	}
	if len(nearest) > 0 { // a tie is settled for whoever looks at the shares
		const bit = 1e-6
		for i := range shares {
			shares[i] *= 1 - bit
		}
		shares[best] += bit
	}
	return shares, best
}

// report prints how often the neighbours are right.
func (b *neighbourhood) report(ctx context.Context) error {
	sets := b.options.wanted
	if len(sets) == 0 {
		sets = []string{dataset.Test}
		if b.items.Of(dataset.Test).Len() == 0 {
			sets = []string{dataset.Val}
		}
	}
	var asked dataset.Entries
	for _, set := range sets {
		asked = dataset.Concat(asked, b.items.Of(set))
	}
	name := strings.Join(sets, ",")
	if err := checkFigures(b.options.requirements, b.classes); err != nil {
		return err
	}
	answers, licences, counts := report.NewAccumulator(name, b.classes), report.NewAttribution(), dataset.Counts{}
	var log report.CreditLog
	unknown := 0
	err := b.ask(ctx, asked, func(e dataset.Entry, nearest []knn.Neighbour) error {
		truth, known := slices.BinarySearch(b.classes, e.Label)
		if !known {
			unknown++
			return nil
		}
		item, err := b.items.Spool.Item(e.Number)
		if err != nil {
			return err
		}
		b.counters.Out(1, record.Digest{}) // to nobody
		counts.Add(e.Set, e.Label)
		licences.Add(item)
		if err := log.Add(e.Key, item); err != nil {
			return err
		}
		shares, _ := b.votes(nearest)
		return answers.Add(item, truth, shares, false)
	})
	if err != nil {
		return err
	}
	if unknown > 0 {
		b.warn(fmt.Sprintf("%d items of labels that no train item has are left out", unknown))
	}
	evaluation := answers.Evaluation()
	if evaluation.Items == 0 {
		return cli.WithHint(fmt.Errorf("nothing to judge the neighbours by: no item of the set %s", name), "--set val, or --set train, asks about others")
	}
	if only := counts.OneClass(name); only != "" {
		b.warn(only)
	}
	if err := b.options.baseline.compare(evaluation); err != nil {
		return err
	}
	full, err := b.compose(evaluation)
	if err != nil {
		return err
	}
	if full.Credits, err = log.Judged(evaluation); err != nil {
		return err
	}
	full.Sets, full.Licences, full.Notes = counts, licences.Summary(), append(b.notes, report.NoPictures)
	return b.options.deliver(b.env, full)
}

// compose gathers what is known of the vectors and of what they were tried on:
// in place of a model there is what made the vectors.
func (b *neighbourhood) compose(evaluation *report.Evaluation) (*report.Report, error) {
	trail, e := b.origin.Header.Stages, &b.embeddings
	counts := b.counters.Total()
	counts.Tool = b.env.Name
	of := &model.Backbone{Of: e.Of, Dim: e.Dim, Side: e.Side, ContextSide: e.Context, DType: e.DType}
	for _, stage := range trail {
		if stage.Args["embedding"] == e.Of {
			of.FileSHA256 = stage.Args["model"]
		}
	}
	digest, err := b.items.Digest(b.items.Entries(), nil, trail)
	if err != nil {
		return nil, err
	}
	return &report.Report{
		Classes:      b.classes,
		Architecture: fmt.Sprintf("the %d nearest neighbours of %d train items, by %d numbers of %s each", b.options.neighbours, b.train.Len(), e.Dim, e.DType),
		Input:        report.Input{Height: e.Side, Width: e.Side, Channels: channels, Context: e.Context},
		Options:      map[string]any{"neighbours": b.options.neighbours},
		Removed:      b.removed, History: []report.Epoch{}, Evaluation: evaluation,
		Stages: report.Stages(trail), Completeness: b.origin.Header.Completeness, Accounts: report.CountsByStage(append(b.origin.Counts, counts)),
		Provenance: report.Provenance{
			Data: digest.Data, DataVersion: dataset.DataVersion, DataSets: digest.Sets,
			Query: report.Stages(dataset.Query(trail)), Code: report.ThisCode(b.env.Version), Environment: report.ThisEnvironment(0),
			Backbone: of,
		},
	}, nil
}

// emit writes all items, in their order, with their neighbours and what these
// say.
func (b *neighbourhood) emit(ctx context.Context, out *stream.Output) error {
	header := b.origin.Header
	header.Stages = append(slices.Clone(header.Stages), record.Stage{Tool: b.env.Name, Version: b.env.Version, Args: map[string]string{
		"neighbours": strconv.Itoa(b.options.neighbours), "of": b.embeddings.Of,
	}})
	if err := out.Write(&header); err != nil {
		return err
	}
	b.counters.Keep(dataset.DigestOf(b.items.Entries()))
	err := b.ask(ctx, b.items.Entries(), func(e dataset.Entry, nearest []knn.Neighbour) error {
		item, err := b.items.Spool.Item(e.Number)
		if err != nil {
			return err
		}
		shares, best := b.votes(nearest)
		item.Set = e.Set
		item.Prediction = &record.Prediction{Label: b.classes[best], Probabilities: map[string]float64{}}
		for _, n := range nearest {
			item.Prediction.Neighbours = append(item.Prediction.Neighbours, record.Neighbour{
				Key: b.train.At(n.Row).Key, Label: b.train.At(n.Row).Label, Similarity: float64(n.Similarity),
			})
		}
		for i, share := range shares {
			item.Prediction.Probabilities[b.classes[i]] = float64(share)
		}
		b.counters.Out(1, record.DigestOf(item))
		return out.Write(item)
	})
	if err != nil {
		return err
	}
	count, err := b.counters.End()
	if err != nil {
		return err
	}
	end := &record.End{Stages: append(b.origin.Counts, count)}
	if b.origin.Salvaged.Regions > 0 {
		end.Damage = &b.origin.Salvaged
	}
	return out.Write(end)
}
