package main

import (
	"context"
	_ "embed"
	"errors"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/pflag"

	"github.com/opensandwich/oi/cmd/internal/cli"
	"github.com/opensandwich/oi/cmd/internal/dataset"
	"github.com/opensandwich/oi/cmd/internal/pix"
	"github.com/opensandwich/oi/cmd/internal/sheet"
	"github.com/opensandwich/oi/cmd/internal/stream"
)

func main() { cli.Main(command()) }

//go:embed help.txt
var help string

func command() *cli.Command {
	o := &options{
		ranges:     pix.PresetArticle.Ranges(),
		sheetItems: 24,
		split:      dataset.DefaultSplit(),
		memory:     dataset.DefaultMemory,
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
	stream     stream.Flags
	epochs     int
	copies     int
	seed       uint64
	preset     pix.Preset
	ranges     pix.VariantRanges
	explicit   *cli.FlagSet // tells which ranges were given
	onlySet    string
	balance    bool
	replay     string
	sheet      string
	sheetItems int
	split      dataset.Split
	memory     dataset.Memory

	repeats    dataset.RepeatPolicy
	incomplete bool // shards may be missing
}

func (o *options) flags(fs *cli.FlagSet) {
	fs.IntVar(&o.epochs, "epochs", 1, "write `N` epochs; 0 goes on until the reader leaves")
	fs.IntVar(&o.copies, "copies", 1, "make `N` variants of each item in an epoch")
	fs.Uint64Var(&o.seed, "seed", 1, "draw other variants and orders with another `N`")
	o.explicit = fs
	fs.Var(&o.preset, "preset", "begin with ranges that are known by a name: none|article|light|strong")
	fs.Float64Var(&o.ranges.Warp.Rotation, "rotation", o.ranges.Warp.Rotation, "turn by up to this many `DEGREES` either way")
	fs.Float64Var(&o.ranges.Warp.HeightShift, "height-shift", o.ranges.Warp.HeightShift, "shift up or down by up to this `FRACTION` of the height")
	fs.Float64Var(&o.ranges.Warp.WidthShift, "width-shift", o.ranges.Warp.WidthShift, "shift sideways by up to this `FRACTION` of the width")
	fs.Float64Var(&o.ranges.Warp.Shear, "shear", o.ranges.Warp.Shear, "shear by up to this many `DEGREES` either way")
	fs.Float64Var(&o.ranges.Warp.Zoom, "zoom", o.ranges.Warp.Zoom, "scale each side by 1 plus or minus up to this `FRACTION`")
	fs.BoolVar(&o.ranges.Warp.FlipH, "flip-h", o.ranges.Warp.FlipH, "mirror every other variant")
	fs.BoolVar(&o.ranges.Warp.FlipV, "flip-v", o.ranges.Warp.FlipV, "turn every other variant upside down")
	fs.Var(&o.ranges.Warp.Fill, "fill", "fill places outside of the picture: nearest|constant|reflect|wrap")
	fs.BoolVar(&o.ranges.Warp.OldCentre, "keras-2018", false, "turn about the point that Keras did then, a pixel off the middle")
	fs.Float64Var(&o.ranges.RandomResizedCrop, "random-resized-crop", 0, "keep a window of this `SHARE` of the area or more")
	fs.Float64Var(&o.ranges.Brightness, "brightness", 0, "multiply values by 1 plus or minus up to `F`")
	fs.Float64Var(&o.ranges.Contrast, "contrast", 0, "multiply distances from the mean by 1 plus or minus up to `F`")
	fs.Float64Var(&o.ranges.Saturation, "saturation", 0, "multiply distances from grey by 1 plus or minus up to `F`")
	fs.Float64Var(&o.ranges.Hue, "hue", 0, "turn hues by up to this `SHARE` of the circle either way")
	fs.Float64Var(&o.ranges.Grayscale, "grayscale", 0, "take the colour from this `SHARE` of the variants")
	fs.Float64Var(&o.ranges.Blur, "blur", 0, "blur by a Gaussian of up to `SIGMA` pixels")
	fs.IntVar(&o.ranges.JPEG, "jpeg", 0, "encode as a JPEG of `QUALITY` to 100, and decode")
	fs.Float64Var(&o.ranges.Cutout, "cutout", 0, "make a square black, this `SHARE` of the shorter side")
	fs.StringVar(&o.onlySet, "only-set", "", "write items of this `SET` only: train|val|test")
	fs.BoolVar(&o.balance, "balance", false, "make as many variants of every class as of the largest")
	fs.StringVar(&o.replay, "replay", "", "make the variants of this `FILE` again, from the originals")
	fs.StringVar(&o.sheet, "sheet", "", "also draw originals next to variants: a JPEG `FILE`, or a page, .html")
	fs.IntVar(&o.sheetItems, "sheet-items", o.sheetItems, "draw `N` originals on the sheet")
	fs.Float64Var(&o.split.Val, "val", o.split.Val, "use this `SHARE` of the authors for validation, of items that carry no set")
	fs.Float64Var(&o.split.Test, "test", o.split.Test, "use this `SHARE` of the authors for the test, of items that carry no set")
	fs.Var(&o.memory, "spool-memory", "keep up to this many `BYTES` of items in memory, the rest in a temporary file")
	fs.Var(&o.repeats, "repeats", dataset.RepeatUsage)
	fs.BoolVar(&o.incomplete, "incomplete", false, dataset.IncompleteUsage)
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
	cli.FilesOf(fs, "sheet", "jpg", "jpeg", "html", "htm")
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
	switch {
	case o.onlySet != "" && !slices.Contains(allSets, o.onlySet):
		return cli.Usagef("--only-set %s: want train, val or test", o.onlySet)
	case o.epochs == 0 && o.onlySet != "" && o.onlySet != dataset.Train:
		return cli.Usagef("--epochs 0 makes variants of train items, and --only-set %s wants none", o.onlySet)
	case o.sheetItems < 1 || o.sheetItems > sheet.MaxEntries:
		return cli.Usagef("--sheet-items %d: want 1 to %d", o.sheetItems, sheet.MaxEntries)
	}
	if err := o.checkReplay(); err != nil {
		return err
	}
	if err := o.resolve(); err != nil {
		return err
	}
	if err := o.ranges.Check(); err != nil {
		return cli.Usagef("%w", err)
	}
	if err := o.split.Check(); err != nil {
		return cli.Usagef("%w", err)
	}
	return cli.CheckDistinct(o.stream.Failures, o.sheet)
}

// rangeFlags are those that a preset stands for.
var rangeFlags = []string{
	"rotation", "height-shift", "width-shift", "shear", "zoom", "flip-h", "flip-v", "fill", "keras-2018",
	"random-resized-crop", "brightness", "contrast", "saturation", "hue", "grayscale", "blur", "jpeg", "cutout",
}

// checkReplay refuses flags that say what variants to make next to --replay,
// whose file says it.
func (o *options) checkReplay() error {
	if !o.explicit.Changed("replay") {
		return nil
	}
	var without []string
	names := append([]string{"epochs", "copies", "seed", "preset", "only-set", "balance", "sheet", "sheet-items", "val", "test"}, rangeFlags...)
	for _, name := range names {
		if o.explicit.Changed(name) {
			without = append(without, "--"+name)
		}
	}
	if len(without) == 0 {
		return nil
	}
	return cli.WithHint(cli.Usagef("%s: no effect with --replay, which makes the variants of its file", strings.Join(without, ", ")), "leave out one or the other")
}

// resolve sets the ranges to those of the preset, but for the ones that were
// given.
func (o *options) resolve() error {
	given := map[string]string{}
	o.explicit.Visit(func(f *pflag.Flag) { given[f.Name] = f.Value.String() })
	if given["preset"] == "" {
		return nil
	}
	o.ranges = o.preset.Ranges()
	for _, name := range rangeFlags {
		if text, ok := given[name]; ok {
			if err := o.explicit.Set(name, text); err != nil {
				return err
			}
		}
	}
	return nil
}

// args are the options that change results, for the trail: the ranges as the
// preset and the flags make them. What is off by default is named only where it
// is on.
func (o *options) args() map[string]string {
	number := func(v float64) string { return strconv.FormatFloat(v, 'g', -1, 64) }
	warp := o.ranges.Warp
	args := map[string]string{
		"epochs":       strconv.Itoa(o.epochs),
		"copies":       strconv.Itoa(o.copies),
		"seed":         strconv.FormatUint(o.seed, 10),
		"rotation":     number(warp.Rotation),
		"height_shift": number(warp.HeightShift),
		"width_shift":  number(warp.WidthShift),
		"shear":        number(warp.Shear),
		"zoom":         number(warp.Zoom),
		"flip_h":       strconv.FormatBool(warp.FlipH),
		"flip_v":       strconv.FormatBool(warp.FlipV),
		"val":          number(o.split.Val),
		"test":         number(o.split.Test),
	}
	for name, v := range map[string]float64{
		"random_resized_crop": o.ranges.RandomResizedCrop,
		"brightness":          o.ranges.Brightness,
		"contrast":            o.ranges.Contrast,
		"saturation":          o.ranges.Saturation,
		"hue":                 o.ranges.Hue,
		"grayscale":           o.ranges.Grayscale,
		"blur":                o.ranges.Blur,
		"jpeg":                float64(o.ranges.JPEG),
		"cutout":              o.ranges.Cutout,
	} {
		if v != 0 {
			args[name] = number(v)
		}
	}
	if warp.Fill != pix.FillNearest {
		args["fill"] = warp.Fill.String()
	}
	if warp.OldCentre {
		args["keras_2018"] = "true"
	}
	if o.onlySet != "" {
		args["only_set"] = o.onlySet
	}
	if o.balance {
		args["balance"] = "true"
	}
	if o.repeats.Drop {
		args["repeats"] = o.repeats.String()
	}
	if o.incomplete {
		args["incomplete"] = "true"
	}
	return args
}

// growth is how much garbage there may be before it is collected, in percent of
// what is in use. The spool is outside of the heap, so that little is.
const growth = 200

func (o *options) run(ctx context.Context, env *cli.Env) (err error) {
	defer debug.SetGCPercent(debug.SetGCPercent(growth))
	if err := o.check(env); err != nil {
		return err
	}
	if o.sheet != "" {
		if err := sheet.CheckName(o.sheet); err != nil {
			return cli.Usagef("--sheet %w", err)
		}
		if err := cli.CheckOutputFile(o.sheet, env.Args...); err != nil {
			return err
		}
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
	if o.replay != "" {
		if err := r.replay(ctx); err != nil {
			return err
		}
		return out.Close()
	}
	if err := r.read(); err != nil {
		return err
	}
	if o.sheet != "" {
		if err := r.drawSheet(o.sheet); err != nil {
			return err
		}
	}
	if err := r.write(ctx); err != nil {
		return err
	}
	return out.Close()
}
