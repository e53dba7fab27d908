package main

import (
	"fmt"

	"github.com/opensandwich/oi/cmd/internal/cli"
	"github.com/opensandwich/oi/cmd/internal/dataset"
	"github.com/opensandwich/oi/cmd/internal/transfer"
)

// inherit takes over which photos another model was trained on, since what
// comes of it has learnt from their labels, too. Such photos cannot judge it: if
// validation or test items are among them, that is an error. The model is a
// teacher or a backbone, as called.
func (d *data) inherit(called string, known dataset.Known) error {
	if known.IsEmpty() {
		return nil
	}
	d.inherited = known
	held := dataset.Concat(d.val, d.test)
	seen, err := d.seen(known, held)
	if err != nil {
		return err
	}
	if seen == 0 {
		return nil
	}
	return cli.WithHint(fmt.Errorf("%s was trained on photos of %d of the %d validation and test items, which cannot judge what learns from it", called, seen, held.Len()),
		"train one on the train items of the same stream")
}

// inheritBackbone does so for the features of a model that oi-train has written;
// of other networks nobody knows.
func (d *data) inheritBackbone(network *transfer.File) error {
	known, err := network.TrainedOn()
	if err != nil {
		return err
	}
	return d.inherit("backbone "+network.Path(), known)
}

// seen counts the entries whose photo or picture is known.
func (d *data) seen(known dataset.Known, entries dataset.Entries) (n int, err error) {
	for _, e := range entries.All() {
		item, err := d.items.Spool.Item(e.Number)
		if err != nil {
			return 0, err
		}
		picture, _, err := d.items.Hashes(e)
		if err != nil {
			return 0, err
		}
		if known.Has(item.ID, picture) {
			n++
		}
	}
	return n, nil
}
