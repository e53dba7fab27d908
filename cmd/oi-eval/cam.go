package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/opensandwich/oi/cmd/internal/cli"
	"github.com/opensandwich/oi/cmd/internal/report"
	"github.com/opensandwich/oi/cmd/internal/transfer"
)

// checkCAM checks --cam.
func (o *options) checkCAM() error {
	if o.cam && o.neighbours > 0 {
		return cli.Usagef("--cam looks into a network: it does not go with --neighbours")
	}
	if o.cam && !slices.ContainsFunc(o.reports, func(path string) bool { return strings.HasSuffix(path, ".html") }) {
		return cli.Usagef("--cam draws into the page of --report FILE.html, which is not asked for")
	}
	return nil
}

// prepareMaps prepares the activation maps, if they are asked for, and returns an
// error before anything is asked if the model has none. That of others comes
// once the size of the pictures is known.
func (e *evaluation) prepareMaps() (err error) {
	if e.options.cam && !e.model.foreign {
		e.maps, err = e.options.openMaps(e.model)
	}
	return err
}

// openMaps prepares the activation maps of a model.
func (o *options) openMaps(m *trained) (*transfer.ActivationMaps, error) {
	if err := m.errTwoViews("--cam looks into a network of one picture"); err != nil {
		return nil, err
	}
	g, err := m.graph()
	if err != nil {
		return nil, err
	}
	maps, err := transfer.NewActivationMaps(g, len(m.Classes()), o.stream.Workers())
	if err != nil {
		return nil, fmt.Errorf("--cam: model %s has no activation maps: %w", m.path, err)
	}
	return maps, nil
}

// drawMaps draws activation maps into the examples of an evaluation, if they
// are asked for.
func (e *evaluation) drawMaps(evaluated *report.Evaluation) error {
	if !e.options.cam {
		return nil
	}
	if e.embedded.use() {
		return errors.New("--cam: the items came as embeddings, without pixels to look at")
	}
	maps := e.maps
	if maps == nil {
		var err error
		if maps, err = e.options.openMaps(e.model); err != nil {
			return err
		}
		e.maps = maps
	}
	return evaluated.DrawMaps(func(pixels []byte, class string) (report.Heat, error) {
		scores, err := maps.Map(pixels, e.model.index[class])
		return report.Heat{Height: maps.Height, Width: maps.Width, Scores: scores}, err
	})
}
