package main

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/opensandwich/oi/cmd/internal/cli"
	"github.com/opensandwich/oi/cmd/internal/dataset"
	"github.com/opensandwich/oi/cmd/internal/export/credits"
	"github.com/opensandwich/oi/cmd/internal/model"
	"github.com/opensandwich/oi/cmd/internal/report"
)

// A trained is a model as it was read from its file.
type trained struct {
	classifier
	path    string
	hash    string         // SHA-256 of the file
	index   map[string]int // of the classes
	known   dataset.Known  // photos it was trained on
	meta    map[string]string
	foreign bool    // oi-train did not write it
	unsure  float64 // below this probability an answer is unsure
}

// loadModel reads a model: one of oi-train, or any other where --labels names
// its answers. It may be a pipe, of which no more is read than a model can
// have, and reading ends with ctx.
func (o *options) loadModel(ctx context.Context, env *cli.Env, path string) (*trained, error) {
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		return nil, cli.WithHint(fmt.Errorf("model %s: a folder", path), "the first argument is the model: oi-eval burger.onnx "+path)
	}
	file, err := env.Open(path)
	if err != nil {
		return nil, fmt.Errorf("model: %w", err)
	}
	defer func() { _ = file.Close() }() // nothing was written
	data, err := model.ReadFile(&until{ctx, file})
	m := &trained{path: path, index: map[string]int{}}
	if err == nil {
		err = m.parse(data)
	}
	switch {
	case errors.Is(err, model.ErrForeign) && o.labels+o.demo != "":
		m.foreign = true
		if m.classifier, err = o.loadForeign(path); err != nil {
			return nil, err
		}
	case err != nil:
		return nil, cli.WithHint(fmt.Errorf("model %s: %w", path, err), modelHint(path, err))
	case o.labels != "" || o.normalize != "":
		return nil, cli.Usagef("--labels and --normalize are for models that oi-train did not write: %s has names and normalisation in it", path)
	}
	sum := sha256.Sum256(data)
	m.hash = hex.EncodeToString(sum[:])
	for i, class := range m.Classes() {
		m.index[class] = i
	}
	if m.known, err = dataset.DecodeKnown(m.meta["trained_on_ids"], m.meta["trained_on"]); err != nil {
		return nil, fmt.Errorf("model %s: %w", path, err)
	}
	var certainty report.Certainty
	if err := m.get("certainty", &certainty); err != nil {
		return nil, err
	}
	m.unsure = certainty.UnsureBelow
	return m, nil
}

// parse reads a file of oi-train, of either kind.
func (m *trained) parse(data []byte) error {
	c, err := model.ReadClassifier(data)
	if errors.Is(err, model.ErrForeign) {
		var n *model.Network
		n, m.meta, err = model.ReadONNX(bytes.NewReader(data))
		m.classifier = scratch{n}
		return err
	}
	if err != nil {
		return err
	}
	m.meta = c.Meta
	m.classifier, err = newCombined(c, data)
	return err
}

// forgets says in words what the model does not remember of the photos it was
// trained on, "" if it remembers all that there is.
func (m *trained) forgets() string {
	ids, pictures := m.known.Len()
	switch {
	case ids+pictures == 0:
		return "the model does not remember which photos it was trained on: any of these may be among them"
	case ids == 0:
		return "the model remembers the photos it was trained on by their bytes alone, as older versions of oi-train made it: the same photo in another size counts as not seen"
	case pictures == 0:
		return "the model remembers the photos it was trained on by their ids alone: the same photo under another id counts as not seen"
	}
	return ""
}

// until reads until ctx ends.
type until struct {
	ctx context.Context
	r   io.Reader
}

func (u *until) Read(p []byte) (int, error) {
	if u.ctx.Err() != nil {
		return 0, context.Cause(u.ctx)
	}
	return u.r.Read(p)
}

// modelHint says what to do about a file that is no model to be used, "" if
// nothing can be said.
func modelHint(path string, err error) string {
	switch {
	case errors.Is(err, model.ErrForeign):
		return "oi-eval --labels NAMES.txt asks models that oi-train did not write, and --info describes them"
	case errors.Is(err, model.ErrNotONNX) && strings.EqualFold(filepath.Ext(path), ".onnx"):
		return "look what it begins with: a page or a pointer of Git LFS may have been saved in its place"
	case errors.Is(err, model.ErrNotONNX):
		return "the first argument is the model: oi-eval burger.onnx " + path
	case errors.Is(err, model.ErrTruncated), errors.Is(err, model.ErrDamaged):
		return "copy the file again from where it was trained, or train it again"
	case errors.Is(err, model.ErrVersion):
		return "use the oi-eval that came with that oi-train, or a newer one"
	}
	return ""
}

// get decodes one JSON entry of the metadata. An entry that is not there
// leaves to as it is.
func (m *trained) get(key string, to any) error {
	text, ok := m.meta[key]
	if !ok {
		return nil
	}
	if err := json.Unmarshal([]byte(text), to); err != nil {
		return fmt.Errorf("model %s: metadata %s: %w", m.path, key, err)
	}
	return nil
}

// input is the shape of the pictures that the model takes.
func (m *trained) input() report.Input {
	return report.Input{Height: m.Size().Height, Width: m.Size().Width, Channels: channels, Context: m.Context()}
}

// description is what --info tells.
type description struct {
	File       string                    `json:"file"`
	SHA256     string                    `json:"sha256"`
	Run        string                    `json:"run"`
	Classes    []string                  `json:"classes"`
	Input      report.Input              `json:"input"`
	Arch       string                    `json:"architecture"`
	Parameters int                       `json:"parameters"`
	Layers     []layer                   `json:"layers"`
	Weights    string                    `json:"weights_sha256"`
	Backbone   *model.Backbone           `json:"backbone,omitempty"`
	TrainedOn  int                       `json:"trained_on"` // photos, by their bytes
	TrainedIDs int                       `json:"trained_on_ids"`
	BestEpoch  string                    `json:"best_epoch,omitempty"`
	Stopped    string                    `json:"stopped,omitempty"`
	Head       *report.Head              `json:"head,omitempty"`
	Metrics    json.RawMessage           `json:"metrics,omitempty"`
	Sets       map[string]map[string]int `json:"sets,omitempty"`
	Options    map[string]any            `json:"options,omitempty"`
	Licences   []report.LicenceCount     `json:"licences,omitempty"`
	Trail      []report.Stage            `json:"trail,omitempty"`
	Provenance report.Provenance         `json:"provenance"`
	Certainty  *report.Certainty         `json:"certainty,omitempty"`
	Notes      []string                  `json:"notes,omitempty"`
}

type layer struct {
	model.Layer
	Shape []int `json:"shape"` // of its output
}

func (m *trained) description() (*description, error) {
	d := &description{
		File: m.path, SHA256: m.hash, Run: m.meta["run"], Classes: m.Classes(), Input: m.input(),
		Arch: m.Arch(), Parameters: m.Parameters(), Weights: m.WeightsHash(), Backbone: m.Backbone(),
		BestEpoch: m.meta["best_epoch"], Stopped: m.meta["stopped"],
	}
	d.TrainedIDs, d.TrainedOn = m.known.Len()
	var err error
	if d.Layers, err = m.layers(); err != nil {
		return nil, err
	}
	return d, errors.Join(
		m.get("metrics", &d.Metrics), m.get("sets", &d.Sets), m.get("options", &d.Options), m.get("licences", &d.Licences),
		m.get("trail", &d.Trail), m.get("provenance", &d.Provenance), m.get("notes", &d.Notes),
		m.get("certainty", &d.Certainty), m.get("head", &d.Head))
}

// figures are those that the model was given by oi-train.
type figures struct {
	Set      string
	Items    int
	Accuracy float64
	LogLoss  float64         `json:"log_loss"`
	Interval report.Interval `json:"accuracy_interval"`
	Baseline float64
	Report   struct {
		Macro struct {
			F1 float64 `json:"f1-score"`
		} `json:"macro avg"`
	}
}

func (m *trained) figures() (f figures, err error) {
	err = m.get("metrics", &f)
	return f, err
}

// describe prints what the model is and where it came from.
func (m *trained) describe(env *cli.Env, asJSON bool) error {
	d, err := m.description()
	if err != nil {
		return err
	}
	if asJSON {
		e := json.NewEncoder(env.Stdout)
		e.SetEscapeHTML(false)
		e.SetIndent("", "  ")
		return e.Encode(d)
	}
	metrics, err := m.figures()
	if err != nil {
		return err
	}
	var b strings.Builder
	line := func(name, format string, args ...any) {
		fmt.Fprintf(&b, "%-12s %s\n", name, cli.Escape(fmt.Sprintf(format, args...)))
	}
	line("model", "%s, run %s", d.File, d.Run)
	line("classes", "%s", strings.Join(d.Classes, ", "))
	line("input", "%dx%d pixels, %d channels", d.Input.Width, d.Input.Height, d.Input.Channels)
	if side := d.Input.Context; side > 0 {
		line("", "two views: the second, with more of the photo, is %dx%d pixels", side, side)
	}
	if b := d.Backbone; b != nil {
		line("network", "%s, %d parameters", d.Arch, d.Parameters)
		line("backbone", "%s, licence: %s, made by %s", b.Name, b.Licence, cmp.Or(b.Producer, "an unknown program"))
		line("", "of %s", b.Of)
		line("", "file %s", b.FileSHA256)
		line("", "features %s; %d numbers, %s", b.Cut, b.Dim, b.DType)
		line("", "preprocessing: %s", b.Preprocessing)
	} else {
		line("network", "%s, %d parameters in %d layers", d.Arch, d.Parameters, len(d.Layers))
		line("", "preprocessing: in the network, which takes the bytes of RGB as they are")
	}
	if t := d.Provenance.Teacher; t != nil {
		line("teacher", "%s, %d parameters, run %s", t.Architecture, t.Parameters, t.Run)
		line("", "file %s", t.FileSHA256)
	}
	for _, l := range d.Layers {
		line("", "%-9s -> %s", l.Kind, strings.ReplaceAll(strings.Trim(fmt.Sprint(l.Shape), "[]"), " ", "x"))
	}
	if metrics.Items > 0 {
		line("figures", "accuracy %.4f, log loss %.4f on %d items of %s", metrics.Accuracy, metrics.LogLoss, metrics.Items, metrics.Set)
		if metrics.Baseline > 0 { // which older models do not have
			line("", "macro F1 %.4f; always the largest class would be right for %.4f", metrics.Report.Macro.F1, metrics.Baseline)
		}
		if i := metrics.Interval; i.By != "" { // older models took items for independent
			line("", "95%% interval of the accuracy %.4f to %.4f %s", i.Low, i.High, i.Basis())
		}
	}
	if d.Stopped != "" {
		line("training", "%s; the weights are those of epoch %s", d.Stopped, d.BestEpoch)
	}
	if h := d.Head; h != nil {
		line("training", "a head fitted to %d rows, C=%g chosen by %s", h.Rows, h.C, h.Chosen)
	}
	if text := d.Certainty.Text(); text != "" {
		line("certainty", "%s", text)
	}
	if len(d.Sets) > 0 {
		var sets []string
		for _, set := range []string{dataset.Train, dataset.Val, dataset.Test} {
			sets = append(sets, fmt.Sprintf("%s %d", set, dataset.Counts(d.Sets).Of(set)))
		}
		line("items", "%s", strings.Join(sets, ", "))
	}
	line("trained on", "%d photos known by their ids, %d by their bytes", d.TrainedIDs, d.TrainedOn)
	if forgets := m.forgets(); forgets != "" {
		line("", "%s", forgets)
	}
	for _, l := range d.Licences {
		name := ""
		if short := credits.LicenceName(l.License); short != l.License {
			name = short + ", "
		}
		line("licence", "%s%s: %d photos by %d known authors", name, l.License, l.Photos, l.Authors)
	}
	for _, s := range d.Trail {
		var args []string
		for _, name := range slices.Sorted(maps.Keys(s.Args)) {
			args = append(args, name+"="+s.Args[name])
		}
		line("trail", "%s", strings.Join(append([]string{s.Tool, s.Version}, args...), " "))
	}
	if d.Provenance.Data != "" {
		line("data", "%s, version %d of the hash", d.Provenance.Data, max(1, d.Provenance.DataVersion))
	}
	line("code", "%s %s", d.Provenance.Code.Version, d.Provenance.Code.Revision)
	line("environment", "%s %s, seed %d", d.Provenance.Environment.Go, d.Provenance.Environment.Platform, d.Provenance.Environment.Seed)
	line("weights", "%s", d.Weights)
	for _, note := range d.Notes {
		line("note", "%s", note)
	}
	_, err = io.WriteString(env.Stdout, b.String())
	return err
}
