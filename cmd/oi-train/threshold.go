package main

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/opensandwich/oi/cmd/internal/cli"
	"github.com/opensandwich/oi/cmd/internal/dataset"
	"github.com/opensandwich/oi/cmd/internal/metrics"
	"github.com/opensandwich/oi/cmd/internal/report"
)

// A thresholdRule is how --unsure chooses a threshold by the validation items.
// An answer below it is not given. Of the answers that are,
//
//	precision  the share that is right; of a class, of the answers that are it
//	recall     the share of all items that is answered right; of a class, of its items
//	f1         the harmonic mean of both; without a class, its mean over the classes
//	cost       what is lost: value for a wrong answer, 1 for one that is not given
//
// Chow (1970), "On optimum recognition error and reject tradeoff", shows that a
// threshold on the probability is the best rule for a cost.
type thresholdRule struct {
	kind  string
	class string  // "": all
	value float64 // what is wanted, or the cost
}

// ruleKinds are the kinds of rules.
var ruleKinds = []string{"f1", "precision", "recall", "cost"}

// maxCost is more than anybody's.
const maxCost = 1e6

// parseRule reads a rule such as f1, precision=0.95, recall[Hot dog]=90% or
// cost=5.
func parseRule(text string) (r thresholdRule, ok bool) {
	name := text
	value, wanted := "", false
	if at := strings.LastIndexByte(text, '='); at > strings.LastIndexByte(text, ']') {
		name, value, wanted = text[:at], text[at+1:], true
	}
	r.kind = name
	if at := strings.IndexByte(name, '['); at >= 0 {
		if !strings.HasSuffix(name, "]") || at+1 == len(name)-1 {
			return r, false
		}
		r.kind, r.class = name[:at], name[at+1:len(name)-1]
	}
	if !slices.Contains(ruleKinds, r.kind) || (r.kind == "f1") == wanted || r.kind == "cost" && r.class != "" {
		return r, false
	}
	if r.kind == "f1" {
		return r, true
	}
	v, err := parseShare(value)
	r.value = v
	if r.kind == "cost" {
		return r, err == nil && v > 0 && v <= maxCost && !strings.HasSuffix(value, "%")
	}
	return r, err == nil && v > 0 && v < 1
}

// parseShare reads 0.95 or 95%.
func parseShare(text string) (float64, error) {
	number, percent := strings.CutSuffix(text, "%")
	v, err := strconv.ParseFloat(number, 64)
	if percent {
		v /= 100
	}
	return v, err
}

// possible is an error where the rule asks for a class of which val has no
// items.
func (r thresholdRule) possible(d *data) error {
	if r.class == "" || d.counts()[dataset.Val][r.class] > 0 {
		return nil
	}
	if _, known := d.index[r.class]; !known {
		return cli.WithHint(fmt.Errorf("no class is called %q", r.class), "the classes are "+strings.Join(d.classes, ", "))
	}
	return fmt.Errorf("no item of the set val is labelled %s", r.class)
}

// A tally counts what is said of items where a threshold holds back some answers.
type tally struct{ answered, right, items int64 }

// answersOf are the most probable classes of items, with their probabilities.
type answersOf struct {
	said, truth []int
	probability []float64
	classes     int
}

func newAnswersOf(rows [][]float32, truth []int) *answersOf {
	a := &answersOf{truth: truth}
	for _, row := range rows {
		said := report.ArgMax(row)
		a.said, a.probability, a.classes = append(a.said, said), append(a.probability, float64(row[said])), len(row)
	}
	return a
}

// tallies counts all items, and those of each class.
func (a *answersOf) tallies(threshold float64) (all tally, of []tally) {
	of = make([]tally, a.classes)
	for i, truth := range a.truth {
		of[truth].items++
		if a.probability[i] < threshold {
			continue
		}
		of[a.said[i]].answered++
		if a.said[i] == truth {
			of[truth].right++
		}
	}
	for _, t := range of {
		all.answered, all.right, all.items = all.answered+t.answered, all.right+t.right, all.items+t.items
	}
	return all, of
}

// cover is what a threshold does.
func (a *answersOf) cover(threshold float64) report.Coverage {
	all, _ := a.tallies(threshold)
	return report.Coverage{Threshold: threshold, Answered: float64(all.answered) / float64(all.items), Accuracy: report.Number(float64(all.right) / float64(all.answered))}
}

// meanF1 is over the classes that occur.
func meanF1(of []tally) float64 {
	sum, n := 0.0, 0
	for _, t := range of {
		if t.items > 0 {
			sum += metrics.Score(t.right, t.answered, t.items).F1
			n++
		}
	}
	return sum / float64(n)
}

// errUnreachable says that no threshold does what is wanted.
var errUnreachable = errors.New("cannot be reached")

// choose returns a threshold, in steps of 0.001: of a precision the lowest that
// has it, of a recall the highest that has it, else the lowest of the best. class
// is the number of the rule's, if it names one.
func (r thresholdRule) choose(a *answersOf, class int) (float64, error) {
	const steps = 1000
	chosen, best := 0.0, math.Inf(-1)
	for step := 1; step < steps; step++ {
		threshold := float64(step) / steps
		all, of := a.tallies(threshold)
		if all.answered == 0 {
			break
		}
		t := all
		if r.class != "" {
			t = of[class]
		}
		score := 0.0
		switch r.kind {
		case "precision":
			if t.answered > 0 && reaches(t.right, r.value, t.answered) {
				return threshold, nil
			}
			continue
		case "recall":
			if reaches(t.right, r.value, t.items) {
				chosen = threshold
			}
			continue
		case "cost":
			score = -(r.value*float64(all.answered-all.right) + float64(all.items-all.answered))
		case "f1":
			score = metrics.Score(t.right, t.answered, t.items).F1
			if r.class == "" {
				score = meanF1(of)
			}
		}
		if score > best {
			chosen, best = threshold, score
		}
	}
	switch {
	case r.kind == "cost" && best < -float64(len(a.truth)):
		return 0, fmt.Errorf("%w: on the %d validation items any answers cost more than giving none", errUnreachable, len(a.truth))
	case chosen == 0:
		return 0, r.unreachable(a, class)
	}
	return chosen, nil
}

// unreachable says what is the most that can be had.
// reaches reports whether right of n is a share or more. In float64 0.56 of 25
// is more than 14.
func reaches(right int64, share float64, n int64) bool {
	return float64(right) >= share*float64(n)*(1-1e-12)
}

func (r thresholdRule) unreachable(a *answersOf, class int) error {
	all, of := a.tallies(0)
	who := ""
	if r.class != "" {
		all, who = of[class], " of "+r.class
	}
	if r.kind == "recall" {
		return fmt.Errorf("%w: with every answer given, %d of the %d validation items%s are answered right", errUnreachable, all.right, all.items, who)
	}
	return fmt.Errorf("%w: no probability is so high that this share of the answers%s to the %d validation items is right above it", errUnreachable, who, len(a.truth))
}
