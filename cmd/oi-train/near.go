package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/opensandwich/oi/cmd/internal/cli"
	"github.com/opensandwich/oi/cmd/internal/dataset"
	"github.com/opensandwich/oi/cmd/internal/keylist"
	"github.com/opensandwich/oi/cmd/internal/report"
)

// nearFlags say what becomes of items that are nearly held-out ones.
type nearFlags struct {
	rule string // keep or drop
	list string // a file to name them in, or ""
}

func (n *nearFlags) register(fs *cli.FlagSet) {
	fs.StringVar(&n.rule, "near-duplicates", "keep", "items that are nearly held-out ones: `keep|drop`")
	fs.StringVar(&n.list, "near-list", "", "list them in `FILE`, which oi-boxes --exclude-ids reads")
	cli.FilesOf(fs, "near-list", "csv")
}

func (n *nearFlags) check(inputs []string) error {
	if n.rule != "keep" && n.rule != "drop" {
		return cli.Usagef("--near-duplicates %s: want keep or drop", n.rule)
	}
	if n.list == "" {
		return nil
	}
	return cli.CheckOutputFile(n.list, inputs...)
}

func (n *nearFlags) drop() bool { return n.rule == "drop" }

// values adds what changes results.
func (n *nearFlags) values(values map[string]any) {
	if n.drop() {
		values["near_duplicates"] = n.rule
	}
}

// apply finds near duplicates, if that is asked for, lists and drops them.
func (n *nearFlags) apply(ctx context.Context, d *data) (err error) {
	if !n.drop() && n.list == "" {
		return nil
	}
	if d.streamed != nil {
		return cli.WithHint(errors.New("--near-duplicates and --near-list look at the crops, and oi-augment passes on variants of them"),
			"oi-train --near-list FILE crops.oi lists them, and oi-boxes --exclude-ids FILE leaves them out")
	}
	list, err := keylist.Create("--near-list", n.list, "partner", "correlation", "set", "partner_set", "label", "partner_label")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, list.Finish(err)) }()
	found, err := d.items.NearDuplicates(ctx)
	if err != nil {
		return err
	}
	faults := report.FaultList{Kind: report.NearDuplicates, Items: len(found), Left: n.drop(), File: n.list, Examples: []report.Fault{}}
	for _, near := range found {
		one, other := near.Entry, near.HeldOut
		if err := list.Add(one.Key, other.Key, strconv.FormatFloat(near.Correlation, 'f', 4, 64), one.Set, other.Set, one.Label, other.Label); err != nil {
			return err
		}
		if faults.Full() {
			continue
		}
		item, err := d.items.Spool.Item(one.Number)
		if err != nil {
			return err
		}
		partner, err := d.items.Spool.Item(other.Number)
		if err != nil {
			return err
		}
		what := fmt.Sprintf("nearly %s of %s, correlation %.2f", other.Label, other.Set, near.Correlation)
		faults.Show(report.Fault{Key: one.Key, Label: one.Label, Set: one.Set, What: what, Partner: other.Key}, item, partner)
	}
	d.faults = append(d.faults, faults)
	switch {
	case !n.drop():
		d.env.Infof("%d items are nearly held-out ones; --near-duplicates drop leaves them out", len(found))
	case len(found) > 0:
		d.removed[dataset.NearDuplicate] = d.items.RemoveNear(found)
		d.val, d.train = d.items.Of(dataset.Val), d.items.Of(dataset.Train)
		d.env.Infof("left out %d items that are nearly held-out ones", len(found))
	}
	return nil
}
