package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/opensandwich/oi/cmd/internal/cli"
	"github.com/opensandwich/oi/cmd/internal/dataset"
	"github.com/opensandwich/oi/cmd/internal/model"
	"github.com/opensandwich/oi/cmd/internal/nn"
	"github.com/opensandwich/oi/cmd/internal/report"
	"github.com/opensandwich/oi/cmd/internal/transfer"
)

// finish tries the best weights on the held-out items, writes the files and
// prints the report.
func finish(ctx context.Context, o *options, env *cli.Env, d *data, r *result) error {
	evaluation, err := evaluate(ctx, d, r.best)
	if err != nil {
		return err
	}
	full, err := compose(o, env, d, r, evaluation)
	if err != nil {
		return err
	}
	if full.Credits, err = d.credited(); err != nil {
		return err
	}
	meta, err := metadata(full, d)
	if err != nil {
		return err
	}
	if d.embedded != nil && d.embedded.first != nil {
		full.Notes = append(full.Notes, report.NoPictures)
	}
	write := map[string]func(io.Writer) error{
		".safetensors": func(w io.Writer) error { return r.best.writeSafetensors(w, map[string]string{"run": full.Run}) },
		".onnx":        func(w io.Writer) error { return r.best.WriteONNX(w, env.Version, meta) },
		suspectsList:   func(w io.Writer) error { return r.suspects.writeList(w) },
		suspectsPage:   func(w io.Writer) error { return r.suspects.writePage(w, filepath.Base(o.name), d) },
	}
	names := o.files()
	if r.suspects == nil { // after an interrupt nobody looked for them
		names = slices.DeleteFunc(names, func(name string) bool { return name == o.name+suspectsList || name == o.name+suspectsPage })
	}
	var files []report.File
	for _, name := range names {
		if f := write[strings.TrimPrefix(name, o.name)]; f != nil {
			files = append(files, report.File{Path: name, Write: f})
			continue
		}
		pages, err := full.Files(name)
		if err != nil {
			return fmt.Errorf("write %s: %w", name, err)
		}
		files = append(files, pages...)
	}
	if err := report.WriteFiles(files...); err != nil {
		if _, missing := os.Stat(o.checkpoint()); missing == nil {
			err = cli.WithHint(err, "once that is mended, the same command with --resume goes on from there")
		}
		return err
	}
	names = names[:0]
	for _, f := range files {
		names = append(names, f.Path)
	}
	if !r.cut { // after an interrupt --resume goes on
		removeCheckpoint(o, env)
	}
	env.Infof("wrote %s", strings.Join(names, ", "))
	if r.head == nil {
		env.Infof("on so few pictures the features of a pretrained network make fewer mistakes: oi-train --backbone %s, or FILE.onnx; --backbones lists more", o.backbone.models.Table.Names()[0])
	}
	if !r.cut {
		env.Infof("next: %s PHOTO.jpg asks it; %s is the report, for a browser", "oi-eval "+cli.ShellWord(o.name+".onnx"), cli.ShellWord(o.name+".html"))
	}
	if o.json {
		return full.WriteJSON(env.Stdout)
	}
	figures := ""
	if evaluation != nil {
		figures = evaluation.Text + "\n" + evaluation.Summary()
	}
	_, err = io.WriteString(env.Stdout, figures+full.CoverageText()+full.HeadText()+full.SuspectsText()+full.NotesText(cli.Escape))
	return err
}

// A classifier is what a run makes.
type classifier interface {
	// Arch names the architecture, Parameters counts the weights, and
	// WeightsHash identifies them.
	Arch() string
	Parameters() int
	WeightsHash() string
	// predict calls answer with the probabilities for each of the entries,
	// in order.
	predict(ctx context.Context, d *data, entries dataset.Entries, answer func(dataset.Entry, []float32) error) error
	// chosenBy is what the validation set has been used for, in words.
	chosenBy() string
	// answerFolds answers for the items of each fold with a classifier of the
	// same kind that is trained on the others.
	answerFolds(ctx context.Context, env *cli.Env, d *data, r *result, f *outOfFold) error
	// temper divides the logits by a number, in the weights.
	temper(by float64)
	WriteONNX(w io.Writer, version string, meta map[string]string) error
	writeSafetensors(w io.Writer, meta map[string]string) error
	Close() error
}

// network is a classifier that was trained from scratch.
type network struct{ of *model.Network }

func (n network) Arch() string        { return n.of.Arch }
func (n network) Parameters() int     { return n.of.Parameters() }
func (n network) WeightsHash() string { return n.of.WeightsHash() }
func (n network) Close() error        { return nil }
func (n network) chosenBy() string    { return "by which the best epoch was chosen" }

func (n network) temper(by float64) {
	last := n.of.Params[len(n.of.Params)-2:] // weights and bias of the last layer
	divide(last[0].Data, by)
	divide(last[1].Data, by)
}

// divide divides numbers by another.
func divide(data []float32, by float64) {
	for i, v := range data {
		data[i] = float32(float64(v) / by)
	}
}

func (n network) WriteONNX(w io.Writer, version string, meta map[string]string) error {
	return n.of.WriteONNX(w, version, meta)
}

func (n network) writeSafetensors(w io.Writer, meta map[string]string) error {
	return n.of.WriteSafetensors(w, meta)
}

func (n network) predict(ctx context.Context, d *data, entries dataset.Entries, answer func(dataset.Entry, []float32) error) error {
	predictor, err := nn.NewPredictor(n.of, d.options.batch, d.options.stream.Workers())
	if err != nil {
		return err
	}
	defer predictor.Close()
	return predict(ctx, predictor, d, entries, answer)
}

// evaluate tries a classifier on the test set, or on val where there is none;
// where there is none of the two it returns nil.
func evaluate(ctx context.Context, d *data, c classifier) (*report.Evaluation, error) {
	set, entries := d.evaluationSet()
	if entries.Len() == 0 {
		d.notes = append(d.notes, "There is neither a test nor a validation set: nothing is known of how often the model is right.")
		return nil, nil
	}
	if set == dataset.Val {
		d.notes = append(d.notes, "There is no test set: the figures are those of the validation set, "+c.chosenBy()+", and are too good by that much.")
	}
	shared := d.items.SharedAuthors(d.train)
	answers := report.NewAccumulator(set, d.classes)
	err := c.predict(ctx, d, entries, func(entry dataset.Entry, probabilities []float32) error {
		item, err := d.items.Spool.Item(entry.Number)
		if err != nil {
			return err
		}
		return answers.Add(item, d.index[entry.Label], probabilities, shared(entry))
	})
	return answers.Evaluation(), err
}

// compose gathers what is known of the run.
func compose(o *options, env *cli.Env, d *data, r *result, e *report.Evaluation) (*report.Report, error) {
	size := d.items.Size()
	header := d.origin.Header
	trail := header.Stages
	if d.backbone != nil {
		trail = withoutEmbedding(trail, d.backbone.Of)
	}
	if header.Completeness != "" {
		d.notes = append(d.notes, "Plain JSON was read on the way, in which a cut cannot be seen: the data may be incomplete.")
	}
	if n := d.origin.Salvaged.Regions; n > 0 {
		d.notes = append(d.notes, fmt.Sprintf("Damage was stepped over in %d places of the input.", n))
	}
	if n, err := d.byIDAlone(); err != nil {
		return nil, err
	} else if n > 0 {
		d.notes = append(d.notes, fmt.Sprintf("Of %d train items the photo's bytes are not known: the model remembers these photos by their ids alone.", n))
	}
	if len(r.arithmetic) > 1 {
		d.notes = append(d.notes, fmt.Sprintf("Some epochs were computed with %s: training on one machine may not come to these weights again, bit for bit.", strings.Join(r.arithmetic, ", others with ")))
	}
	made, err := provenance(o, env, d)
	if err != nil {
		return nil, err
	}
	full := &report.Report{
		Classes: d.classes, Architecture: r.best.Arch(), Parameters: r.best.Parameters(),
		Input:   report.Input{Height: size.Height, Width: size.Width, Channels: 3, Context: d.items.Context().Height},
		Options: o.allValues(), Sets: d.counts(), Removed: d.removed,
		History: r.history, Measured: d.measuredOn(), Head: r.head, Certainty: r.certainty, Stopped: r.stopped, BestEpoch: r.bestEpoch, Evaluation: e,
		Licences: d.licences.Summary(), Stages: report.Stages(trail), Completeness: header.Completeness,
		Accounts:      report.CountsByStage(append(d.origin.Counts, d.account())),
		WeightsSHA256: r.best.WeightsHash(),
		Provenance:    made,
		Notes:         d.notes,
		Faults:        d.faults,
	}
	full.Pad, full.Filter = report.Shape(full.Stages)
	full.SetAgain(cli.ShellWord)
	if e != nil {
		r.certainty.Judge(e)
	}
	if r.suspects != nil {
		full.Suspects = r.suspects.counts(o, d)
	}
	full.Run = runHash(full)
	return full, nil
}

// provenance is what has to be the same for a run to be the same.
func provenance(o *options, env *cli.Env, d *data) (report.Provenance, error) {
	trail := d.origin.Header.Stages
	digest, err := d.items.Digest(d.items.Entries(), d.trained, trail)
	return report.Provenance{
		Data: digest.Data, DataVersion: dataset.DataVersion, DataSets: digest.Sets, Query: report.Stages(dataset.Query(trail)),
		Code: report.ThisCode(env.Version), Environment: report.ThisEnvironment(o.seed), Backbone: d.backbone,
		Teacher: d.teacher,
	}, err
}

// runHash names a run by what determines it and what came of it.
func runHash(r *report.Report) string {
	h := sha256.New() // whose Write never fails
	_ = json.NewEncoder(h).Encode([]any{r.Classes, r.Options, r.Stages, r.Provenance.Data, r.Provenance.Code, r.WeightsSHA256})
	return hex.EncodeToString(h.Sum(nil)[:8])
}

// metadata is what goes into the model besides its weights: nothing that
// differs between two equal runs.
func metadata(r *report.Report, d *data) (map[string]string, error) {
	known := d.items.Photos.Known(dataset.Trained).With(d.inherited)
	meta := map[string]string{
		"run":            r.Run,
		"trained_on":     known.Pictures(),
		"trained_on_ids": known.IDs(),
	}
	if d.backbone != nil && !d.inherited.IsEmpty() {
		meta[transfer.MetaFeaturesOn], meta[transfer.MetaFeaturesOnIDs] = d.inherited.Pictures(), d.inherited.IDs()
	}
	values := map[string]any{
		"trail": r.Stages, "licences": r.Licences, "provenance": r.Provenance,
		"options": r.Options, "sets": r.Sets, "notes": r.Notes,
	}
	if r.Evaluation != nil {
		values["metrics"] = r.Evaluation.Summarized()
	}
	if r.Credits != nil {
		values["credits"] = r.Credits
	}
	if r.Certainty != nil {
		values["certainty"] = r.Certainty
	}
	if r.Head != nil {
		values["head"] = r.Head
	} else {
		meta["stopped"], meta["best_epoch"] = r.Stopped, fmt.Sprint(r.BestEpoch)
	}
	if r.Completeness != "" {
		meta["completeness"] = r.Completeness
	}
	for key, value := range values {
		text, err := json.Marshal(value)
		if err != nil {
			return nil, err
		}
		meta[key] = string(text)
	}
	return meta, nil
}
