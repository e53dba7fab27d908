package main

import (
	"cmp"
	"context"
	_ "embed"
	"errors"
	"runtime/debug"
	"slices"
	"strconv"

	"github.com/opensandwich/oi/cmd/internal/cli"
	"github.com/opensandwich/oi/cmd/internal/dataset"
	"github.com/opensandwich/oi/cmd/internal/imagefile"
	"github.com/opensandwich/oi/cmd/internal/pix"
	"github.com/opensandwich/oi/cmd/internal/sheet"
	"github.com/opensandwich/oi/cmd/internal/stream"
	"github.com/opensandwich/oi/record"
)

func main() { cli.Main(command()) }

//go:embed help.txt
var help string

func command() *cli.Command {
	o := &options{decodeMemory: defaultDecodeMemory, tarSize: 1 << 30, size: side{Width: 128, Height: 128}, viewContext: defaultViewContext, backgrounds: backgrounds{auto: true, number: 1}}
	return &cli.Command{
		Name:      "oi-crop",
		Help:      help,
		HelpParts: map[string]string{"max-pixels": imagefile.MaxPixelsHelp, "skips of pieces": stream.PartHelp},
		Flags:     o.flags,
		Run:       o.run,
		Input:     "what oi-fetch writes",
		Instead: []cli.Instead{
			{Names: []string{"input", "data", "data-dir", "source", "images"}, Hint: "items come from FILEs or standard input: oi-crop photos.oi"},
			{Names: []string{"shuffle"}, Hint: "oi-augment shuffles"},
		},
		Files:       stream.FileEndings(),
		InputUnused: func() bool { return o.unpack != "" },
	}
}

type options struct {
	stream       stream.Flags
	size         side
	context      fraction
	twoViews     side // of the second view, zero if there is none
	viewContext  fraction
	square       bool
	pad          string
	filter       string
	minSide      int
	scale        string
	backgrounds  backgrounds
	keepBytes    bool
	maxPixels    int
	decodeMemory dataset.Memory
	dir          string
	format       string
	quality      int
	tar          string
	tarSize      dataset.Memory
	tarCount     int
	force        bool
	sheet        string
	sheetOf      sheet.Choice
	manifests    []string
	unpack       string
	topHash      string
	attribution  string
	info         bool

	given func(flag string) bool // on the command line
}

func (o *options) flags(fs *cli.FlagSet) {
	fs.Var(&o.size, "size", "scale crops to a square of `N` pixels a side, or to WIDTHxHEIGHT")
	fs.Var(&o.context, "context", "grow the box on each side by this `FRACTION` of its own width or height, such as 0.1 or 10%")
	fs.Var(&o.twoViews, "two-views", "add a second view with more of the photo around the box, the context, scaled to a square of `N` pixels a side, or WIDTHxHEIGHT")
	fs.Var(&o.viewContext, "view-context", "with --two-views, grow what the crop shows by this `FRACTION` of its own width or height on each side")
	fs.BoolVar(&o.square, "square", false, "keep the shape of what is cut out: grow it to a square, or the shape of --size, and pad what the photo lacks")
	fs.StringVar(&o.pad, "pad", string(pix.PadEdge), "with --square, pad by `edge|black|reflect`")
	fs.StringVar(&o.filter, "filter", string(pix.Area), "resample by `area|bilinear|nearest|lanczos`; area is bilinear where it grows")
	fs.IntVar(&o.minSide, "min-side", 0, "remove boxes whose shorter side has fewer than `N` pixels in the photo")
	fs.StringVar(&o.scale, "scale", scaleAuto, "decode a JPEG `auto|full`: reduced as far as the crop allows, or at full size")
	fs.Var(&o.backgrounds, "background", "cut background windows: `auto|always|never`, or a number of them for each box; auto is one if the stream names one class")
	fs.BoolVar(&o.keepBytes, "keep-bytes", false, "pass the photos' bytes on as well")
	fs.IntVar(&o.maxPixels, "max-pixels", imagefile.DefaultMaxPixels, imagefile.MaxPixelsUsage)
	fs.Var(&o.decodeMemory, "decode-memory", "decode photos within so many `BYTES` in all; leave out one that takes more")
	fs.StringVar(&o.dir, "dir", "", "also write crops as picture files to `DIR`/SET/CLASS/KEY.png")
	fs.StringVar(&o.format, "format", formatPNG, "write the pictures of --dir and --tar as `png|jpg`")
	fs.IntVar(&o.quality, "quality", defaultQuality, "write JPEG files of quality `Q`, 1 to 100")
	fs.StringVar(&o.tar, "tar", "", "also write crops for WebDataset, to DIR/SET/NAME-000000.tar: `DIR/NAME-%06d.tar`")
	fs.Var(&o.tarSize, "tar-size", "let a file of --tar have so many `BYTES`, such as 500M or 1G")
	fs.IntVar(&o.tarCount, "tar-count", 10_000, "let a file of --tar have `N` samples")
	fs.BoolVar(&o.force, "force", false, "add to the --dir of another run, or replace its --tar")
	fs.StringVar(&o.sheet, "sheet", "", "also draw the first photos and their crops on one picture, the JPEG `FILE`, or a page, .html")
	fs.IntVar(&o.sheetOf.Items, "sheet-items", 60, "draw `N` items on the sheet")
	fs.BoolVar(&o.sheetOf.PerClass, "sheet-per-class", false, "draw that many items of each class")
	fs.Uint64Var(&o.sheetOf.Seed, "sheet-sample", 0, "draw a random sample, of `SEED` 1 or more, in place of the first items")
	fs.StringSliceVar(&o.manifests, "manifest", nil, "describe the folder of --dir as `quilt|hf|croissant|dvc`, or quilt=s3://BUCKET/PATH; may be repeated")
	fs.StringVar(&o.unpack, "unpack", "", "write the stream that the folder `DIR` of --dir was made of")
	fs.StringVar(&o.topHash, "top-hash", "", "with --unpack, fail unless the folder is the Quilt package of top hash `HASH`")
	fs.StringVar(&o.attribution, "attribution", "", "also write the credits of the photos to `FILE`, as .csv, .html or .txt")
	fs.BoolVar(&o.info, "info", false, "describe the stream on standard output instead, with --json as data")
	o.stream.Register(fs)
	o.given = fs.Changed
	cli.FilesOf(fs, "sheet", "jpg", "jpeg", "html", "htm")
	cli.FilesOf(fs, "attribution", "csv", "html", "txt")
	cli.AlsoCalled(fs, "attribution", "credits", "licenses", "licences")
	cli.AlsoCalled(fs, "size", "imgsz", "resize", "side", "img-size", "image-size", "target-size", "input-size", "crop-size", "width", "height")
	cli.AlsoCalled(fs, "filter", "interpolation", "resample")
	cli.AlsoCalled(fs, "square", "letterbox", "keep-aspect", "keep-aspect-ratio")
	cli.AlsoCalled(fs, "context", "margin", "padding", "expand", "enlarge")
	cli.AlsoCalled(fs, "tar", "webdataset", "wds", "shards")
	cli.AlsoCalled(fs, "tar-size", "maxsize", "max-size")
	cli.AlsoCalled(fs, "tar-count", "maxcount", "max-count")
	cli.AlsoCalled(fs, "dir", "output", "folder", "directory", "outdir", "out-dir", "output-dir", "output-folder", "dest", "dest-dir", "export-dir", "save-dir")
}

// How a photo is decoded. With scaleAuto a JPEG is reduced by what [pix.Scale]
// says of the window and the size of the crops, so that the scale follows from
// what is in the stream.
const (
	scaleAuto = "auto"
	scaleFull = "full"
)

// maxSize keeps a tensor well below what a record may hold.
const maxSize = 2048

// defaultViewContext makes the second view twice as wide and high as the first.
const defaultViewContext = 0.5

const onePicture = "write the pictures of one view: oi-crop --dir DIR, without --two-views"

func (o *options) check() error {
	least := dataset.Memory(minDecodeMemory)
	switch {
	case !slices.Contains(pix.Pads(), pix.Pad(o.pad)):
		return cli.Usagef("--pad %s: want edge, black or reflect", o.pad)
	case o.twoViews == (side{}) && o.viewContext != defaultViewContext:
		return cli.Usagef("--view-context %v says nothing without --two-views N", &o.viewContext)
	case o.twoViews != (side{}) && o.dir+o.tar != "":
		return cli.WithHint(cli.Usagef("--two-views makes two pictures an item, and --dir and --tar write one"), onePicture)
	case o.pad != string(pix.PadEdge) && !o.square:
		return cli.Usagef("--pad %s says nothing without --square: without it a box is stretched", o.pad)
	case !slices.Contains(pix.Filters(), pix.Filter(o.filter)):
		return cli.Usagef("--filter %s: want area, bilinear, nearest or lanczos", o.filter)
	case o.minSide < 0:
		return cli.Usagef("--min-side %d: want 0 or more", o.minSide)
	case o.scale != scaleAuto && o.scale != scaleFull:
		return cli.Usagef("--scale %s: want auto or full", o.scale)
	case o.maxPixels < 1:
		return cli.Usagef("--max-pixels %d: want 1 or more", o.maxPixels)
	case o.decodeMemory < minDecodeMemory:
		return cli.Usagef("--decode-memory %v: want %v or more", &o.decodeMemory, &least)
	case o.sheetOf.Items < 1 || o.sheetOf.Items > sheet.MaxEntries:
		return cli.Usagef("--sheet-items %d: want 1 to %d", o.sheetOf.Items, sheet.MaxEntries)
	case o.info && o.dir+o.tar+o.sheet != "":
		return cli.Usagef("--info only describes: it does not go with --dir, --tar or --sheet")
	case o.attribution != "" && o.stream.Part:
		return cli.Usagef("--attribution FILE of one piece would take the place of another's: oi-crop --info --attribution FILE joined.oi is about all of them")
	}
	return cmp.Or(o.checkManifests(), o.checkExport(), cli.CheckDistinct(o.stream.Failures, o.sheet, o.attribution))
}

// looks reports whether something is written next to the stream.
func (o *options) looks() bool { return o.dir+o.tar+o.sheet+o.attribution != "" }

// args are the options that change results, for the trail.
func (o *options) args() map[string]string {
	args := map[string]string{
		"size":       o.size.String(),
		"context":    o.context.String(),
		"background": o.backgrounds.String(),
		"scale":      o.scale,
	}
	if o.twoViews != (side{}) {
		args["two_views"], args["view_context"] = o.twoViews.String(), o.viewContext.String()
	}
	if o.square {
		args["square"] = o.pad
	}
	if o.filter != string(pix.Area) {
		args["filter"] = o.filter
	}
	if o.minSide > 0 {
		args["min_side"] = strconv.Itoa(o.minSide)
	}
	if o.maxPixels != imagefile.DefaultMaxPixels {
		args["max_pixels"] = strconv.Itoa(o.maxPixels)
	}
	if o.decodeMemory != defaultDecodeMemory {
		args["decode_memory"] = o.decodeMemory.String()
	}
	if o.keepBytes {
		args["keep_bytes"] = "true"
	}
	return args
}

// defaultDecodeMemory keeps the whole command at about 150 MB.
const defaultDecodeMemory = 96 << 20

// minDecodeMemory lets one decode a photo of usual size.
const minDecodeMemory = 8 << 20

// otherMemory is what the collector leaves to the rest of the command, in bytes,
// next to the memory for decoding.
const otherMemory = 20 << 20

func (o *options) run(ctx context.Context, env *cli.Env) error {
	if err := o.check(); err != nil {
		return err
	}
	if err := o.stream.AddJobFile(env, "--sheet", o.sheet); err != nil {
		return err
	}
	if err := o.checkUnpack(env.Args); err != nil {
		return err
	}
	if o.unpack != "" {
		return o.writeUnpacked(ctx, env)
	}
	if o.info {
		return o.describe(ctx, env)
	}
	// Decoders leave large pieces behind: without a limit the collector
	// would let as much again pile up.
	if before, limit := debug.SetMemoryLimit(-1), int64(o.decodeMemory)+otherMemory; before > limit {
		debug.SetMemoryLimit(limit)
		defer debug.SetMemoryLimit(before)
	}
	c := newCropper(o, env)
	stage := stream.Stage{
		Args:       o.args(),
		Header:     func(h *record.Header) (stream.Func, error) { return c.header(ctx, h) },
		Changes:    func(h *record.Header) bool { return !c.onlyLooks(h) },
		AddedBytes: int64(max(1, o.backgrounds.number)*(o.size.bytes()+o.twoViews.bytes())) + decodedBytes,
		Emit:       func(item *record.Item) error { return c.emitted(ctx, item) },
		MustDrain:  o.looks(),
		// Somebody who only looks has nowhere to send the records.
		NoOutput: o.looks() && env.StdoutTTY && o.stream.JSON == "",
	}
	if o.sheet != "" {
		if err := sheet.CheckName(o.sheet); err != nil {
			return cli.Usagef("--sheet %w", err)
		}
		if err := cli.CheckOutputFile(o.sheet, env.Args...); err != nil {
			return err
		}
	}
	if err := c.openExports(); err != nil {
		return err
	}
	var err error
	if c.thanks, err = o.createAttribution(env); err != nil {
		return errors.Join(err, c.closeExports())
	}
	in, err := stream.Open(env, &o.stream, env.Args)
	if err != nil {
		return errors.Join(err, c.thanks.Finish(err), c.closeExports())
	}
	stage.Source = &peeker{Source: in, cropper: c}
	if err := stream.Filter(ctx, env, &o.stream, env.Args, stage); err != nil {
		return errors.Join(err, c.thanks.Finish(err), c.closeExports())
	}
	c.notes()
	return errors.Join(c.finishExports(ctx), o.finishAttribution(env, c.thanks), c.closeExports())
}
