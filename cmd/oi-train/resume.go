package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/opensandwich/oi/cmd/internal/cli"
	"github.com/opensandwich/oi/cmd/internal/kernel"
	"github.com/opensandwich/oi/cmd/internal/nn"
	"github.com/opensandwich/oi/cmd/internal/posixfile"
	"github.com/opensandwich/oi/cmd/internal/report"
)

// checkpoint returns the name of the checkpoint.
func (o *options) checkpoint() string { return o.name + ".ckpt" }

// valueTexts are the options that change results, as they are saved.
func (o *options) valueTexts() map[string]string {
	texts := map[string]string{}
	values := o.values()
	for _, name := range certaintyValues() { // of what is done after training
		delete(values, name)
	}
	for name, value := range values {
		texts[strings.ReplaceAll(name, "_", "-")] = fmt.Sprint(value)
	}
	return texts
}

// freshStartHint is the hint where a checkpoint cannot be used.
const freshStartHint = "leave --resume out to start from the beginning"

// loadCheckpoint returns the checkpoint that --resume goes on from, nil if
// there is none, and checks that it was made with the same options.
func loadCheckpoint(o *options, env *cli.Env) (*checkpoint, error) {
	path := o.checkpoint()
	if err := removeLeftovers(path); err != nil {
		env.Warnf("what a killed run left: %v", err)
	}
	file, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		if o.resume {
			env.Infof("there is no checkpoint %s: starting from the beginning", path)
		}
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }() // nothing was written
	if !o.resume {
		env.Warnf("%s is the checkpoint of a run that did not end; it goes once the first epoch of this run is finished (--resume would go on from it)", path)
		return nil, nil
	}
	c, err := readCheckpoint(bufio.NewReader(file))
	if err != nil {
		return nil, cli.WithHint(fmt.Errorf("%s: %w", path, err), freshStartHint)
	}
	if c.Version != env.Version {
		env.Warnf("%s is by version %s, this is %s: the weights may differ from those of a run that never stopped", path, c.Version, env.Version)
	}
	if err := o.otherOptions(path, c.Options); err != nil {
		return nil, err
	}
	for _, how := range c.Arithmetic {
		if other := report.ThisEnvironment(o.seed).OtherArithmetic(report.Environment{Arithmetic: how}); other != "" {
			env.Warnf("%s: %s; this run ends with others than one that never stopped", path, other)
			break
		}
	}
	return c, nil
}

// withArithmetic adds what is computed with now to what was before.
func withArithmetic(before []string) []string {
	now := kernel.Arithmetic()
	if slices.Contains(before, now) {
		return before
	}
	return append(slices.Clone(before), now)
}

// otherOptions returns an error that names the options that differ from those
// that a checkpoint was made with, nil if none does.
func (o *options) otherOptions(checkpoint string, made map[string]string) error {
	var differ []string
	now := o.valueTexts()
	for _, name := range slices.Sorted(maps.Keys(now)) {
		then, ok := made[name]
		if !ok {
			then = "not given"
		}
		if ok && then == now[name] || name == "patience" && o.patienceFollows() && len(differ) > 0 {
			continue
		}
		differ = append(differ, fmt.Sprintf("--%s %s, now %s", name, then, now[name]))
	}
	for _, name := range slices.Sorted(maps.Keys(made)) {
		if _, ok := now[name]; !ok && !slices.Contains(certaintyValues(), name) { // which older versions kept
			differ = append(differ, fmt.Sprintf("--%s %s, now not given", name, made[name]))
		}
	}
	if len(differ) == 0 {
		return nil
	}
	return cli.WithHint(fmt.Errorf("%s was made with other options: %s", checkpoint, strings.Join(differ, "; ")),
		"give the same options, or "+freshStartHint)
}

// saveCheckpoint writes a checkpoint after an epoch. The one before stays until
// this one is complete.
//
// A checkpoint that cannot be written, because the disk is full for example, is
// a warning and not an error. It protects the epochs that are done; to fail
// without it would lose them. The disk may have room again by the time the
// model is written.
func (t *trainer) saveCheckpoint(epoch int) {
	network, state := t.nn.Network(), t.nn.State()
	c := &checkpoint{
		checkpointHead: checkpointHead{
			Version: t.env.Version, Arithmetic: t.result.arithmetic, Options: t.options.valueTexts(),
			Streamed: t.data.streamed != nil, Items: t.data.used.items, Input: t.data.used.sum(), Unordered: t.data.used.unordered(),
			Network: shapeOf(network), State: shapesOf(state.Tensors), Epoch: epoch, Step: state.Step, BestEpoch: t.result.bestEpoch,
			Stopping: stoppingState{exact(t.stopping.best), t.stopping.wait, t.stopping.any},
			Stopped:  t.result.stopped, History: saveEpochs(t.result.history),
		},
		state: state.Tensors,
	}
	if t.best != nil {
		c.best = t.best.Params
	}
	err := report.WriteFiles(report.File{Path: t.options.checkpoint(), Write: c.write})
	if err == nil {
		t.saved = epoch
		return
	}
	if t.saved > 0 {
		t.env.Warnf("no checkpoint of epoch %d, that of epoch %d stays: %v", epoch, t.saved, err)
	} else {
		t.env.Warnf("no checkpoint of epoch %d: %v", epoch, err)
	}
}

// resume restores a checkpoint. Of a streamed run it first reads again what was
// read then, so that the next batch is the one that would have come.
func (t *trainer) resume(ctx context.Context, c *checkpoint) error {
	if err := t.checkShape(c); err != nil {
		return err
	}
	if c.Streamed {
		t.env.Infof("reading the %d items again that were used before", c.Items)
		if err := t.skip(ctx, c.Epoch); err != nil {
			return err
		}
	}
	switch used := t.data.used; {
	case used.items == c.Items && used.sum() == c.Input:
	case used.items == c.Items && used.unordered() == c.Unordered:
		return cli.WithHint(fmt.Errorf("%s was made from the same %d items in another order", t.options.checkpoint(), c.Items),
			"give them in the order that they had, or "+freshStartHint)
	default:
		return t.otherInput(fmt.Sprintf("%d items then, %d now, and they are not the same ones", c.Items, used.items))
	}
	if err := t.nn.SetState(nn.State{Step: c.Step, Tensors: c.state}); err != nil {
		return cli.WithHint(fmt.Errorf("%s: %w", t.options.checkpoint(), err), freshStartHint)
	}
	t.stopping.best, t.stopping.wait, t.stopping.any = float64(c.Stopping.Best), c.Stopping.Wait, c.Stopping.Any
	t.result.history, t.result.stopped, t.result.bestEpoch = c.history(), c.Stopped, c.BestEpoch
	t.result.arithmetic = c.Arithmetic
	if c.best != nil {
		t.best = c.Network.network(c.best)
		t.result.best = network{t.best}
	}
	t.saved = c.Epoch
	t.env.Infof("going on after epoch %d, from %s", c.Epoch, t.options.checkpoint())
	return nil
}

// checkShape checks what can be known before an item is read again.
func (t *trainer) checkShape(c *checkpoint) error {
	then, now := c.Network, shapeOf(t.nn.Network())
	switch {
	case c.Streamed && t.data.streamed == nil:
		return t.otherInput("it brought epochs from oi-augment, this one brings none")
	case !c.Streamed && t.data.streamed != nil:
		return t.otherInput("it brought no epochs, this one brings those of oi-augment")
	case !slices.Equal(then.Classes, now.Classes):
		return t.otherInput(fmt.Sprintf("its classes were %s, now they are %s", strings.Join(then.Classes, ", "), strings.Join(now.Classes, ", ")))
	case then.Height != now.Height || then.Width != now.Width || then.Channels != now.Channels:
		return t.otherInput(fmt.Sprintf("its pictures were %dx%d, now they are %dx%d", then.Width, then.Height, now.Width, now.Height))
	case !reflect.DeepEqual(then, now):
		return cli.WithHint(fmt.Errorf("%s is of another network than this oi-train makes", t.options.checkpoint()), freshStartHint)
	}
	return nil
}

// otherInput is the error for an input that is not the checkpoint's.
func (t *trainer) otherInput(what string) error {
	return cli.WithHint(fmt.Errorf("%s was made from another input: %s", t.options.checkpoint(), what), "give the same input, or "+freshStartHint)
}

// skip reads the epochs that are done and drops them.
func (t *trainer) skip(ctx context.Context, epochs int) error {
	for epoch := 1; epoch <= epochs; epoch++ {
		if !t.source.begin(epoch) {
			return t.otherInput(fmt.Sprintf("epoch %d was finished then, now there are %d", epochs, epoch-1))
		}
		for {
			err := t.source.next(t.batch)
			if errors.Is(err, io.EOF) {
				break
			}
			if err == nil {
				err = ctx.Err()
			}
			if err != nil && wasInterrupted(ctx, err) {
				return fmt.Errorf("interrupted while reading epoch %d again: %w", epoch, context.Canceled)
			}
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// removeCheckpoint removes the checkpoint of a run that no longer needs it.
func removeCheckpoint(o *options, env *cli.Env) {
	for _, path := range []string{o.checkpoint(), o.tuneCheckpoint()} {
		if err := posixfile.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			env.Warnf("the checkpoint is not needed any more: %v", err)
		}
	}
}

// removeLeftovers removes the unfinished checkpoints of runs that were killed
// while they wrote one: a dot, the name and a number, as [report.WriteFiles]
// calls them. Each is as large as a checkpoint, and no run would ever use it.
func removeLeftovers(path string) error {
	dir, prefix := filepath.Dir(path), "."+filepath.Base(path)
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, entry := range entries {
		number, ok := strings.CutPrefix(entry.Name(), prefix)
		if _, err := strconv.ParseUint(number, 10, 64); !ok || err != nil || !entry.Type().IsRegular() {
			continue
		}
		if err := posixfile.Remove(filepath.Join(dir, entry.Name())); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}
