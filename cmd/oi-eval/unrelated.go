package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/opensandwich/oi/cmd/internal/cli"
	"github.com/opensandwich/oi/cmd/internal/dataset"
	"github.com/opensandwich/oi/cmd/internal/pix"
	"github.com/opensandwich/oi/cmd/internal/report"
	"github.com/opensandwich/oi/cmd/internal/stream"
)

// checkUnrelated checks --unrelated, next to the arguments.
func (o *options) checkUnrelated(args []string) error {
	if len(o.unrelated) == 0 {
		return nil
	}
	if o.emit || o.info || o.embed || o.neighbours > 0 || o.demo != "" {
		return cli.Usagef("--unrelated adds to a report: it does not go with --emit, --info, --embed, --neighbours or --demo")
	}
	for i, name := range o.unrelated {
		if name != "-" {
			if _, err := os.Stat(name); err != nil {
				return cli.Usagef("--unrelated: want pictures, folders of them or streams: %w", err)
			}
		} else if slices.Contains(o.unrelated[:i], "-") || len(args) < 2 || slices.Contains(args[1:], "-") {
			return cli.Usagef("--unrelated -: standard input can be read once, and the items to judge by come from there")
		}
	}
	return nil
}

// A stranger asks a model about pictures that show none of its classes.
type stranger struct {
	*evaluation
	predictor predictor
	targets   []pix.Target // of each photo
	result    *report.Unrelated
	related   int64 // items that are labelled with a class of the model
}

// askUnrelated asks the model about pictures that show none of its classes. The
// result is nil if there are none to ask about.
func (e *evaluation) askUnrelated(ctx context.Context) (*report.Unrelated, error) {
	o, m := e.options, e.model
	if len(o.unrelated) == 0 {
		return nil, nil
	}
	predictor, err := m.Predictor(1, o.stream.Workers())
	if err != nil {
		return nil, err
	}
	defer predictor.Close()
	targets, err := m.targets()
	if err != nil {
		return nil, err
	}
	s := &stranger{evaluation: e, predictor: predictor, targets: targets, result: &report.Unrelated{Threshold: cmp.Or(m.unsure, report.DefaultConfident)}}
	for _, name := range o.unrelated {
		if isFolder(name) {
			err = walk(ctx, name, func(path string) error { return s.file(ctx, path, true) }, s.refuse)
		} else {
			err = s.file(ctx, name, false)
		}
		if err != nil {
			return nil, err
		}
	}
	if s.related > 0 {
		e.warn(fmt.Sprintf("--unrelated: left out %d items that are labelled with a class of the model", s.related))
	}
	if s.result.Photos == 0 {
		return nil, fmt.Errorf("--unrelated %s: no picture there", strings.Join(o.unrelated, " "))
	}
	s.result.Finish()
	return s.result, nil
}

// refuse says what is left out.
func (s *stranger) refuse(err error) { s.warn(fmt.Sprintf("--unrelated: left out %v", err)) }

// file asks about a picture or the items of a stream. In a folder only pictures
// count: there may be a list of them, and streams.
func (s *stranger) file(ctx context.Context, path string, inFolder bool) error {
	file, kind, err := open(s.env, path)
	var pixels []byte
	switch {
	case err == nil && kind == isRecords && !inFolder:
		return s.stream(ctx, path, file)
	case err == nil && kind != isPicture && inFolder:
		return file.Close()
	case err == nil && kind != isPicture:
		return errors.Join(noPicture(file), file.Close())
	case err == nil:
		pixels, err = s.model.photo(file, s.options.maxPixels, s.targets)
		err = errors.Join(err, file.Close())
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err != nil {
		s.refuse(err)
		return nil
	}
	return s.ask("file "+path, filepath.Base(path), pixels)
}

// stream asks about the items of a stream.
func (s *stranger) stream(ctx context.Context, name string, file *stream.File) (err error) {
	in, err := stream.OpenFrom(s.env, &s.options.stream, file, []string{name})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, in.Close()) }()
	for item, err := range in.Items() {
		if err == nil {
			err = context.Cause(ctx)
		}
		if err != nil {
			return err
		}
		if _, known := s.model.index[labelOf(item)]; known {
			s.related++
			continue
		}
		size, err := dataset.SizeOf(item)
		if err == nil && size != s.model.Size() {
			err = fmt.Errorf("item %s is %v pixels, the model takes %v", dataset.KeyOf(item), size, s.model.Size())
		}
		if err == nil {
			err = s.model.checkContext(item)
		}
		if err != nil {
			return fmt.Errorf("--unrelated %s: %w", name, err)
		}
		if err := s.ask(dataset.GroupOf(item), dataset.KeyOf(item), s.model.look(item)); err != nil {
			return err
		}
	}
	return context.Cause(ctx)
}

// ask asks about one picture of a group.
func (s *stranger) ask(group, name string, pixels []byte) error {
	rows, err := s.predictor.Predict([][]byte{pixels})
	if err != nil {
		return fmt.Errorf("--unrelated: %s: %w", name, err)
	}
	said := report.ArgMax(rows[0])
	s.result.Add(group, report.UnrelatedPhoto{File: name, Answer: s.model.Classes()[said], Probability: float64(rows[0][said])})
	return nil
}
