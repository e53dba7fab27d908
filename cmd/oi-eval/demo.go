package main

import (
	"bytes"
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/opensandwich/oi/cmd/internal/cli"
	"github.com/opensandwich/oi/cmd/internal/dataset"
	"github.com/opensandwich/oi/cmd/internal/demo"
	"github.com/opensandwich/oi/cmd/internal/export/credits"
	"github.com/opensandwich/oi/cmd/internal/onnx"
	"github.com/opensandwich/oi/cmd/internal/report"
)

// checkDemo checks --demo. inputs are files not to be written over.
func (o *options) checkDemo(inputs []string) error {
	switch {
	case o.demo == "":
		return nil
	case filepath.Ext(o.demo) != ".html":
		return cli.Usagef("--demo %s: want a name that ends in .html", o.demo)
	case o.emit || o.info || o.embed || o.neighbours > 0 || len(o.reports)+len(o.require)+len(o.sets) > 0 || o.baselinePath+o.noWorse != "":
		return cli.Usagef("--demo makes a page of the model alone: it does not go with --emit, --info, --embed, --neighbours, --report, --require, --baseline or --set")
	case len(inputs) > 1:
		return cli.Usagef("--demo makes a page of the model alone: %s is too much", inputs[1])
	}
	return cli.CheckOutputFile(o.demo, inputs...)
}

// writeDemo writes the page that answers for photos in a browser.
func (o *options) writeDemo(env *cli.Env, m *trained) error {
	if err := m.Suit(env, dataset.Size{}); err != nil {
		return err
	}
	if size := m.Size(); size.Height != size.Width {
		return fmt.Errorf("the model takes pictures of %v, and photos are scaled to squares only", size)
	}
	if err := m.errTwoViews("--demo makes a page that shows photos whole"); err != nil {
		return err
	}
	file, err := m.portable()
	if err != nil {
		return fmt.Errorf("model %s: %w", m.path, err)
	}
	page, err := o.page(m, file)
	if err != nil {
		return err
	}
	err = report.WriteFiles(report.File{Path: o.demo, Write: page.Write})
	var size *demo.SizeError
	if errors.As(err, &size) {
		return cli.WithHint(fmt.Errorf("model %s: %w", m.path, size), "a smaller network, or a head on a smaller backbone, fits into a page")
	}
	if err != nil {
		return err
	}
	env.Infof("open %s in a browser; it works without a network", o.demo)
	return nil
}

// page is what the page says of the model.
func (o *options) page(m *trained, file []byte) (*demo.Page, error) {
	d, err := m.description()
	if err != nil {
		return nil, err
	}
	name := strings.TrimSuffix(filepath.Base(m.path), ".onnx")
	if name == "-" || name == "" {
		name = "model"
	}
	pad, filter, err := m.shape()
	if err != nil {
		return nil, err
	}
	p := &demo.Page{Title: name, Model: file, Classes: m.Classes(), UnsureBelow: m.unsure, Pad: string(pad), Filter: string(filter), Notes: d.Notes}
	about := func(name, format string, args ...any) {
		p.About = append(p.About, demo.Fact{Name: name, Text: fmt.Sprintf(format, args...)})
	}
	about("network", "%s, %s parameters; looks at %d by %d pixels", m.Arch(), grouped(m.Parameters()), d.Input.Width, d.Input.Height)
	if b := d.Backbone; b != nil {
		about("backbone", "%s, licence: %s", b.Name, b.Licence)
	}
	figures, err := m.figures()
	if err != nil {
		return nil, err
	}
	if figures.Items > 0 {
		text := fmt.Sprintf("%.1f %% of %s pictures of the set %s", 100*figures.Accuracy, grouped(figures.Items), figures.Set)
		if i := figures.Interval; i.By != "" {
			text += fmt.Sprintf("; 95 %% interval %.1f to %.1f %%, %s", 100*i.Low, 100*i.High, i.Basis())
		}
		about("answers right", "%s", text)
	}
	if m.unsure > 0 {
		about("unsure", "an answer of less than %g %%", 100*m.unsure)
	}
	if d.TrainedIDs > 0 {
		about("trained on", "%s photos", grouped(d.TrainedIDs))
	}
	for _, l := range d.Licences {
		about("photos' licence", "%s: %s photos by %s known authors", credits.LicenceName(l.License), grouped(l.Photos), grouped(l.Authors))
	}
	if m.foreign && o.labels == "" {
		p.Notes = append(p.Notes, "Nobody said what its answers are called: they are numbered from 0.")
	}
	about("file", "%s, SHA-256 %s", filepath.Base(m.path), m.hash)
	if d.Run != "" {
		about("run", "%s", d.Run)
	}
	return p, nil
}

// grouped writes a number with commas between thousands.
func grouped(n int) string {
	text := strconv.Itoa(n)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}

// portable is the network without what its file remembers of the training.
func (n scratch) portable() ([]byte, error) {
	var b bytes.Buffer
	err := n.of.WriteONNX(&b, "", nil)
	return b.Bytes(), err
}

func (m *combined) portable() ([]byte, error) { return onnx.Encode(m.of.Graph, "", "") }

func (m *foreign) portable() ([]byte, error) { return onnx.Encode(m.of.Graph, "", "") }
