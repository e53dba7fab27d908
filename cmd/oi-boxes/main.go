package main

import (
	"context"
	_ "embed"
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

//go:embed help.txt
var help string

func command() *cli.Command {
	o := &options{sets: dataset.DefaultSplit()}
	return &cli.Command{
		Name:      "oi-boxes",
		Help:      help,
		HelpParts: map[string]string{"skips": stream.SkipsHelp},
		Flags:     o.flags,
		Run:       o.run,
		Instead: []cli.Instead{
			{Names: []string{"class", "classes", "category", "categories", "label", "labels", "multi-classes", "multiclasses"}, Hint: "classes are arguments: oi-boxes Cat Dog; - reads them from standard input"},
			{Names: []string{"output", "out", "o", "outdir", "out-dir", "output-dir", "output-folder", "folder", "dest", "dest-dir", "export-dir"}, Hint: "items go to standard output: oi-boxes CLASS >boxes.oi, or | oi-fetch"},
			{Names: []string{"shuffle"}, Hint: "--limit draws at random, by --seed; oi-augment shuffles"},
			{Names: []string{"jobs", "j", "threads", "n-threads", "num-threads", "workers", "num-workers", "processes"}, Hint: "all cores are used; $GOMAXPROCS sets fewer"},
		},
		MinArgs: 1,
		ArgName: "CLASS",
	}
}

type options struct {
	choice      metadata.Choice
	stream      stream.Flags
	filters     filters
	doubles     doubleFlags
	subsets     []string
	split       string
	sets        dataset.Split
	limit       int64
	perClass    int64
	balance     bool
	shardText   string
	shard       shard
	withSlash   []string          // of the labels, as withSlash returns them
	above       map[string]string // names of what the classes are kinds of, by MID
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
	o.doubles.register(fs)
	fs.Int64Var(&o.perClass, "max-per-class", 0, "keep `N` boxes of each label (default all)")
	fs.BoolVar(&o.balance, "balance", false, "keep as many boxes of each label as there are of the rarest")
	fs.Int64Var(&o.limit, "limit", 0, "keep `N` boxes, evenly over the labels (default all)")
	fs.Int64Var(&o.negatives, "negatives", 0, "add `N` boxes of other classes, labelled \"not CLASS\"")
	fs.Uint64Var(&o.seed, "seed", 1, "`SEED` of --max-per-class, --balance, --limit and --negatives")
	fs.StringVar(&o.shardText, "shard", "", "write part `I/N` of the photos only")
	fs.StringSliceVar(&o.subsets, "subset", []string{openimages.Train}, "which subsets: a `LIST` of train, validation (or val), test")
	fs.StringVar(&o.split, "split", "official", "how rows get their set: `official|hash`")
	fs.Float64Var(&o.sets.Val, "val", o.sets.Val, "`SHARE` of the photos' authors for validation, where rows are divided")
	fs.Float64Var(&o.sets.Test, "test", o.sets.Test, "`SHARE` of the photos' authors for the test, where rows are divided")
	fs.Uint64Var(&o.sets.Seed, "set-seed", o.sets.Seed, "`SEED` of the division")
	fs.BoolVar(&o.strict, "strict-authors", false, "drop train rows of authors with validation or test rows")
	o.choice.Register(fs)
	o.stream.RegisterOutput(fs)
	o.stream.RegisterSkips(fs)
	cli.ListOf(fs, "subset", openimages.Subsets()...)
	cli.AlsoCalled(fs, "val", "validation")
	cli.AlsoCalled(fs, "limit", "count", "number", "max", "max-boxes", "max-samples", "num-samples", "n-samples", "samples", "max-images", "num-images", "n-images")
	cli.AlsoCalled(fs, "without", "exclude", "except", "not")
	cli.AlsoCalled(fs, "with-descendants", "recursive", "subclasses", "children")
	cli.AlsoCalled(fs, "subset", "splits", "type-csv", "type", "sets")
	cli.AlsoCalled(fs, "image-labels", "label-type", "label-types", "sub", "classification")
	cli.AlsoCalled(fs, "ids", "image-id", "image-ids", "image-list")
	cli.AlsoCalled(fs, "balance", "balanced", "class-balance")
	cli.AlsoCalled(fs, "cache", "dataset-dir", "data-dir", "download-dir")
	for _, m := range marks {
		joined := strings.ReplaceAll(m.flag, "-", "")
		cli.AlsoCalled(fs, m.flag, "is-"+m.flag, "image-is-"+m.flag, "is"+joined, "image-is"+joined)
	}
}

// memoryLimit is what the runtime tries to stay below, in bytes. A query for
// everything in the longest list keeps some 30 MB; without a limit the
// collector would let as much again pile up.
const memoryLimit = 72 << 20

// growth is how much garbage there may be below that limit before it is
// collected, in percent of what is in use: mostly batches of rows.
const growth = 400

func (o *options) run(ctx context.Context, env *cli.Env) error {
	if limit := debug.SetMemoryLimit(-1); limit > memoryLimit {
		debug.SetMemoryLimit(memoryLimit)
		defer debug.SetMemoryLimit(limit)
		defer debug.SetGCPercent(debug.SetGCPercent(growth))
	}
	if err := o.check(env.Args); err != nil {
		return err
	}
	out, err := stream.Create(env, &o.stream)
	if err != nil {
		return err
	}
	if err := cli.CheckDistinct(o.stream.Failures, o.doubles.list); err != nil {
		return err
	}
	if err := o.filters.open(env); err != nil {
		return err
	}
	q, set, err := o.query(ctx, env)
	if err != nil {
		return o.choice.Explain(err)
	}
	account, err := stream.NewCounters(env, &o.stream)
	if err != nil {
		return err
	}
	list, err := o.doubles.createList(q, o.filters.ids, o.filters.excludeIDs)
	if err != nil {
		return errors.Join(err, account.Finish())
	}
	w := &writer{options: o, env: env, query: q, set: set, out: out, account: account, buffers: make(chan *encoded, maxBuffers)}
	w.room.Store(firstRoom)
	err = o.choice.Explain(w.run(ctx))
	return errors.Join(err, list.Finish(err), account.Finish())
}

// check looks at the flags before any work.
func (o *options) check(args []string) (err error) {
	if o.subsets, err = metadata.CheckSubsets(o.subsets); err != nil {
		return err
	}
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
	if o.shard, err = parseShard(o.shardText); err != nil {
		return err
	}
	if err := o.filters.check(); err != nil {
		return err
	}
	if err := o.doubles.check(o.imageLabels); err != nil {
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
