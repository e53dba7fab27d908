package main

import (
	"cmp"
	"context"
	_ "embed"
	"errors"
	"path/filepath"
	"slices"
	"strings"

	"github.com/opensandwich/oi/cmd/internal/cli"
	"github.com/opensandwich/oi/cmd/internal/dataset"
	"github.com/opensandwich/oi/cmd/internal/imagefile"
	"github.com/opensandwich/oi/cmd/internal/model"
	"github.com/opensandwich/oi/cmd/internal/preprocess"
	"github.com/opensandwich/oi/cmd/internal/report"
	"github.com/opensandwich/oi/cmd/internal/stream"
	"github.com/opensandwich/oi/cmd/internal/transfer"
	"github.com/opensandwich/oi/cmd/internal/zoo"
	"github.com/opensandwich/oi/cmd/internal/zoo/named"
)

func main() { cli.Main(command()) }

//go:embed help.txt
var help string

func command() *cli.Command { return commandOf(named.Models{Table: zoo.Backbones()}) }

// commandOf is the command with other networks that are known by name.
func commandOf(models named.Models) *cli.Command {
	o := &options{memory: dataset.DefaultMemory, models: models}
	return &cli.Command{
		Name:      "oi-eval",
		Help:      help,
		HelpParts: map[string]string{"max-pixels": imagefile.MaxPixelsHelp, "skips": stream.SkipsHelp},
		Flags:     o.flags,
		Run:       o.run,
		MinArgs:   1,
		ArgName:   "MODEL",
		NoMinArgs: func() bool { return o.neighbours > 0 },
		Instead: []cli.Instead{
			{Names: []string{"model", "weights", "checkpoint", "ckpt"}, Hint: "the model is the first argument: oi-eval model.onnx crops.oi"},
			{Names: []string{"data", "data-dir", "data-path", "dataset", "dataset-dir", "input", "source", "image", "images"}, Hint: "pictures and items are the arguments after the model: oi-eval model.onnx PHOTO"},
			{Names: []string{"device", "gpu", "gpus", "gpu-id"}, Hint: "it runs on the CPU; -j sets how many cores"},
			{Names: []string{"size", "image-size", "img-size", "imgsz", "target-size", "input-size", "width", "height"}, Hint: "the model says which size it wants"},
			{Names: []string{"output", "out", "o", "outdir", "output-dir", "output-folder", "save-dir"}, Hint: "the report goes to standard output; --report FILE writes it as a page, JSON or Markdown"},
		},
		Input:       "pictures, or what oi-crop writes,",
		InputUnused: func() bool { return o.info || o.recipe || o.demo != "" },
		FirstFiles:  []string{"onnx"},
		Files:       append(stream.FileEndings(), "jpg", "jpeg", "png", "webp"),
	}
}

type options struct {
	stream  stream.Flags
	sets    []string
	emit    bool
	reports []string
	require []string
	info    bool
	demo    string
	batch   int
	memory  dataset.Memory
	repeats dataset.RepeatPolicy

	incomplete bool // shards may be missing

	maxPixels int

	top int

	// of models that oi-train did not write
	labels, normalize, channels string

	models named.Models // that need not be files

	// of backbones
	embed          bool
	features       string
	embeddingDType string
	keepTensor     bool
	neighbours     int
	given          func(flag string) bool // on the command line

	baselinePath, noWorse string
	cam                   bool
	unrelated             []string
	attribution           string
	recipe                bool

	wanted        []string // sets, cleaned
	baseline      *baseline
	requirements  []requirement
	normalization *preprocess.Normalization
}

func (o *options) flags(fs *cli.FlagSet) {
	fs.StringSliceVar(&o.sets, "set", nil, "use the items of these `SETS`: train, val (or validation), test")
	fs.BoolVar(&o.emit, "emit", false, "write the items with their predictions instead of the report")
	fs.StringArrayVar(&o.reports, "report", nil, "also write the report to `FILE`, by its ending .html, .json or .md; may be repeated")
	fs.StringArrayVar(&o.require, "require", nil, "exit with 1 unless a figure is reached, such as `accuracy>=0.9`; may be repeated")
	fs.StringVar(&o.baselinePath, "baseline", "", "compare with another model, whose report is `FILE.json`, on the items that both were judged by")
	fs.StringVar(&o.noWorse, "no-worse-than", "", "exit with 1 unless the accuracy is surely less than `MARGIN` below the baseline's")
	fs.BoolVar(&o.cam, "cam", false, "draw into the page where in the pictures the answers come from")
	fs.StringArrayVar(&o.unrelated, "unrelated", nil, "also report how sure the model is of pictures, a folder or stream `FILE`, that show none of its classes; may be repeated")
	fs.StringVar(&o.attribution, "attribution", "", "write the credits of the photos of a model, report or stream to `FILE`, as .csv, .html or .txt, and do nothing else")
	fs.BoolVar(&o.recipe, "recipe", false, "print a shell script that makes the model again and checks it")
	fs.BoolVar(&o.info, "info", false, "describe the model instead")
	fs.StringVar(&o.demo, "demo", "", "write a page, `FILE.html`, that has the model inside and answers for photos in a browser, offline")
	fs.IntVar(&o.batch, "batch", 32, "ask about `N` pictures at once; the answers do not depend on it")
	fs.Var(&o.memory, "spool-memory", "keep up to this many `BYTES` of items in memory, the rest in a temporary file")
	fs.Var(&o.repeats, "repeats", dataset.RepeatUsage)
	fs.BoolVar(&o.incomplete, "incomplete", false, dataset.IncompleteUsage)
	fs.IntVar(&o.maxPixels, "max-pixels", imagefile.DefaultMaxPixels, imagefile.MaxPixelsUsage)
	fs.IntVar(&o.top, "top", 0, "of a picture, print the `N` most probable answers alone (default all, with --labels 5)")
	fs.StringVar(&o.labels, "labels", "", "ask a model that oi-train did not write, whose answers have the names in `FILE`, one a line")
	fs.StringVar(&o.normalize, "normalize", "", "what a foreign model wants done to the bytes: `CHOICE` is "+preprocess.Choices)
	fs.StringVar(&o.channels, "channels", "", "the `ORDER` in which it wants the channels, rgb or bgr")
	fs.BoolVar(&o.embed, "embed", false, "write the items with what the network makes of their pictures, without their tensors")
	fs.StringVar(&o.features, "features", "", "embed by the value `NAME` of the network")
	fs.StringVar(&o.embeddingDType, "embedding-dtype", string(transfer.Float16), "round the numbers to this `TYPE`, float16 or float32")
	fs.BoolVar(&o.keepTensor, "keep-tensor", false, "with --embed, keep the tensors as well")
	fs.IntVar(&o.neighbours, "neighbours", 0, "without a model: answer by the `K` train items whose embeddings are nearest")
	o.given = fs.Changed
	o.models.Flags(fs)
	o.stream.Register(fs)
	cli.ListOf(fs, "set", dataset.Train, dataset.Val, dataset.Test)
	cli.FilesOf(fs, "report", "html", "json", "md")
	cli.FilesOf(fs, "baseline", "json")
	cli.FilesOf(fs, "demo", "html")
	cli.FilesOf(fs, "attribution", "csv", "html", "txt")
	cli.OneOf(fs, "normalize", preprocess.Names()...)
	cli.Once(fs, "labels", "normalize", "channels", "features")
	cli.AlsoCalled(fs, "set", "subset", "split")
	cli.AlsoCalled(fs, "attribution", "credits", "licenses", "licences")
	cli.AlsoCalled(fs, "emit", "predictions", "predict")
}

// maxBatch keeps memory within reason.
const maxBatch = 1024

// check checks the options. inputs are files not to be written over.
func (o *options) check(inputs []string) error {
	if o.batch < 1 || o.batch > maxBatch {
		return cli.Usagef("--batch %d: want 1 to %d", o.batch, maxBatch)
	}
	if o.top < 0 {
		return cli.Usagef("--top %d: want 1 or more", o.top)
	}
	if o.neighbours < 1 && o.given("neighbours") {
		return cli.Usagef("--neighbours %d: want 1 or more", o.neighbours)
	}
	if o.maxPixels < 1 {
		return cli.Usagef("--max-pixels %d: want 1 or more", o.maxPixels)
	}
	for _, set := range o.sets {
		if set = strings.ToLower(strings.TrimSpace(set)); set == "validation" {
			set = dataset.Val
		}
		switch set {
		case dataset.Train, dataset.Val, dataset.Test:
			if !slices.Contains(o.wanted, set) {
				o.wanted = append(o.wanted, set)
			}
		default:
			return cli.Usagef("--set %s: want train, val or test, or several with commas", set)
		}
	}
	slices.Sort(o.wanted)
	outputs, read := []string{o.stream.Failures}, append(slices.Clone(inputs), o.unrelated...)
	for _, path := range o.reports {
		switch filepath.Ext(path) {
		case ".html", ".json", ".md":
		default:
			return cli.Usagef("--report %s: want a name that ends in .html, .json or .md", path)
		}
		for _, file := range report.OutputFiles(path) {
			if err := cli.CheckOutputFile(file, read...); err != nil {
				return err
			}
			outputs = append(outputs, file)
		}
	}
	if err := cli.CheckDistinct(outputs...); err != nil {
		return err
	}
	for _, text := range o.require {
		r, err := parseRequirement(text)
		if err != nil {
			return err
		}
		o.requirements = append(o.requirements, r)
	}
	if err := cmp.Or(o.checkCAM(), o.checkUnrelated(inputs), o.checkForeign()); err != nil {
		return err
	}
	if err := o.checkDemo(inputs); err != nil {
		return err
	}
	more := o.emit || o.info || o.embed || o.demo != "" || o.neighbours > 0 || len(o.reports)+len(o.require)+len(o.sets) > 0
	more = more || len(o.unrelated) > 0 || o.baselinePath+o.noWorse != ""
	if o.recipe && (more || o.attribution != "" || len(inputs) > 1) {
		return cli.Usagef("--recipe only prints how MODEL is made: it does not go with other files, or with --emit, --info, --embed, --demo, --attribution, --neighbours, --report, --require, --baseline, --unrelated or --set")
	}
	if o.attribution != "" && more {
		return cli.Usagef("--attribution only says whom to thank: it does not go with --emit, --info, --embed, --demo, --neighbours, --report, --require, --baseline, --unrelated or --set")
	}
	if o.baselinePath+o.noWorse != "" && (o.emit || o.info || o.embed) {
		return cli.Usagef("--baseline compares reports: it does not go with --emit, --info or --embed")
	}
	var err error
	if o.baseline, err = readBaseline(o.baselinePath, o.noWorse); err != nil {
		return err
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
	if o.attribution != "" {
		return o.writeAttribution(ctx, env)
	}
	if o.neighbours > 0 {
		return o.findNeighbours(ctx, env, env.Args)
	}
	path, err := o.models.Path(ctx, env, "model", env.Args[0])
	if err != nil {
		return err
	}
	files := env.Args[1:]
	if o.embed {
		in, err := look(env, files)
		if err != nil {
			return err
		}
		if in.pictures {
			return cli.Usagef("--embed needs a stream of items, not pictures")
		}
		return o.embedItems(ctx, env, path, in)
	}
	m, err := o.loadModel(ctx, env, path)
	if o.info && errors.Is(err, model.ErrForeign) && len(files) == 0 {
		return o.describeForeign(env, path, err)
	}
	if err != nil {
		return err
	}
	if o.recipe {
		return m.writeRecipe(env)
	}
	if o.info {
		if len(files) > 0 {
			return cli.Usagef("--info describes the model alone: %s is too much", files[0])
		}
		return m.describe(env, o.stream.JSON != "")
	}
	if o.demo != "" {
		return o.writeDemo(env, m)
	}
	in, err := look(env, files)
	if err != nil {
		return err
	}
	if !in.pictures {
		return o.evaluate(ctx, env, m, in.first, in.names)
	}
	if o.emit || o.baseline != nil || len(o.unrelated) > 0 || len(o.reports)+len(o.require)+len(o.wanted) > 0 {
		return cli.Usagef("--emit, --report, --require, --baseline, --unrelated and --set need a stream of labelled items, not pictures")
	}
	return o.classify(ctx, env, m, in)
}
