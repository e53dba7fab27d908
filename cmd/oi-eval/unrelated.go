package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/opensandwich/oi/cmd/internal/cli"
	"github.com/opensandwich/oi/cmd/internal/report"
)

// checkUnrelated checks --unrelated.
func (o *options) checkUnrelated() error {
	switch {
	case o.unrelated == "":
		return nil
	case o.emit || o.info || o.embed || o.neighbours > 0 || o.demo != "":
		return cli.Usagef("--unrelated adds to a report: it does not go with --emit, --info, --embed, --neighbours or --demo")
	case !isFolder(o.unrelated):
		return cli.Usagef("--unrelated %s: want a folder of photos", o.unrelated)
	}
	return nil
}

// askUnrelated asks the model about photos that show none of its classes. The
// result is nil if there are none to ask about.
func (e *evaluation) askUnrelated(ctx context.Context) (u *report.Unrelated, err error) {
	o, m := e.options, e.model
	if o.unrelated == "" {
		return nil, nil
	}
	predictor, err := m.Predictor(1, o.stream.Workers())
	if err != nil {
		return nil, err
	}
	defer predictor.Close()
	u = &report.Unrelated{Threshold: cmp.Or(m.unsure, report.DefaultConfident)}
	refuse := func(err error) { e.warn(fmt.Sprintf("--unrelated: left out %v", err)) }
	each := func(path string) error {
		file, kind, err := open(e.env, path)
		if err == nil && kind != isPicture {
			return file.Close() // there may be a list of the photos next to them
		}
		var pixels []byte
		if err == nil {
			pixels, err = readPhoto(file, o.maxPixels, m.Size().Height)
			err = errors.Join(err, file.Close())
		}
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case err != nil:
			refuse(err)
			return nil
		}
		rows, err := predictor.Predict([][]byte{pixels})
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		said := report.ArgMax(rows[0])
		u.Add(report.UnrelatedPhoto{File: filepath.Base(path), Answer: m.Classes()[said], Probability: float64(rows[0][said])})
		return nil
	}
	if err := walk(ctx, o.unrelated, each, refuse); err != nil {
		return nil, err
	}
	if u.Photos == 0 {
		return nil, fmt.Errorf("--unrelated %s: no picture in this folder", o.unrelated)
	}
	u.Finish()
	return u, nil
}
