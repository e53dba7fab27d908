package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/opensandwich/oi/cmd/internal/cli"
	"github.com/opensandwich/oi/cmd/internal/dataset"
	"github.com/opensandwich/oi/cmd/internal/metrics"
	"github.com/opensandwich/oi/cmd/internal/report"
)

// A certainty is what is asked for, by --calibrate and --unsure.
type certainty struct {
	calibrate bool
	text      string         // of --unsure
	below     float64        // the threshold, 0 none
	rule      *thresholdRule // by which to choose it, nil: none
}

func (c *certainty) flags(fs *cli.FlagSet) {
	fs.BoolVar(&c.calibrate, "calibrate", false, "make the probabilities fit to how often the model is right on val")
	fs.StringVar(&c.text, "unsure", "", "let the model be unsure below a `P` such as 0.8, or one chosen on val: 95%, f1, precision=P, recall=P, cost=C")
}

// check reads --unsure.
func (c *certainty) check() error {
	if c.text == "" {
		return nil
	}
	if v, err := parseShare(c.text); err == nil {
		if !(v > 0 && v < 1) {
			return cli.Usagef("--unsure %s: want a probability such as 0.8, or a share of right answers such as 95%%", c.text)
		}
		c.below = v
		if strings.HasSuffix(c.text, "%") {
			c.below, c.rule = 0, &thresholdRule{kind: "precision", value: v}
		}
		return nil
	}
	rule, ok := parseRule(c.text)
	if !ok {
		return cli.Usagef("--unsure %s: want a probability such as 0.8, a share of right answers such as 95%%, or f1, f1[CLASS], precision=P, precision[CLASS]=P, recall=P, recall[CLASS]=P, cost=C, with a P between 0 and 1 and a C above 0", c.text)
	}
	c.rule = &rule
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

// certaintyValues are the names that values may add.
func certaintyValues() []string { return []string{"calibrate", "unsure"} }

// make does it to a classifier; the result is nil if nothing is asked for.
func (c *certainty) make(ctx context.Context, env *cli.Env, d *data, of classifier) (*report.Certainty, error) {
	if !c.calibrate && c.text == "" {
		return nil, nil
	}
	done := &report.Certainty{UnsureBelow: c.below}
	if c.calibrate {
		rows, truth, err := validate(ctx, d, of)
		if err != nil {
			return nil, err
		}
		done.Temperature = metrics.Temperature(rows, truth)
		of.temper(done.Temperature)
		env.Infof("calibrated on val: the logits are divided by %g", done.Temperature)
	}
	if c.text == "" || d.val.Len() == 0 {
		return done, nil
	}
	rows, truth, err := validate(ctx, d, of)
	if err != nil {
		return nil, err
	}
	answers := newAnswersOf(rows, truth)
	if c.rule != nil {
		const hint = "--unsure 0.8 sets a threshold whatever val says, and without --unsure there is none; with --resume nothing is trained again"
		if done.UnsureBelow, err = c.rule.choose(answers, d.index[c.rule.class]); err != nil {
			return nil, cli.WithHint(fmt.Errorf("--unsure %s: %w", c.text, err), hint)
		}
		if done.UnsureBy = c.text; c.rule.kind == "precision" && c.rule.class == "" {
			done.Wanted = c.rule.value
		}
	}
	on := answers.cover(done.UnsureBelow)
	done.OnVal = &on
	env.Infof("an answer of less than %g is unsure: on val %s", done.UnsureBelow, on.Text())
	if c.rule != nil && done.UnsureBelow*float64(len(d.classes)) <= 1 {
		env.Warnf("--unsure %s: no answer of %d classes is as low as that; val gives no reason to be unsure of any", c.text, len(d.classes))
	}
	return done, nil
}

// possible is an error where there are no validation items to choose by.
func (c *certainty) possible(d *data) error {
	if !c.calibrate && c.rule == nil {
		return nil
	}
	flag := "--calibrate"
	if c.rule != nil {
		flag = "--unsure " + c.text
	}
	if d.val.Len() == 0 {
		return cli.WithHint(fmt.Errorf("%s goes by the set val, and no item is of it", flag), "--val 0.15 makes one of items that carry no set")
	}
	if c.rule != nil {
		if err := c.rule.possible(d); err != nil {
			return fmt.Errorf("%s: %w", flag, err)
		}
	}
	return nil
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
