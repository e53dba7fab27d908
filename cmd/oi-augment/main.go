package main

import (
	"context"
	_ "embed"
	"errors"
	"strconv"

	"github.com/opensandwich/oi/cmd/internal/cli"
	"github.com/opensandwich/oi/cmd/internal/dataset"
	"github.com/opensandwich/oi/cmd/internal/pix"
	"github.com/opensandwich/oi/cmd/internal/stream"
)

func main() { cli.Main(command()) }

//go:embed help.txt
var help string

func command() *cli.Command {
	o := &options{
		ranges: pix.ReferenceRanges(),
		split:  dataset.DefaultSplit(),
		memory: dataset.DefaultMemory,
	}
	return &cli.Command{
		Name:  "oi-augment",
		Help:  help,
		Flags: o.flags,
		Run:   o.run,
		Input: "what oi-crop writes",
		Instead: []cli.Instead{
			{Names: []string{"output", "out", "o", "outdir", "out-dir", "output-dir", "output-folder", "save-dir", "dest", "dest-dir"}, Hint: "items go to standard output: oi-augment crops.oi >variants.oi, or | oi-train"},
			{Names: []string{"size", "image-size", "img-size", "imgsz", "target-size", "input-size", "width", "height"}, Hint: "pictures have the size that oi-crop --size gave them"},
			{Names: []string{"batch", "batch-size"}, Hint: "oi-train --batch sets the size of a batch"},
			{Names: []string{"shuffle"}, Hint: "items come in a random order in any case, by --seed"},
		},
		Files: stream.FileEndings(),
	}
}

type options struct {
	stream stream.Flags
	epochs int
	copies int
	seed   uint64
	ranges pix.Ranges
	split  dataset.Split
	memory dataset.Memory

	repeats dataset.RepeatPolicy
}

func (o *options) flags(fs *cli.FlagSet) {
	fs.IntVar(&o.epochs, "epochs", 1, "write `N` epochs; 0 goes on until the reader leaves")
	fs.IntVar(&o.copies, "copies", 1, "make `N` variants of each item in an epoch")
	fs.Uint64Var(&o.seed, "seed", 1, "draw other variants and orders with another `N`")
	fs.Float64Var(&o.ranges.Rotation, "rotation", o.ranges.Rotation, "turn by up to this many `DEGREES` either way")
	fs.Float64Var(&o.ranges.HeightShift, "height-shift", o.ranges.HeightShift, "shift up or down by up to this `FRACTION` of the height")
	fs.Float64Var(&o.ranges.WidthShift, "width-shift", o.ranges.WidthShift, "shift sideways by up to this `FRACTION` of the width")
	fs.Float64Var(&o.ranges.Shear, "shear", o.ranges.Shear, "shear by up to this many `DEGREES` either way")
	fs.Float64Var(&o.ranges.Zoom, "zoom", o.ranges.Zoom, "scale each side by 1 plus or minus up to this `FRACTION`")
	fs.BoolVar(&o.ranges.FlipH, "flip-h", o.ranges.FlipH, "mirror every other variant")
	fs.BoolVar(&o.ranges.FlipV, "flip-v", o.ranges.FlipV, "turn every other variant upside down")
	fs.Float64Var(&o.split.Val, "val", o.split.Val, "use this `SHARE` of the authors for validation, of items that carry no set")
	fs.Float64Var(&o.split.Test, "test", o.split.Test, "use this `SHARE` of the authors for the test, of items that carry no set")
	fs.Var(&o.memory, "spool-memory", "keep up to this many `BYTES` of items in memory, the rest in a temporary file")
	fs.Var(&o.repeats, "repeats", dataset.RepeatUsage)
	o.stream.RegisterJobs(fs)
	o.stream.RegisterOutput(fs)
	o.stream.RegisterInput(fs)
	cli.AlsoCalled(fs, "val", "validation")
	cli.AlsoCalled(fs, "rotation", "rotate", "rotation-range", "random-rotation", "degrees", "angle")
	cli.AlsoCalled(fs, "flip-h", "hflip", "h-flip", "fliplr", "flip-lr", "horizontal-flip", "random-horizontal-flip", "mirror")
	cli.AlsoCalled(fs, "flip-v", "vflip", "v-flip", "flipud", "flip-ud", "vertical-flip", "random-vertical-flip")
	cli.AlsoCalled(fs, "width-shift", "translate", "shift", "shift-range")
	cli.AlsoCalled(fs, "height-shift", "translate", "shift", "shift-range")
	cli.AlsoCalled(fs, "zoom", "scale", "zoom-range")
	cli.AlsoCalled(fs, "copies", "variants", "multiply", "repeat", "num-aug", "n-aug")
}

func (o *options) check(env *cli.Env) error {
	switch {
	case o.epochs < 0:
		return cli.Usagef("--epochs %d: want 0 or more", o.epochs)
	case o.copies < 1:
		return cli.Usagef("--copies %d: want 1 or more", o.copies)
	case o.epochs == 0 && env.Regular():
		return cli.WithHint(cli.Usagef("--epochs 0 never ends, and standard output is a file"), "pipe it into oi-train, or say how many epochs")
	}
	if err := o.ranges.Check(); err != nil {
		return cli.Usagef("%w", err)
	}
	if err := o.split.Check(); err != nil {
		return cli.Usagef("%w", err)
	}
	return nil
}

// args are the options that change results, for the trail.
func (o *options) args() map[string]string {
	number := func(v float64) string { return strconv.FormatFloat(v, 'g', -1, 64) }
	args := map[string]string{
		"epochs":       strconv.Itoa(o.epochs),
		"copies":       strconv.Itoa(o.copies),
		"seed":         strconv.FormatUint(o.seed, 10),
		"rotation":     number(o.ranges.Rotation),
		"height_shift": number(o.ranges.HeightShift),
		"width_shift":  number(o.ranges.WidthShift),
		"shear":        number(o.ranges.Shear),
		"zoom":         number(o.ranges.Zoom),
		"flip_h":       strconv.FormatBool(o.ranges.FlipH),
		"flip_v":       strconv.FormatBool(o.ranges.FlipV),
		"val":          number(o.split.Val),
		"test":         number(o.split.Test),
	}
	if o.repeats.Drop {
		args["repeats"] = o.repeats.String()
	}
	return args
}

func (o *options) run(ctx context.Context, env *cli.Env) (err error) {
	if err := o.check(env); err != nil {
		return err
	}
	out, err := stream.Create(env, &o.stream)
	if err != nil {
		return err
	}
	account, err := stream.NewCounters(env, &o.stream)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, account.Finish()) }()
	spool := dataset.NewSpool(int64(o.memory), "")
	defer func() { err = errors.Join(err, spool.Close()) }()

	r := &run{options: o, env: env, out: out, account: account, items: dataset.NewCollection(spool, o.repeats)}
	if err := r.read(); err != nil {
		return err
	}
	if err := r.write(ctx); err != nil {
		return err
	}
	return out.Close()
}
