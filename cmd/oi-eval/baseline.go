package main

import (
	"fmt"
	"strconv"

	"github.com/opensandwich/oi/cmd/internal/cli"
	"github.com/opensandwich/oi/cmd/internal/report"
)

// A baseline is an earlier report to compare with, and by how much less the
// accuracy may be, nil if nobody asks.
type baseline struct {
	path   string
	report *report.Baseline
	margin *float64
}

// readBaseline reads what --baseline and --no-worse-than name; the result is
// nil without the first.
func readBaseline(path, margin string) (*baseline, error) {
	b := &baseline{path: path}
	if margin != "" {
		v, err := strconv.ParseFloat(margin, 64)
		if err != nil || !(v >= 0 && v <= 1) {
			return nil, cli.Usagef("--no-worse-than %s: want a difference of accuracies, 0 to 1, such as 0.02", margin)
		}
		b.margin = &v
	}
	if path == "" {
		if margin != "" {
			return nil, cli.Usagef("--no-worse-than says nothing without --baseline")
		}
		return nil, nil
	}
	var err error
	if b.report, err = report.ReadBaseline(path); err != nil {
		return nil, cli.WithHint(fmt.Errorf("--baseline: %w", err), "oi-eval MODEL --report FILE.json < crops.oi writes one of a model")
	}
	return b, nil
}

// compare puts the comparison into e.
func (b *baseline) compare(e *report.Evaluation) (err error) {
	if b == nil {
		return nil
	}
	if e.Comparison, err = e.Compare(b.report); err != nil {
		return fmt.Errorf("--baseline %s: %w", b.path, err)
	}
	return nil
}

// verdict is an error if the model may be too much worse.
func (b *baseline) verdict(e *report.Evaluation) error {
	if b == nil || b.margin == nil {
		return nil
	}
	return e.Comparison.CheckNoWorse(*b.margin)
}
