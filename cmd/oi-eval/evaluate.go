package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/opensandwich/oi/cmd/internal/cli"
	"github.com/opensandwich/oi/cmd/internal/dataset"
	"github.com/opensandwich/oi/cmd/internal/nn"
	"github.com/opensandwich/oi/cmd/internal/report"
	"github.com/opensandwich/oi/cmd/internal/stream"
	"github.com/opensandwich/oi/record"
)

// Reasons for which items are left out.
const (
	trainedOn    = "trained on"
	noLabel      = "no label"
	otherSet     = "other set"
	background   = "background"
	unknownClass = "class unknown to the model"
)

// allItems is the name of the set of the items that carry none.
const allItems = "all"

// evaluation is one run over a stream.
type evaluation struct {
	options   *options
	env       *cli.Env
	model     *trained
	predictor *nn.Predictor
	account   *stream.Counters
	out       *stream.Output // nil: no items are written, or their reader has gone
	origin    dataset.Origin
	licences  *report.Attribution

	kept    []kept // the stream, until all photos are known
	spool   *dataset.Spool
	photos  dataset.Photos
	repeats *dataset.Repeats
	judged  []int // where those are kept that figures are made of

	waiting []waiting // until there is a batch of them
	tallies map[string]*report.Accumulator
	counts  dataset.Counts
	removed map[string]int
	unknown map[string]int // labels that the model does not know
	seen    int            // items whose photo the model was trained on
	noFile  int            // items of which the photo's file is not known
	sets    bool           // some item says of which set it is
	notes   []string
}

// A waiting is an item whose turn to be asked about has come.
type waiting struct {
	item *record.Item
	seen bool
}

// evaluate tries the model on the items of files, of which the first may be
// open already.
func (o *options) evaluate(ctx context.Context, env *cli.Env, m *trained, first *stream.File, files []string) (err error) {
	e := &evaluation{
		options: o, env: env, model: m, licences: report.NewAttribution(),
		tallies: map[string]*report.Accumulator{}, counts: dataset.Counts{}, removed: map[string]int{}, unknown: map[string]int{},
	}
	if err := checkFigures(o.requirements, m.network.Classes); err != nil {
		return err
	}
	if o.emit {
		if e.out, err = stream.Create(env, &o.stream); err != nil {
			return err
		}
	}
	in, err := stream.OpenFrom(env, &o.stream, first, files)
	if err != nil {
		return err
	}
	if e.account, err = stream.NewCounters(env, &o.stream, files...); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, e.account.Finish()) }()
	if e.predictor, err = nn.NewPredictor(m.network, o.batch, o.stream.Workers()); err != nil {
		return err
	}
	defer e.predictor.Close()
	e.spool, e.repeats = dataset.NewSpool(int64(o.memory), ""), dataset.NewRepeats(o.repeats)
	defer func() { err = errors.Join(err, e.spool.Close()) }()
	if err := e.read(ctx, in); err != nil {
		return err // in is left to the process: a read of it may still be waiting
	}
	if err := in.Close(); err != nil {
		return err
	}
	err = e.ask(ctx)
	e.warnUnknown()
	if err != nil {
		return err
	}
	return e.conclude()
}

// warn says what a reader must know to judge the figures, here and in the
// report.
func (e *evaluation) warn(text string) {
	e.env.Warnf("%s", text)
	e.notes = append(e.notes, report.Sentence(text))
}

func (e *evaluation) header(h *record.Header) error {
	e.origin.Begin(h)
	if err := e.account.Begin(h); err != nil {
		return err
	}
	out := *h
	args := map[string]string{"model": e.model.hash}
	if len(e.options.wanted) > 0 {
		args["set"] = strings.Join(e.options.wanted, ",")
	}
	out.Stages = append(slices.Clone(h.Stages), record.Stage{Tool: e.env.Name, Version: e.env.Version, Args: args})
	return e.write(&out)
}

// end closes a segment. At the last one it is known whether too much was
// skipped.
func (e *evaluation) end(v *record.End, last bool) error {
	if err := e.flush(); err != nil {
		return err
	}
	e.origin.End(v)
	count, err := e.account.End()
	if err == nil && last {
		err = e.account.Judge()
	}
	if err != nil {
		return err
	}
	out := *v
	out.Stages = append(slices.Clone(v.Stages), count)
	return e.write(&out)
}

// selected reports whether items of a set are asked about. Which of val and
// test the report is about is known at the end only.
func (e *evaluation) selected(set string) bool {
	if len(e.options.wanted) > 0 {
		return slices.Contains(e.options.wanted, set)
	}
	return set != dataset.Train
}

func (e *evaluation) remove(reason string) {
	e.removed[reason]++
	e.account.Remove(reason, 1)
}

// flush asks the model about the waiting items.
func (e *evaluation) flush() error {
	if len(e.waiting) == 0 {
		return nil
	}
	images := make([][]byte, len(e.waiting))
	for i, w := range e.waiting {
		images[i] = w.item.Tensor.Data
	}
	rows, err := e.predictor.Predict(images)
	if err != nil {
		return fmt.Errorf("items %s to %s: %w", e.waiting[0].item.Key, e.waiting[len(e.waiting)-1].item.Key, err)
	}
	for i, w := range e.waiting {
		if err := e.answer(w, rows[i]); err != nil {
			return err
		}
	}
	e.waiting = e.waiting[:0]
	return nil
}

func (e *evaluation) answer(w waiting, probabilities []float32) error {
	item := w.item
	e.account.Out(1)
	if labelOf(item) != "" && (!w.seen || slices.Contains(e.options.wanted, dataset.Train)) {
		name := e.tallyOf(item.Set)
		if e.tallies[name] == nil {
			e.tallies[name] = report.NewAccumulator(name, e.model.network.Classes)
		}
		if err := e.tallies[name].Add(item, e.model.index[item.Label.Name], probabilities, false); err != nil {
			return err
		}
		e.counts.Add(setName(item.Set), item.Label.Name)
		e.licences.Add(item)
	}
	if e.out == nil {
		return nil
	}
	p := &record.Prediction{Label: e.model.network.Classes[report.ArgMax(probabilities)], Probabilities: map[string]float64{}, Seen: w.seen}
	for i, v := range probabilities {
		p.Probabilities[e.model.network.Classes[i]] = float64(v)
	}
	item.Prediction = p
	return e.write(item)
}

// tallyOf names the tally an item counts in.
func (e *evaluation) tallyOf(set string) string {
	if len(e.options.wanted) > 0 {
		return strings.Join(e.options.wanted, ",")
	}
	return setName(set)
}

func setName(set string) string {
	if set == "" {
		return allItems
	}
	return set
}

// write writes a record if somebody reads them.
func (e *evaluation) write(r record.Record) error {
	if e.out == nil {
		return nil
	}
	return e.left(e.out.Write(r))
}

// left forgives a reader that has gone if a report or a verdict is still owed.
func (e *evaluation) left(err error) error {
	if errors.Is(err, stream.ErrBrokenPipe) && len(e.options.reports)+len(e.options.requirements) > 0 {
		e.out = nil
		return nil
	}
	return err
}

// warnUnknown names the labels for which items were skipped.
func (e *evaluation) warnUnknown() {
	if n := len(e.unknown); n > 0 {
		var parts []string
		for _, label := range slices.Sorted(maps.Keys(e.unknown)) {
			parts = append(parts, fmt.Sprintf("%s %d", label, e.unknown[label]))
		}
		e.env.Warnf("skipped labels that the model does not know: %s", strings.Join(parts, ", "))
	}
}

// conclude prints the report, writes the files and gives the verdict.
func (e *evaluation) conclude() error {
	switch {
	case e.seen == 0 || slices.Contains(e.options.wanted, dataset.Train):
	case e.options.emit:
		e.env.Infof("%d items whose photo the model was trained on are marked with prediction.seen, and no figure counts them", e.seen)
	default:
		e.env.Infof("left out %d items whose photo the model was trained on (--set train,val,test uses them)", e.seen)
	}
	tally, err := e.choose()
	if err != nil {
		if e.options.emit && len(e.options.reports)+len(e.options.requirements) == 0 {
			return nil // nobody asked for figures
		}
		return err
	}
	evaluated := tally.Evaluation()
	for _, remark := range []string{e.oneClass(evaluated.Set), tooGood(evaluated.Set)} {
		if remark != "" {
			e.warn(remark)
		}
	}
	full, err := e.compose(evaluated)
	if err != nil {
		return err
	}
	var errs []error
	if !e.options.emit {
		errs = append(errs, e.left(e.print(full)))
	}
	errs = append(errs, e.save(full))
	errs = append(errs, checkRequirements(e.options.requirements, evaluated))
	return errors.Join(errs...)
}

// choose returns the tally that the report is about.
func (e *evaluation) choose() (*report.Accumulator, error) {
	names := []string{strings.Join(e.options.wanted, ",")}
	if len(e.options.wanted) == 0 {
		names = []string{dataset.Test, dataset.Val, allItems}
	}
	for _, name := range names {
		if t := e.tallies[name]; t != nil {
			switch {
			case name != allItems:
			case e.sets:
				e.env.Infof("no item to be judged is of the set test or val: those that carry no set are used%s", e.exception())
			default:
				e.env.Infof("no item says of which set it is: all are used%s", e.exception())
			}
			return t, nil
		}
	}
	return nil, cli.WithHint(fmt.Errorf("nothing to judge the model by: none of the %d items is of the set %s and labelled with one of its classes, and was not trained on",
		e.account.Total().In, strings.Join(names[:max(1, len(names)-1)], " or ")), "--set train,val,test uses all items")
}

// oneClass says in words that all items of a tally have one label, "" if not.
func (e *evaluation) oneClass(tally string) string {
	counts := dataset.Counts{}
	for set, labels := range e.counts {
		for label := range labels {
			counts.Add(e.tallyOf(set), label)
		}
	}
	return counts.OneClass(tally)
}

// tooGood says in words why a model looks better on the sets of a tally than it
// is, "" if it does not.
func tooGood(tally string) string {
	sets := strings.Split(tally, ",")
	switch {
	case slices.Contains(sets, dataset.Train):
		return "pictures that the model was trained on are among those it was tried on: the figures say little"
	case slices.Contains(sets, dataset.Val):
		return "validation items are among those that the model was tried on: if its best epoch was chosen by them, the figures are too good by that much"
	}
	return ""
}

// exception says what of a stream without sets is not used.
func (e *evaluation) exception() string {
	if ids, pictures := e.model.known.Len(); ids+pictures == 0 {
		return ""
	}
	return " but those whose photo the model is known to have been trained on"
}

func (e *evaluation) print(full *report.Report) error {
	if e.options.stream.JSON != "" {
		return full.WriteJSON(e.env.Stdout)
	}
	e.env.Infof("%s", strings.TrimSuffix(full.Evaluation.Summary(), "\n"))
	_, err := io.WriteString(e.env.Stdout, full.Evaluation.Text)
	return err
}

// save writes the files of --report.
func (e *evaluation) save(full *report.Report) error {
	var files []report.File
	for _, path := range e.options.reports {
		f := report.File{Path: path, Write: full.WriteHTML}
		switch {
		case strings.HasSuffix(path, ".json"):
			f.Write = full.WriteJSON
		case strings.HasSuffix(path, ".md"):
			f.Write = full.WriteMarkdown
		}
		files = append(files, f)
	}
	return report.WriteFiles(files...)
}

// compose gathers what is known of the model and of what it was tried on.
func (e *evaluation) compose(evaluated *report.Evaluation) (*report.Report, error) {
	n := e.model.network
	full := &report.Report{
		Run: e.model.meta["run"], Classes: n.Classes, Architecture: n.Arch, Parameters: n.Parameters(),
		Input: report.Input{Height: n.Height, Width: n.Width, Channels: n.Channels},
		Sets:  e.counts, Removed: e.removed, History: []report.Epoch{}, Evaluation: evaluated,
		Licences: e.licences.Summary(), Stages: report.Stages(e.origin.Header.Stages), Completeness: e.origin.Header.Completeness,
		Accounts:      report.CountsByStage(append(e.origin.Counts, e.account.Total())),
		WeightsSHA256: n.WeightsHash(),
	}
	full.Notes = append(full.Notes, e.notes...)
	return full, errors.Join(e.model.get("options", &full.Options), e.model.get("provenance", &full.Provenance))
}
