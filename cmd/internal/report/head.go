package report

import (
	"fmt"
	"strings"
)

// Head is how the linear head on a backbone was fitted.
type Head struct {
	// C is the strength that was chosen, as scikit-learn counts it: a
	// smaller one is a stronger penalty.
	C      float64   `json:"c"`
	Chosen string    `json:"chosen_by"`       // by what, in words
	Folds  int       `json:"folds,omitempty"` // of a cross-validation
	Rows   int       `json:"rows"`            // that it was fitted to: items, or variants of them
	Table  []HeadFit `json:"table"`           // from the strongest penalty to the weakest

	// SampleRows is the number of rows that the fits of Table were to, where
	// these are not all; Last is the fit to all then.
	SampleRows int      `json:"sample_rows,omitempty"`
	Last       *HeadFit `json:"last,omitempty"`

	FineTuning *FineTuning `json:"fine_tuning,omitempty"`
}

// HeadFit is the fit for one strength. The losses are means over the items of
// -log of the probability of their label; that of train is weighted by class
// where the options say so. ValLoss and ValAccuracy are none where there is
// nothing to compare on.
type HeadFit struct {
	C           float64 `json:"c"`
	TrainLoss   float64 `json:"train_loss"`
	ValLoss     Number  `json:"val_loss"`
	ValAccuracy Number  `json:"val_accuracy"`
	Iterations  int     `json:"iterations"`
	Passes      int     `json:"passes"`   // over all rows
	Gradient    float64 `json:"gradient"` // its largest absolute value at the end
	Converged   bool    `json:"converged"`
}

// IsChosen reports whether this is the fit whose weights were kept.
func (h *Head) IsChosen(f HeadFit) bool { return f.C == h.C }

// SampleText says, after by what the strength was chosen, on which sample and
// what came then; "" where it was chosen on all rows.
func (h *Head) SampleText() string {
	if h.Last == nil {
		return ""
	}
	return fmt.Sprintf(" on a sample of %d of the %d rows; the fit to all went on from there and ended at a train loss of %.4f after %d passes", h.SampleRows, h.Rows, h.Last.TrainLoss, h.Last.Passes)
}

// HeadText says in a line how the head was fitted, "" of a network that was
// trained from scratch.
func (r *Report) HeadText() string {
	if r.Head == nil {
		return ""
	}
	return fmt.Sprintf("a linear head on %d features of %s, C=%g chosen by %s%s\n", r.Provenance.Backbone.Dim, r.Provenance.Backbone.Name, r.Head.C, r.Head.Chosen, r.Head.SampleText()) +
		r.Head.FineTuning.Text()
}

// headMarkdown is the same for WriteMarkdown, with the table.
func (r *Report) headMarkdown() string {
	if r.Head == nil || r.Provenance.Backbone == nil {
		return ""
	}
	var b strings.Builder
	o := r.Provenance.Backbone
	fmt.Fprintf(&b, "\nA linear head on %d features of %s (licence: %s), C=%g chosen by %s%s.\n\n| C | train loss | val loss | val accuracy |\n|--:|--:|--:|--:|\n",
		o.Dim, cells(o.Name)[0], cells(o.Licence)[0], r.Head.C, r.Head.Chosen, r.Head.SampleText())
	for _, f := range r.Head.Table {
		mark := ""
		if r.Head.IsChosen(f) {
			mark = "**"
		}
		fmt.Fprintf(&b, "| %s%g%s | %s | %s | %s |\n", mark, f.C, mark, four(f.TrainLoss), four(f.ValLoss), four(f.ValAccuracy))
	}
	if text := r.Head.FineTuning.Text(); text != "" {
		fmt.Fprintf(&b, "\n%s", text)
	}
	return b.String()
}
