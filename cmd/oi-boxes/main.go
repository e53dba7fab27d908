package main

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"

	"github.com/opensandwich/oi/cmd/internal/cli"
	"github.com/opensandwich/oi/cmd/internal/dataset"
	"github.com/opensandwich/oi/cmd/internal/openimages"
	"github.com/opensandwich/oi/cmd/internal/openimages/metadata"
	"github.com/opensandwich/oi/cmd/internal/stream"
	"github.com/opensandwich/oi/record"
)

func main() { cli.Main(command()) }

func command() *cli.Command {
	o := &options{sets: dataset.DefaultSplit()}
	return &cli.Command{
		Name:        "oi-boxes",
		Summary:     "find the boxes of some classes in Open Images",
		Usage:       "CLASS...",
		Description: description,
		Examples: `# hamburgers and sandwiches of the built-in data set
oi-boxes --dataset sample Hamburger Sandwich | oi-fetch | oi-crop > crops.oi
# the real ones, from the smallest files (some 40 MB, downloaded once)
oi-boxes --subset validation --split hash Hamburger Sandwich > boxes.oi
# classes picked by hand, at most 1500 boxes
oi-labels | fzf -m | oi-boxes --limit 1500 - > boxes.oi`,
		Flags:   o.flags,
		Run:     o.run,
		MinArgs: 1,
	}
}

const description = `A CLASS is a name, without regard to case, spaces, underscores, hyphens and a
simple plural, or a MID such as /m/0cdn1; - reads classes from standard input,
one a line, in the form that oi-labels writes them or alone. For each box of
these classes an item is written: its label, its coordinates, what the image
list says of the photo, the photo's other boxes of these classes (avoid), and
the set it is to be used for.

Sets: with validation or test among the subsets, every row keeps its subset.
Else, or with --split hash, the rows are divided by a hash of the photo's
author, or of the photo where its author is not known, so that no author and no
photo is on both sides. The division of a row does not depend on the other
rows, nor on any filter.

--limit keeps N boxes in all, divided as evenly over the classes as there are
boxes. Which ones is decided by a seeded hash of the box, not by its place in
the list; a larger limit keeps all that a smaller one kept.

--negatives adds N boxes of other classes under the label "not CLASS", sampled
in the same way, and divided over the subsets in proportion to the rows found
there. Boxes of kinds of the classes and of what they are kinds of are not
taken, nor boxes that overlap one of the classes'. They are not counted by
--limit.

With --with-descendants, boxes of the kinds below a class go under its name; a
box goes once, to the most specific of the classes. Without it, a class is its
own boxes only: Open Images draws a box at the most specific level, so that a
hamburger is no sandwich.

--strict-authors drops train rows of authors who have rows of these classes in
validation or test too: the official subsets share some.`

type options struct {
	choice      metadata.Choice
	stream      stream.Flags
	subsets     []string
	split       string
	sets        dataset.Split
	limit       int64
	negatives   int64
	seed        uint64
	descendants bool
	strict      bool
}

func (o *options) flags(fs *cli.FlagSet) {
	o.choice.Register(fs)
	fs.StringSliceVar(&o.subsets, "subset", []string{openimages.Train}, "which subsets: a `LIST` of train, validation, test")
	fs.StringVar(&o.split, "split", "official", "how rows get their set: `official|hash`")
	fs.Float64Var(&o.sets.Val, "val", o.sets.Val, "`SHARE` of the photos' authors for validation, where rows are divided")
	fs.Float64Var(&o.sets.Test, "test", o.sets.Test, "`SHARE` of the photos' authors for the test, where rows are divided")
	fs.Uint64Var(&o.sets.Seed, "set-seed", o.sets.Seed, "`SEED` of the division")
	fs.Int64Var(&o.limit, "limit", 0, "keep `N` boxes, evenly over the classes (default all)")
	fs.Int64Var(&o.negatives, "negatives", 0, "add `N` boxes of other classes, labelled \"not CLASS\"")
	fs.Uint64Var(&o.seed, "seed", 1, "`SEED` of --limit and --negatives")
	fs.BoolVar(&o.descendants, "with-descendants", false, "boxes of the kinds below a class belong to it")
	fs.BoolVar(&o.strict, "strict-authors", false, "drop train rows of authors with validation or test rows")
	o.stream.RegisterOutput(fs)
	o.stream.RegisterSkips(fs)
}

// memoryLimit is what the runtime tries to stay below, in bytes. A query for
// everything in the longest list keeps 42 MB; without a limit the collector
// would let as much again pile up.
const memoryLimit = 72 << 20

func (o *options) run(ctx context.Context, env *cli.Env) error {
	if limit := debug.SetMemoryLimit(-1); limit > memoryLimit {
		debug.SetMemoryLimit(memoryLimit)
		defer debug.SetMemoryLimit(limit)
	}
	if err := o.check(); err != nil {
		return err
	}
	out, err := stream.Create(env, &o.stream)
	if err != nil {
		return err
	}
	q, err := o.query(ctx, env)
	if err != nil {
		return o.choice.Explain(err)
	}
	account, err := stream.NewAccount(env, &o.stream)
	if err != nil {
		return err
	}
	err = o.choice.Explain(o.write(ctx, env, q, out, account))
	return errors.Join(err, account.Finish())
}

// check looks at the flags before any work.
func (o *options) check() error {
	known := openimages.Subsets()
	for i, name := range o.subsets {
		name = strings.ToLower(strings.TrimSpace(name))
		if !slices.Contains(known, name) {
			return cli.Usagef("--subset %s: there are %s", o.subsets[i], strings.Join(known, ", "))
		}
		o.subsets[i] = name
	}
	if len(o.subsets) == 0 {
		return cli.Usagef("--subset: there are %s", strings.Join(known, ", "))
	}
	slices.SortFunc(o.subsets, func(a, b string) int { return slices.Index(known, a) - slices.Index(known, b) })
	o.subsets = slices.Compact(o.subsets)
	switch {
	case o.split != "official" && o.split != "hash":
		return cli.Usagef("--split %s: want official or hash", o.split)
	case o.limit < 0:
		return cli.Usagef("--limit %d: want 1 or more, or 0 for all", o.limit)
	case o.negatives < 0:
		return cli.Usagef("--negatives %d: want 0 or more", o.negatives)
	}
	if err := o.sets.Check(); err != nil {
		return cli.Usagef("--val, --test: %v", err)
	}
	return nil
}

// official reports whether rows keep their subset.
func (o *options) official() bool {
	return o.split == "official" && !slices.Equal(o.subsets, []string{openimages.Train})
}

// set returns what an item is used for.
func (o *options) set(subset, group string) string {
	if !o.official() {
		return o.sets.Of(group)
	}
	if subset == openimages.Validation {
		return dataset.Val
	}
	return subset // train and test have the same names as sets
}

// write answers the query.
func (o *options) write(ctx context.Context, env *cli.Env, q *openimages.Query, out *stream.Output, account *stream.Account) (err error) {
	header := &record.Header{Version: record.Version, Classes: classes(q)}
	if err := account.Begin(header); err != nil {
		return err
	}
	selection, err := q.Collect(ctx, account)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, selection.Close()) }()
	if err := o.found(env, q, selection); err != nil {
		return err
	}
	header.Stages = []record.Stage{{Tool: env.Name, Version: env.Version, Args: o.args(q)}}
	if err := out.Write(header); err != nil {
		return err
	}
	if err := selection.Emit(ctx, func(item *record.Item) error { return out.Write(item) }); err != nil {
		return err
	}
	writeTable(env, q, selection)
	count, err := account.End()
	if err != nil {
		return err
	}
	if count.Out == 0 {
		return cli.WithHint(errors.New("no box is left"), "-v names each row that was skipped and why")
	}
	if err := out.Write(&record.End{Stages: []record.Count{count}}); err != nil {
		return err
	}
	return out.Close()
}

// found warns of classes without a row, and fails if there is none at all.
func (o *options) found(env *cli.Env, q *openimages.Query, s *openimages.Selection) error {
	where := fmt.Sprintf("%s of %s", strings.Join(o.subsets, ", "), q.Dataset.Name)
	if n := s.Malformed(); s.Rows() == 0 && n > 0 {
		err := fmt.Errorf("no readable box of %s in %s (malformed rows: %d)", enumerate(q.Classes, "or"), where, n)
		return cli.WithHint(err, "-v names each row that was skipped and why")
	}
	if s.Rows() == 0 {
		err := fmt.Errorf("no box of %s in %s", enumerate(q.Classes, "or"), where)
		if len(o.subsets) < len(openimages.Subsets()) {
			return cli.WithHint(err, "--subset train,validation,test looks at all subsets")
		}
		return cli.WithHint(err, "--with-descendants takes boxes of the kinds below a class too")
	}
	for i, class := range q.Classes {
		if s.Tally(i).Rows == 0 {
			env.Warnf("no box of %s in %s", class.Name, where)
		}
	}
	if o.negatives > s.Tally(len(q.Classes)).Rows {
		env.Warnf("only %d boxes for --negatives %d", s.Tally(len(q.Classes)).Rows, o.negatives)
	}
	if o.official() && !slices.Contains(o.subsets, openimages.Train) {
		env.Infof("no row is for training, as every row keeps its subset; --split hash divides them")
	}
	return nil
}

// classes are the labels of the stream, sorted by name.
func classes(q *openimages.Query) []record.Class {
	var list []record.Class
	for _, class := range q.Classes {
		list = append(list, record.Class{MID: class.MID, Name: class.Name})
	}
	if q.Negatives > 0 {
		list = append(list, record.Class{Name: q.NotName})
	}
	slices.SortFunc(list, func(a, b record.Class) int { return strings.Compare(a.Name, b.Name) })
	return list
}

// args are the options that change the result, for the trail.
func (o *options) args(q *openimages.Query) map[string]string {
	args := o.choice.Args()
	var mids []string
	for _, class := range q.Classes {
		mids = append(mids, class.MID)
	}
	args["classes"] = strings.Join(mids, ",")
	args["subset"] = strings.Join(o.subsets, ",")
	args["split"] = "official"
	if !o.official() {
		args["split"] = "hash"
		args["val"] = strconv.FormatFloat(o.sets.Val, 'g', -1, 64)
		args["test"] = strconv.FormatFloat(o.sets.Test, 'g', -1, 64)
		args["set-seed"] = strconv.FormatUint(o.sets.Seed, 10)
	}
	for name, n := range map[string]int64{"limit": o.limit, "negatives": o.negatives} {
		if n > 0 {
			args[name] = strconv.FormatInt(n, 10)
			args["seed"] = strconv.FormatUint(o.seed, 10)
		}
	}
	for name, on := range map[string]bool{"with-descendants": o.descendants, "strict-authors": o.strict} {
		if on {
			args[name] = "true"
		}
	}
	return args
}
