package main

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/opensandwich/oi/cmd/internal/cli"
	"github.com/opensandwich/oi/cmd/internal/dataset"
	"github.com/opensandwich/oi/cmd/internal/logreg"
	"github.com/opensandwich/oi/cmd/internal/model"
	"github.com/opensandwich/oi/cmd/internal/nn"
	"github.com/opensandwich/oi/cmd/internal/report"
	"github.com/opensandwich/oi/cmd/internal/transfer"
)

// divide divides the backbone for --fine-tune; without the flag it returns nil.
func (t *tuneOptions) divide(env *cli.Env, d *data, b *transfer.Backbone) (*transfer.Tail, error) {
	if t.layers == "" {
		return nil, nil
	}
	if d.val.Len() == 0 {
		return nil, cli.WithHint(errors.New("--fine-tune needs items of the set val: they decide whether the result is better than its start"),
			"--val 0.15 takes a share of the authors")
	}
	if d.embedded.first != nil {
		return nil, errEmbedded
	}
	tail, err := b.Tail(t.wanted)
	if err != nil {
		return nil, fmt.Errorf("--fine-tune: %w", err)
	}
	env.Infof("--fine-tune: %s, from %s on, %d numbers a picture, kept as %s", tail.Text(), tail.Begins, tail.Size, b.DType)
	return tail, nil
}

// A fineTuning is a run of fine-tuning.
type fineTuning struct {
	options *options
	env     *cli.Env
	head    *head
	tail    *transfer.Tail
	tuner   *nn.Tuner
	train   *rowSet
	weights []float64 // of each class, nil if all count the same
	report  *report.FineTuning
	best    []model.Param // of the best epoch; nil before one is better
	order   [][]int       // places in train, epoch by epoch
	rate    schedule
	maps    []float32 // of a batch

	loss     float64 // the lowest on val
	identity string  // see run
}

// fineTune trains the tail and the head, which begin as they are. It returns nil
// where no epoch is better on val.
func fineTune(ctx context.Context, o *options, env *cli.Env, d *data, h *head, tail *transfer.Tail) (*tuned, *report.FineTuning, error) {
	g, params, err := tail.Training(h.weights, h.bias)
	if err != nil {
		return nil, nil, fmt.Errorf("--fine-tune: %w", err)
	}
	t := &fineTuning{options: o, env: env, head: h, tail: tail, train: h.sets[dataset.Train]}
	if t.tuner, err = nn.NewTuner(g, params, o.tunerOptions()); err != nil {
		return nil, nil, cli.WithHint(fmt.Errorf("--fine-tune: %w", err), "fewer layers may end after it: --fine-tune 1 and up")
	}
	defer t.tuner.Close()
	if o.weights == "balanced" {
		t.weights = logreg.Balanced(t.train.labels, len(d.classes))
	}
	t.plan()
	f, err := t.measure(ctx, params)
	if err != nil {
		return nil, nil, t.stopped(ctx, err)
	}
	t.loss = f.loss.Mean()
	t.report = &report.FineTuning{Layers: tail.Text(), Rows: len(t.order[0]), Before: tunedFigures(0, f), Epochs: []report.Tuned{}}
	if err := t.resume(); err != nil {
		return nil, nil, err
	}
	for epoch := len(t.report.Epochs); epoch < len(t.order); epoch++ {
		var diverged *nn.NonFiniteError
		err := t.epoch(ctx, epoch)
		if errors.As(err, &diverged) {
			env.Warnf("--fine-tune: %v; what was best before counts. A lower --lr than %g may help", err, o.tuneLR())
			break
		}
		if err != nil {
			return nil, nil, t.stopped(ctx, err)
		}
		t.save()
	}
	if t.best == nil {
		env.Infof("--fine-tune: no epoch has a lower validation loss than %.4f: the backbone stays as it was", t.loss)
		return nil, t.report, nil
	}
	env.Infof("--fine-tune: epoch %d is the best on val", t.report.Best)
	result, err := newTuned(h, tail, t.best)
	return result, t.report, err
}

// stopped says what becomes of the epochs after an interrupt.
func (t *fineTuning) stopped(ctx context.Context, err error) error {
	if ctx.Err() == nil {
		return err
	}
	done := 0
	if t.report != nil {
		done = len(t.report.Epochs)
	}
	return cli.WithHint(fmt.Errorf("interrupted after %d epochs of fine-tuning: %w", done, context.Canceled), "the same command with --resume goes on from there")
}

// plan divides the rows into epochs: those of the variants that came, or all
// items again and again. Each is shuffled.
func (t *fineTuning) plan() {
	o, n := t.options, len(t.train.rows)
	ends := t.train.epochs
	if len(ends) == 0 {
		epochs := tuneEpochs
		if o.given("epochs") {
			epochs = o.epochs
		}
		ends = make([]int, epochs)
	}
	steps, first := 0, 0
	for epoch, end := range ends {
		if len(t.train.epochs) == 0 {
			first, end = 0, n
		}
		order := dataset.Permutation(o.seed, epoch+1, end-first)
		for i := range order {
			order[i] += first
		}
		first = end
		if len(order) > 0 {
			t.order = append(t.order, order)
			steps += (len(order) + o.tuneBatch() - 1) / o.tuneBatch()
		}
	}
	t.rate = schedule{o.tuneLR(), steps}
}

// epoch trains on the rows of an epoch, counted from 0, and measures what came
// of it.
func (t *fineTuning) epoch(ctx context.Context, epoch int) error {
	start := t.env.Now()
	size, order := t.options.tuneBatch(), t.order[epoch]
	step := 0
	for _, before := range t.order[:epoch] {
		step += (len(before) + size - 1) / size
	}
	sum := 0.
	for batch := range slices.Chunk(order, size) {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		loss, err := t.step(batch, step)
		if err != nil {
			return err
		}
		sum += loss * float64(len(batch))
		step++
	}
	took := t.env.Now().Sub(start).Seconds()
	params := t.tuner.Params()
	f, err := t.measure(ctx, params)
	if err != nil {
		return err
	}
	t.report.Epochs = append(t.report.Epochs, tunedFigures(sum/float64(len(order)), f))
	line := fmt.Sprintf("fine-tuning %d/%d  loss %.4f  val_loss %.4f  val_acc %.4f", epoch+1, len(t.order), sum/float64(len(order)), f.loss.Mean(), f.accuracy())
	if took > 0 {
		line += fmt.Sprintf("  %.0f img/s", float64(len(order))/took)
	}
	if f.loss.Mean() < t.loss {
		t.loss, t.best, t.report.Best = f.loss.Mean(), params, epoch+1
		line += "  better"
	}
	t.env.Infof("%s", line)
	return nil
}

// step trains on a batch of places in train.
func (t *fineTuning) step(batch []int, step int) (float64, error) {
	if err := t.tuner.SetLR(t.rate.at(step)); err != nil {
		return 0, err
	}
	rows, labels := make([]int32, len(batch)), make([]int, len(batch))
	var weights []float32
	for i, at := range batch {
		rows[i], labels[i] = t.train.rows[at], t.train.labels[at]
		if t.weights != nil {
			weights = append(weights, float32(t.weights[labels[i]]))
		}
	}
	if n := len(batch) * t.tail.Size; cap(t.maps) < n {
		t.maps = make([]float32, n)
	}
	maps := t.maps[:len(batch)*t.tail.Size]
	if err := t.head.store.readMaps(maps, rows); err != nil {
		return 0, err
	}
	loss, _, err := t.tuner.Step(maps, labels, weights)
	return loss, err
}

// measure tries parameters on val.
func (t *fineTuning) measure(ctx context.Context, params []model.Param) (f figures, err error) {
	val := t.head.sets[dataset.Val]
	err = answerMaps(ctx, t.options, t.head.store, t.tail, params, val.rows, func(i int, probabilities []float32) error {
		f.add(probabilities, val.labels[i])
		return nil
	})
	return f, err
}

func tunedFigures(loss float64, f figures) report.Tuned {
	return report.Tuned{Loss: report.Number(loss), ValLoss: report.Number(f.loss.Mean()), ValAccuracy: report.Number(f.accuracy())}
}

// answerMaps calls answer with the probabilities for each of some rows of maps,
// in order.
func answerMaps(ctx context.Context, o *options, store *featureStore, tail *transfer.Tail, params []model.Param, rows []int32, answer func(i int, probabilities []float32) error) error {
	g, err := tail.Answers(params)
	if err != nil {
		return err
	}
	read := func(maps []float32, first int) error { return store.readMaps(maps, rows[first:][:len(maps)/tail.Size]) }
	return answerRows(ctx, o, g, len(rows), tail.Size, read, answer)
}

// tuned is a head together with the last layers of the backbone.
type tuned struct {
	*head
	tail   *transfer.Tail
	params []model.Param
}

func newTuned(h *head, tail *transfer.Tail, params []model.Param) (*tuned, error) {
	b, weights, bias, err := tail.Tuned(params)
	if err != nil {
		return nil, fmt.Errorf("--fine-tune: %w", err)
	}
	own := *h
	own.backbone, own.weights, own.bias = b, weights, bias
	return &tuned{&own, tail, params}, nil
}

func (t *tuned) Arch() string     { return t.head.Arch() + ", fine-tuned " + t.tail.Text() }
func (t *tuned) chosenBy() string { return t.head.chosenBy() + ", and the epoch of fine-tuning" }

func (t *tuned) temper(by float64) {
	t.head.temper(by)
	for _, p := range t.params[len(t.params)-2:] { // weights and bias of the head
		divide(p.Data, by)
	}
}

// predict answers from the maps: all entries of one set.
func (t *tuned) predict(ctx context.Context, d *data, entries dataset.Entries, answer func(dataset.Entry, []float32) error) error {
	return answerMaps(ctx, d.options, t.store, t.tail, t.params, t.sets[entries.At(0).Set].rows, func(i int, probabilities []float32) error {
		return answer(entries.At(i), probabilities)
	})
}
