package dataset

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/opensandwich/oi/record"
)

// Counts is the number of items of each set and, within it, label.
type Counts map[string]map[string]int

// Add counts one item.
func (c Counts) Add(set, label string) {
	if c[set] == nil {
		c[set] = map[string]int{}
	}
	c[set][label]++
}

// CountsOf counts entries.
func CountsOf(all ...Entries) Counts {
	counts := Counts{}
	for _, entries := range all {
		for _, e := range entries.All() {
			counts.Add(e.Set, e.Label)
		}
	}
	return counts
}

// Of returns the number of items in a set.
func (c Counts) Of(set string) int {
	n := 0
	for _, k := range c[set] {
		n += k
	}
	return n
}

// Names returns the sets that have items: train, val and test in this order,
// then any others, sorted.
func (c Counts) Names() []string {
	names := slices.DeleteFunc([]string{Train, Val, Test}, func(set string) bool { return c.Of(set) == 0 })
	for _, set := range slices.Sorted(maps.Keys(c)) {
		if !slices.Contains(names, set) {
			names = append(names, set)
		}
	}
	return names
}

// Labels returns the labels that occur in any set, sorted.
func (c Counts) Labels() []string {
	all := map[string]struct{}{}
	for _, labels := range c {
		for label := range labels {
			all[label] = struct{}{}
		}
	}
	return slices.Sorted(maps.Keys(all))
}

// Imbalance returns how many train items the largest class has for one of the
// smallest, 0 without any.
func (c Counts) Imbalance() float64 {
	small, large := 0, 0
	for _, n := range c[Train] {
		if small == 0 || n < small {
			small = n
		}
		large = max(large, n)
	}
	if small == 0 {
		return 0
	}
	return float64(large) / float64(small)
}

// Check says whether a model of the classes can be trained and judged with
// items in these numbers. left is what was left out of them.
func (c Counts) Check(classes []string, left LeftOut) error {
	if err := c.checkTrain(classes, left); err != nil {
		return err
	}
	if err := c.CheckValidation(left); err != nil {
		return err
	}
	return c.checkEach(classes, left)
}

// CheckTrain says whether a model of the classes can be trained with items in
// these numbers, if it needs no validation.
func (c Counts) CheckTrain(classes []string, left LeftOut) error {
	return cmp.Or(c.checkTrain(classes, left), c.checkEach(classes, left))
}

func (c Counts) checkTrain(classes []string, left LeftOut) error {
	if err := CheckClasses(classes); err != nil {
		return err
	}
	if c.Of(Train) == 0 {
		return cmp.Or(left.Explain("no items to train on", Train, ""),
			error(&Problem{"no items to train on: the set train is empty", "ask for --subset train too, or divide what there is with oi-boxes --split hash"}))
	}
	return nil
}

// checkEach says whether every class has items to train on.
func (c Counts) checkEach(classes []string, left LeftOut) error {
	for _, class := range classes {
		if c[Train][class] == 0 {
			what := fmt.Sprintf("no %s to train on", class)
			return cmp.Or(left.Explain(what, Train, class), error(&Problem{what + ": the set train has none", "ask for more boxes, or leave the class out"}))
		}
	}
	return nil
}

// CheckClasses says whether there are two classes or more: a single one cannot
// be distinguished from anything.
func CheckClasses(classes []string) error {
	const ways = "oi-crop cuts windows of background from the same photos when a stream of one class has its header (or with --background always), " +
		"and oi-boxes --negatives N adds boxes of other classes"
	switch len(classes) {
	case 0:
		return &Problem{"no items", "the stage before sent none; see its message"}
	case 1:
		return &Problem{fmt.Sprintf("there is one class only, %s, and nothing to tell it from", classes[0]), ways}
	}
	return nil
}

// onlyLabel returns the label of a set that has items of one label alone.
func (c Counts) onlyLabel(set string) (string, bool) {
	if len(c[set]) != 1 {
		return "", false
	}
	return slices.Collect(maps.Keys(c[set]))[0], true
}

// OneClass says in words that a set has one class only, "" if it has not.
func (c Counts) OneClass(set string) string {
	label, only := c.onlyLabel(set)
	if !only {
		return ""
	}
	return fmt.Sprintf("the set %s has one class only, %s: its accuracy is the recall of that class alone", set, label)
}

// CheckValidation refuses a validation set by which early stopping would be
// blind. left is what was left out of it.
func (c Counts) CheckValidation(left LeftOut) error {
	const hint = "ask for more boxes, for --subset train,validation, or divide them anew with oi-boxes --split hash --val 0.2"
	if c.Of(Val) == 0 {
		const what = "no items to validate with"
		return cmp.Or(left.Explain(what, Val, ""), error(&Problem{what + ": the set val is empty", hint}))
	}
	if label, only := c.onlyLabel(Val); only {
		return &Problem{fmt.Sprintf("the set val has one class only, %s, which says nothing about a model", label), hint}
	}
	return nil
}

// MostListed is how many labels of a list a person still reads.
const MostListed = 30

// String describes the counts in one line a set, label by label where they are
// few.
func (c Counts) String() string {
	var b strings.Builder
	for _, set := range []string{Train, Val, Test} {
		fmt.Fprintf(&b, "%s %d", set, c.Of(set))
		switch labels := slices.Sorted(maps.Keys(c[set])); {
		case len(labels) > MostListed:
			items := slices.Sorted(maps.Values(c[set]))
			fmt.Fprintf(&b, " (%d classes of %d to %d)", len(labels), items[0], items[len(items)-1])
		case len(labels) > 0:
			var parts []string
			for _, label := range labels {
				parts = append(parts, fmt.Sprintf("%s %d", label, c[set][label]))
			}
			fmt.Fprintf(&b, " (%s)", strings.Join(parts, ", "))
		}
		if set != Test {
			b.WriteByte('\n')
		}
	}
	return b.String()
}

// KeepBackground reports whether windows of background are a class of their
// own among labels: if they were asked for, or if they are what a single named
// class is distinguished from.
func KeepBackground(labels []string, trail []record.Stage) bool {
	for _, stage := range trail {
		if stage.Tool == "oi-crop" && stage.Args["background"] == "always" {
			return true
		}
	}
	named := 0
	for _, label := range labels {
		if label != Background {
			named++
		}
	}
	return named <= 1
}
