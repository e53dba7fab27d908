package dataset

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Duplicate is the reason for which train items are left out whose photo is
// also that of a held-out item.
const Duplicate = "duplicate of a held-out picture"

// LeftOut counts the items that were left out on purpose, by reason.
type LeftOut map[string]Counts

// Add counts n items of a set. An empty label stands for items whose label is
// not known.
func (l LeftOut) Add(reason, set, label string, n int) {
	if n == 0 {
		return
	}
	if l[reason] == nil {
		l[reason] = Counts{}
	}
	if l[reason][set] == nil {
		l[reason][set] = map[string]int{}
	}
	l[reason][set][label] += n
}

// Explain says that nothing is there of a set, or of a label of it unless that
// is "", because all of it was left out. It returns nil if nothing was left
// out, so that there is another reason. what begins the sentence.
func (l LeftOut) Explain(what, set, label string) error {
	count := func(reason string) int {
		if label == "" {
			return l[reason].Of(set)
		}
		return l[reason][set][label]
	}
	var parts []string
	for _, reason := range slices.Sorted(maps.Keys(l)) {
		if n := count(reason); n > 0 {
			parts = append(parts, fmt.Sprintf("%d as %s", n, reason))
		}
	}
	if len(parts) == 0 {
		return nil
	}
	whole, hint := "the set "+set, "ask for more boxes"
	if label != "" {
		whole = label + " in " + whole
	}
	if count(Repeated) > 0 {
		hint = "they came again in another set or with another label, and one of each is kept: leave out --repeats drop, and the first is named"
	}
	if count(NearDuplicate) > 0 {
		hint = "their pictures are nearly held-out ones: --near-duplicates keep keeps them, and --near-list names them"
	}
	if count(Duplicate) > 0 {
		hint = "their photos are held out too, under the same id or byte for byte: divide what there is anew with oi-boxes --split hash, or ask for other photos"
	}
	return &Problem{fmt.Sprintf("%s: all items of %s were left out, %s", what, whole, strings.Join(parts, ", ")), hint}
}
