package main

import (
	"context"
	"errors"
	"math"
	"slices"
	"strings"

	"github.com/opensandwich/oi/cmd/internal/cli"
	"github.com/opensandwich/oi/cmd/internal/dataset"
	"github.com/opensandwich/oi/cmd/internal/stream"
)

func main() { cli.Main(command()) }

func command() *cli.Command {
	o := &options{
		split:  dataset.DefaultSplit(),
		memory: dataset.DefaultMemory,
	}
	return &cli.Command{
		Name:    "oi-train",
		Summary: "train an image classifier",
		Usage:   "[FILE...]",
		Description: `Reads items with tensors and labels, trains a convolutional network on those of the set train, stops when the loss on the set val gets no better, and tries the best weights on the set test (on val where there is no test). The classification report, the accuracy with its 95 % interval, and notes on what limits them go to standard output; NAME.onnx is the model, NAME.html a page about it, NAME.json the same as data.

Pictures of one author resemble each other, so the interval is found by author, or by photo where he is not known. It says how many of them there were; fewer than 10 are too few to judge a model by.

The network is a small residual one of 3x3 convolutions with standardised weights, trained by Adam with smoothed labels; what is validated and kept is the average of its weights over the last thousand steps or so. --arch reference trains the network of the original article as it was trained there: faster, and less accurate.

After each epoch train_loss and train_acc are measured on a few train items (of oi-augment: on a few of the epoch's variants) as val_loss and val_acc are on the validation items: with the same weights, without dropout, smoothed labels or class weights. A train_loss that falls while val_loss rises is that of a model that learns its items by heart. In NAME.json, loss and accuracy are what training itself went by, which cannot be compared with them.

The three files appear whole and together, the model last, and only if the input was complete: a stage that failed or was killed leaves no model behind. The same items, options and seed give the same model, byte for byte, on any number of threads. They give the same weights, bit for bit, on every amd64 processor with AVX2 and FMA, with AVX-512 or without; the files also note the version of Go, the platform and what the processor has. On others plain Go computes, whose sums differ in their last bits, and so, in the end, do weights. --expect and --resume say so where it may be the reason.

Items that come from oi-augment bring their own epochs and are trained on as they arrive; when training stops, oi-train leaves and oi-augment ends. Without oi-augment the items wait in memory, beyond --spool-memory in a temporary file, and every epoch is a random order of them.

Two classes or more are told apart. A stream of one class works too if it brings something to tell it from: windows of background from oi-crop, or boxes of other classes from oi-boxes --negatives.

Items that carry no set get that of their photo's other items, or are divided as the oi-boxes of their trail divided them: by their subset of Open Images, or by author. Train items whose photo is that of a validation or test item are removed and counted. The same image id or the same bytes is the same photo. The model remembers the photos it was trained on, so that oi-eval can leave them out.

An item is known by its key, and one that comes twice is an error. One without a key gets one from its id, label, box and pixels.

--expect NAME.json trains again and exits with 0 if the weights are, bit for bit, those of that report and the items of train, val and test are the same, pixels included; with 1, and without writing anything, if not. It says which of data, code and environment differ: those of code and environment alone are no failure, as equal weights show that they made no difference. Figures can be compared if they are of the same items, whatever else differs. The data of a report of an older version, which did not note the pixels, cannot be compared; that is said, and the weights decide.

The first interrupt finishes the batch, writes the best model if an epoch was finished, and exits with 130.

NAME.ckpt keeps the state after the last epoch until the run has ended and its files are written. After an interrupt, a crash or kill -9, the same command with --resume goes on from there and ends with the model, byte for byte, of a run that never stopped. Another input or other options are refused; without NAME.ckpt it starts from the beginning. Epochs from oi-augment are read again up to that point. Of two runs at the same time with one NAME the second fails at once.`,
		Examples: `# the whole way, on the built-in drawings
oi-boxes --dataset sample Hamburger Sandwich | oi-fetch | oi-crop | oi-train -o burger
# fresh variants of the pictures in every epoch
oi-augment --epochs 0 crops.oi | oi-train -o burger
# one class, told from the background of its photos
oi-boxes --dataset sample Hamburger | oi-fetch | oi-crop | oi-train
# the network of the original article
oi-train --arch reference -o article crops.oi
# does the same data still give the same weights?
oi-train -o again --expect burger.json crops.oi
# go on with a run that was interrupted or killed
oi-train --resume -o burger crops.oi`,
		Flags:        o.flags,
		Run:          o.run,
		NoInputUsage: true,
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
	patience  int
	minDelta  float64
	seed      uint64
	weights   string
	split     dataset.Split
	memory    dataset.Memory
	repeats   dataset.RepeatPolicy
	json      bool
	expect    string
	resume    bool

	weightsFile bool // as safetensors
}

func (o *options) flags(fs *cli.FlagSet) {
	fs.StringVarP(&o.name, "output", "o", "model", "write `NAME`.onnx, NAME.html and NAME.json")
	fs.StringVar(&o.arch, "arch", defaultArch, "train the network `ARCH`: residual, which is more accurate, or reference, that of the article")
	fs.StringVar(&o.optimizer, "optimizer", "", "change weights by `NAME`: adam, rmsprop or sgd (default adam for residual, rmsprop for reference)")
	fs.IntVar(&o.epochs, "epochs", 50, "train for `N` epochs at most")
	fs.IntVar(&o.batch, "batch", 16, "change the weights after every `N` pictures")
	fs.Float64Var(&o.lr, "lr", 0, "learning `RATE` (default 0.001 for adam, 0.0005 for rmsprop, 0.01 for sgd)")
	fs.IntVar(&o.patience, "patience", 4, "stop after `N` epochs in which the validation loss got no better")
	fs.Float64Var(&o.minDelta, "min-delta", 0, "a validation loss is better if it is lower by more than `D`")
	fs.Uint64Var(&o.seed, "seed", 1, "start from other weights and shuffle otherwise with another `N`")
	fs.StringVar(&o.weights, "class-weights", "none", "how much a picture counts: none, or balanced: each class the same in all")
	fs.Float64Var(&o.split.Val, "val", o.split.Val, "use this `SHARE` of the authors for validation, of items that carry no set")
	fs.Float64Var(&o.split.Test, "test", o.split.Test, "use this `SHARE` of the authors for the test, of items that carry no set")
	fs.Var(&o.memory, "spool-memory", "keep up to this many `BYTES` of items in memory, the rest in a temporary file")
	fs.Var(&o.repeats, "repeats", dataset.RepeatUsage)
	fs.BoolVar(&o.json, "json", false, "write the report to standard output as JSON instead of text")
	fs.BoolVar(&o.weightsFile, "safetensors", false, "also write the weights as NAME.safetensors, in Keras' layouts")
	fs.StringVar(&o.expect, "expect", "", "fail, and write nothing, unless weights and items are those of the report `FILE`.json")
	fs.BoolVar(&o.resume, "resume", false, "go on from NAME.ckpt, with the same input and options, as if the run had never stopped")
	o.stream.RegisterInput(fs)
	o.stream.RegisterJobs(fs)
}

// maxBatch keeps the memory of a step within reason.
const maxBatch = 4096

// check checks the options. inputs are files not to be written over.
func (o *options) check(inputs []string) error {
	o.name = strings.TrimSuffix(o.name, ".onnx")
	switch {
	case slices.Contains([]string{"", ".", ".."}, o.name[strings.LastIndexByte(o.name, '/')+1:]):
		return cli.Usagef("-o %q: want the beginning of a file name, such as burger", o.name)
	case presets()[o.arch].network == nil:
		return cli.Usagef("--arch %s: want one of %s", o.arch, names(presets()))
	case o.optimizer != "" && learningRates()[o.optimizer] == 0:
		return cli.Usagef("--optimizer %s: want one of %s", o.optimizer, names(learningRates()))
	case o.epochs < 1:
		return cli.Usagef("--epochs %d: want 1 or more", o.epochs)
	case o.batch < 1 || o.batch > maxBatch:
		return cli.Usagef("--batch %d: want 1 to %d", o.batch, maxBatch)
	case !(o.lr >= 0 && o.lr <= 1):
		return cli.Usagef("--lr %g: want a number above 0, at most 1, or 0 for that of the optimizer", o.lr)
	case o.patience < 0:
		return cli.Usagef("--patience %d: want 0 or more", o.patience)
	case !(o.minDelta >= 0) || math.IsInf(o.minDelta, 0):
		return cli.Usagef("--min-delta %g: want 0 or more", o.minDelta)
	case o.weights != "none" && o.weights != "balanced":
		return cli.Usagef("--class-weights %s: want none or balanced", o.weights)
	}
	if err := o.split.Check(); err != nil {
		return cli.Usagef("%w", err)
	}
	for _, path := range append(o.files(), o.checkpoint()) {
		if err := cli.CheckOutputFile(path, inputs...); err != nil {
			return err
		}
	}
	return nil
}

// files returns the names of what is written, the model last.
func (o *options) files() []string {
	names := []string{o.name + ".html", o.name + ".json"}
	if o.weightsFile {
		names = append(names, o.name+".safetensors")
	}
	return append(names, o.name+".onnx")
}

// values are the options that change results, for the report and the model.
func (o *options) values() map[string]any {
	values := map[string]any{
		"arch": o.arch, "optimizer": o.optimizer, "epochs": o.epochs, "batch": o.batch, "lr": o.lr, "patience": o.patience, "min_delta": o.minDelta,
		"seed": o.seed, "class_weights": o.weights, "val": o.split.Val, "test": o.split.Test,
	}
	if o.repeats.Drop {
		values["repeats"] = o.repeats.String()
	}
	return values
}

func (o *options) run(ctx context.Context, env *cli.Env) (err error) {
	if err := o.check(env.Args); err != nil {
		return err
	}
	o.complete()
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
	saved, err := loadCheckpoint(o, env)
	if err != nil {
		return err
	}
	in, err := stream.Open(env, &o.stream, env.Args)
	if err != nil {
		return err
	}
	spool := dataset.NewSpool(int64(o.memory), "")
	defer func() { err = errors.Join(err, spool.Close()) }()

	d := newData(o, env, in, spool)
	if err := d.prepare(); err != nil {
		return errors.Join(err, in.Close())
	}
	if expected != nil {
		expected.announceItems(o, env, d)
	}
	result, err := train(ctx, o, env, d, saved)
	if result == nil {
		return errors.Join(err, in.Close())
	}
	// Closing tells a stage that has epochs to spare to end. It cannot make
	// what was read less complete.
	interrupted := err
	_ = in.Close()
	if expected != nil {
		if err := expected.compare(o, env, d, result.best.WeightsHash()); err != nil {
			if interrupted == nil {
				removeCheckpoint(o, env) // it leads here only
			}
			return err
		}
	}
	// An interrupt ends training, not the account of what it came to.
	if err := finish(context.WithoutCancel(ctx), o, env, d, result); err != nil {
		return err
	}
	return interrupted
}
