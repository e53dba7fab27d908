package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/opensandwich/oi/cmd/internal/cli"
	"github.com/opensandwich/oi/cmd/internal/dataset"
	"github.com/opensandwich/oi/cmd/internal/model"
	"github.com/opensandwich/oi/cmd/internal/nn"
	"github.com/opensandwich/oi/cmd/internal/report"
)

// finish tries the best weights on the held-out items, writes the files and
// prints the report.
func finish(ctx context.Context, o *options, env *cli.Env, d *data, r *result) error {
	evaluation, err := evaluate(ctx, o, d, r.best)
	if err != nil {
		return err
	}
	full := compose(o, env, d, r, evaluation)
	meta, err := metadata(full, d)
	if err != nil {
		return err
	}
	write := map[string]func(io.Writer) error{
		".html":        full.WriteHTML,
		".json":        full.WriteJSON,
		".safetensors": func(w io.Writer) error { return r.best.WriteSafetensors(w, map[string]string{"run": full.Run}) },
		".onnx":        func(w io.Writer) error { return r.best.WriteONNX(w, env.Version, meta) },
	}
	names := o.files()
	var files []report.File
	for _, name := range names {
		files = append(files, report.File{Path: name, Write: write[filepath.Ext(name)]})
	}
	if err := report.WriteFiles(files...); err != nil {
		return err
	}
	if !r.cut { // after an interrupt --resume goes on
		removeCheckpoint(o, env)
	}
	env.Infof("wrote %s", strings.Join(names, ", "))
	if !r.cut {
		env.Infof("next: %s PHOTO.jpg asks it; %s is the report, for a browser", "oi-eval "+cli.ShellWord(o.name+".onnx"), cli.ShellWord(o.name+".html"))
	}
	if o.json {
		return full.WriteJSON(env.Stdout)
	}
	_, err = fmt.Fprintf(env.Stdout, "%s\n%s%s", evaluation.Text, evaluation.Summary(), full.NotesText(cli.Escape))
	return err
}

// evaluate tries a network on the test set, or on val where there is none.
func evaluate(ctx context.Context, o *options, d *data, network *model.Network) (*report.Evaluation, error) {
	set, entries := d.evaluationSet()
	if set == dataset.Val {
		d.notes = append(d.notes, "There is no test set: the figures are those of the validation set, by which the best epoch was chosen, and are too good by that much.")
	}
	shared := d.items.SharedAuthors(d.train)
	predictor, err := nn.NewPredictor(network, o.batch, o.stream.Workers())
	if err != nil {
		return nil, err
	}
	defer predictor.Close()
	answers := report.NewAccumulator(set, d.classes)
	err = predict(ctx, predictor, d, entries, func(entry dataset.Entry, probabilities []float32) error {
		item, err := d.items.Spool.Item(entry.Number)
		if err != nil {
			return err
		}
		return answers.Add(item, d.index[entry.Label], probabilities, shared(entry))
	})
	return answers.Evaluation(), err
}

// compose gathers what is known of the run.
func compose(o *options, env *cli.Env, d *data, r *result, e *report.Evaluation) *report.Report {
	size := d.items.Size()
	header := d.origin.Header
	if header.Completeness != "" {
		d.notes = append(d.notes, "Plain JSON was read on the way, in which a cut cannot be seen: the data may be incomplete.")
	}
	if n := d.origin.Salvaged.Regions; n > 0 {
		d.notes = append(d.notes, fmt.Sprintf("Damage was stepped over in %d places of the input.", n))
	}
	if n := d.byIDAlone(); n > 0 {
		d.notes = append(d.notes, fmt.Sprintf("Of %d train items the photo's bytes are not known: the model remembers these photos by their ids alone.", n))
	}
	if len(r.arithmetic) > 1 {
		d.notes = append(d.notes, fmt.Sprintf("Some epochs were computed with %s: training on one machine may not come to these weights again, bit for bit.", strings.Join(r.arithmetic, ", others with ")))
	}
	measured := d.measuredOn()
	full := &report.Report{
		Classes: d.classes, Architecture: r.best.Arch, Parameters: r.best.Parameters(),
		Input:   report.Input{Height: size.Height, Width: size.Width, Channels: r.best.Channels},
		Options: o.allValues(), Sets: d.counts(), Removed: d.removed,
		History: r.history, Measured: &measured, Stopped: r.stopped, BestEpoch: r.bestEpoch, Evaluation: e,
		Licences: d.licences.Summary(), Stages: report.Stages(header.Stages), Completeness: header.Completeness,
		Accounts:      report.CountsByStage(append(d.origin.Counts, d.account())),
		WeightsSHA256: r.best.WeightsHash(),
		Provenance:    provenance(o, env, d),
		Notes:         d.notes,
	}
	full.Run = runHash(full)
	return full
}

// provenance is what has to be the same for a run to be the same.
func provenance(o *options, env *cli.Env, d *data) report.Provenance {
	trail := d.origin.Header.Stages
	digest := dataset.NewDigest(d.entries(), d.trained, trail)
	return report.Provenance{
		Data: digest.Data, DataVersion: dataset.DataVersion, DataSets: digest.Sets, Query: report.Stages(dataset.Query(trail)),
		Code: report.ThisCode(env.Version), Environment: report.ThisEnvironment(o.seed),
	}
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
	evaluation := *r.Evaluation
	evaluation.Mistakes = nil
	known := d.items.Photos.Known(dataset.Trained)
	meta := map[string]string{
		"run":            r.Run,
		"stopped":        r.Stopped,
		"best_epoch":     fmt.Sprint(r.BestEpoch),
		"trained_on":     known.Pictures(),
		"trained_on_ids": known.IDs(),
	}
	if r.Completeness != "" {
		meta["completeness"] = r.Completeness
	}
	for key, value := range map[string]any{
		"metrics": evaluation, "trail": r.Stages, "licences": r.Licences, "provenance": r.Provenance,
		"options": r.Options, "sets": r.Sets, "notes": r.Notes,
	} {
		text, err := json.Marshal(value)
		if err != nil {
			return nil, err
		}
		meta[key] = string(text)
	}
	return meta, nil
}
