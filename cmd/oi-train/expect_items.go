package main

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/opensandwich/oi/cmd/internal/dataset"
	"github.com/opensandwich/oi/cmd/internal/report"
)

// How many keys and labels of a difference are named; the others are counted.
const (
	mostKeysNamed   = 10
	mostLabelsNamed = 5
)

// itemChanges says in a line for each of some sets how its items differ from
// those of the report: by their keys where the report lists them, which is the
// set that the model was judged by, else by their number of each label.
func (e *expectation) itemChanges(d *data, sets []string) []string {
	var lines []string
	for _, set := range sets {
		var line string
		if set == e.Evaluation.Set {
			line = e.keyChanges(d.of(set))
		} else {
			line = labelChanges(e.Sets[set], d.counts()[set])
		}
		lines = append(lines, set+": "+line)
	}
	return lines
}

// of returns the entries of a set.
func (d *data) of(set string) dataset.Entries {
	return map[string]dataset.Entries{dataset.Train: d.train, dataset.Val: d.val, dataset.Test: d.test}[set]
}

// keyChanges compares the items that the report lists with entries.
func (e *expectation) keyChanges(entries dataset.Entries) string {
	then := map[string]string{} // labels
	_, err := report.ReadItems(e.path, func(item report.Judged) error {
		then[item.Key] = item.Truth
		return nil
	})
	if err != nil {
		return fmt.Sprintf("which items differ cannot be said (%v)", err)
	}
	var added, relabelled []string
	for _, entry := range entries.All() {
		label, known := then[entry.Key]
		switch {
		case !known:
			added = append(added, entry.Key)
		case label != entry.Label:
			relabelled = append(relabelled, fmt.Sprintf("%s (%s, now %s)", entry.Key, label, entry.Label))
		}
		delete(then, entry.Key)
	}
	missing := slices.Sorted(maps.Keys(then))
	var parts []string
	for _, p := range []struct {
		what string
		keys []string
	}{{"missing", missing}, {"added", added}, {"labelled otherwise", relabelled}} {
		if len(p.keys) > 0 {
			parts = append(parts, fmt.Sprintf("%d %s: %s", len(p.keys), p.what, firstFew(p.keys, mostKeysNamed)))
		}
	}
	if parts == nil {
		return fmt.Sprintf("the same %d keys and labels, so the pictures are others", entries.Len())
	}
	return strings.Join(parts, "; ")
}

// labelChanges compares the numbers of items of each label.
func labelChanges(then, now map[string]int) string {
	total := func(counts map[string]int) (n int) {
		for _, k := range counts {
			n += k
		}
		return n
	}
	var changed []string
	for _, label := range slices.Sorted(maps.Keys(now)) {
		if then[label] != now[label] {
			changed = append(changed, label)
		}
	}
	for _, label := range slices.Sorted(maps.Keys(then)) {
		if _, there := now[label]; !there && then[label] > 0 {
			changed = append(changed, label)
		}
	}
	if changed == nil {
		return fmt.Sprintf("%d items as then, as many of each label, but not the same ones or not of the same pictures", total(now))
	}
	size := func(label string) int { return max(then[label]-now[label], now[label]-then[label]) }
	slices.SortStableFunc(changed, func(a, b string) int { return cmp.Compare(size(b), size(a)) })
	names := make([]string, len(changed))
	for i, label := range changed {
		names[i] = fmt.Sprintf("%s %d, now %d", label, then[label], now[label])
	}
	return fmt.Sprintf("%d items, now %d: %s", total(then), total(now), firstFew(names, mostLabelsNamed))
}

// firstFew names up to n texts and counts the others.
func firstFew(texts []string, n int) string {
	if len(texts) <= n {
		return strings.Join(texts, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(texts[:n], ", "), len(texts)-n)
}
