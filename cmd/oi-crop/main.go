package main

import (
	"context"
	"errors"
	"math"
	"strconv"

	"github.com/opensandwich/oi/cmd/internal/cli"
	"github.com/opensandwich/oi/cmd/internal/imagefile"
	"github.com/opensandwich/oi/cmd/internal/stream"
	"github.com/opensandwich/oi/record"
)

func main() { cli.Main(command()) }

func command() *cli.Command {
	o := &options{}
	return &cli.Command{
		Name:    "oi-crop",
		Summary: "cut boxes out of photos",
		Usage:   "[FILE...]",
		Description: `Reads items with fetched photos and writes them with a tensor: the pixels of the box, turned upright by the official rotation and scaled to a square of --size pixels by area. The box's edges are rounded outwards to whole pixels. EXIF orientation is ignored, because boxes refer to the stored picture. The photo's bytes are dropped unless --keep-bytes is given.

When the stream's header names a single class, each item also gives one background window: a piece of like size of the same photo, three quarters or half of it where there is no more room, that overlaps neither the item's box nor another box of the class, under the label "background". With one class and no background there would be nothing to tell apart.

--dir, --sheet and --info look at a stream; the first two pass the items on as well, and also take items that have a tensor and no photo.

In the folder of --dir every class has a folder in every set, so that programs that number classes by their folders give them the same numbers in each. One without pictures holds a file .keep, and is named: torchvision's ImageFolder takes it with allow_empty=True only. The folder's file .oi.json says which run it is of. The same run, its pieces and its shards may add to it, also at the same time; another run is refused, unless --force is given. A file that is there already and has other bytes is an error in any case, and one with the same bytes is none: what a killed run has left the same line completes.

A photo that is damaged or uses a feature of its format that is not read, a box outside the photo or without area, and a photo of more than --max-pixels are skipped. A JPEG is damaged where its data has fewer or more blocks than the picture, as after a hole; bytes after its end do no harm.

` + imagefile.MaxPixelsHelp + ` Several photos are decoded at a time while they have 16 megapixels together.

` + stream.PartHelp,
		Examples: `# crops of two classes, ready for oi-train
oi-boxes Hamburger Sandwich | oi-fetch | oi-crop > crops.oi
# look at the first sixty of them
oi-crop --sheet crops.jpg < photos.oi > crops.oi
# crops as PNG files: crops/train/Hamburger/KEY.png
oi-crop --dir crops < photos.oi > crops.oi
# what is in a stream
oi-crop --info crops.oi`,
		Flags:        o.flags,
		Run:          o.run,
		NoInputUsage: true,
	}
}

type options struct {
	stream     stream.Flags
	size       int
	context    float64
	background string
	keepBytes  bool
	maxPixels  int
	dir        string
	force      bool
	sheet      string
	sheetItems int
	info       bool
}

func (o *options) flags(fs *cli.FlagSet) {
	fs.IntVar(&o.size, "size", 128, "scale crops to a square of `N` pixels a side")
	fs.Float64Var(&o.context, "context", 0, "grow the box on each side by this `FRACTION` of its own width or height")
	fs.StringVar(&o.background, "background", "auto", "cut background windows `WHEN`: always, never, or auto: if the stream names one class")
	fs.BoolVar(&o.keepBytes, "keep-bytes", false, "pass the photos' bytes on as well")
	fs.IntVar(&o.maxPixels, "max-pixels", imagefile.DefaultMaxPixels, imagefile.MaxPixelsUsage)
	fs.StringVar(&o.dir, "dir", "", "also write crops as PNG files to `DIR`/SET/LABEL/KEY.png")
	fs.BoolVar(&o.force, "force", false, "add to the --dir of another run")
	fs.StringVar(&o.sheet, "sheet", "", "also draw the first photos and their crops on one picture, the JPEG `FILE`")
	fs.IntVar(&o.sheetItems, "sheet-items", 60, "draw `N` items on the sheet")
	fs.BoolVar(&o.info, "info", false, "describe the stream on standard output instead")
	o.stream.Register(fs)
}

// maxSize keeps a tensor well below what a record may hold.
const maxSize = 2048

func (o *options) check() error {
	switch {
	case o.size < 1 || o.size > maxSize:
		return cli.Usagef("--size %d: want 1 to %d", o.size, maxSize)
	case !(o.context >= 0) || math.IsInf(o.context, 0):
		return cli.Usagef("--context %v: want 0 or more", o.context)
	case o.background != "auto" && o.background != "always" && o.background != "never":
		return cli.Usagef("--background %s: want auto, always or never", o.background)
	case o.maxPixels < 1:
		return cli.Usagef("--max-pixels %d: want 1 or more", o.maxPixels)
	case o.sheetItems < 1 || o.sheetItems > maxSheetItems:
		return cli.Usagef("--sheet-items %d: want 1 to %d", o.sheetItems, maxSheetItems)
	case o.force && o.dir == "":
		return cli.Usagef("--force is for --dir, which is not given")
	case o.info && (o.dir != "" || o.sheet != ""):
		return cli.Usagef("--info only describes: it does not go with --dir or --sheet")
	}
	return nil
}

// args are the options that change results, for the trail.
func (o *options) args() map[string]string {
	args := map[string]string{
		"size":       strconv.Itoa(o.size),
		"context":    strconv.FormatFloat(o.context, 'g', -1, 64),
		"background": o.background,
	}
	if o.maxPixels != imagefile.DefaultMaxPixels {
		args["max_pixels"] = strconv.Itoa(o.maxPixels)
	}
	if o.keepBytes {
		args["keep_bytes"] = "true"
	}
	return args
}

func (o *options) run(ctx context.Context, env *cli.Env) error {
	if err := o.check(); err != nil {
		return err
	}
	if o.info {
		return o.describe(ctx, env)
	}
	c := newCropper(o, env)
	looks := o.dir != "" || o.sheet != ""
	stage := stream.Stage{
		Args:   o.args(),
		Header: func(h *record.Header) (stream.Do, error) { return c.header(ctx, h) },
		Expect: int64(o.size*o.size*3) + decodedBytes,
		Owes:   looks,
		// Somebody who only looks has nowhere to send the records.
		NoOutput: looks && env.StdoutTTY && o.stream.JSON == "",
	}
	if o.sheet != "" {
		if err := cli.CheckOutputFile(o.sheet, env.Args...); err != nil {
			return err
		}
		stage.Emit = c.sheet.add
	}
	if err := stream.Filter(ctx, env, &o.stream, env.Args, stage); err != nil {
		return err
	}
	c.notes()
	var errs []error
	if c.files != nil {
		errs = append(errs, c.files.finish(ctx))
	}
	if c.sheet != nil {
		errs = append(errs, c.sheet.write(o.sheet))
	}
	return errors.Join(errs...)
}
