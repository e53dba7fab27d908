package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/opensandwich/oi/cmd/internal/cli"
	"github.com/opensandwich/oi/cmd/internal/dataset"
	"github.com/opensandwich/oi/cmd/internal/openimages"
	"github.com/opensandwich/oi/cmd/internal/openimages/metadata"
)

// query turns the flags and arguments into a query.
func (o *options) query(ctx context.Context, env *cli.Env) (*openimages.Query, error) {
	names, err := classNames(env)
	if err != nil {
		return nil, err
	}
	files, src, err := o.choice.Open(env)
	if err != nil {
		return nil, err
	}
	all, err := openimages.ReadClasses(ctx, src, files)
	if err != nil {
		return nil, err
	}
	asked, err := findClasses(env, all, names)
	if err != nil {
		return nil, err
	}
	hierarchy, err := openimages.ReadHierarchy(ctx, src, files)
	if err != nil {
		return nil, err
	}
	o.tellKin(env, hierarchy, asked)
	unfit := map[string]bool{}
	for _, class := range asked {
		for _, mid := range slices.Concat(hierarchy.Ancestors(class.MID), hierarchy.Descendants(class.MID)) {
			unfit[mid] = true
		}
	}
	return &openimages.Query{
		Source: src, Dataset: files, Subsets: o.subsets, Classes: asked,
		Assign: hierarchy.Assign(asked, o.descendants),
		Limit:  o.limit, Negatives: o.negatives, Unfit: unfit, NotName: notName(asked),
		Seed: o.seed, Set: o.set, Group: dataset.Group, StrictAuthors: o.strict,
	}, nil
}

// notName is the label of the negatives.
func notName(classes []openimages.Class) string {
	const most = 3
	if len(classes) > most {
		return fmt.Sprintf("none of %d classes", len(classes))
	}
	return "not " + enumerate(classes, "or")
}

// classNames returns the classes that the arguments name, and for the argument
// "-" those that standard input names.
func classNames(env *cli.Env) ([]string, error) {
	var names []string
	for i, arg := range env.Args {
		if arg != "-" {
			names = append(names, arg)
			continue
		}
		if slices.Contains(env.Args[:i], "-") {
			return nil, cli.Usagef("- can be given once")
		}
		if env.StdinTTY {
			return nil, cli.WithHint(cli.Usagef("- reads classes from standard input, which is a terminal"), "oi-labels | fzf -m | oi-boxes -")
		}
		more, err := readNames(env.Stdin)
		if err != nil {
			return nil, err
		}
		if len(more) == 0 {
			return nil, cli.Usagef("no class on standard input")
		}
		names = append(names, more...)
	}
	return names, nil
}

// readNames reads lines such as oi-labels writes, a MID, a tab and a name, or
// just one of the two, perhaps in quotes.
func readNames(r io.Reader) ([]string, error) {
	var names []string
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		name, _, _ := strings.Cut(lines.Text(), "\t")
		name = strings.TrimSpace(name)
		if n := len(name); n >= 2 && (name[0] == '"' || name[0] == '\'') && name[n-1] == name[0] {
			name = name[1 : n-1]
		}
		if name != "" {
			names = append(names, name)
		}
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("read the classes from standard input: %w", err)
	}
	return names, nil
}

// findClasses looks the names up. The result is sorted by name, without
// doubles.
func findClasses(env *cli.Env, all *openimages.Classes, names []string) ([]openimages.Class, error) {
	var found []openimages.Class
	for _, name := range names {
		class, err := all.Find(name)
		if err != nil {
			return nil, metadata.UnknownClass(err)
		}
		if slices.Contains(found, class) {
			env.Debugf("%s is there already as %s", name, class.Name)
			continue
		}
		found = append(found, class)
	}
	slices.SortFunc(found, func(a, b openimages.Class) int {
		if n := strings.Compare(a.Name, b.Name); n != 0 {
			return n
		}
		return strings.Compare(a.MID, b.MID)
	})
	return found, nil
}

// tellKin says so when one class is a kind of another.
func (o *options) tellKin(env *cli.Env, h *openimages.Hierarchy, classes []openimages.Class) {
	for _, kin := range h.Kin(classes) {
		if o.descendants {
			env.Warnf("%s is a kind of %s: its boxes go to %[1]s alone", kin.Descendant.Name, kin.Ancestor.Name)
		} else {
			env.Infof("%s is a kind of %s; a box is drawn for the most specific class, so each box belongs to one of them", kin.Descendant.Name, kin.Ancestor.Name)
		}
	}
}

// enumerate joins names as a sentence does.
func enumerate(classes []openimages.Class, word string) string {
	var names []string
	for _, class := range classes {
		names = append(names, class.Name)
	}
	if last := len(names) - 1; last > 0 {
		return strings.Join(names[:last], ", ") + " " + word + " " + names[last]
	}
	return strings.Join(names, "")
}
