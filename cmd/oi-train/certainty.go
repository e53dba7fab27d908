package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/opensandwich/oi/cmd/internal/cli"
	"github.com/opensandwich/oi/cmd/internal/dataset"
	"github.com/opensandwich/oi/cmd/internal/metrics"
	"github.com/opensandwich/oi/cmd/internal/report"
)

// A certainty is what is asked for, by --calibrate and --unsure.
type certainty struct {
	calibrate bool
	text      string  // of --unsure
	below     float64 // the threshold, 0 none
	wanted    float64 // the share of right answers by which to choose it, 0 none
}

func (c *certainty) flags(fs *cli.FlagSet) {
	fs.BoolVar(&c.calibrate, "calibrate", false, "make the probabilities fit to how often the model is right on val")
	fs.StringVar(&c.text, "unsure", "", "let the model be unsure below a `P` such as 0.8, or so that 95% of its answers on val are right")
}

// check reads --unsure.
func (c *certainty) check() error {
	if c.text == "" {
		return nil
	}
	number, percent := strings.CutSuffix(c.text, "%")
	v, err := strconv.ParseFloat(number, 64)
	if percent {
		v /= 100
	}
	if err != nil || !(v > 0 && v < 1) {
		return cli.Usagef("--unsure %s: want a probability such as 0.8, or a share of right answers such as 95%%", c.text)
	}
	if percent {
		c.wanted = v
	} else {
		c.below = v
	}
	return nil
}

// values puts what changes results into the options of a run.
func (c *certainty) values(values map[string]any) {
	if c.calibrate {
		values["calibrate"] = true
	}
	if c.text != "" {
		values["unsure"] = c.text
	}
}

// make does it to a classifier; the result is nil if nothing is asked for.
func (c *certainty) make(ctx context.Context, env *cli.Env, d *data, of classifier) (*report.Certainty, error) {
	if !c.calibrate && c.text == "" {
		return nil, nil
	}
	done := &report.Certainty{UnsureBelow: c.below, Wanted: c.wanted}
	if c.calibrate {
		rows, truth, err := validate(ctx, d, of)
		if err != nil {
			return nil, err
		}
		done.Temperature = metrics.Temperature(rows, truth)
		of.temper(done.Temperature)
		env.Infof("calibrated on val: the logits are divided by %g", done.Temperature)
	}
	if c.wanted > 0 {
		rows, truth, err := validate(ctx, d, of)
		if err != nil {
			return nil, err
		}
		var answered float64
		if done.UnsureBelow, answered, err = threshold(rows, truth, c.wanted); err != nil {
			return nil, fmt.Errorf("--unsure %s: %w", c.text, err)
		}
		env.Infof("an answer of less than %g is unsure: on val %.0f %% are answered, and %s of these right", done.UnsureBelow, 100*answered, c.text)
	}
	return done, nil
}

// possible is an error where there are no validation items to choose by.
func (c *certainty) possible(d *data) error {
	if len(d.val) > 0 || !c.calibrate && c.wanted == 0 {
		return nil
	}
	flag := "--calibrate"
	if !c.calibrate {
		flag = "--unsure " + c.text
	}
	return cli.WithHint(fmt.Errorf("%s goes by the set val, and no item is of it", flag), "--val 0.15 makes one of items that carry no set")
}

// validate returns what the classifier says of the validation items.
func validate(ctx context.Context, d *data, of classifier) (rows [][]float32, truth []int, err error) {
	err = of.predict(ctx, d, d.val, func(entry dataset.Entry, probabilities []float32) error {
		rows = append(rows, append([]float32(nil), probabilities...))
		truth = append(truth, d.index[entry.Label])
		return nil
	})
	return rows, truth, err
}

// threshold returns the lowest probability, in steps of 0.001, from which on the
// wanted share of answers is right, and the share of items that reach it.
func threshold(rows [][]float32, truth []int, wanted float64) (below, answered float64, err error) {
	const steps = 1000
	for step := range steps {
		t, n, right := float64(step)/steps, 0, 0
		for i, row := range rows {
			if said := report.ArgMax(row); float64(row[said]) >= t {
				n++
				if said == truth[i] {
					right++
				}
			}
		}
		if n == 0 {
			break
		}
		if float64(right) >= wanted*float64(n) {
			return max(t, 1./steps), float64(n) / float64(len(rows)), nil
		}
	}
	return 0, 0, fmt.Errorf("no probability is so high that this share of the %d validation items is right above it", len(rows))
}
