package main

import (
	"context"
	"fmt"
	"slices"

	"github.com/opensandwich/oi/cmd/internal/cli"
	"github.com/opensandwich/oi/cmd/internal/dataset"
	"github.com/opensandwich/oi/cmd/internal/kernel"
	"github.com/opensandwich/oi/cmd/internal/logreg"
	"github.com/opensandwich/oi/cmd/internal/nearduplicate"
	"github.com/opensandwich/oi/cmd/internal/report"
	"github.com/opensandwich/oi/cmd/internal/suspects"
)

// foldTolerance is where the fit of a fold's head ends. A hundredth of what the
// model's is fitted to, it changes a probability in the fourth digit.
const foldTolerance = 1e-4

// answerFolds fits the head anew for each fold, with the strength that was
// chosen for the model.
func (h *head) answerFolds(ctx context.Context, env *cli.Env, d *data, _ *result, f *outOfFold) error {
	all := &rowSet{labels: f.labels}
	for _, set := range []string{dataset.Train, dataset.Val, dataset.Test} {
		all.rows = append(all.rows, h.sets[set].rows...)
	}
	data, err := h.store.dataOf(all, d.options.featureMemory())
	if err != nil {
		return err
	}
	data.Groups = nil // which the folds go by
	if err := f.dealAgain(ctx, data.Features, d.options.stream.Workers()); err != nil {
		return err
	}
	f.announceNear(env)
	settings := logreg.Options{Threads: d.options.stream.Workers(), Tolerance: foldTolerance}
	if d.options.weights == "balanced" {
		settings.ClassWeights = logreg.Balanced(f.labels, len(f.classes))
	}
	start := env.Now()
	env.Infof("--suspects: fitting %d heads, each for the items of authors that it does not see", len(f.folds))
	for number, fold := range f.folds {
		err := logreg.HoldOut(ctx, data, fold, len(f.classes), h.c, settings, func(i int, probabilities []float64) error {
			f.answers[i] = suspects.NewAnswer(probabilities, f.labels[i])
			return nil
		})
		if err != nil {
			return fmt.Errorf("--suspects: fold %d: %w", number+1, err)
		}
		f.answered(env, number)
	}
	env.Infof("--suspects took %.1f s", env.Now().Sub(start).Seconds())
	return nil
}

// dealAgain divides the items by their features too, of which those of pictures
// that are nearly the same are close, if there are enough of them.
func (f *outOfFold) dealAgain(ctx context.Context, features logreg.Source, threads int) error {
	if features.Dim() < nearduplicate.MinDim {
		return nil
	}
	workers := kernel.NewWorkers(threads)
	defer workers.Close()
	if err := nearduplicate.EmbeddingPairs(ctx, workers, features, f.joinNear); err != nil {
		return err
	}
	f.deal()
	return nil
}

// answerFolds trains a network anew for each fold, for as many epochs as the
// model's best one took.
func (n network) answerFolds(ctx context.Context, env *cli.Env, d *data, r *result, f *outOfFold) error {
	f.announceNear(env)
	seconds := foldSeconds(r.history[0], f.entries.Len(), len(f.folds), r.bestEpoch)
	env.Infof("--suspects: training %d networks for %d epochs, each for the items of authors that it does not see: about %s", len(f.folds), r.bestEpoch, inSeconds(seconds))
	for number, fold := range f.folds {
		if err := f.trainFold(ctx, env, d, r.bestEpoch, number, fold); err != nil {
			return fmt.Errorf("--suspects: %w", err)
		}
		f.answered(env, number)
	}
	return nil
}

// trainFold trains a network on the items that are not of a fold, and asks it
// for those that are.
func (f *outOfFold) trainFold(ctx context.Context, env *cli.Env, d *data, epochs, number int, fold []int) (err error) {
	others := *d
	others.train, others.val, others.test = f.rest(fold), dataset.Entries{}, dataset.Entries{}
	t := newTraining(d.options, env, &others)
	if t.nn, err = newTrainer(d.options, &others); err != nil {
		return err
	}
	defer t.nn.Close()
	learnt := others.counts()[dataset.Train]
	for epoch := 1; epoch <= epochs; epoch++ {
		if _, err := t.begin(epoch); err != nil {
			return err
		}
		t.bar.begin(env.Now())
		name := fmt.Sprintf("fold %d/%d, epoch %d/%d", number+1, len(f.folds), epoch, epochs)
		_, _, _, err := t.steps(ctx, name, name, others.train.Len())
		t.bar.clear()
		if err != nil {
			return err
		}
	}
	p, err := t.nn.Predictor()
	if err != nil {
		return err
	}
	held := f.entries.Pick(slices.Values(fold))
	load := func(b *batch, k int) error { return b.load(d.items.Spool, held.At(k), 0) }
	return predictEach(ctx, p, held.Len(), load, func(k int, probabilities []float32) error {
		if i := fold[k]; learnt[held.At(k).Label] > 0 {
			f.answers[i] = suspects.NewAnswer(probabilities, f.labels[i])
		}
		return nil
	})
}

// foldSeconds is how long it takes to train the networks of the folds, at the
// speed of an epoch.
func foldSeconds(e report.Epoch, items, folds, epochs int) float64 {
	if e.ImagesPerSecond == 0 {
		return 0
	}
	return float64(items) * float64(folds-1) * float64(epochs) / e.ImagesPerSecond
}

// announceFolds says after the first epoch how long --suspects may take.
func (t *trainer) announceFolds(e report.Epoch) {
	if f := t.folds; f != nil {
		t.env.Infof("--suspects then trains %d more networks, for as many epochs as the best of this one: about %s an epoch of it, %s at most",
			len(f.folds), inSeconds(foldSeconds(e, f.entries.Len(), len(f.folds), 1)), inSeconds(foldSeconds(e, f.entries.Len(), len(f.folds), t.options.epochs)))
	}
}
