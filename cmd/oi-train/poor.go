package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/opensandwich/oi/cmd/internal/cli"
	"github.com/opensandwich/oi/cmd/internal/cropquality"
	"github.com/opensandwich/oi/cmd/internal/dataset"
	"github.com/opensandwich/oi/cmd/internal/keylist"
	"github.com/opensandwich/oi/cmd/internal/report"
)

// poorFlags say what becomes of crops that show little.
type poorFlags struct {
	rule string // keep or drop
	list string // a file to name them in, or ""
}

func (p *poorFlags) register(fs *cli.FlagSet) {
	fs.StringVar(&p.rule, "poor-crops", "keep", "train items that are tiny, of an extreme shape or blurred: `keep|drop`")
	fs.StringVar(&p.list, "poor-list", "", "list such items of all sets in `FILE`, which oi-boxes --exclude-ids reads")
	cli.FilesOf(fs, "poor-list", "csv")
}

func (p *poorFlags) check(inputs []string) error {
	if p.rule != "keep" && p.rule != "drop" {
		return cli.Usagef("--poor-crops %s: want keep or drop", p.rule)
	}
	if p.list == "" {
		return nil
	}
	return cli.CheckOutputFile(p.list, inputs...)
}

func (p *poorFlags) drop() bool { return p.rule == "drop" }

// values adds what changes results.
func (p *poorFlags) values(values map[string]any) {
	if p.drop() {
		values["poor_crops"] = p.rule
	}
}

// apply finds poor crops, if that is asked for, lists them and drops those of
// train: what a model is judged by stays as it is.
func (p *poorFlags) apply(ctx context.Context, d *data) (err error) {
	if !p.drop() && p.list == "" {
		return nil
	}
	if d.streamed != nil {
		return cli.WithHint(errors.New("--poor-crops and --poor-list look at the crops, and oi-augment passes on variants of them"),
			"oi-train --poor-list FILE crops.oi lists them, and oi-boxes --exclude-ids FILE leaves them out")
	}
	list, err := keylist.Create("--poor-list", p.list, "problem", "side", "aspect", "sharpness", "set", "label")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, list.Finish(err)) }()
	found := report.FaultList{Kind: report.PoorCrops, Counts: map[string]int{}, Left: p.drop(), File: p.list, Examples: []report.Fault{}}
	poor := map[int]bool{} // by number in the spool
	shown := map[dataset.Photo]bool{}
	for _, entry := range d.entries().All() {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		item, err := d.items.Spool.Item(entry.Number)
		if err != nil {
			return err
		}
		var pixels []byte
		size, err := dataset.SizeOf(item)
		if err == nil {
			pixels = item.Tensor.Data
		}
		m := cropquality.Measure(item.Crop, pixels, size.Height, size.Width)
		problem := m.Problem()
		if problem == "" {
			continue
		}
		if err := list.Add(entry.Key, string(problem), known(m.Side > 0, "%d", m.Side), known(m.Aspect > 0, "%.2f", m.Aspect), known(m.Sharpness >= 0, "%.2f", m.Sharpness), entry.Set, entry.Label); err != nil {
			return err
		}
		found.Items++
		found.Counts[string(problem)]++
		poor[entry.Number] = true
		if photo := d.items.Photos.Find(entry.Photo); !found.Full() && !shown[photo] {
			shown[photo] = true
			found.Show(report.Fault{Key: entry.Key, Label: entry.Label, Set: entry.Set, What: describePoor(m)}, item, nil)
		}
	}
	d.faults = append(d.faults, found)
	if !p.drop() {
		d.env.Infof("%d crops are tiny, of an extreme shape or blurred; --poor-crops drop leaves those of train out", found.Items)
		return nil
	}
	if n := d.items.RemovePoor(poor); n > 0 {
		d.removed[dataset.PoorCrop] = n
		d.train = d.items.Of(dataset.Train)
		d.env.Infof("left out %d train items that are tiny, of an extreme shape or blurred", n)
	}
	return nil
}

// known is a figure for the list, "" of one that is not known.
func known(is bool, format string, value any) string {
	if !is {
		return ""
	}
	return fmt.Sprintf(format, value)
}

// describePoor says in words what a poor crop is.
func describePoor(m cropquality.Measures) string {
	switch p := m.Problem(); p {
	case cropquality.Tiny:
		return fmt.Sprintf("%s: %d pixels of the photo", p, m.Side)
	case cropquality.Extreme:
		return string(p) + ": 1 to " + strconv.FormatFloat(m.Aspect, 'f', 1, 64)
	default:
		return string(p) + ": sharpness " + strconv.FormatFloat(m.Sharpness, 'f', 1, 64)
	}
}
