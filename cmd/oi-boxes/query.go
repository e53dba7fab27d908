package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/opensandwich/oi/cmd/internal/classset"
	"github.com/opensandwich/oi/cmd/internal/cli"
	"github.com/opensandwich/oi/cmd/internal/dataset"
	"github.com/opensandwich/oi/cmd/internal/openimages"
	"github.com/opensandwich/oi/cmd/internal/openimages/metadata"
	"github.com/opensandwich/oi/cmd/internal/openimages/selection"
)

// query turns the flags and arguments into a query, and into the labels that
// were asked for.
func (o *options) query(ctx context.Context, env *cli.Env) (*selection.Query, *classset.Set, error) {
	names, err := classNames(env)
	if err != nil {
		return nil, nil, err
	}
	files, src, err := o.choice.Open(env)
	if err != nil {
		return nil, nil, err
	}
	read := openimages.ReadClasses
	if o.imageLabels {
		read = openimages.ReadAllClasses
	}
	all, err := read(ctx, src, files)
	if err != nil {
		return nil, nil, err
	}
	hierarchy, err := openimages.ReadHierarchy(ctx, src, files)
	if err != nil {
		return nil, nil, err
	}
	set, err := classset.Parse(all, names, o.without, o.descendants)
	if err != nil {
		return nil, nil, explain(err, all, hierarchy)
	}
	if err := o.tell(env, hierarchy, set); err != nil {
		return nil, nil, err
	}
	o.withSlash = withSlash(set, hierarchy)
	o.above = map[string]string{}
	for _, class := range set.Classes() {
		o.above[class.MID] = hierarchy.Supercategory(class.MID, all)
	}
	q := &selection.Query{
		Source: src, Dataset: files, Subsets: o.subsets, ImageLabels: o.imageLabels,
		Classes: set.Classes(), Assign: set.Assign(hierarchy),
		MaxPerClass: o.perClass, Balance: o.balance, Limit: o.limit,
		Negatives: o.negatives, Unfit: set.Related(hierarchy), NotName: notName(set.Classes()),
		Doubles: selection.Doubles{Drop: o.doubles.drop()},
		Seed:    o.seed, Set: o.setOf, Group: dataset.Group, StrictAuthors: o.strict,
	}
	if o.imageLabels {
		q.Veto, q.MoreSpecific = set.Vetoes(hierarchy), set.MoreSpecific(hierarchy)
		q.Deny, q.Kinds = set.Denials(hierarchy), set.Kinds(hierarchy)
	}
	if o.filters.set() {
		q.Refuse, q.Rules = o.filters.refuse, o.filters.rules()
		if o.filters.only != nil || o.filters.not != nil {
			q.Seen = o.filters.see
		}
	}
	if o.shard.of > 1 {
		q.Shard = o.shard.has
	}
	return q, set, nil
}

// explain turns what is wrong with the names into errors of usage, each with
// the next step.
func explain(err error, names *openimages.Classes, h *openimages.Hierarchy) error {
	const most = 10 // a wrong list is not better understood by its thousandth line
	many, ok := err.(interface{ Unwrap() []error })
	if ok {
		var errs []error
		all := many.Unwrap()
		for _, e := range all[:min(most, len(all))] {
			errs = append(errs, explain(e, names, h))
		}
		if more := len(all) - most; more > 0 {
			errs = append(errs, cli.Usagef("and %d more errors in the classes asked for", more))
		}
		return errors.Join(errs...)
	}
	var unknown *openimages.UnknownClassError
	if !errors.As(err, &unknown) {
		return cli.Usagef("%w", err)
	}
	if stem := strings.TrimRight(unknown.Query, "*＊"); stem != unknown.Query {
		if class, e := names.Find(stem); e == nil {
			return cli.WithHint(cli.Usagef("%w", err), fmt.Sprintf("%s/ is %[1]s and all kinds below it", class.Name))
		}
	}
	if stem, minus := classset.CutMinus(unknown.Query); minus {
		if class, e := names.Find(stem); e == nil {
			return cli.WithHint(cli.Usagef("%w", err), fmt.Sprintf("--without %q leaves it out", class.Name))
		}
	}
	unknown.Suggest(h, names)
	return metadata.UnknownClass(unknown)
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
		more, err := classset.ReadList(env.Stdin)
		if err != nil {
			return nil, fmt.Errorf("read the classes from standard input: %w", err)
		}
		if len(more) == 0 {
			return nil, cli.Usagef("no class on standard input")
		}
		names = append(names, more...)
	}
	return names, nil
}

// notName is the label of the negatives.
func notName(classes []openimages.Class) string {
	const most = 3
	if len(classes) > most {
		return fmt.Sprintf("none of %d classes", len(classes))
	}
	return "not " + openimages.ListNames(classes, "or")
}

// tell says what may not be meant: that one class is a kind of another, and
// that what is left out was never in.
func (o *options) tell(env *cli.Env, h *openimages.Hierarchy, set *classset.Set) error {
	for _, kin := range set.Kin(h) {
		switch {
		case o.imageLabels:
			env.Infof("%s is a kind of %s; a photo of both goes to %[1]s", kin.Descendant.Name, kin.Ancestor.Name)
		case kin.Below:
			env.Warnf("%s is a kind of %s: its boxes go to %s alone", kin.Descendant.Name, kin.Ancestor.Name, kin.To)
		default:
			env.Infof("%s is a kind of %s; a box is drawn for the most specific class, so each box belongs to one of them", kin.Descendant.Name, kin.Ancestor.Name)
		}
	}
	if !o.imageLabels { // there it keeps photos out that also show what is asked for
		for _, t := range set.Idle(h) {
			env.Warnf("--without %s changes nothing: it is no kind of what is asked for", t.Class.Name)
		}
	}
	if o.strict && (len(o.subsets) == 1 || o.subsets[0] != openimages.Train) {
		env.Warnf("--strict-authors changes nothing: it holds train against the other subsets, and --subset is %s", strings.Join(o.subsets, ","))
	}
	if o.official() && o.sets != dataset.DefaultSplit() {
		env.Warnf("--val, --test and --set-seed change nothing: with validation or test every row keeps its subset; --split hash divides them")
	}
	if len(set.Assign(h)) == 0 {
		return cli.Usagef("nothing is left of %s: --without takes it all", openimages.ListNames(set.Classes(), "and"))
	}
	return nil
}
