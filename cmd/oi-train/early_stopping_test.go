package main

import (
	"bytes"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/opensandwich/oi/cmd/internal/cmdtest"
)

// The outcomes are those of Keras 2.2.4's EarlyStopping(monitor="val_loss"),
// worked through by hand.
func TestEarlyStopping(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	for _, tc := range []struct {
		name     string
		patience int
		minDelta float64
		losses   []float64
		best     int // epoch of the last improvement, 0: none
		stopped  int // epoch after which training stops, 0: it goes on
	}{
		{"always better", 2, 0, []float64{5, 4, 3, 2, 1}, 5, 0},
		{"equal is not better", 2, 0, []float64{3, 3, 3, 2}, 1, 3},
		{"an improvement resets the wait", 2, 0, []float64{3, 4, 2, 3, 3, 1}, 3, 5},
		{"patience 1", 1, 0, []float64{3, 2, 2.5}, 2, 3},
		{"patience 0 stops like 1", 0, 0, []float64{3, 2, 2.5, 1}, 2, 3},
		{"better by min-delta is not enough", 1, 0.5, []float64{3, 2.5, 2}, 1, 2},
		{"better by more than min-delta", 1, 0.5, []float64{3, 2.4375, 1.9375}, 2, 3},
		{"small steps do not add up to the best", 3, 1, []float64{5, 4.5, 4.1, 3.9, 3.5}, 4, 0},
		{"NaN is never better", 2, 0, []float64{3, nan, nan, 1}, 1, 3},
		{"NaN from the start", 2, 0, []float64{nan, nan, 1}, 0, 2},
		{"infinity is no number to beat", 2, 0, []float64{inf, 3, 4, 5}, 2, 4},
		{"the article", 4, 0, []float64{.69, .66, .64, .60, .58, .61, .55, .52, .53, .50, .49, .47, .4451, .46, .48, .50, .5279, .3}, 13, 17},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := earlyStopping{patience: tc.patience, minDelta: tc.minDelta}
			best, stopped := 0, 0
			for i, loss := range tc.losses {
				better, stop := s.observe(loss)
				if better {
					best = i + 1
				}
				if stop {
					stopped = i + 1
					break
				}
			}
			if best != tc.best || stopped != tc.stopped {
				t.Errorf("best epoch %d, stopped after %d; want %d and %d", best, stopped, tc.best, tc.stopped)
			}
		})
	}
}

// oi-augment --epochs 0 never says that it has ended.
func TestEarlyStoppingLeaves(t *testing.T) {
	stream := encode(t, []string{"red", "green"}, variants(t, twoClasses(), 6)...)
	reader, writer := io.Pipe()
	go func() {
		if _, err := writer.Write(stream[:len(stream)-200]); err == nil {
			select {} // an endless stage: no more, and no end
		}
	}()
	dir := t.TempDir()
	var out, errs bytes.Buffer
	env := cmdtest.Env(reader, &out, &errs)
	// Nothing gets better by a million, so patience counts from epoch 2.
	code := command().Execute(t.Context(), env, []string{"-o", filepath.Join(dir, "m"), "--patience", "2", "--min-delta", "1e6"})
	if code != 0 || !strings.Contains(errs.String(), "got no better for 2 epochs; the best weights are those of epoch 1\n") {
		t.Errorf("exit %d: %s", code, errs.String())
	}
	if _, err := os.Stat(filepath.Join(dir, "m.onnx")); err != nil {
		t.Error(err)
	}
}

// Who ends the training before val got no better is told so.
func TestStillGaining(t *testing.T) {
	got := runTrain(t, t.Context(), encode(t, []string{"green", "red"}, twoClasses()...), "--epochs", "2")
	if got.code != 0 || !strings.Contains(got.stderr, "stopped: all 2 epochs are done; the best weights are those of epoch 2, and more epochs may still help\n") {
		t.Errorf("exit %d: %s", got.code, got.stderr)
	}
}
