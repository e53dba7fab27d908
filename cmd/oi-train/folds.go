package main

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/opensandwich/oi/cmd/internal/cli"
	"github.com/opensandwich/oi/cmd/internal/dataset"
	"github.com/opensandwich/oi/cmd/internal/suspects"
)

// mostFolds is into how many parts the items are divided.
const mostFolds = 5

// largestShare is the largest part of all items that a group may become by
// pictures that are nearly the same: where all resemble each other, as drawings
// may, there would be nothing left to divide.
const largestShare = 0.1

// divide divides the items of --suspects; without the flag it returns nil. No
// two folds have items of one author, one photo or the same pixels, nor pictures
// that are nearly the same.
func (o *options) divide(ctx context.Context, d *data) (*outOfFold, error) {
	if o.suspects == 0 {
		return nil, nil
	}
	if d.streamed != nil {
		return nil, cli.WithHint(errors.New("--suspects looks at items as they are, and these come from oi-augment"), "leave oi-augment out: oi-train --suspects N crops.oi")
	}
	f := &outOfFold{entries: d.entries(), classes: d.classes, groups: d.groups.groups.Clone()}
	if err := d.checkUnseen(f.entries); err != nil {
		return nil, err
	}
	pixels := map[dataset.Picture]int{} // a group of each
	for _, e := range f.entries.All() {
		f.labels = append(f.labels, d.index[e.Label])
		group := d.groups.number[e.Key]
		f.group = append(f.group, group)
		_, own, err := d.items.Hashes(e)
		if err != nil {
			return nil, err
		}
		if other, ok := pixels[own]; ok && own != (dataset.Picture{}) {
			f.groups.Join(other, group)
		}
		pixels[own] = group
	}
	f.count()
	if len(f.sizes) < 2 {
		return nil, cli.WithHint(errors.New("--suspects asks models that did not see an author's photos, and all items are of one author or photo"), "give items of several authors")
	}
	if err := d.items.NearPairs(ctx, f.entries, f.joinNear); err != nil {
		return nil, err
	}
	f.deal()
	return f, nil
}

// count counts the items of each group.
func (f *outOfFold) count() {
	f.sizes = map[int]int{}
	for _, group := range f.group {
		f.sizes[f.groups.Find(group)]++
	}
}

// joinNear makes one group of those of two entries that are nearly the same,
// unless it would be too large.
func (f *outOfFold) joinNear(a, b int) {
	one, other := f.groups.Find(f.group[a]), f.groups.Find(f.group[b])
	if one == other {
		return
	}
	size := f.sizes[one] + f.sizes[other]
	if float64(size) > largestShare*float64(f.entries.Len()) {
		f.alike = true
		return
	}
	f.near++
	f.groups.Join(one, other)
	delete(f.sizes, one)
	delete(f.sizes, other)
	f.sizes[f.groups.Find(one)] = size
}

// deal divides the groups into folds.
func (f *outOfFold) deal() {
	of := make([]int, len(f.group))
	for i, group := range f.group {
		of[i] = f.groups.Find(group)
	}
	f.folds = suspects.Folds(of, f.labels, len(f.classes), mostFolds)
	f.answers = make([]suspects.Answer, f.entries.Len())
}

// announceNear says what pictures that are nearly the same came to.
func (f *outOfFold) announceNear(env *cli.Env) {
	if f.near > 0 {
		env.Infof("--suspects: authors or photos that stay together with others, because pictures are nearly the same: %d", f.near)
	}
	if f.alike {
		env.Warnf("--suspects: so many pictures are nearly the same that some are on both sides of a fold: their labels may look right because they are repeated")
	}
}

// checkUnseen is an error where the features were trained on labels of the
// items: a backbone of oi-train that remembers them.
func (d *data) checkUnseen(entries dataset.Entries) error {
	if d.inherited.IsEmpty() {
		return nil
	}
	seen, err := d.seen(d.inherited, entries)
	if err != nil {
		return err
	}
	if seen == 0 {
		return nil
	}
	return cli.WithHint(fmt.Errorf("--suspects: the features of this backbone were themselves trained on the labels of %d of the %d items, and would repeat them", seen, entries.Len()),
		"take a backbone that never saw them: oi-train --backbones lists some")
}

// rest returns the entries that are not of a fold.
func (f *outOfFold) rest(fold []int) dataset.Entries {
	return f.entries.Pick(func(yield func(int) bool) {
		for i := range f.entries.Len() {
			if _, held := slices.BinarySearch(fold, i); !held && !yield(i) {
				return
			}
		}
	})
}
