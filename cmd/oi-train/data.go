package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/opensandwich/oi/cmd/internal/cli"
	"github.com/opensandwich/oi/cmd/internal/dataset"
	"github.com/opensandwich/oi/cmd/internal/model"
	"github.com/opensandwich/oi/cmd/internal/report"
	"github.com/opensandwich/oi/cmd/internal/status"
	"github.com/opensandwich/oi/cmd/internal/stream"
	"github.com/opensandwich/oi/record"
)

// background is the reason for which windows of background are left out.
const background = "background beside several classes"

// data is the items of a run: all of them in the spool, or the held-out ones in
// the spool while the train items still arrive.
type data struct {
	options  *options
	env      *cli.Env
	in       *stream.Input
	items    *dataset.Collection
	variants *dataset.Repeats // of the epoch that is being read
	origin   dataset.Origin
	licences *report.Attribution
	credits  report.CreditLog
	read     int64      // number of items so far
	used     *inputHash // of the items that were kept or trained on
	trained  *dataset.Variants
	status   *status.Status // of the reading before the first epoch
	removed  map[string]int // items left out, by reason
	notes    []string
	faults   []report.FaultList // what was found in the items

	classes  []string
	index    map[string]int
	val      dataset.Entries
	test     dataset.Entries
	train    dataset.Entries // all, or those that have come so far
	streamed *record.Item    // the first variant, if oi-augment is upstream

	backbone *model.Backbone // nil where a network is trained from scratch
	teacher  *report.Teacher // nil where it learns from the labels alone
	groups   *authorGroups   // nil likewise
	embedded *embedded       // nil likewise

	inherited dataset.Known // photos that a teacher or the backbone was trained on
}

func newData(o *options, env *cli.Env, in *stream.Input, spool *dataset.Spool) *data {
	return &data{
		options: o, env: env, in: in, items: dataset.NewCollection(spool, o.repeats), variants: dataset.NewRepeats(o.repeats),
		licences: report.NewAttribution(), used: newInputHash(), trained: dataset.NewVariants(), removed: map[string]int{}, index: map[string]int{},
	}
}

// next returns the next item of the input, and io.EOF after a complete one.
func (d *data) next() (*record.Item, error) {
	for {
		next, err := d.in.Read()
		if errors.Is(err, io.EOF) {
			for _, line := range d.origin.SkipLines() {
				d.env.Infof("%s", line)
			}
		}
		if err != nil {
			return nil, err
		}
		switch v := next.(type) {
		case *record.Header:
			if err := d.origin.Begin(v); err != nil {
				return nil, err
			}
			if err := d.items.Begin(v, d.in.Name(), d.in.Number()); err != nil {
				return nil, err
			}
			d.variants.Begin(d.in.Name(), d.in.Number())
			d.embedded.begin(v, d.in.Name())
			d.status.SetTotal(d.origin.Header.Expected)
		case *record.Item:
			d.read++
			d.status.Add(1)
			return v, d.embedded.add(v)
		case *record.End:
			if err := d.origin.End(v); err != nil {
				return nil, err
			}
		}
	}
}

// prepare reads up to the first variant, or to the end if none comes, and
// decides what is trained on what.
func (d *data) prepare(ctx context.Context) error {
	d.status = stream.StartStatus(d.env, "records")
	defer d.status.Stop()
	if err := d.collect(ctx); err != nil {
		return err
	}
	return d.settle(ctx)
}

// collect reads up to the first variant, or to the end.
func (d *data) collect(ctx context.Context) error {
	for {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		item, err := d.next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if item.Augment != nil {
			d.streamed = item
			return d.items.Expect(item)
		}
		if err := d.items.Add(item); err != nil {
			return err
		}
		d.used.add(item)
		d.licences.Add(item)
		if err := d.credits.Add(item.Key, item); err != nil {
			return err
		}
		d.groups.add(item)
	}
}

// settle decides what is trained on what, of what has come.
func (d *data) settle(ctx context.Context) error {
	err := d.origin.Complete(d.options.incomplete, func(text string) {
		d.env.Warnf("%s", text)
		d.notes = append(d.notes, report.Sentence(text))
	})
	if err != nil {
		return err
	}
	if n := d.items.Dropped; n > 0 {
		d.removed[dataset.Repeated] = n
		d.env.Infof("%s", d.items.DropLine())
	}
	for _, line := range d.items.Divide(d.options.split).Lines() {
		d.env.Infof("%s", line)
	}
	if err := d.chooseClasses(); err != nil {
		return err
	}
	d.items.Sort() // of which the sets are parts
	d.val, d.test, d.train = d.items.Of(dataset.Val), d.items.Of(dataset.Test), d.items.Of(dataset.Train)
	for _, remark := range d.items.Remarks() {
		d.env.Warnf("%s", remark)
		d.notes = append(d.notes, report.Sentence(remark))
	}
	if d.streamed != nil {
		return errors.Join(d.options.near.apply(ctx, d), d.options.poor.apply(ctx, d), d.checkStreamed())
	}
	if n := d.items.RemoveDuplicates(); n > 0 {
		d.removed[dataset.Duplicate] = n
		d.train = d.items.Of(dataset.Train)
	}
	if err := d.options.near.apply(ctx, d); err != nil {
		return err
	}
	if err := d.options.poor.apply(ctx, d); err != nil {
		return err
	}
	for _, entry := range d.train.All() {
		d.items.Photos.Mark(entry.Photo, dataset.Trained)
	}
	for _, count := range d.origin.Counts { // of oi-augment, all of whose epochs are empty then
		d.items.LeftOut.Add(dataset.Duplicate, dataset.Train, "", int(count.Removed[dataset.Duplicate]))
	}
	return d.check()
}

// check says whether a model can be trained and judged with the items that have
// come.
func (d *data) check() error {
	if d.options.backbone.file != "" || d.options.onlyItems { // a strength can be chosen without val
		return d.counts().CheckTrain(d.classes, d.items.LeftOut)
	}
	return d.counts().Check(d.classes, d.items.LeftOut)
}

// chooseClasses decides which labels the network distinguishes.
func (d *data) chooseClasses() error {
	labels := d.items.Counts().Labels()
	if d.streamed != nil {
		// The variants are still to come: the header says of what
		// classes.
		for _, class := range d.origin.Header.Classes {
			if !slices.Contains(labels, class.Name) {
				labels = append(labels, class.Name)
			}
		}
		slices.Sort(labels)
	}
	if slices.Contains(labels, dataset.Background) && !dataset.KeepBackground(labels, d.origin.Header.Stages) {
		labels = slices.DeleteFunc(labels, func(l string) bool { return l == dataset.Background })
		if n := d.items.RemoveLabel(dataset.Background, background); n > 0 {
			d.removed[background] = n
			d.env.Infof("left out %d windows of background, because there are several classes", n)
		}
	}
	d.classes = labels
	for i, class := range labels {
		d.index[class] = i
	}
	return dataset.CheckClasses(labels)
}

// checkStreamed checks what can be known before the variants have come.
func (d *data) checkStreamed() error {
	if d.train.Len() > 0 {
		return fmt.Errorf("item %s is to be trained on and is no variant, item %s is one: want all of them from oi-augment, or none",
			d.train.At(0).Key, dataset.KeyOf(d.streamed))
	}
	if d.options.backbone.file != "" || d.options.onlyItems {
		return nil
	}
	if d.options.weights == "balanced" {
		return cli.WithHint(errors.New("--class-weights balanced has to know how many items each class has before the first of them"),
			"leave oi-augment out, or balance the classes with oi-boxes --limit")
	}
	return d.items.Counts().CheckValidation(d.items.LeftOut)
}

// accept checks a variant and returns the number of its class, or false if it
// is left out. The first variant of an item makes it known.
func (d *data) accept(item *record.Item, seen map[string]bool) (int, bool, error) {
	key := dataset.KeyOf(item)
	if item.Augment == nil && (has(d.val, key) || has(d.test, key)) {
		return 0, false, cli.WithHint(fmt.Errorf("item %s of the set %q comes again after variants: the output of one oi-augment is given twice", key, item.Set),
			"give each file once; oi-augment --epochs N makes more epochs")
	}
	if item.Augment == nil || item.Set != dataset.Train {
		return 0, false, cli.WithHint(fmt.Errorf("item %s of the set %q comes after variants", key, item.Set),
			"let one oi-augment read all streams: cat a.oi b.oi | oi-augment")
	}
	entry, err := d.items.Check(item)
	if err != nil {
		return 0, false, err
	}
	repeat, err := d.variants.Add(item)
	if err != nil {
		return 0, false, err
	}
	if repeat != nil {
		d.removed[dataset.Repeated]++
		return 0, false, nil
	}
	first := !seen[key]
	seen[key] = true
	leave := func(reason string) (int, bool, error) {
		if first {
			d.removed[reason]++
			d.items.LeftOut.Add(reason, entry.Set, entry.Label, 1)
		}
		return 0, false, nil
	}
	class, known := d.index[entry.Label]
	switch {
	case d.items.Photos.Has(entry.Photo, dataset.HeldOut|dataset.Trained):
		return 0, false, cli.WithHint(fmt.Errorf("item %s shows that a photo that was trained on is that of a held-out item", key),
			"oi-augment, which reads all items before it writes the first, leaves such photos out: let it read them again")
	case d.items.Photos.Has(entry.Photo, dataset.HeldOut):
		return leave(dataset.Duplicate)
	case !known && entry.Label == dataset.Background:
		return leave(background)
	case !known:
		return 0, false, cli.WithHint(fmt.Errorf("item %s is labelled %s, which no validation or test item is, nor does the header name it", key, entry.Label),
			"without oi-augment between them, oi-crop | oi-train sees all labels before it starts")
	}
	if first {
		if err := d.items.Remember(entry, item); err != nil {
			return 0, false, err
		}
		d.train = d.items.Of(dataset.Train)
		d.items.Photos.Mark(entry.Photo, dataset.Trained)
		d.licences.Add(item)
		if err := d.credits.Add(item.Key, item); err != nil {
			return 0, false, err
		}
		d.groups.add(item)
	}
	return class, true, nil
}

// byIDAlone counts the train items of which neither the photo's file nor the
// pixels they were drawn from are known.
func (d *data) byIDAlone() (int, error) {
	n := 0
	for _, entry := range d.train.All() {
		picture, _, err := d.items.Hashes(entry)
		if err != nil {
			return 0, err
		}
		if picture == (dataset.Picture{}) {
			n++
		}
	}
	return n, nil
}

// has reports whether an entry has a key.
func has(entries dataset.Entries, key string) bool {
	for _, e := range entries.All() {
		if e.Key == key {
			return true
		}
	}
	return false
}

// entries returns all items that were used.
func (d *data) entries() dataset.Entries { return dataset.Concat(d.train, d.val, d.test) }

// credited returns whom to thank for the photos of all items that were used.
func (d *data) credited() (*report.Credits, error) {
	return d.credits.Of(func(yield func(string) bool) {
		for _, entry := range d.items.Entries().All() {
			if !yield(entry.Key) {
				return
			}
		}
	})
}

// evaluationSet returns the set by which the model is judged: test, or val
// where there is no test.
func (d *data) evaluationSet() (string, dataset.Entries) {
	if d.test.Len() == 0 {
		return dataset.Val, d.val
	}
	return dataset.Test, d.test
}

// counts returns the number of items that were used.
func (d *data) counts() dataset.Counts { return dataset.CountsOf(d.train, d.val, d.test) }

// account is oi-train's own line in the accounts.
func (d *data) account() record.StageCounts {
	c := record.StageCounts{Tool: d.env.Name, In: d.read, Out: d.read}
	for reason, n := range d.removed {
		if c.Removed == nil {
			c.Removed = map[string]int64{}
		}
		c.Removed[reason] = int64(n)
		c.Out -= int64(n)
	}
	return c
}

// describe says at the start what is going to happen; model is what is trained.
func (d *data) describe(model string) {
	d.env.Infof("classes: %s; pictures of %v; %s", firstFew(d.classes, dataset.MostListed), d.items.Size(), model)
	counts := d.counts()
	for line := range strings.SplitSeq(counts.String(), "\n") {
		if d.streamed != nil && strings.HasPrefix(line, dataset.Train) {
			line = "train comes from oi-augment, epoch by epoch"
		}
		d.env.Infof("%s", line)
	}
	if ratio := counts.Imbalance(); ratio >= 1.5 && d.streamed == nil {
		d.env.Infof("the largest class has %.1f times the items of the smallest", ratio)
	}
	if n := d.removed[dataset.Duplicate]; n > 0 {
		d.env.Infof("left out %d train items whose photo is that of a held-out item", n)
	}
	if d.origin.Header.Completeness != "" {
		d.env.Warnf("completeness: %s (plain JSON was read on the way, in which a cut cannot be seen)", d.origin.Header.Completeness)
	}
}

// interruptGrace is how long a cut input waits for the interrupt that may have
// caused it: a signal reaches all stages of a pipe, but not in the same
// instant.
const interruptGrace = 300 * time.Millisecond

// wasInterrupted reports whether reading failed because of an interrupt. How
// the input ended does not matter then.
func wasInterrupted(ctx context.Context, err error) bool {
	if ctx.Err() == nil && errors.Is(err, record.ErrTruncated) {
		select {
		case <-ctx.Done():
		case <-time.After(interruptGrace):
		}
	}
	return ctx.Err() != nil
}
