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

// canDrawMaps returns an error, before anything is asked, if the model has no
// activation maps and they are asked for. One that oi-train did not write is
// looked at once the size of the pictures is known.
func (o *options) canDrawMaps(m *trained) error {
	if !o.cam || m.foreign {
		return nil
	}
	maps, err := o.openMaps(m)
	if err == nil {
		maps.Close()
	}
	return err
}

// openMaps prepares the activation maps of a model.
func (o *options) openMaps(m *trained) (*transfer.ActivationMaps, error) {
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
	maps, err := e.options.openMaps(e.model)
	if err != nil {
		return err
	}
	defer maps.Close()
	return evaluated.DrawMaps(func(pixels []byte, class string) (report.Heat, error) {
		scores, err := maps.Map(pixels, e.model.index[class])
		return report.Heat{Height: maps.Height, Width: maps.Width, Scores: scores}, err
	})
}
