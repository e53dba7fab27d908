package main

import (
	"context"
	"path/filepath"
	"slices"
	"strings"

	"github.com/opensandwich/oi/cmd/internal/cli"
	"github.com/opensandwich/oi/cmd/internal/dataset"
	"github.com/opensandwich/oi/cmd/internal/imagefile"
	"github.com/opensandwich/oi/cmd/internal/stream"
)

func main() { cli.Main(command()) }

func command() *cli.Command {
	o := &options{memory: dataset.DefaultMemory}
	return &cli.Command{
		Name:    "oi-eval",
		Summary: "try a model on pictures",
		Usage:   "MODEL [FILE...]",
		Description: `Reads items with tensors and labels, asks the model MODEL (an .onnx file of oi-train) about each, and prints scikit-learn's classification report. Without --set it is about the test items, or the validation items where there are none for the test; where neither is there, it is about the items that carry no set.

Items whose photo the model was trained on are left out and counted, unless --set asks for train. The same image id or the same bytes is the same photo; models of older versions remember bytes alone, and where a model remembers nothing, that is said. All items are read before the first answer; they wait in memory, beyond --spool-memory in a temporary file. An item that comes twice among those that are judged is an error.

FILEs are streams or pictures, told by their first bytes, or folders; - is standard input, and a FILE may be a pipe. For pictures (JPEG, PNG or WebP) each gives one line: the file, the label, and the probability of every class. The whole picture is turned as its EXIF orientation says and scaled to the model's size, as oi-crop scales a box.

A folder stands for the pictures in it and in all folders below it, in the order of their names. Names that begin with a dot are passed over, and so are files that are no pictures, neither by their first bytes nor by a name such as x.jpg; links are followed, and a folder that several lead to is entered once. A file that is missing, empty or damaged, or only called a picture, and a folder without any, is a warning; the others are answered for, and the exit code is 1.

` + imagefile.MaxPixelsHelp + ` They are decoded one at a time.

--emit writes the items with their predictions instead of the report, also those whose photo the model was trained on, with prediction.seen. --require sets the exit code: 1 if a figure is not reached. Figures are accuracy, log_loss, macro_precision, macro_recall, macro_f1, weighted_precision, weighted_recall, weighted_f1, and precision:CLASS, recall:CLASS and f1:CLASS. The 95 % interval of the accuracy is found by author, or by photo where he is not known, because their pictures resemble each other; fewer than 10 of them are too few to judge a model by.

` + stream.SkipsHelp,
		Examples: `# how good is it, on pictures it has never seen?
oi-eval burger.onnx crops.oi
# what is this?
oi-eval burger.onnx lunch.jpg dinner.jpg
# and all of these?
oi-eval burger.onnx photos/
# a page, and an exit code for a script
oi-eval --report burger.html --require 'accuracy>=0.8' burger.onnx < crops.oi
# the answers as JSON, one item a line
oi-eval --emit --json burger.onnx crops.oi | jq -c '[.key, .label.name, .prediction.label]'
# what is in the model?
oi-eval --info burger.onnx`,
		Flags:   o.flags,
		Run:     o.run,
		MinArgs: 1,
	}
}

type options struct {
	stream  stream.Flags
	sets    []string
	emit    bool
	reports []string
	require []string
	info    bool
	batch   int
	memory  dataset.Memory
	repeats dataset.RepeatPolicy

	maxPixels int

	wanted       []string // sets, cleaned
	requirements []requirement
}

func (o *options) flags(fs *cli.FlagSet) {
	fs.StringSliceVar(&o.sets, "set", nil, "use the items of these `SETS`: train, val, test")
	fs.BoolVar(&o.emit, "emit", false, "write the items with their predictions instead of the report")
	fs.StringArrayVar(&o.reports, "report", nil, "also write the report to `FILE`, by its ending .html, .json or .md; may be repeated")
	fs.StringArrayVar(&o.require, "require", nil, "exit with 1 unless a figure is reached, such as `accuracy>=0.9`; may be repeated")
	fs.BoolVar(&o.info, "info", false, "describe the model instead")
	fs.IntVar(&o.batch, "batch", 32, "ask about `N` pictures at once; the answers do not depend on it")
	fs.Var(&o.memory, "spool-memory", "keep up to this many `BYTES` of items in memory, the rest in a temporary file")
	fs.Var(&o.repeats, "repeats", dataset.RepeatUsage)
	fs.IntVar(&o.maxPixels, "max-pixels", imagefile.DefaultMaxPixels, imagefile.MaxPixelsUsage)
	o.stream.RegisterJobs(fs)
	o.stream.RegisterOutput(fs)
	o.stream.RegisterInput(fs)
	o.stream.RegisterSkips(fs)
}

// maxBatch keeps memory within reason.
const maxBatch = 1024

// check checks the options. inputs are files not to be written over.
func (o *options) check(inputs []string) error {
	if o.batch < 1 || o.batch > maxBatch {
		return cli.Usagef("--batch %d: want 1 to %d", o.batch, maxBatch)
	}
	if o.maxPixels < 1 {
		return cli.Usagef("--max-pixels %d: want 1 or more", o.maxPixels)
	}
	for _, set := range o.sets {
		switch set = strings.TrimSpace(set); set {
		case dataset.Train, dataset.Val, dataset.Test:
			if !slices.Contains(o.wanted, set) {
				o.wanted = append(o.wanted, set)
			}
		default:
			return cli.Usagef("--set %s: want train, val or test, or several with commas", set)
		}
	}
	slices.Sort(o.wanted)
	for _, path := range o.reports {
		switch filepath.Ext(path) {
		case ".html", ".json", ".md":
		default:
			return cli.Usagef("--report %s: want a name that ends in .html, .json or .md", path)
		}
		if err := cli.CheckOutputFile(path, inputs...); err != nil {
			return err
		}
	}
	for _, text := range o.require {
		r, err := parseRequirement(text)
		if err != nil {
			return err
		}
		o.requirements = append(o.requirements, r)
	}
	if o.info && (o.emit || len(o.reports)+len(o.require) > 0) {
		return cli.Usagef("--info only describes the model: it does not go with --emit, --report or --require")
	}
	return nil
}

func (o *options) run(ctx context.Context, env *cli.Env) error {
	if err := o.check(env.Args); err != nil {
		return err
	}
	files := env.Args[1:]
	if !o.info && len(files) == 0 && env.StdinTTY {
		return cli.WithHint(cli.Usagef("nothing to try the model on"), "oi-eval "+env.Args[0]+" crops.oi, or lunch.jpg, or … | oi-eval "+env.Args[0])
	}
	m, err := loadModel(ctx, env, env.Args[0])
	if err != nil {
		return err
	}
	if o.info {
		if len(files) > 0 {
			return cli.Usagef("--info describes the model alone: %s is too much", files[0])
		}
		return m.describe(env, o.stream.JSON != "")
	}
	in, err := look(env, files)
	if err != nil {
		return err
	}
	if !in.pictures {
		return o.evaluate(ctx, env, m, in.first, in.names)
	}
	if o.emit || len(o.reports)+len(o.require)+len(o.wanted) > 0 {
		return cli.Usagef("--emit, --report, --require and --set need a stream of labelled items, not pictures")
	}
	return o.classify(ctx, env, m, in)
}
