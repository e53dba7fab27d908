package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"

	"github.com/opensandwich/oi/cmd/internal/cli"
	"github.com/opensandwich/oi/cmd/internal/dataset"
	"github.com/opensandwich/oi/cmd/internal/graph"
	"github.com/opensandwich/oi/cmd/internal/logreg"
	"github.com/opensandwich/oi/cmd/internal/nn"
	"github.com/opensandwich/oi/cmd/internal/report"
	"github.com/opensandwich/oi/cmd/internal/transfer"
)

// trainHead fits a linear head to the features of a pretrained network.
func trainHead(ctx context.Context, o *options, env *cli.Env, d *data, f *transfer.File) (_ *result, err error) {
	if o.given("epochs") && o.tune.layers == "" && d.streamed == nil {
		return nil, cli.WithHint(errors.New("--epochs counts epochs of variants, and the items have none"), "oi-augment makes them; without any, --fine-tune counts its own")
	}
	b, err := o.suitBackbone(env, d, f)
	if err != nil {
		return nil, err
	}
	d.describe(fmt.Sprintf("a linear head on %d features of %s", b.Dim, b.Title()))
	tail, err := o.tune.divide(env, d, b)
	if err != nil {
		return nil, err
	}
	h := &head{backbone: b}
	if h.store, err = openFeatures(o, env, b, tail, d.embedded.first != nil); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, h.Close())
		}
	}()
	if h.sets, err = extract(ctx, o, env, d, b, tail, h.store); err != nil {
		return nil, err
	}
	fit, err := h.fit(ctx, o, env, d)
	if err != nil && ctx.Err() != nil {
		return nil, cli.WithHint(fmt.Errorf("interrupted while the head was fitted: %w", context.Canceled), "the same command with --resume need not compute the features again")
	}
	if err != nil {
		return nil, err
	}
	d.notes = append(d.notes, fmt.Sprintf("The backbone %s (licence: %s) is the work of others. One that was trained on ImageNet also comes under the terms of that, which are for research.", b.Name, b.Licence))
	if why := b.OpenCV(); why != "" {
		d.notes = append(d.notes, "OpenCV 4.6 does not read this model, since "+why+"; onnxruntime does.")
	}
	r := &result{best: h, history: []report.Epoch{}, head: fit}
	if tail == nil {
		return r, nil
	}
	tuned, tuning, err := fineTune(ctx, o, env, d, h, tail)
	if err != nil {
		return nil, err
	}
	r.head.FineTuning = tuning
	if tuned != nil {
		r.best, d.backbone = tuned, &tuned.backbone.Backbone
	}
	return r, nil
}

// head is a linear head on a backbone.
type head struct {
	backbone *transfer.Backbone
	weights  []float32 // [K][D]
	bias     []float32 // [K]
	c        float64   // the strength
	classes  []string
	store    *featureStore
	sets     map[string]*rowSet // in the order of the data's entries
}

// Close closes the features, without which nothing can be predicted.
func (h *head) Close() error { return h.store.Close() }

func (h *head) Arch() string        { return h.backbone.Title() + ", linear head" }
func (h *head) Parameters() int     { return h.backbone.Parameters + len(h.weights) + len(h.bias) }
func (h *head) WeightsHash() string { return h.backbone.WeightsHash(h.weights, h.bias) }
func (h *head) chosenBy() string    { return "by which the strength of the head was chosen" }

func (h *head) temper(by float64) {
	divide(h.weights, by)
	divide(h.bias, by)
}

func (h *head) WriteONNX(w io.Writer, version string, meta map[string]string) error {
	g, err := h.backbone.WithHead(h.weights, h.bias)
	if err != nil {
		return err
	}
	return h.backbone.Write(w, g, h.classes, version, meta)
}

func (h *head) writeSafetensors(io.Writer, map[string]string) error {
	return errors.New("a head on a backbone is not written as safetensors")
}

// predict answers from the features: all entries of one set.
func (h *head) predict(ctx context.Context, d *data, entries dataset.Entries, answer func(dataset.Entry, []float32) error) error {
	g, err := transfer.Head(h.weights, h.bias)
	if err != nil {
		return err
	}
	features := &storedFeatures{h.store, h.sets[entries.At(0).Set].rows}
	return answerRows(ctx, d.options, g, entries.Len(), features.Dim(), features.Read, func(i int, probabilities []float32) error {
		return answer(entries.At(i), probabilities)
	})
}

// answerRows calls answer with what a graph makes of each of n rows of so many
// numbers, in order. read reads rows, from the first on.
func answerRows(ctx context.Context, o *options, g *graph.Graph, n, size int, read func(x []float32, first int) error, answer func(i int, probabilities []float32) error) error {
	e, err := nn.NewEvaluator(g, nn.EvaluatorOptions{Batch: predictBatch, Threads: o.stream.Workers()})
	if err != nil {
		return err
	}
	defer e.Close()
	for first := 0; first < n; first += predictBatch {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		batch := min(predictBatch, n-first)
		x := make([]float32, batch*size)
		if err := read(x, first); err != nil {
			return err
		}
		out, err := e.RunFloats(x, batch)
		if err != nil {
			return err
		}
		classes := len(out[0]) / batch
		for i := range batch {
			if err := answer(first+i, out[0][i*classes:][:classes]); err != nil {
				return err
			}
		}
	}
	return nil
}

// strengthItems is the most items that strengths are tried on. What is best for
// a sample of so many is best for all.
const strengthItems = 50_000

// fit chooses the strength and sets the weights. Where there are many items, the
// strength is chosen on a sample of them, from whose weights the fit to all then
// starts.
func (h *head) fit(ctx context.Context, o *options, env *cli.Env, d *data) (*report.Head, error) {
	all := h.sets[dataset.Train]
	if d.val.Len() == 0 || d.counts().OneClass(dataset.Val) != "" { // for cross-validation
		all.group(d.items, d.train)
	}
	some := all.sample(len(d.classes), o.backbone.sample, o.seed)
	data, err := h.store.dataOf(some, o.featureMemory())
	if err != nil {
		return nil, err
	}
	val := logreg.Data{}
	if only := d.counts().OneClass(dataset.Val); only != "" {
		env.Warnf("%s, which tells nothing about a strength: it is chosen by cross-validation on train", only)
	} else if d.val.Len() > 0 {
		if val, err = h.store.dataOf(h.sets[dataset.Val], o.featureMemory()); err != nil {
			return nil, err
		}
	} else {
		env.Infof("there is no validation set: the strength is chosen by cross-validation on train, by author")
	}
	settings := logreg.Options{Threads: o.stream.Workers()}
	if o.weights == "balanced" {
		settings.ClassWeights = logreg.Balanced(all.labels, len(d.classes))
	}
	start := env.Now()
	env.Infof("fitting the head to %d rows of %d features, for %d classes", len(all.rows), h.store.dim, len(d.classes))
	if some != all {
		env.Infof("the strength is chosen on a sample of %d of them", len(some.rows))
	}
	standard, err := h.measure(ctx, data, settings.Threads)
	if err != nil {
		return nil, err
	}
	choice, err := logreg.Choose(ctx, data, val, standard, len(d.classes), settings)
	if err != nil {
		return nil, err
	}
	for i, s := range choice.Table {
		announceFit(env, s, i == choice.Chosen)
	}
	h.classes, h.c = d.classes, choice.Table[choice.Chosen].C
	env.Infof("C=%g was chosen by %v", h.c, choice.Rule)
	model, described := choice.Model, describeChoice(choice, len(all.rows))
	if some != all {
		if data, err = h.store.dataOf(all, o.featureMemory()); err != nil {
			return nil, err
		}
		if standard, err = h.measure(ctx, data, settings.Threads); err != nil {
			return nil, err
		}
		var last logreg.Strength
		if model, last.Trained, err = logreg.Fit(ctx, data, standard, len(d.classes), h.c, model, settings); err != nil {
			return nil, err
		}
		announceFit(env, last, true)
		described.SampleRows, described.Last = len(some.rows), new(describeFit(last))
	}
	env.Infof("fitting took %.1f s", env.Now().Sub(start).Seconds())
	h.weights, h.bias, err = model.Export()
	return described, err
}

// measure finds how features are standardised.
func (h *head) measure(ctx context.Context, data logreg.Data, threads int) (*logreg.Standard, error) {
	standard, err := logreg.Measure(ctx, data.Features, threads)
	if n := len(data.Labels); err == nil && n > 1 && standard.Constant == h.store.dim {
		return nil, cli.WithHint(fmt.Errorf("all %d pictures to train on have the same features: nothing can be told apart by them", n),
			"another --normalize, or another value of the network by --features, may be the right one")
	}
	return standard, err
}

// announceFit says in a line how a fit went.
func announceFit(env *cli.Env, s logreg.Strength, chosen bool) {
	line := fmt.Sprintf("C %-6g  train_loss %.4f", s.C, s.Loss)
	if s.Val.N > 0 {
		line += fmt.Sprintf("  val_loss %.4f  val_acc %.4f", s.Val.Loss, s.Val.Accuracy())
	}
	line += fmt.Sprintf("  %d passes", s.Passes)
	if chosen {
		line += "  chosen"
	}
	env.Infof("%s", line)
	if !s.Converged {
		env.Warnf("C %g: the fit ended after %d iterations with a gradient of %.2g", s.C, s.Iterations, s.Gradient)
	}
}

// dataOf is a set for logreg.
func (s *featureStore) dataOf(set *rowSet, limit int64) (logreg.Data, error) {
	source, err := s.source(set.rows, limit)
	return logreg.Data{Features: source, Labels: set.labels, Groups: set.groups}, err
}

// describeChoice is the choice for the report.
func describeChoice(c *logreg.Choice, rows int) *report.Head {
	h := &report.Head{C: c.Table[c.Chosen].C, Chosen: c.Rule.String(), Folds: c.Folds, Rows: rows}
	for _, s := range c.Table {
		h.Table = append(h.Table, describeFit(s))
	}
	return h
}

// describeFit is one fit for the report.
func describeFit(s logreg.Strength) report.HeadFit {
	fit := report.HeadFit{
		C: s.C, TrainLoss: s.Loss, ValLoss: report.Number(math.NaN()), ValAccuracy: report.Number(math.NaN()),
		Iterations: s.Iterations, Passes: s.Passes, Gradient: s.Gradient, Converged: s.Converged,
	}
	if s.Val.N > 0 {
		fit.ValLoss, fit.ValAccuracy = report.Number(s.Val.Loss), report.Number(s.Val.Accuracy())
	}
	return fit
}
