package report

import (
	"fmt"
	"math"

	"github.com/opensandwich/oi/cmd/internal/dataset"
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
	// UnsureBy is the rule by which UnsureBelow was chosen on val, as
	// --unsure was given, "" if it was given itself.
	UnsureBy string `json:"unsure_by,omitempty"`
	// Wanted is the share of right answers on val by which UnsureBelow was
	// chosen, 0 if it was not by that.
	Wanted float64 `json:"unsure_wanted,omitempty"`
	// OnVal and OnTest are what UnsureBelow does there, nil where the set has
	// no items, or too many to keep all answers.
	OnVal  *Coverage `json:"unsure_on_val,omitempty"`
	OnTest *Coverage `json:"unsure_on_test,omitempty"`
}

// Judge notes what the threshold does on the test set, if e is of that. A nil
// Certainty notes nothing.
func (c *Certainty) Judge(e *Evaluation) {
	if c == nil || c.UnsureBelow == 0 || e.Set != dataset.Test || e.Details == nil {
		return
	}
	on := e.Details.Cover(c.UnsureBelow)
	c.OnTest = &on
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
		switch {
		case c.Wanted != 0:
			text += fmt.Sprintf(", by which %g %% of the others were right on val", 100*c.Wanted)
		case c.UnsureBy != "":
			text += fmt.Sprintf(", chosen on val by %s", c.UnsureBy)
		}
		text += "."
		if c.OnVal != nil {
			text += " On val " + c.OnVal.Text() + "."
		}
		if c.OnTest != nil {
			text += " On test " + c.OnTest.Text() + "."
		}
	}
	return text
}

// Text says it in words.
func (c Coverage) Text() string {
	text := fmt.Sprintf("%.0f %% answered", 100*c.Answered)
	if !math.IsNaN(float64(c.Accuracy)) && c.Answered > 0 {
		text += fmt.Sprintf(", %.0f %% of these right", 100*float64(c.Accuracy))
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
	text := fmt.Sprintf("above %g: %s\n", c.Threshold, c.Text())
	if on := r.Certainty.OnVal; on != nil && r.Evaluation.Set != dataset.Val {
		text += "on val: " + on.Text()
		if r.Certainty.UnsureBy != "" {
			text += ", by which it was chosen for " + r.Certainty.UnsureBy
		}
		text += "\n"
	}
	return text
}
