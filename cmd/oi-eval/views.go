package main

import (
	"errors"
	"fmt"
	"slices"

	"github.com/opensandwich/oi/cmd/internal/cli"
	"github.com/opensandwich/oi/cmd/internal/dataset"
	"github.com/opensandwich/oi/cmd/internal/pix"
	"github.com/opensandwich/oi/cmd/internal/report"
	"github.com/opensandwich/oi/cmd/internal/stream"
	"github.com/opensandwich/oi/record"
)

// checkContext checks that an item has the second view that the model takes.
func (m *trained) checkContext(item *record.Item) error {
	side := m.Context()
	if side == 0 {
		return nil
	}
	size, err := dataset.ContextOf(item)
	switch {
	case err != nil:
		return err
	case size == dataset.Size{}:
		err = fmt.Errorf("item %s has one view, and the model looks at two", dataset.KeyOf(item))
	case size != dataset.Size{Height: side, Width: side}:
		err = fmt.Errorf("item %s has a context of %v pixels, the model takes %dx%d", dataset.KeyOf(item), size, side, side)
	default:
		return nil
	}
	return cli.WithHint(err, fmt.Sprintf("cut them with oi-crop --size %d --two-views %d%s", m.Size().Width, side, m.viewContext()))
}

// viewContext is the option by which the second views were cut that the model was
// trained on, as far as its trail tells.
func (m *trained) viewContext() string {
	var trail []report.Stage
	if m.get("trail", &trail) != nil { // who wants the trail itself is told
		return ""
	}
	for _, stage := range slices.Backward(trail) {
		if share := stage.Args["view_context"]; stage.Tool == "oi-crop" && share != "" {
			return " --view-context " + cli.ShellWord(share)
		}
	}
	return ""
}

// look returns what the model looks at of an item that suits it.
func (m *trained) look(item *record.Item) []byte {
	if m.Context() == 0 {
		return item.Tensor.Data
	}
	return dataset.Views(item)
}

// shape is how a photo becomes a square for the model: as the crops did that it
// was trained on, as far as its trail tells.
func (m *trained) shape() (pix.Pad, pix.Filter, error) {
	if m.foreign { // the trail would be somebody else's
		return pix.PadNone, pix.Area, nil
	}
	var trail []report.Stage
	err := m.get("trail", &trail)
	pad, filter := report.Shape(trail)
	return pad, filter, err
}

// targets are the squares that a photo becomes for the model, one for each view
// of another size.
func (m *trained) targets() ([]pix.Target, error) {
	side, context := m.Size().Height, m.Context()
	pad, filter, err := m.shape()
	targets := []pix.Target{{Width: side, Height: side, Pad: pad, Filter: filter}}
	if context > 0 && context != side {
		targets = append(targets, pix.Target{Width: context, Height: context, Pad: pad, Filter: filter})
	}
	return targets, err
}

// photo reads the whole picture in a file as what the model looks at: for one of
// two views, both are the whole picture.
func (m *trained) photo(file *stream.File, maxPixels int, targets []pix.Target) ([]byte, error) {
	views, err := readPhoto(file, maxPixels, targets...)
	if err == nil && m.Context() == targets[0].Height {
		views = append(views, views[0])
	}
	return slices.Concat(views...), err
}

// errTwoViews is what cannot be done with a model of two views.
func (m *trained) errTwoViews(what string) error {
	if m.Context() == 0 {
		return nil
	}
	return cli.WithHint(errors.New(what+": the model looks at two views, and one is needed"), "train one on crops that were cut without oi-crop --two-views")
}
