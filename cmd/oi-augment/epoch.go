package main

import (
	"math"

	"github.com/opensandwich/oi/cmd/internal/dataset"
)

// A copyOf is a variant of an epoch.
type copyOf struct {
	entry dataset.Entry
	copy  int
}

// train returns the items that variants are made of.
func (r *run) train() dataset.Entries {
	if only := r.options.onlySet; only != "" && only != dataset.Train {
		return dataset.Entries{}
	}
	return r.items.Of(dataset.Train)
}

// heldOut returns the sets whose items are written as they are.
func (r *run) heldOut() []string {
	var sets []string
	for _, set := range []string{dataset.Val, dataset.Test} {
		if only := r.options.onlySet; only == "" || only == set {
			sets = append(sets, set)
		}
	}
	return sets
}

// sizes returns the number of train items of each class, and of the largest.
func (r *run) sizes() (of map[string]int, largest int) {
	of = map[string]int{}
	for _, entry := range r.train().All() {
		of[entry.Label]++
		largest = max(largest, of[entry.Label])
	}
	return of, largest
}

// perEpoch is the number of variants of an epoch.
func (r *run) perEpoch() int64 {
	n := int64(r.train().Len())
	if r.options.balance {
		of, largest := r.sizes()
		n = int64(len(of)) * int64(largest)
	}
	if copies := int64(r.options.copies); n > math.MaxInt64/copies {
		return math.MaxInt64
	}
	return n * int64(r.options.copies)
}

// epoch returns the variants of an epoch by their items. With --balance every
// class has as many as the largest: its items as often as that takes in full,
// and then some of them once more, others in each epoch.
func (r *run) epoch(epoch int) []copyOf {
	train, copies := r.train(), r.options.copies
	all := make([]copyOf, 0, r.perEpoch())
	if !r.options.balance {
		for _, entry := range train.All() {
			for n := range copies {
				all = append(all, copyOf{entry, n})
			}
		}
		return all
	}
	of, largest := r.sizes()
	rank := map[string][]int{} // the places of a class in the order of who comes once more
	for label, n := range of {
		rank[label] = make([]int, n)
		for place, item := range dataset.Permutation(r.options.seed, -epoch, n) {
			rank[label][item] = place
		}
	}
	seen := map[string]int{}
	for _, entry := range train.All() {
		n, want := of[entry.Label], largest*copies
		times := want / n
		if rank[entry.Label][seen[entry.Label]] < want%n {
			times++
		}
		seen[entry.Label]++
		for n := range times {
			all = append(all, copyOf{entry, n})
		}
	}
	return all
}

var allSets = []string{dataset.Train, dataset.Val, dataset.Test}
