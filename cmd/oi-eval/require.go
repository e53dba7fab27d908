package main

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/opensandwich/oi/cmd/internal/cli"
	"github.com/opensandwich/oi/cmd/internal/report"
)

// A requirement is a figure and the bound it has to keep.
type requirement struct {
	figure   string
	operator string
	bound    float64
}

// parseRequirement reads a text such as "accuracy>=0.9". The figure's name is
// checked once the classes are known.
func parseRequirement(text string) (requirement, error) {
	const operators = "<>="
	// A class may have such characters in its name: the last group counts.
	if end := strings.LastIndexAny(text, operators) + 1; end > 0 {
		figure := strings.TrimRight(text[:end], operators)
		r := requirement{figure: strings.TrimSpace(figure), operator: text[len(figure):end]}
		bound, err := strconv.ParseFloat(strings.TrimSpace(text[end:]), 64)
		r.bound = bound
		switch r.operator {
		case ">=", "<=", ">", "<":
			if err == nil && !math.IsNaN(bound) && r.figure != "" {
				return r, nil
			}
		}
	}
	return requirement{}, cli.Usagef("--require %s: want a figure, one of >= > <= <, and a number, such as accuracy>=0.9", text)
}

// checkFigures refuses figures that a model of the classes does not have.
func checkFigures(requirements []requirement, classes []string) error {
	empty := report.NewAccumulator("", classes).Evaluation()
	for _, r := range requirements {
		if _, err := empty.Value(r.figure); err != nil {
			return cli.Usagef("--require: %w", err)
		}
	}
	return nil
}

// checkRequirements returns an error that names the requirements that are not
// met.
func checkRequirements(requirements []requirement, e *report.Evaluation) error {
	var short []string
	for _, r := range requirements {
		got, err := e.Value(r.figure)
		if err != nil {
			return err
		}
		if !r.met(got) {
			line := fmt.Sprintf("%s is %.4f, required is %s %g", r.figure, got, r.operator, r.bound)
			if r.figure == "accuracy" {
				line += fmt.Sprintf(" (95%% interval %.4f to %.4f %s)", e.Interval.Low, e.Interval.High, e.Interval.Basis())
			}
			short = append(short, line)
		}
	}
	if len(short) > 0 {
		return errors.New(strings.Join(short, "; "))
	}
	return nil
}

func (r requirement) met(got float64) bool {
	switch r.operator {
	case ">=":
		return got >= r.bound
	case "<=":
		return got <= r.bound
	case ">":
		return got > r.bound
	}
	return got < r.bound
}
