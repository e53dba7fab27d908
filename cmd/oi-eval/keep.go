package main

import (
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
	header *record.Header
	end    *record.End
	number int // in the spool
	photo  dataset.Photo
	remove string // the reason
}

// scores reports whether figures are asked for.
func (o *options) scores() bool { return !o.emit || len(o.reports)+len(o.requirements) > 0 }

// read takes in the whole stream: which photos the model was trained on, the
// last item may show.
func (e *evaluation) read(ctx context.Context, in *stream.Input) error {
	for {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		next, err := in.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		switch v := next.(type) {
		case *record.Header:
			e.repeats.Begin(in.Name(), in.Number())
			e.kept = append(e.kept, kept{header: v})
		case *record.Item:
			err = e.hold(v)
		case *record.End:
			e.kept = append(e.kept, kept{end: v})
		}
		if err != nil {
			return err
		}
	}
}

// hold checks an item, gives it a key if it has none, and keeps it if it is
// asked about or skipped.
func (e *evaluation) hold(item *record.Item) (err error) {
	item.Key = dataset.KeyOf(item)
	e.sets = e.sets || item.Set != ""
	picture := dataset.PictureOf(item)
	k := kept{photo: e.photos.Add(item.ID, picture)}
	if e.model.known.Has(item.ID, picture) {
		e.photos.Mark(k.photo, dataset.Trained)
	}
	if k.remove = e.unwanted(item); k.remove != "" {
		e.kept = append(e.kept, k)
		return nil
	}
	if e.skipped(item) == "" {
		if err := e.fits(item); err != nil {
			return err
		}
		if err := e.once(item, &k); err != nil {
			return err
		}
		if dataset.FileOf(item) == (dataset.Picture{}) {
			e.noFile++
		}
	}
	if k.remove == "" {
		k.number, err = e.spool.Add(item)
	}
	e.kept = append(e.kept, k)
	return err
}

// unwanted returns the reason for which an item is removed, or "".
func (e *evaluation) unwanted(item *record.Item) string {
	_, known := e.model.index[labelOf(item)]
	switch {
	case labelOf(item) == dataset.Background && !known:
		return background
	case e.skipped(item) == "" && !e.selected(item.Set):
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
	case label != "" && !known:
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

// fits checks that the model takes pictures of the item's size.
func (e *evaluation) fits(item *record.Item) error {
	size, err := dataset.SizeOf(item)
	if err != nil {
		return err
	}
	if want := (dataset.Size{Height: e.model.network.Height, Width: e.model.network.Width}); size != want {
		return cli.WithHint(fmt.Errorf("item %s is %v pixels, the model takes %v", dataset.KeyOf(item), size, want),
			fmt.Sprintf("cut them with oi-crop --size %d", want.Height))
	}
	return nil
}

// once sees to it that no item counts twice in the figures.
func (e *evaluation) once(item *record.Item, k *kept) error {
	if !e.options.scores() || labelOf(item) == "" {
		return nil
	}
	repeat, err := e.repeats.Add(item)
	switch {
	case err != nil:
		return err
	case repeat == nil:
		e.judged = append(e.judged, len(e.kept))
	case repeat.Better:
		e.kept[e.judged[repeat.Of]].remove = dataset.Repeated
		e.judged[repeat.Of] = len(e.kept)
	default:
		k.remove = dataset.Repeated
	}
	return nil
}

// ask goes over the stream again, now that all photos are known.
func (e *evaluation) ask(ctx context.Context) error {
	if forgets := e.forgets(); forgets != "" && !slices.Contains(e.options.wanted, dataset.Train) {
		e.warn(forgets)
	}
	for i, k := range e.kept {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		var err error
		switch {
		case k.header != nil:
			err = e.header(k.header)
		case k.end != nil:
			err = e.end(k.end, i == len(e.kept)-1)
		case k.remove != "":
			e.account.In(1)
			e.remove(k.remove)
		default:
			err = e.item(k)
		}
		if err != nil {
			return err
		}
	}
	if e.out == nil {
		return nil
	}
	return e.left(e.out.Close())
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

// item asks about an item, unless there is nothing to ask.
func (e *evaluation) item(k kept) error {
	e.account.In(1)
	item, err := e.spool.Item(k.number)
	if err != nil {
		return err
	}
	switch reason := e.skipped(item); reason {
	case noLabel:
		return e.account.Skip(item, reason, "nothing to compare the answer with")
	case unknownClass:
		e.unknown[item.Label.Name]++
		return e.account.Skip(item, reason, item.Label.Name)
	}
	seen := e.photos.Has(k.photo, dataset.Trained)
	if seen {
		e.seen++
		if !e.options.emit && !slices.Contains(e.options.wanted, dataset.Train) {
			e.remove(trainedOn)
			return nil
		}
	}
	e.waiting = append(e.waiting, waiting{item, seen})
	if len(e.waiting) < e.options.batch {
		return nil
	}
	return e.flush()
}
