package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"math"

	"github.com/opensandwich/oi/cmd/internal/cli"
	"github.com/opensandwich/oi/cmd/internal/dataset"
	"github.com/opensandwich/oi/cmd/internal/pix"
	"github.com/opensandwich/oi/cmd/internal/stream"
	"github.com/opensandwich/oi/record"
)

// run is one run of the command.
type run struct {
	options *options
	env     *cli.Env
	out     *stream.Output
	account *stream.Counters
	items   *dataset.Collection
	origin  dataset.Origin
}

// read takes in the whole input and divides it into sets.
func (r *run) read() error {
	in, err := stream.Open(r.env, &r.options.stream, r.env.Args)
	if err != nil {
		return err
	}
	if err := r.collect(in); err != nil {
		return errors.Join(err, in.Close())
	}
	if err := in.Close(); err != nil {
		return err
	}
	for _, size := range []dataset.Size{r.items.Size(), r.items.Context()} {
		if max(size.Height, size.Width) > pix.MaxWarpSide {
			return fmt.Errorf("pictures of %v are too large: %d pixels a side are the most", size, pix.MaxWarpSide)
		}
	}
	if n := r.items.Dropped; n > 0 {
		r.account.Remove(dataset.Repeated, int64(n))
		r.env.Infof("%s", r.items.DropLine())
	}
	for _, line := range r.items.Divide(r.options.split).Lines() {
		r.env.Infof("%s", line)
	}
	if n := r.items.RemoveDuplicates(); n > 0 {
		r.account.Remove(dataset.Duplicate, int64(n))
	}
	r.items.Sort() // the sets are then parts of the whole
	for _, remark := range r.items.Remarks() {
		r.env.Infof("%s", remark)
	}
	if only := r.options.onlySet; only != "" {
		for _, set := range allSets {
			if n := r.items.Of(set).Len(); set != only && n > 0 {
				r.account.Remove("of another set", int64(n))
			}
		}
	}
	if r.options.epochs == 0 && r.items.Counts().Of(dataset.Train) == 0 {
		const what = "there are no train items to make variants of, and --epochs 0 would never end"
		return cmp.Or(r.items.LeftOut.Explain(what, dataset.Train, ""), errors.New(what))
	}
	return nil
}

func (r *run) collect(in *stream.Input) error {
	for {
		next, err := in.Read()
		if errors.Is(err, io.EOF) {
			return r.origin.Complete(r.options.incomplete, func(text string) { r.env.Warnf("%s", text) })
		}
		if err != nil {
			return err
		}
		switch v := next.(type) {
		case *record.Header:
			if err := r.origin.Begin(v); err != nil {
				return err
			}
			r.account.Expect(v.Expected)
			if err := r.items.Begin(v, in.Name(), in.Number()); err != nil {
				return err
			}
		case *record.Item:
			r.account.In(1, record.DigestOf(v))
			if v.Augment != nil {
				return cli.WithHint(fmt.Errorf("item %s is a variant already", dataset.KeyOf(v)), "one oi-augment is enough: a variant of a variant would be blurred twice")
			}
			if err := r.items.Add(v); err != nil {
				return err
			}
		case *record.End:
			if err := r.origin.End(v); err != nil {
				return err
			}
		}
	}
}

// write writes the held-out items, the epochs and the end.
func (r *run) write(ctx context.Context) error {
	header := r.origin.Header
	header.Expected = r.expected()
	header.Stages = append(header.Stages, record.Stage{Tool: r.env.Name, Version: r.env.Version, Args: r.options.args()})
	if err := r.out.Write(&header); err != nil {
		return err
	}
	r.account.Making("items written", header.Expected)
	r.account.Keep(dataset.DigestOf(r.train()))
	for _, set := range r.heldOut() {
		held := r.items.Of(set)
		r.account.Keep(dataset.DigestOf(held))
		for _, entry := range held.All() {
			item, err := r.items.Spool.Item(entry.Number)
			if err != nil {
				return err
			}
			item.Set = entry.Set
			if err := r.emit(item); err != nil {
				return err
			}
		}
	}
	if err := r.out.Flush(); err != nil {
		return err
	}
	if err := r.variants(ctx); err != nil {
		return err
	}
	count, err := r.account.End()
	if err != nil {
		return err
	}
	end := &record.End{Stages: append(r.origin.Counts, count)}
	if r.origin.Salvaged.Regions > 0 {
		end.Damage = &r.origin.Salvaged
	}
	return r.out.Write(end)
}

// expected is the number of items that will be written, a hint for the stages
// after this one. 0 is not known: --epochs 0 writes until the reader leaves.
func (r *run) expected() int64 {
	if r.options.epochs == 0 {
		return 0
	}
	n := r.perEpoch()
	if n > math.MaxInt64/int64(r.options.epochs) {
		return math.MaxInt64 // more than anybody will wait for
	}
	n *= int64(r.options.epochs)
	heldOut := int64(0)
	for _, set := range r.heldOut() {
		heldOut += int64(r.items.Of(set).Len())
	}
	return n + min(heldOut, math.MaxInt64-n)
}

func (r *run) emit(item *record.Item) error {
	r.account.Out(1, record.DigestOf(item))
	return r.out.Write(item)
}
