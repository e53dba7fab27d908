package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/opensandwich/oi/cmd/internal/cli"
	"github.com/opensandwich/oi/cmd/internal/dataset"
	"github.com/opensandwich/oi/cmd/internal/stream"
	"github.com/opensandwich/oi/record"
)

// A kept is a record that was read: a header, an end, or an item that waits in
// the spool unless it is to be removed.
type kept struct {
	record record.Record // nil for an item
	number int           // in the spool
	name   string        // of an item that is not there: by which it is counted
	decision
}

// A decision is what is known of an item before the model is asked.
type decision struct {
	photo  dataset.Photo
	remove string // the reason
}

// scores reports whether figures are asked for.
func (o *options) scores() bool { return !o.emit || len(o.reports)+len(o.requirements) > 0 }

// needsAll reports whether the whole stream must be read before the first
// answer. A photo is the same as another by its id or by its bytes, and so by
// way of a third one: the last item may show that the photo of the first is one
// that the model was trained on, which prediction.seen tells and which keeps it
// out of the figures. And a later repeat of an item may be the better one to
// make figures of. Only where the model remembers no photo and no figure is
// asked for, the items can be answered for as they come.
func (e *evaluation) needsAll() bool {
	ids, pictures := e.model.known.Len()
	return ids+pictures > 0 || e.options.scores()
}

// A replay reads the whole stream before it yields the first record of it.
type replay struct {
	e    *evaluation
	ctx  context.Context
	in   *stream.Input
	read bool
	next int
}

func (r *replay) Close() error { return r.in.Close() }

// Read returns the next record. In place of an item that is to be removed there is
// one that only has its name, for the accounts.
func (r *replay) Read() (record.Record, error) {
	if !r.read {
		r.read = true
		if err := r.e.read(r.ctx, r.in); err != nil {
			return nil, err
		}
		r.e.warnForgets()
	}
	if r.next == len(r.e.kept) {
		return nil, io.EOF
	}
	k := &r.e.kept[r.next]
	r.next++
	switch {
	case k.record != nil:
		return k.record, nil
	case k.name != "":
		return &record.Item{Key: k.name}, nil
	}
	var item *record.Item
	err := r.e.unlessClosed(func() (err error) {
		item, err = r.e.spool.Item(k.number)
		return err
	})
	return item, err
}

var errClosed = errors.New("the evaluation is over")

// unlessClosed calls f, which uses the spool, unless the spool is closed: the
// reader may still be at work after the rest of the stage has failed.
func (e *evaluation) unlessClosed(f func() error) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return errClosed
	}
	return f()
}

// close closes the spool.
func (e *evaluation) close() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.closed = true
	return e.spool.Close()
}

// read takes in the whole stream.
func (e *evaluation) read(ctx context.Context, in *stream.Input) error {
	for {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		next, err := in.Read()
		if errors.Is(err, io.EOF) {
			if !e.options.scores() {
				return nil
			}
			return e.origin.Complete(e.options.incomplete, e.warn)
		}
		if err != nil {
			return err
		}
		k := kept{record: next}
		switch v := next.(type) {
		case *record.Header:
			e.repeats.Begin(in.Name(), in.Number())
			if err := e.origin.Begin(v); err != nil {
				return err
			}
			e.embedded.begin(v, in.Name())
		case *record.Item:
			if k, err = e.keep(v); err != nil {
				return err
			}
		case *record.End:
			if err := e.origin.End(v); err != nil {
				return err
			}
		}
		e.kept = append(e.kept, k)
	}
}

// keep checks an item, and spools it if it is asked about or skipped.
func (e *evaluation) keep(item *record.Item) (k kept, err error) {
	name := cmp.Or(item.Key, item.ID)
	if k.decision, err = e.check(item); err != nil {
		return k, err
	}
	if k.remove != "" {
		k.name = name
	} else {
		err = e.unlessClosed(func() (err error) {
			k.number, err = e.spool.Add(item)
			return err
		})
	}
	return k, err
}

// check checks an item, and gives it a key if it has none.
func (e *evaluation) check(item *record.Item) (v decision, err error) {
	item.Key = dataset.KeyOf(item)
	e.sets = e.sets || item.Set != ""
	picture := dataset.PictureOf(item)
	v.photo = e.photos.Add(item.ID, picture)
	if e.model.known.Has(item.ID, picture) {
		e.photos.Mark(v.photo, dataset.Trained)
	}
	if v.remove = e.unwanted(item); v.remove != "" || e.skipped(item) != "" {
		return v, nil
	}
	if err := e.fits(item); err != nil {
		return v, err
	}
	if v.remove, err = e.once(item); err != nil {
		return v, err
	}
	if dataset.FileOf(item) == (dataset.Picture{}) {
		e.noFile++
	}
	return v, nil
}

// unwanted returns the reason for which an item is removed, or "".
func (e *evaluation) unwanted(item *record.Item) string {
	_, known := e.model.index[labelOf(item)]
	switch {
	case labelOf(item) == dataset.Background && !known:
		return background
	case !e.selected(item.Set):
		return otherSet
	}
	return ""
}

// skipped returns the reason for which there is nothing to ask about an item,
// or "".
func (e *evaluation) skipped(item *record.Item) string {
	label := labelOf(item)
	switch _, known := e.model.index[label]; {
	case label == "" && !e.options.emit:
		return noLabel
	case label != "" && !known && !(e.model.foreign && e.options.emit):
		return unknownClass
	}
	return ""
}

// labelOf returns the name of an item's label, "" if it has none.
func labelOf(item *record.Item) string {
	if item.Label == nil {
		return ""
	}
	return item.Label.Name
}

// fits checks that the model takes pictures of the item's size, or its
// embedding where it has no pixels.
func (e *evaluation) fits(item *record.Item) error {
	if e.embedded != nil && (item.Tensor != nil || item.Embedding != nil) {
		if err := e.embedded.fits(item); err != nil || item.Tensor == nil {
			return err
		}
	}
	size, err := dataset.SizeOf(item)
	if err != nil {
		return errPicturesAlone(item, e.model.path, err)
	}
	if err := e.model.Suit(e.env, size); err != nil {
		return err
	}
	if want := e.model.Size(); size != want {
		return cli.WithHint(fmt.Errorf("item %s is %v pixels, the model takes %v", dataset.KeyOf(item), size, want),
			fmt.Sprintf("cut them with oi-crop --size %d", want.Height))
	}
	if item.Context != nil && e.model.Context() == 0 && !e.passedOver {
		e.passedOver = true
		e.env.Infof("the items have two views, and the model looks at the crop alone")
	}
	return e.model.checkContext(item)
}

// once sees to it that no item counts twice in the figures. It returns the
// reason for which the item is removed, or "".
func (e *evaluation) once(item *record.Item) (remove string, err error) {
	if _, known := e.model.index[labelOf(item)]; !e.options.scores() || !known {
		return "", nil
	}
	repeat, err := e.repeats.Add(item)
	switch {
	case err != nil:
		return "", err
	case repeat == nil:
		e.judged = append(e.judged, len(e.kept))
	case repeat.Better:
		e.kept[e.judged[repeat.Of]].remove = dataset.Repeated
		e.judged[repeat.Of] = len(e.kept)
	default:
		return dataset.Repeated, nil
	}
	return "", nil
}

// askAtOnce answers for items that nothing is known of yet.
func (e *evaluation) askAtOnce(_ context.Context, items []*record.Item) ([]stream.Result, error) {
	return e.ask(items, e.check)
}

// askAgain answers for items that were read before, in the same order.
func (e *evaluation) askAgain(_ context.Context, items []*record.Item) ([]stream.Result, error) {
	return e.ask(items, func(*record.Item) (decision, error) {
		for e.kept[e.next].record != nil {
			e.next++
		}
		e.next++
		return e.kept[e.next-1].decision, nil
	})
}

// ask asks about items, but for those of which there is nothing to ask.
func (e *evaluation) ask(items []*record.Item, judge func(*record.Item) (decision, error)) ([]stream.Result, error) {
	results := make([]stream.Result, len(items))
	var questions []question
	for i, item := range items {
		v, err := judge(item)
		if err != nil {
			return nil, err
		}
		seen := e.photos.Has(v.photo, dataset.Trained)
		if ask := e.dispose(item, v, seen, &results[i]); ask {
			questions = append(questions, question{item, i, seen})
		}
	}
	return results, e.answer(questions, results)
}

// dispose writes into result what becomes of an item that the model is not to
// be asked about, and reports whether it is to be asked.
func (e *evaluation) dispose(item *record.Item, v decision, seen bool, result *stream.Result) (ask bool) {
	if v.remove == "" {
		switch result.Skipped = e.skipped(item); result.Skipped {
		case noLabel:
			result.Detail = "nothing to compare the answer with"
			return false
		case unknownClass:
			e.unknown[item.Label.Name]++
			result.Detail = item.Label.Name
			return false
		}
		if !seen {
			return true
		}
		e.seen++
		if e.options.emit || slices.Contains(e.options.wanted, dataset.Train) {
			return true
		}
		v.remove = trainedOn
	}
	e.removed[v.remove]++
	result.Removed = v.remove
	return false
}

// warnForgets says which photos count as not seen though the model may have
// been trained on them.
func (e *evaluation) warnForgets() {
	if forgets := e.forgets(); forgets != "" && !slices.Contains(e.options.wanted, dataset.Train) {
		e.warn(forgets)
	}
}

// forgets says in words which photos count as not seen though the model may
// have been trained on them, "" if there are none.
func (e *evaluation) forgets() string {
	text := e.model.forgets()
	if ids, pictures := e.model.known.Len(); ids == 0 && pictures > 0 && e.noFile > 0 {
		text += fmt.Sprintf("; %d items here do not say what their photo's bytes are, and are compared by their pixels", e.noFile)
	}
	return text
}
