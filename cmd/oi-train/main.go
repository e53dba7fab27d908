package main

import (
	"cmp"
	"context"
	_ "embed"
	"errors"
	"math"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/opensandwich/oi/cmd/internal/cli"
	"github.com/opensandwich/oi/cmd/internal/dataset"
	"github.com/opensandwich/oi/cmd/internal/nn"
	"github.com/opensandwich/oi/cmd/internal/report"
	"github.com/opensandwich/oi/cmd/internal/stream"
	"github.com/opensandwich/oi/cmd/internal/transfer"
	"github.com/opensandwich/oi/cmd/internal/zoo"
	"github.com/opensandwich/oi/cmd/internal/zoo/named"
)

func main() { cli.Main(command()) }

//go:embed help.txt
var help string

func command() *cli.Command { return commandOf(named.Models{Table: zoo.Backbones()}, strengthItems) }

// commandOf is the command with other networks that are known by name, and with
// another number of items that the strength of a head is chosen on at most.
func commandOf(models named.Models, sample int) *cli.Command {
	o := &options{
		split:    dataset.DefaultSplit(),
		memory:   dataset.DefaultMemory,
		backbone: backboneOptions{models: models, sample: sample},
	}
	return &cli.Command{
		Name:  "oi-train",
		Help:  help,
		Flags: o.flags,
		Run:   o.run,
		Input: "what oi-crop or oi-augment writes",
		Instead: []cli.Instead{
			{Names: []string{"size", "image-size", "img-size", "imgsz", "target-size", "input-size", "width", "height"}, Hint: "pictures have the size that oi-crop --size gave them"},
			{Names: []string{"device", "gpu", "gpus", "gpu-id"}, Hint: "training runs on the CPU; -j sets how many cores"},
			{Names: []string{"data", "data-dir", "data-path", "dataset", "dataset-dir", "train-dir", "input"}, Hint: "items come from FILEs or standard input: oi-train crops.oi"},
			{Names: []string{"augment", "augmentation", "aug"}, Hint: "oi-augment makes variants: oi-augment --epochs 50 crops.oi | oi-train"},
			{Names: []string{"balance", "balanced"}, Hint: "--class-weights balanced weighs classes; oi-boxes --balance picks as many boxes of each"},
		},
		Files: stream.FileEndings(),

		InputUnused: func() bool { return o.backbone.list },
	}
}

type options struct {
	stream    stream.Flags
	name      string
	arch      string
	optimizer string // "": that of the architecture
	epochs    int
	batch     int
	lr        float64
	schedule  string
	decay     float64 // of the weights; that of the preset unless given
	patience  int
	minDelta  float64
	cutMix    float64
	seed      uint64
	weights   string
	split     dataset.Split
	memory    dataset.Memory
	repeats   dataset.RepeatPolicy
	json      bool
	expect    string
	onlyItems bool // compare the items with those of expect, and no more
	resume    bool
	suspects  int // to be listed, 0: none are looked for

	incomplete bool // shards may be missing

	weightsFile bool // as safetensors

	backbone  backboneOptions
	tune      tuneOptions
	teacher   teacherOptions
	certainty certainty
	near      nearFlags
	poor      poorFlags
	given     func(flag string) bool // on the command line
}

func (o *options) flags(fs *cli.FlagSet) {
	fs.StringVarP(&o.name, "output", "o", "model", "write `NAME`.onnx, NAME.html and NAME.json")
	fs.StringVar(&o.arch, "arch", defaultArch, "train the network `residual|wide-residual|reference`: residual is more accurate, wide-residual slower and more accurate still, reference that of the article")
	fs.StringVar(&o.optimizer, "optimizer", "", "change weights by `muon|adam|rmsprop|sgd` (default muon, but rmsprop for reference)")
	fs.IntVar(&o.epochs, "epochs", 50, "train for `N` epochs at most")
	fs.IntVar(&o.batch, "batch", 16, "change the weights after every `N` pictures")
	fs.Float64Var(&o.lr, "lr", 0, "learning `RATE` (default 0.003 for muon, 0.001 for adam, 0.0005 for rmsprop, 0.01 for sgd)")
	fs.StringVar(&o.schedule, "lr-schedule", constantRate, "the learning rate stays the same, or falls evenly over --epochs: `constant|linear`")
	fs.Float64Var(&o.decay, "weight-decay", 0, "take the learning rate times this `SHARE` off the weights in every step (default 0.05, but 0 for reference)")
	fs.IntVar(&o.patience, "patience", 4, "stop after `N` epochs in which the validation loss got no better; with --lr-schedule linear only where this is given")
	fs.Float64Var(&o.minDelta, "min-delta", 0, "a validation loss is better if it is lower by more than `D`")
	fs.Float64Var(&o.cutMix, "cutmix", 0, "paste a rectangle of another picture into this `SHARE` of the pictures, and mix the labels as the areas")
	fs.Uint64Var(&o.seed, "seed", 1, "start from other weights and shuffle otherwise with another `N`")
	fs.StringVar(&o.weights, "class-weights", "none", "how much a picture counts: `none|balanced`; balanced is each class the same in all")
	fs.Float64Var(&o.split.Val, "val", o.split.Val, "use this `SHARE` of the authors for validation, of items that carry no set")
	fs.Float64Var(&o.split.Test, "test", o.split.Test, "use this `SHARE` of the authors for the test, of items that carry no set")
	fs.Var(&o.memory, "spool-memory", "keep up to this many `BYTES` of items in memory, the rest in a temporary file")
	fs.Var(&o.repeats, "repeats", dataset.RepeatUsage)
	o.near.register(fs)
	o.poor.register(fs)
	fs.BoolVar(&o.incomplete, "incomplete", false, dataset.IncompleteUsage)
	fs.BoolVar(&o.json, "json", false, "write the report to standard output as JSON instead of text")
	fs.BoolVar(&o.weightsFile, "safetensors", false, "also write the weights as NAME.safetensors, in Keras' layouts")
	fs.StringVar(&o.expect, "expect", "", "fail, and write nothing, unless weights and items are those of the report `FILE`.json")
	cli.FilesOf(fs, "expect", "json")
	fs.BoolVar(&o.onlyItems, "check-items", false, "compare the items with those of --expect, and train nothing")
	fs.BoolVar(&o.resume, "resume", false, "go on from NAME.ckpt, with the same input and options, as if the run had never stopped")
	fs.IntVar(&o.suspects, "suspects", 0, "also list the `N` items whose labels are most likely wrong, in NAME.suspects.txt and NAME.suspects.html")
	o.certainty.flags(fs)
	o.backbone.flags(fs)
	o.tune.flags(fs)
	o.teacher.flags(fs)
	o.given = fs.Changed
	o.stream.RegisterInput(fs)
	o.stream.RegisterJobs(fs)
	cli.AlsoCalled(fs, "val", "validation")
	cli.AlsoCalled(fs, "output", "name", "out-dir", "outdir", "output-dir", "output-folder", "save-dir", "project", "export")
	cli.AlsoCalled(fs, "arch", "model", "network")
	cli.AlsoCalled(fs, "lr", "learning-rate", "eta", "base-lr", "lr0")
	cli.AlsoCalled(fs, "lr-schedule", "lr-scheduler", "scheduler", "sched")
	cli.AlsoCalled(fs, "weight-decay", "wd", "decay")
	cli.AlsoCalled(fs, "patience", "early-stopping")
	cli.AlsoCalled(fs, "optimizer", "optimiser", "opt", "solver")
	cli.AlsoCalled(fs, "resume", "checkpoint", "continue", "ckpt")
}

// maxBatch keeps the memory of a step within reason.
const maxBatch = 4096

// check checks the options. inputs are files not to be written over.
func (o *options) check(inputs []string) error {
	o.name = strings.TrimSuffix(o.name, ".onnx")
	switch {
	case slices.Contains([]string{"", ".", ".."}, o.name[strings.LastIndexByte(o.name, '/')+1:]):
		return cli.Usagef("-o %q: want the beginning of a file name, such as burger", o.name)
	case presets[o.arch].network == nil:
		return cli.Usagef("--arch %s: want one of %s", o.arch, names(presets))
	case o.optimizer != "" && nn.LearningRates()[o.optimizer] == 0:
		return cli.Usagef("--optimizer %s: want one of %s", o.optimizer, names(nn.LearningRates()))
	case o.epochs < 1:
		return cli.Usagef("--epochs %d: want 1 or more", o.epochs)
	case o.batch < 1 || o.batch > maxBatch:
		return cli.Usagef("--batch %d: want 1 to %d", o.batch, maxBatch)
	case !(o.lr >= 0 && o.lr <= 1):
		return cli.Usagef("--lr %g: want a number above 0, at most 1, or 0 for that of the optimizer", o.lr)
	case o.schedule != constantRate && o.schedule != linearRate:
		return cli.Usagef("--lr-schedule %s: want %s or %s", o.schedule, constantRate, linearRate)
	case !(o.decay >= 0 && o.decay <= 1):
		return cli.Usagef("--weight-decay %g: want 0 to 1", o.decay)
	case o.decay > 0 && cmp.Or(o.optimizer, presets[o.arch].optimizer) == "rmsprop":
		return cli.Usagef("--weight-decay %g: rmsprop has none", o.decay)
	case o.lr*o.decay >= 1:
		return cli.Usagef("--lr %g and --weight-decay %g: want a product below 1, by which the weights shrink in a step", o.lr, o.decay)
	case o.patience < 0:
		return cli.Usagef("--patience %d: want 0 or more", o.patience)
	case !(o.minDelta >= 0) || math.IsInf(o.minDelta, 0):
		return cli.Usagef("--min-delta %g: want 0 or more", o.minDelta)
	case !(o.cutMix >= 0 && o.cutMix <= 1):
		return cli.Usagef("--cutmix %g: want a share of the pictures, 0 to 1", o.cutMix)
	case o.cutMix > 0 && o.batch < 2:
		return cli.Usagef("--cutmix mixes the pictures of a batch: want --batch 2 or more")
	case o.weights != "none" && o.weights != "balanced":
		return cli.Usagef("--class-weights %s: want none or balanced", o.weights)
	case o.onlyItems && o.expect == "":
		return cli.Usagef("--check-items compares the items with those of --expect FILE, which is not given")
	case o.suspects < 0:
		return cli.Usagef("--suspects %d: want 1 or more, or 0 for none", o.suspects)
	}
	if err := o.checkBackbone(); err != nil {
		return err
	}
	if err := o.tune.check(); err != nil {
		return err
	}
	if err := o.checkTeacher(); err != nil {
		return err
	}
	if err := o.certainty.check(); err != nil {
		return err
	}
	if err := o.near.check(inputs); err != nil {
		return err
	}
	if err := o.poor.check(inputs); err != nil {
		return err
	}
	if err := o.split.Check(); err != nil {
		return cli.Usagef("%w", err)
	}
	for _, file := range []string{o.backbone.file, o.teacher.file} {
		if file != "" {
			inputs = append(slices.Clone(inputs), file)
		}
	}
	outputs := append(o.files(), o.checkpoint(), o.tuneCheckpoint(), report.OutputFiles(o.name + ".json")[0])
	for _, path := range outputs {
		if err := cli.CheckOutputFile(path, inputs...); err != nil {
			return err
		}
	}
	return cli.CheckDistinct(append(outputs, o.near.list, o.poor.list, o.stream.Failures)...)
}

// files returns the names of what is written, the model last.
func (o *options) files() []string {
	names := []string{o.name + ".html", o.name + ".json"}
	if o.suspects > 0 {
		names = append(names, o.name+suspectsPage, o.name+suspectsList)
	}
	if o.weightsFile {
		names = append(names, o.name+".safetensors")
	}
	return append(names, o.name+".onnx")
}

// values are the options that change results, for the report and the model.
func (o *options) values() map[string]any {
	if o.backbone.file != "" {
		return o.backboneValues()
	}
	values := map[string]any{
		"arch": o.arch, "optimizer": o.optimizer, "epochs": o.epochs, "batch": o.batch, "lr": o.lr, "patience": o.patience, "min_delta": o.minDelta,
		"seed": o.seed, "class_weights": o.weights, "val": o.split.Val, "test": o.split.Test,
	}
	if o.cutMix > 0 {
		values["cutmix"] = o.cutMix
	}
	if o.schedule != constantRate {
		values["lr_schedule"] = o.schedule
	}
	if o.decay != o.defaultDecay() {
		values["weight_decay"] = o.decay
	}
	o.teacher.values(values)
	o.itemValues(values)
	return values
}

// itemValues adds the options about items, and about how sure answers are.
func (o *options) itemValues(values map[string]any) {
	if o.repeats.Drop {
		values["repeats"] = o.repeats.String()
	}
	if o.incomplete {
		values["incomplete"] = true
	}
	o.certainty.values(values)
	o.near.values(values)
	o.poor.values(values)
}

func (o *options) run(ctx context.Context, env *cli.Env) (err error) {
	if o.backbone.list {
		return o.backbone.listBackbones(env)
	}
	if err := o.check(env.Args); err != nil {
		return err
	}
	o.complete()
	if o.onlyItems {
		return o.compareItems(ctx, env)
	}
	network, err := o.loadBackbone(ctx, env)
	if err != nil {
		return err
	}
	teacher, err := o.loadTeacher(env)
	if err != nil {
		return err
	}
	defer teacher.Close()
	if network != nil {
		defer debug.SetGCPercent(debug.SetGCPercent(growth))
	}
	var expected *expectation
	if o.expect != "" {
		if expected, err = readExpected(env, o.expect); err != nil {
			return err
		}
		if err := expected.announce(o, env); err != nil {
			return err
		}
	}
	release, err := lockOutputs(o, env)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, release()) }()
	var saved *checkpoint
	if network == nil {
		if saved, err = loadCheckpoint(o, env); err != nil {
			return err
		}
	}
	return o.learn(ctx, env, &loaded{network, teacher, expected, saved})
}

// loaded is what the command line names besides items, each nil where it names
// none.
type loaded struct {
	network  *transfer.File
	teacher  *teacher
	expected *expectation
	saved    *checkpoint // of a network from scratch that was interrupted
}

// learn trains on the items of the input, and writes what comes of it.
func (o *options) learn(ctx context.Context, env *cli.Env, g *loaded) (err error) {
	in, err := stream.Open(env, &o.stream, env.Args)
	if err != nil {
		return err
	}
	spool := dataset.NewSpool(int64(o.memory), "")
	defer func() { err = errors.Join(err, spool.Close()) }()
	reading := true
	defer func() {
		if reading {
			err = errors.Join(err, in.Close())
		}
	}()

	d := newData(o, env, in, spool)
	if g.network != nil {
		d.embedded, d.items.Embeddings = &embedded{}, true
	}
	if o.suspects > 0 {
		d.groups = newAuthorGroups()
	}
	if err := d.prepare(ctx); err != nil {
		return err
	}
	if g.network == nil && d.items.Context() != (dataset.Size{}) {
		return cli.WithHint(errors.New("the items have two views, and a network that is trained from scratch looks at one"),
			"--backbone NETWORK.onnx learns from both; or cut the crops without oi-crop --two-views")
	}
	if err := g.teacher.teach(o, env, d); err != nil {
		return err
	}
	if g.network != nil {
		if err := d.inheritBackbone(g.network); err != nil {
			return err
		}
	}
	folds, err := o.divide(ctx, d)
	if err != nil {
		return err
	}
	if g.expected != nil {
		if err := g.expected.announceItems(o, env, d); err != nil {
			return err
		}
	}
	if err := o.certainty.possible(d); err != nil {
		return err
	}
	var result *result
	if g.network == nil {
		result, err = train(ctx, o, env, d, g.saved, folds, g.teacher)
	} else {
		result, err = trainHead(ctx, o, env, d, g.network)
	}
	if result == nil {
		return err
	}
	defer func() { err = errors.Join(err, result.best.Close()) }()
	// Closing tells a stage that has epochs to spare to end. It cannot make
	// what was read less complete.
	interrupted := err
	reading = false
	_ = in.Close()
	if interrupted != nil && g.expected != nil {
		return interrupted // nothing is written that nobody has compared
	}
	// An interrupt ends training, not the account of what it came to.
	account := context.WithoutCancel(ctx)
	if result.certainty, err = o.certainty.make(account, env, d, result.best); err != nil {
		return err
	}
	if g.expected != nil {
		if err := g.expected.compare(o, env, d, result.best.WeightsHash()); err != nil {
			removeCheckpoint(o, env) // it leads here only
			return err
		}
	}
	if folds != nil && interrupted == nil {
		interrupted = folds.answer(ctx, o, env, d, result)
		if interrupted != nil && ctx.Err() == nil {
			return interrupted
		}
		result.cut = interrupted != nil
	}
	if err := finish(account, o, env, d, result); err != nil {
		return err
	}
	return interrupted
}
