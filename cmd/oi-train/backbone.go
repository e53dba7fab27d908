package main

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/opensandwich/oi/cmd/internal/cli"
	"github.com/opensandwich/oi/cmd/internal/preprocess"
	"github.com/opensandwich/oi/cmd/internal/transfer"
	"github.com/opensandwich/oi/cmd/internal/zoo/named"
)

// backboneOptions say of what network the features are.
type backboneOptions struct {
	file      string // or the name of a known one; "": a network is trained from scratch
	list      bool   // the known ones
	models    named.Models
	licence   string
	normalize string
	channels  string
	features  string
	dtype     string
	sample    int // the most items that strengths are tried on
}

func (o *backboneOptions) flags(fs *cli.FlagSet) {
	fs.StringVar(&o.file, "backbone", "", "fit a linear head to the features of a pretrained network, an ONNX `FILE` or the name of a known one, in place of training from scratch")
	cli.FilesOf(fs, "backbone", "onnx")
	fs.BoolVar(&o.list, "backbones", false, "list the known networks, and do nothing else")
	o.models.Flags(fs)
	fs.StringVar(&o.licence, "backbone-licence", "", "`TEXT` that says under what licence the backbone is, for the report and the model")
	fs.StringVar(&o.normalize, "normalize", "", "what the backbone wants done to the bytes: `CHOICE` is "+preprocess.Choices)
	fs.StringVar(&o.channels, "channels", "", "the order in which the backbone takes colours, `rgb|bgr` (default rgb)")
	fs.StringVar(&o.features, "features", "", "take the value `NAME` of the backbone as the features (default what its classifier reads)")
	fs.StringVar(&o.dtype, "embedding-dtype", string(transfer.Float16), "round features to `float16|float32`")
	cli.AlsoCalled(fs, "backbone", "pretrained")
	cli.Once(fs, "backbone", "normalize", "channels", "features")
	cli.OneOf(fs, "normalize", preprocess.Names()...)
}

// What stays in memory with a backbone where --spool-memory is not given:
// pictures, which are read once, and features, which are read again and again.
const (
	backboneMemory = 32 << 20
	featureMemory  = 256 << 20
)

// growth is how much garbage there may be with a backbone before it is collected,
// in percent of what is in use: that of very many items has no pointers that the
// collector has to follow, and twice as much would be most of what a run takes.
const growth = 25

// featureMemory is how many bytes of features may be in memory.
func (o *options) featureMemory() int64 {
	if o.given("spool-memory") {
		return int64(o.memory)
	}
	return featureMemory
}

// Flags of one of the two ways alone.
var (
	scratchFlags  = []string{"arch", "optimizer", "batch", "lr", "lr-schedule", "weight-decay", "patience", "min-delta", "seed", "cutmix", "safetensors", "teacher"}
	backboneFlags = []string{"fine-tune", "backbone-licence", "normalize", "channels", "features", "embedding-dtype"}
)

// checkBackbone checks the options that are about a backbone, or about none.
func (o *options) checkBackbone() error {
	b := &o.backbone
	if b.file == "" {
		for _, flag := range backboneFlags {
			if o.given(flag) {
				return cli.Usagef("--%s is about the network of --backbone, which is not given", flag)
			}
		}
		return nil
	}
	for _, flag := range scratchFlags {
		if o.given(flag) && !(o.tune.layers != "" && slices.Contains(tuneFlags, flag)) {
			return cli.Usagef("--%s is about training from scratch, which --backbone takes the place of", flag)
		}
	}
	switch {
	case !slices.Contains([]string{"", "rgb", "bgr"}, b.channels):
		return cli.Usagef("--channels %s: want rgb or bgr", b.channels)
	case b.channels != "" && b.normalize == "":
		return cli.Usagef("--channels goes with --normalize: want both, or none")
	case b.dtype != string(transfer.Float16) && b.dtype != string(transfer.Float32):
		return cli.Usagef("--embedding-dtype %s: want float16 or float32", b.dtype)
	}
	if b.normalize != "" {
		if _, err := preprocess.Parse(b.normalize, b.channels); err != nil {
			return cli.Usagef("--normalize %w", err)
		}
	}
	return nil
}

// backboneValues are the options that change what is fitted to a backbone. What
// they make of its file stands in model.Backbone.
func (o *options) backboneValues() map[string]any {
	values := map[string]any{"embedding_dtype": o.backbone.dtype, "class_weights": o.weights, "val": o.split.Val, "test": o.split.Test}
	if o.given("epochs") { // of variants
		values["epochs"] = o.epochs
	}
	o.tuneValues(values)
	o.itemValues(values)
	return values
}

// loadBackbone reads the network of --backbone; without the flag it returns nil.
func (o *options) loadBackbone(ctx context.Context, env *cli.Env) (*transfer.File, error) {
	b := &o.backbone
	if b.file == "" {
		return nil, nil
	}
	path, err := b.models.Path(ctx, env, "--backbone", b.file)
	if err != nil {
		return nil, err
	}
	settings := transfer.Options{Features: b.features, DType: transfer.DType(b.dtype), Licence: b.licence, Facts: b.models.Table.Facts}
	if b.normalize != "" {
		n, err := preprocess.Parse(b.normalize, b.channels)
		if err != nil {
			return nil, err
		}
		settings.Normalization = n
	}
	f, err := transfer.Load(path, settings)
	var unsaid *transfer.NormalizationError
	var companion *preprocess.CompanionError
	switch {
	case errors.As(err, &companion):
		err = cli.WithHint(fmt.Errorf("backbone: %w", err), "--normalize says it in place of the file")
	case errors.As(err, &unsaid):
		err = cli.WithHint(err, "torchvision's and the ONNX zoo's take imagenet, Keras' MobileNets -1..1; if it has its classifier, oi-eval --labels NAMES.txt FILE.onnx PHOTO.jpg shows with which one it sees")
	case err != nil:
		err = fmt.Errorf("backbone: %w", err)
	}
	return f, err
}

// suitBackbone makes the backbone for the pictures that have come.
func (o *options) suitBackbone(env *cli.Env, d *data, f *transfer.File) (*transfer.Backbone, error) {
	size := d.items.Size()
	if size.Height != size.Width {
		return nil, cli.WithHint(fmt.Errorf("backbones take square pictures, these are %v", size), fmt.Sprintf("oi-crop --size %d", size.Height))
	}
	context := d.items.Context()
	if context.Height != context.Width {
		return nil, cli.WithHint(fmt.Errorf("backbones take square pictures, the second views are %v", context), fmt.Sprintf("oi-crop --two-views %d", context.Height))
	}
	b, err := f.Views(size.Height, context.Height)
	var other *transfer.SideError
	var second *transfer.ContextError
	if errors.As(err, &second) && errors.As(err, &other) {
		return nil, cli.WithHint(err, fmt.Sprintf("cut the second views anew: oi-crop --two-views %d", other.Declared))
	}
	if errors.As(err, &other) {
		return nil, cli.WithHint(err, fmt.Sprintf("cut the crops anew: oi-crop --size %d", other.Declared))
	}
	if err != nil {
		return nil, fmt.Errorf("backbone: %w", err)
	}
	if text := b.DeclaredText(); text != "" {
		env.Infof("%s", text)
	}
	env.Infof("backbone %s: %d parameters, licence %s, pixels %s", b.Name, b.Parameters, b.Licence, b.Preprocessing)
	if text := b.Views(); text != "" {
		env.Infof("%s", text)
		d.notes = append(d.notes, "The model looks at "+text+". Of a photo alone both are the whole of it.")
	}
	env.Infof("features: %s; %d numbers a picture, %s; identity %s", b.Cut, b.Dim, b.DType, b.Of)
	d.backbone = &b.Backbone
	return b, d.embedded.suit(b)
}
