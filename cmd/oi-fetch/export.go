package main

import (
	"context"
	"errors"
	"fmt"
	"maps"

	"github.com/opensandwich/oi/cmd/internal/cli"
	"github.com/opensandwich/oi/cmd/internal/export/detection"
	"github.com/opensandwich/oi/cmd/internal/stream"
	"github.com/opensandwich/oi/record"
)

// exportOptions are the flags of --photos.
type exportOptions struct {
	dir         string
	annotations string
	groups      string
	force       bool
}

func (o *exportOptions) register(fs *cli.FlagSet) {
	fs.StringVar(&o.dir, "photos", "", "also write the photos and their boxes for detectors to `DIR`")
	fs.StringVar(&o.annotations, "annotations", "", "the form of the boxes in --photos: `coco|yolo|voc`")
	fs.StringVar(&o.groups, "group-of", "", "`drop|keep` boxes around groups in --photos (default keep, for yolo drop)")
	fs.BoolVar(&o.force, "force", false, "replace the --photos of another run")
	cli.AlsoCalled(fs, "annotations", "format", "export-format")
	cli.AlsoCalled(fs, "photos", "dir", "output", "folder", "directory", "outdir", "out-dir", "output-dir", "output-folder", "dest", "dest-dir", "download-folder", "download-dir", "export-dir", "save-dir")
}

// open checks the flags and begins an export, nil if none is wanted. args are
// those of the stage.
func (o *exportOptions) open(env *cli.Env, part bool, maxPixels int, args map[string]string) (*detection.Export, error) {
	if o.dir == "" {
		for name, given := range map[string]bool{"annotations": o.annotations != "", "group-of": o.groups != "", "force": o.force} {
			if given {
				return nil, cli.Usagef("--%s is for --photos, which is not given", name)
			}
		}
		return nil, nil
	}
	if o.annotations == "" {
		return nil, cli.WithHint(cli.Usagef("--photos needs the form of the boxes"), "--annotations coco, yolo or voc")
	}
	format, err := detection.ParseFormat(o.annotations)
	if err != nil {
		return nil, cli.Usagef("--annotations: %w", err)
	}
	groups := o.groups
	switch groups {
	case "":
		groups = format.DefaultGroups()
	case detection.DropGroups, detection.KeepGroups:
	default:
		return nil, cli.Usagef("--group-of %s: want drop or keep", groups)
	}
	if part {
		return nil, cli.WithHint(cli.Usagef("--photos does not go with --part: the files of annotations need all items"),
			"join the pieces first: … | oi-fetch --photos DIR; photos in the cache are not asked for again")
	}
	args = maps.Clone(args)
	args["annotations"], args["group-of"] = string(format), groups
	return detection.Open(detection.Options{
		Dir: o.dir, Format: format, Groups: groups, Force: o.force, MaxPixels: maxPixels,
		Stage: record.Stage{Tool: env.Name, Version: env.Version, Args: args},
	}), nil
}

// header begins a segment of the export, and returns what is done to its items.
func (p *photos) header(h *record.Header) (stream.Func, error) {
	p.segment++
	number := p.segment
	if p.export == nil {
		return func(ctx context.Context, item *record.Item) (stream.Result, error) { return p.do(ctx, number, item) }, nil
	}
	segment, err := p.export.Begin(h)
	if err != nil {
		return nil, fmt.Errorf("--photos: %w", err)
	}
	return func(ctx context.Context, item *record.Item) (stream.Result, error) {
		result, err := p.do(ctx, number, item)
		if err != nil || len(result.Items) == 0 {
			return result, err
		}
		v, ok := p.waiting.Load(item)
		if !ok {
			return result, fmt.Errorf("record %s came without its photo", item.Key)
		}
		if err := p.export.Add(ctx, segment, item, v.(waiting).Bytes); err != nil {
			return result, fmt.Errorf("--photos: %w", err)
		}
		return result, nil
	}, nil
}

// finishExport writes the annotations and says what there is.
func finishExport(ctx context.Context, env *cli.Env, e *detection.Export, counts record.StageCounts) error {
	s, err := e.Finish(ctx, counts)
	if err != nil {
		return fmt.Errorf("--photos: %w", err)
	}
	for _, line := range e.Lines(s) {
		env.Infof("%s", line)
	}
	for _, w := range e.Warnings(s) {
		env.Warnf("%s", w.Text)
		if w.Next != "" {
			env.Warnf("hint: %s", w.Next)
		}
	}
	env.Infof("read it with: %s", e.Load(s, e.Dir))
	return nil
}

// closeExport closes an export, if there is one.
func closeExport(e *detection.Export, err error) error {
	if e == nil {
		return err
	}
	return errors.Join(err, e.Close())
}
