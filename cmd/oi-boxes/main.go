package main

import (
	"context"
	"errors"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/opensandwich/oi/cmd/internal/cli"
	"github.com/opensandwich/oi/cmd/internal/dataset"
	"github.com/opensandwich/oi/cmd/internal/openimages"
	"github.com/opensandwich/oi/cmd/internal/openimages/metadata"
	"github.com/opensandwich/oi/cmd/internal/stream"
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
# vehicles of all kinds but rockets against animals, evenly, none of them drawn
oi-boxes --without Rocket --depiction no --balance Vehicle/ Animal/ > boxes.oi
# classes picked by hand, at most 1500 boxes
oi-labels | fzf -m | oi-boxes --limit 1500 - > boxes.oi`,
		Flags:   o.flags,
		Run:     o.run,
		MinArgs: 1,
	}
}

const description = `A CLASS is a name, without regard to case, spaces, underscores, hyphens,
accents, apostrophes and a simple plural, or a MID such as /m/0cdn1; - reads
classes from standard input, one a line, in the form that oi-labels writes them
or alone. For each box of these classes an item is written: its label, its
coordinates, what the image list says of the photo, the photo's other boxes of
these classes (avoid), and the set it is to be used for.

A class is its own boxes only: Open Images draws a box at the most specific
level, so that a hamburger is no sandwich. CLASS/ is the class and all kinds
below it, as a folder's name with a slash is the folder and what is in it;
--with-descendants puts the slash behind every class. A+B are the boxes of both
under one label, NAME=A+B is that under a name of its own. --without CLASS
leaves a class and all kinds below it out. A box goes to one label, once: the
most specific of the classes named, wanted or not, decides. So Vehicle/ beside
--without Rocket are all vehicles but rockets, and Food/ beside Hamburger are
all foods but hamburgers, and hamburgers. None of these signs is special to a
shell, so that nothing needs quotes; Vehicle* would be a pattern, and -Rocket
an option. oi-labels CLASS/ shows what is below.

Filters leave boxes out by what the list says of them: whether the object is
occluded, truncated by the picture's edge, a group, a depiction (a drawing, a
toy) or taken from its inside. Each is yes, no, or not known, where nobody
looked. Shares are of the stored picture, whose size in pixels the lists do not
tell. A file of ids holds image ids or the keys of items, which name one box
for ever, also where a program has saved the list again and writes 0.5 for
0.500000; one a line; what follows a comma or a space is not read. Ids that no
row has are reported.

Sets: with validation or test among the subsets, every row keeps its subset.
Else, or with --split hash, the rows are divided by a hash of the photo's
author, or of the photo where its author is not known, so that no author and no
photo is on both sides. The set of an item, and what it is to avoid, do not
depend on the order of the classes, nor on any filter, limit or shard.

--max-per-class keeps N boxes of each label, --balance as many of each as there
are of the rarest, --limit N boxes in all, divided as evenly over the labels as
there are boxes; they are taken in this order, after the filters. Which boxes
is decided by a seeded hash of the box, not by its place in the list; a larger
limit keeps all that a smaller one kept.

--shard I/N writes the Ith of N parts, for job arrays: the photos whose id has
that hash, with all their boxes. The parts together are the whole; limits are
those of the whole.

--negatives adds N boxes of other classes under the label "not CLASS", sampled
in the same way, and divided over the subsets in proportion to the rows found
there. Boxes of kinds of the classes and of what they are kinds of are not
taken, nor boxes that overlap one of the classes', nor those that the filters or
another rule would take away again: there are N different ones, unless no more
are left in any of these subsets, which is said. They are not counted by the
limits.

--image-labels asks the lists of image-level labels instead, for some 20,000
classes: an item is a photo of which people have verified that the class is in
it, and its box is the whole picture. --negatives then takes photos of which
they have verified that it is not in it, and others only where these are too few.
Most of these photos are not in the mirror, which has those with boxes. A photo
comes once, under its most specific label, or not at all if it has several.

--strict-authors drops train rows of authors who have rows of these classes in
validation or test too: the official subsets share some. Negatives hold nobody
out. None in train is by such an author, and one in validation or test by an
author with train rows of these classes only where there are no others.

A table on standard error tells for each label how many rows were found, how
many each rule took away, and how many are left for each set.

` + stream.SkipsHelp

type options struct {
	choice      metadata.Choice
	stream      stream.Flags
	filters     filters
	subsets     []string
	split       string
	sets        dataset.Split
	limit       int64
	perClass    int64
	balance     bool
	shardText   string
	shard       shard
	negatives   int64
	seed        uint64
	without     []string
	descendants bool
	imageLabels bool
	strict      bool
}

func (o *options) flags(fs *cli.FlagSet) {
	fs.BoolVar(&o.descendants, "with-descendants", false, "CLASS means CLASS/, the kinds below it too")
	fs.StringArrayVar(&o.without, "without", nil, "leave out `CLASS` and the kinds below it (can be repeated)")
	fs.BoolVar(&o.imageLabels, "image-labels", false, "whole photos by their verified labels, not boxes")
	o.filters.register(fs)
	fs.Int64Var(&o.perClass, "max-per-class", 0, "keep `N` boxes of each label (default all)")
	fs.BoolVar(&o.balance, "balance", false, "keep as many boxes of each label as there are of the rarest")
	fs.Int64Var(&o.limit, "limit", 0, "keep `N` boxes, evenly over the labels (default all)")
	fs.Int64Var(&o.negatives, "negatives", 0, "add `N` boxes of other classes, labelled \"not CLASS\"")
	fs.Uint64Var(&o.seed, "seed", 1, "`SEED` of --max-per-class, --balance, --limit and --negatives")
	fs.StringVar(&o.shardText, "shard", "", "write part `I/N` of the photos only")
	fs.StringSliceVar(&o.subsets, "subset", []string{openimages.Train}, "which subsets: a `LIST` of train, validation, test")
	fs.StringVar(&o.split, "split", "official", "how rows get their set: `official|hash`")
	fs.Float64Var(&o.sets.Val, "val", o.sets.Val, "`SHARE` of the photos' authors for validation, where rows are divided")
	fs.Float64Var(&o.sets.Test, "test", o.sets.Test, "`SHARE` of the photos' authors for the test, where rows are divided")
	fs.Uint64Var(&o.sets.Seed, "set-seed", o.sets.Seed, "`SEED` of the division")
	fs.BoolVar(&o.strict, "strict-authors", false, "drop train rows of authors with validation or test rows")
	o.choice.Register(fs)
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
	if err := o.check(env.Args); err != nil {
		return err
	}
	out, err := stream.Create(env, &o.stream)
	if err != nil {
		return err
	}
	if err := o.filters.open(env); err != nil {
		return err
	}
	q, set, err := o.query(ctx, env)
	if err != nil {
		return o.choice.Explain(err)
	}
	account, err := stream.NewAccount(env, &o.stream)
	if err != nil {
		return err
	}
	w := &writer{options: o, env: env, query: q, set: set, out: out, account: account}
	err = o.choice.Explain(w.run(ctx))
	return errors.Join(err, account.Finish())
}

// check looks at the flags before any work.
func (o *options) check(args []string) error {
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
	case o.perClass < 0:
		return cli.Usagef("--max-per-class %d: want 1 or more, or 0 for all", o.perClass)
	case o.negatives < 0:
		return cli.Usagef("--negatives %d: want 0 or more", o.negatives)
	}
	var err error
	if o.shard, err = parseShard(o.shardText); err != nil {
		return err
	}
	if err := o.filters.check(); err != nil {
		return err
	}
	if o.imageLabels && o.filters.byBox() {
		return cli.Usagef("--image-labels knows nothing of boxes: of the filters, --ids and --exclude-ids go with it")
	}
	if o.filters.ids == "-" && (o.filters.excludeIDs == "-" || slices.Contains(args, "-")) || o.filters.excludeIDs == "-" && slices.Contains(args, "-") {
		return cli.Usagef("- can be given once")
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

// setOf returns what an item is used for.
func (o *options) setOf(subset, group string) string {
	if !o.official() {
		return o.sets.Of(group)
	}
	if subset == openimages.Validation {
		return dataset.Val
	}
	return subset // train and test have the same names as sets
}
