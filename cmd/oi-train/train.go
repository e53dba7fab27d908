package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/opensandwich/oi/cmd/internal/cli"
	"github.com/opensandwich/oi/cmd/internal/dataset"
	"github.com/opensandwich/oi/cmd/internal/model"
	"github.com/opensandwich/oi/cmd/internal/nn"
	"github.com/opensandwich/oi/cmd/internal/report"
	"github.com/opensandwich/oi/cmd/internal/status"
)

// A result is what training led to.
type result struct {
	best      classifier
	bestEpoch int
	history   []report.Epoch
	stopped   string // why, in words
	cut       bool   // by an interrupt

	certainty  *report.Certainty
	suspects   *outOfFold   // nil where nobody looks for suspected labels
	head       *report.Head // nil where a network was trained from scratch
	arithmetic []string     // what the epochs were computed with, see kernel.Arithmetic
}

// A trainer is a run of training.
type trainer struct {
	options   *options
	env       *cli.Env
	data      *data
	source    batchSource
	nn        *nn.Trainer
	predictor *nn.Predictor
	stopping  earlyStopping
	weights   []float32 // of each class, nil if all count the same
	batch     *batch
	cutMix    *cutMix // nil: pictures are not mixed
	result    *result
	best      *model.Network // of the result
	bar       progressBar
	perEpoch  int        // items of the last epoch, 0 before the first
	saved     int        // epoch of the checkpoint, 0 if there is none
	folds     *outOfFold // nil where nobody looks for suspected labels
	teacher   *teacher   // nil where the labels alone teach
}

// train trains until early stopping, the last epoch or the end of the input.
// After an interrupt it returns both the best model so far, if an epoch was
// finished, and the error to exit with. If saved is not nil it resumes from it.
func train(ctx context.Context, o *options, env *cli.Env, d *data, saved *checkpoint, folds *outOfFold, teacher *teacher) (*result, error) {
	t := newTraining(o, env, d)
	t.folds, t.teacher = folds, teacher
	if d.streamed != nil {
		t.source = newStreamBatches(d)
	}
	var err error
	if t.nn, err = newTrainer(o, d); err != nil {
		return nil, err
	}
	defer t.nn.Close()
	if t.predictor, err = t.nn.Predictor(); err != nil {
		return nil, err
	}
	d.describe(fmt.Sprintf("%s network of %d parameters, trained by %s", o.arch, t.nn.Network().Parameters(), o.optimizer))
	env.Infof("train_loss and train_acc are of the weights that are validated, on %s", d.measuredOn().Text())
	if saved != nil {
		if err := t.resume(ctx, saved); err != nil {
			return nil, err
		}
	}
	return t.run(ctx)
}

// newTraining makes a trainer that has no network yet.
func newTraining(o *options, env *cli.Env, d *data) *trainer {
	t := &trainer{
		options: o, env: env, data: d, source: newSpoolBatches(d),
		stopping: earlyStopping{patience: o.patience, minDelta: o.minDelta},
		batch:    newBatch(o.batch), cutMix: o.newCutMix(d.items.Size()), result: &result{}, bar: progressBar{now: env.Now, columns: env.StderrColumns},
	}
	if env.StderrTTY && !env.Quiet && env.Getenv("TERM") != "dumb" {
		t.bar.out = env.Stderr
	}
	if o.weights == "balanced" {
		t.weights = balanced(d.counts(), d.classes)
	}
	return t
}

// newTrainer makes the network of the options and what trains it.
func newTrainer(o *options, d *data) (*nn.Trainer, error) {
	size := d.items.Size()
	network := o.network(size.Height, size.Width, d.classes)
	if err := network.Validate(); err != nil {
		return nil, cli.WithHint(fmt.Errorf("pictures of %v do not suit the network: %w", size, err), "cut larger ones: oi-crop --size 128")
	}
	return nn.NewTrainer(network, o.trainerOptions())
}

// resumable adds to an error, in its hint, from where training can go on.
func (t *trainer) resumable(err error) error {
	var diverged *nn.NonFiniteError
	if t.saved == 0 || errors.As(err, &diverged) {
		return err
	}
	next := fmt.Sprintf("once that is mended, the same command with --resume goes on after epoch %d", t.saved)
	var hinted interface{ Hint() string }
	if errors.As(err, &hinted) {
		next = hinted.Hint() + "; " + next
	}
	return cli.WithHint(err, next)
}

// smaller is the hint where training diverges. A teacher's features count much,
// and not every optimizer evens that out.
func (t *trainer) smaller() string {
	if t.options.trainerOptions().Teacher.FeatureShare > 0 {
		return "try a smaller --lr or --teacher-features"
	}
	return "try a smaller --lr"
}

func (t *trainer) run(ctx context.Context) (*result, error) {
	// A run that was killed after its last epoch has nothing left to do.
	for epoch := len(t.result.history) + 1; t.result.stopped == ""; epoch++ {
		if epoch > t.options.epochs {
			t.result.stopped = fmt.Sprintf("all %d epochs are done", t.options.epochs)
			break
		}
		begun, err := t.begin(epoch)
		if err != nil {
			return nil, err
		}
		if !begun {
			t.result.stopped = fmt.Sprintf("the input ended after epoch %d", epoch-1)
			if t.options.schedule == linearRate {
				t.env.Warnf("the input had %d epochs, and the learning rate was still %.2g: give oi-train --epochs %d as well", epoch-1, t.options.rate(epoch), epoch-1)
			}
			break
		}
		line, err := t.epoch(ctx, epoch)
		if err != nil && wasInterrupted(ctx, err) {
			err = fmt.Errorf("interrupted in epoch %d: %w", epoch, context.Canceled)
			if t.saved > 0 {
				err = cli.WithHint(err, fmt.Sprintf("the same command with --resume goes on after epoch %d", t.saved))
			}
			if t.result.best == nil {
				return nil, err
			}
			t.result.stopped, t.result.cut = fmt.Sprintf("interrupted in epoch %d", epoch), true
			return t.result, err
		}
		if err != nil {
			return nil, t.resumable(err)
		}
		t.recordEpoch(line)
		t.saveCheckpoint(epoch)
	}
	if t.result.best == nil {
		removeCheckpoint(t.options, t.env) // it leads here only
		return nil, cli.WithHint(errors.New("the validation loss was never a number"), t.smaller())
	}
	more := ""
	if t.options.schedule != linearRate && len(t.result.history)-t.result.bestEpoch < t.options.patience {
		more = ", and more epochs may still help"
	}
	t.env.Infof("stopped: %s; the best weights are those of epoch %d%s", t.result.stopped, t.result.bestEpoch, more)
	return t.result, nil
}

// begin starts an epoch, counted from 1. It returns false if there is none.
func (t *trainer) begin(epoch int) (bool, error) {
	if err := t.nn.SetLR(t.options.rate(epoch)); err != nil {
		return false, err
	}
	t.cutMix.begin(epoch)
	return t.source.begin(epoch), nil
}

// epoch trains on the batches of one epoch. Then it measures the network on the
// validation set and on some of the pictures that it was trained on.
func (t *trainer) epoch(ctx context.Context, number int) (report.Epoch, error) {
	start := t.env.Now()
	t.bar.begin(start)
	defer t.bar.clear()
	total := t.perEpoch
	if t.data.streamed == nil {
		total = t.data.train.Len()
	}
	loss, seen, correct, err := t.steps(ctx, fmt.Sprintf("epoch %d", number), fmt.Sprintf("epoch %d/%d", number, t.options.epochs), total)
	if err != nil {
		return report.Epoch{}, err
	}
	t.perEpoch = seen
	if seen == 0 {
		return report.Epoch{}, cmp.Or(t.data.check(), fmt.Errorf("epoch %d has no items to train on", number))
	}
	trained := t.env.Now()
	if t.data.streamed != nil && number == 1 {
		// Only now are the classes of the train items known.
		if err := t.data.check(); err != nil {
			return report.Epoch{}, err
		}
	}
	val, err := measureEntries(ctx, t.predictor, t.data, t.data.val)
	if err != nil {
		return report.Epoch{}, err
	}
	train, err := t.source.measure(ctx, t.predictor)
	if err != nil {
		return report.Epoch{}, err
	}
	line := report.Epoch{
		Epoch: number, Loss: report.Number(loss / float64(seen)), Accuracy: float64(correct) / float64(seen),
		TrainLoss: report.Number(train.loss.Mean()), TrainAccuracy: report.Number(train.accuracy()),
		ValLoss: report.Number(val.loss.Mean()), ValAccuracy: val.accuracy(), Seconds: t.env.Now().Sub(start).Seconds(),
	}
	if s := trained.Sub(start).Seconds(); s > 0 {
		line.ImagesPerSecond = float64(seen) / s
	}
	return line, nil
}

// steps trains on the batches of an epoch that has begun, of total items if that
// is not 0. It returns the sum of the losses, and how many items there were and
// were answered as labelled. The name is for errors, the label for the bar.
func (t *trainer) steps(ctx context.Context, name, label string, total int) (loss float64, seen, correct int, err error) {
	for {
		if ctx.Err() != nil {
			return 0, 0, 0, context.Cause(ctx)
		}
		err := t.source.next(t.batch)
		if errors.Is(err, io.EOF) {
			return loss, seen, correct, nil
		}
		if err != nil {
			return 0, 0, 0, err
		}
		l, c, err := t.step()
		var diverged *nn.NonFiniteError
		if errors.As(err, &diverged) {
			return 0, 0, 0, cli.WithHint(fmt.Errorf("%s: %w%s", name, err, t.batch.offendingItem(diverged.Index)), t.smaller())
		}
		if err != nil {
			return 0, 0, 0, fmt.Errorf("%s: %w", name, err)
		}
		loss += l * float64(len(t.batch.images))
		correct += c
		seen += len(t.batch.images)
		t.bar.draw(label, seen, total, loss/float64(seen))
	}
}

// step trains on the batch.
func (t *trainer) step() (loss float64, correct int, err error) {
	b := nn.Batch{Images: t.batch.images, Labels: t.batch.labels}
	t.cutMix.mix(&b)
	b.Weights = t.weighted(b)
	if err := t.teacher.ask(&b, t.batch.keys); err != nil {
		return 0, 0, err
	}
	return t.nn.Step(b)
}

// recordEpoch adds an epoch to the history, keeps the weights if they are the
// best so far, and decides whether to stop.
func (t *trainer) recordEpoch(line report.Epoch) {
	t.result.history = append(t.result.history, line)
	t.result.arithmetic = withArithmetic(t.result.arithmetic)
	better, stop := t.stopping.observe(float64(line.ValLoss))
	mark := ""
	if better {
		t.best = t.nn.Network()
		t.result.best, t.result.bestEpoch = network{t.best}, line.Epoch
		mark = "  best"
	}
	if line.Epoch == 1 {
		t.announceFolds(line)
	}
	left := inSeconds(float64(t.options.epochs-line.Epoch) * line.Seconds)
	epoch := fmt.Sprintf("epoch %*d/%d", digits(t.options.epochs), line.Epoch, t.options.epochs)
	train, trainAccuracy := fmt.Sprintf("  train_loss %.4f", float64(line.TrainLoss)), fmt.Sprintf("  train_acc %.4f", float64(line.TrainAccuracy))
	val, accuracy := fmt.Sprintf("  val_loss %.4f", float64(line.ValLoss)), fmt.Sprintf("  val_acc %.4f", line.ValAccuracy)
	// The report has all of it.
	t.env.Infof("%s", status.Fit(t.env.StderrColumns-len(t.env.Name+": "),
		epoch+train+trainAccuracy+val+accuracy+fmt.Sprintf("  %.0f img/s  %s left at most", line.ImagesPerSecond, left)+mark,
		epoch+train+trainAccuracy+val+accuracy+fmt.Sprintf("  %s left", left)+mark,
		epoch+train+val+accuracy+fmt.Sprintf("  %s left", left)+mark,
		epoch+val+accuracy+fmt.Sprintf("  %s left", left)+mark,
		epoch+accuracy+fmt.Sprintf("  %s left", left)+mark,
		epoch+accuracy+mark))
	if stop {
		t.result.stopped = fmt.Sprintf("the validation loss got no better for %d epochs", t.stopping.wait)
	}
}

// digits is the width of a number, so that lines stay in columns.
func digits(n int) int { return len(fmt.Sprint(n)) }

// weighted returns the weights of the batch's pictures, of two labels the mean by
// their shares.
func (t *trainer) weighted(b nn.Batch) []float32 {
	if t.weights == nil {
		return nil
	}
	weights := make([]float32, len(b.Labels))
	for i, label := range b.Labels {
		weights[i] = t.weights[label]
		if b.Shares != nil {
			weights[i] += float32(b.Shares[i] * (t.weights[b.Seconds[i]] - weights[i]))
		}
	}
	return weights
}

// balanced returns the weights under which all classes count the same, as
// scikit-learn's "balanced": items / (classes * items of the class).
func balanced(counts dataset.Counts, classes []string) []float32 {
	weights := make([]float32, len(classes))
	for i, class := range classes {
		weights[i] = float32(float64(counts.Of(dataset.Train)) / float64(len(classes)*counts[dataset.Train][class]))
	}
	return weights
}

// predictBatch is how many pictures are handed to the network at once.
const predictBatch = 64

// predict calls answer with the probabilities for each of the entries, in
// order.
func predict(ctx context.Context, p *nn.Predictor, d *data, entries dataset.Entries, answer func(dataset.Entry, []float32) error) error {
	load := func(b *batch, i int) error { return b.load(d.items.Spool, entries.At(i), 0) }
	return predictEach(ctx, p, entries.Len(), load, func(i int, row []float32) error { return answer(entries.At(i), row) })
}

// predictEach calls answer with the probabilities for each of n pictures, in
// order. Load adds picture i to the batch.
func predictEach(ctx context.Context, p *nn.Predictor, n int, load func(b *batch, i int) error, answer func(i int, row []float32) error) error {
	b := newBatch(predictBatch)
	for i := 0; i < n; {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		first := i
		for b.clear(); i < n && !b.full(); i++ {
			if err := load(b, i); err != nil {
				return err
			}
		}
		rows, err := p.Predict(b.images)
		if err != nil {
			return err
		}
		for k, row := range rows {
			if err := answer(first+k, row); err != nil {
				return err
			}
		}
	}
	return nil
}
