package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/opensandwich/oi/cmd/internal/cli"
	"github.com/opensandwich/oi/cmd/internal/dataset"
	"github.com/opensandwich/oi/cmd/internal/report"
	"github.com/opensandwich/oi/cmd/internal/stream"
	"github.com/opensandwich/oi/cmd/internal/transfer"
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
	predictor predictor                // nil until the first question
	maps      *transfer.ActivationMaps // nil without --cam, or until it is needed
	embedded  *embeddedInput           // nil of a model without a backbone
	origin    dataset.Origin
	licences  *report.Attribution
	credits   report.CreditLog

	kept    []kept     // the stream, if all of it is needed before the first answer
	next    int        // of kept, the first that was not asked about so far
	mu      sync.Mutex // around the spool
	closed  bool
	spool   *dataset.Spool
	photos  dataset.Photos
	repeats *dataset.Repeats
	judged  []int // where those are kept that figures are made of

	total   record.StageCounts
	tallies map[string]*report.Accumulator
	counts  dataset.Counts
	removed map[string]int
	unknown map[string]int // labels that the model does not know
	seen    int            // items whose photo the model was trained on
	noFile  int            // items of which the photo's file is not known
	sets    bool           // some item says of which set it is
	notes   []string

	passedOver bool // it was said that second views are not looked at
}

// A question is an item that the model is to be asked about.
type question struct {
	item  *record.Item
	index int // of its result in the batch
	seen  bool
}

// evaluate tries the model on the items of files, of which the first may be
// open already.
func (o *options) evaluate(ctx context.Context, env *cli.Env, m *trained, first *stream.File, files []string) (err error) {
	e := &evaluation{
		options: o, env: env, model: m, licences: report.NewAttribution(),
		tallies: map[string]*report.Accumulator{}, counts: dataset.Counts{}, removed: map[string]int{}, unknown: map[string]int{},
	}
	if err := checkFigures(o.requirements, m.Classes()); err != nil {
		return err
	}
	if e.embedded, err = newEmbeddedInput(m); err != nil {
		return err
	}
	defer e.closeNetworks()
	if err := e.prepareMaps(); err != nil {
		return err
	}
	in, err := stream.OpenFrom(env, &o.stream, first, files)
	if err != nil {
		return err
	}
	e.spool, e.repeats = dataset.NewSpool(int64(o.memory), ""), dataset.NewRepeats(o.repeats)
	defer func() { err = errors.Join(err, e.close()) }()
	stage := stream.Stage{
		Args:      map[string]string{"model": m.hash},
		Source:    in,
		Batch:     e.askAtOnce,
		BatchSize: o.batch,
		MustDrain: o.mustConclude(),
		NoOutput:  !o.emit,
	}
	if len(o.wanted) > 0 {
		stage.Args["set"] = strings.Join(o.wanted, ",")
	}
	if e.needsAll() {
		stage.Source, stage.Batch = &replay{e: e, ctx: ctx, in: in}, e.askAgain
	} else {
		e.warnForgets()
	}
	concluded := false
	stage.Finish = func(total record.StageCounts) error {
		concluded = true
		return e.conclude(ctx, total)
	}
	if err = stream.Filter(ctx, env, &o.stream, files, stage); !concluded {
		e.warnUnknown()
	}
	return err
}

// closeNetworks lets go of the threads of networks.
func (e *evaluation) closeNetworks() {
	if e.predictor != nil {
		e.predictor.Close()
	}
	if e.maps != nil {
		e.maps.Close()
	}
}

// warn says what a reader must know to judge the figures, here and in the
// report.
func (e *evaluation) warn(text string) {
	e.env.Warnf("%s", text)
	e.notes = append(e.notes, report.Sentence(text))
}

// selected reports whether items of a set are asked about. Which of val and
// test the report is about is known at the end only.
func (e *evaluation) selected(set string) bool {
	if len(e.options.wanted) > 0 {
		return slices.Contains(e.options.wanted, set)
	}
	return set != dataset.Train
}

// answer asks the model the questions, and puts what came of each into results.
func (e *evaluation) answer(questions []question, results []stream.Result) error {
	if len(questions) == 0 {
		return nil
	}
	data := make([][]byte, len(questions))
	for i, q := range questions {
		if e.embedded.use() {
			data[i] = q.item.Embedding.Data
		} else {
			data[i] = e.model.look(q.item)
		}
	}
	if e.predictor == nil {
		open := e.model.Predictor
		if e.embedded.use() {
			open = e.embedded.predictor
		}
		var err error
		if e.predictor, err = open(e.options.batch, e.options.stream.Workers()); err != nil {
			return err
		}
	}
	rows, err := e.predictor.Predict(data)
	if err != nil {
		return fmt.Errorf("items %s to %s: %w", questions[0].item.Key, questions[len(questions)-1].item.Key, err)
	}
	for i, q := range questions {
		if err := e.take(q, rows[i]); err != nil {
			return err
		}
		results[q.index].Items = []*record.Item{q.item}
	}
	return nil
}

// take counts an answer in the figures, and adds it to the item if items are
// written.
func (e *evaluation) take(q question, probabilities []float32) error {
	item, classes := q.item, e.model.Classes()
	if truth, known := e.model.index[labelOf(item)]; known && (!q.seen || slices.Contains(e.options.wanted, dataset.Train)) {
		name := e.tallyOf(item.Set)
		if e.tallies[name] == nil {
			e.tallies[name] = report.NewAccumulator(name, classes)
		}
		if err := e.tallies[name].Add(item, truth, probabilities, false); err != nil {
			return err
		}
		e.counts.Add(setName(item.Set), item.Label.Name)
		e.licences.Add(item)
		if err := e.credits.Add(item.Key, item); err != nil {
			return err
		}
	}
	if !e.options.emit {
		return nil
	}
	said := report.ArgMax(probabilities)
	p := &record.Prediction{Label: classes[said], Probabilities: map[string]float64{}, Seen: q.seen, Unsure: e.model.isUnsure(probabilities[said])}
	for i, v := range probabilities {
		p.Probabilities[classes[i]] = float64(v)
	}
	item.Prediction = p
	return nil
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

// warnUnknown names the labels for which items were skipped.
func (e *evaluation) warnUnknown() {
	if n := len(e.unknown); n > 0 {
		var parts []string
		for _, label := range slices.Sorted(maps.Keys(e.unknown)) {
			parts = append(parts, fmt.Sprintf("%s %d", label, e.unknown[label]))
		}
		e.env.Warnf("skipped labels that the model does not know: %s", strings.Join(parts, ", "))
		for _, label := range slices.Sorted(maps.Keys(e.unknown)) {
			if slices.ContainsFunc(e.model.Classes(), func(class string) bool { return e.model.foreign && strings.HasPrefix(class, label+" (") }) {
				e.env.Warnf("%s stands in --labels several times, so that the model answers %[1]s (N), N being the place there from 0", label)
			}
		}
	}
}

// conclude prints the report, writes the files and gives the verdict, now that
// all items, of which total tells, are answered for.
func (e *evaluation) conclude(ctx context.Context, total record.StageCounts) error {
	e.total = total
	e.warnUnknown()
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
	if others := e.total.Out - evaluated.Items; others > 0 && !e.options.emit {
		e.env.Infof("the figures are of %d items (%s); the other %d were answered and not judged: --set says which are", evaluated.Items, evaluated.Set, others)
	}
	for _, remark := range []string{e.oneClass(evaluated.Set), absent(evaluated.Matrix), tooGood(evaluated.Set), e.maybeChosenBy(evaluated.Set)} {
		if remark != "" {
			e.warn(remark)
		}
	}
	if err := e.options.baseline.compare(evaluated); err != nil {
		return err
	}
	if err := e.drawMaps(evaluated); err != nil {
		return err
	}
	unrelated, err := e.askUnrelated(ctx)
	if err != nil {
		return err
	}
	full, err := e.compose(evaluated)
	if err != nil {
		return err
	}
	full.Unrelated = unrelated
	return e.options.deliver(e.env, full)
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
		e.total.In, strings.Join(names[:max(1, len(names)-1)], " or ")), "--set train,val,test uses all items")
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

// absent says in words that some classes have no item, "" if all have. Of one
// class alone more is said.
func absent(confusion [][]int64) string {
	missing := 0
	for _, answers := range confusion { // of the items of a class
		if !slices.ContainsFunc(answers, func(n int64) bool { return n > 0 }) {
			missing++
		}
	}
	if missing == 0 || missing >= len(confusion)-1 {
		return ""
	}
	return fmt.Sprintf("%d of the %d classes have no item here: the macro averages count their precision, recall and F1 as 0", missing, len(confusion))
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

// maybeChosenBy says that items without a set are those of the training run, as
// far as it has not trained on them.
func (e *evaluation) maybeChosenBy(tally string) string {
	if tally != allItems || e.seen == 0 || e.model.foreign {
		return ""
	}
	return "items that the model was trained on were in this stream, and none says of which set it is: those of the set val, by which the model was chosen, may be among the others, and the figures too good by that much"
}

// exception says what of a stream without sets is not used.
func (e *evaluation) exception() string {
	if ids, pictures := e.model.known.Len(); ids+pictures == 0 {
		return ""
	}
	return " but those whose photo the model is known to have been trained on"
}

// compose gathers what is known of the model and of what it was tried on.
func (e *evaluation) compose(evaluated *report.Evaluation) (*report.Report, error) {
	m := e.model
	full := &report.Report{
		Run: m.meta["run"], Classes: m.Classes(), Architecture: m.Arch(), Parameters: m.Parameters(), Input: m.input(),
		Sets: e.counts, Removed: e.removed, History: []report.Epoch{}, Evaluation: evaluated,
		Licences: e.licences.Summary(), Stages: report.Stages(e.origin.Header.Stages), Completeness: e.origin.Header.Completeness,
		Accounts:      report.CountsByStage(append(e.origin.Counts, e.total)),
		WeightsSHA256: m.WeightsHash(),
	}
	var err error
	if full.Credits, err = e.credits.Judged(evaluated); err != nil {
		return nil, err
	}
	full.SetAgain(cli.ShellWord)
	full.Notes = append(full.Notes, e.notes...)
	if e.embedded.use() {
		full.Notes = append(full.Notes, report.NoPictures)
	}
	if err := errors.Join(m.get("options", &full.Options), m.get("provenance", &full.Provenance), m.get("certainty", &full.Certainty)); err != nil {
		return nil, err
	}
	if full.Certainty != nil {
		full.Certainty.OnTest = nil // that was of other items
		full.Certainty.Judge(evaluated)
	}
	full.Pad, full.Filter, err = m.shape()
	return full, err
}
