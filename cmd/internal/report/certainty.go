package report

import (
	"fmt"
	"math"
)

// A Certainty is what was done on the validation set so that a model's
// probabilities can be believed.
type Certainty struct {
	// Temperature is what the logits were divided by, 0 if by nothing. The
	// weights of the model are those after it.
	Temperature float64 `json:"temperature,omitempty"`
	// UnsureBelow is the probability below which an answer is "unsure", 0 if
	// none is.
	UnsureBelow float64 `json:"unsure_below,omitempty"`
	// Wanted is the share of right answers on val by which UnsureBelow was
	// chosen, 0 if it was given.
	Wanted float64 `json:"unsure_wanted,omitempty"`
}

// Text says it in words, "" if nothing was done.
func (c *Certainty) Text() string {
	text := ""
	if c == nil {
		return text
	}
	if c.Temperature != 0 {
		text = fmt.Sprintf("The probabilities were calibrated on val: logits are divided by %g.", c.Temperature)
	}
	if c.UnsureBelow != 0 {
		if text != "" {
			text += " "
		}
		text += fmt.Sprintf("An answer of less than %g is unsure", c.UnsureBelow)
		if c.Wanted != 0 {
			text += fmt.Sprintf(", by which %g %% of the others were right on val", 100*c.Wanted)
		}
		text += "."
	}
	return text
}

// CoverageText says in a line what the threshold does on the items of an
// evaluation, "" without one.
func (r *Report) CoverageText() string {
	if r.Certainty == nil || r.Certainty.UnsureBelow == 0 || r.Evaluation == nil || r.Evaluation.Details == nil {
		return ""
	}
	c := r.Evaluation.Details.Cover(r.Certainty.UnsureBelow)
	text := fmt.Sprintf("above %g: %.0f %% answered", c.Threshold, 100*c.Answered)
	if !math.IsNaN(float64(c.Accuracy)) {
		text += fmt.Sprintf(", %.0f %% of these right", 100*float64(c.Accuracy))
	}
	return text + "\n"
}
