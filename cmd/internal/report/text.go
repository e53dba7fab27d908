package report

import (
	"fmt"
	"strings"
)

// Summary says in a line or two what the text report does not.
func (e *Evaluation) Summary() string {
	var b strings.Builder
	of := ""
	if unit := e.Unit(); unit != "" {
		of = " on " + unit
	}
	fmt.Fprintf(&b, "%s accuracy %.4f (95%% interval %.4f to %.4f %s; %d of %d right)%s, log loss %.4f; the largest class alone is %.4f\n",
		e.Set, e.Accuracy, e.Interval.Low, e.Interval.High, e.Interval.Basis(), e.confusion.Correct(), e.Items, of, e.LogLoss, e.Baseline)
	if e.SharedAuthors > 0 {
		fmt.Fprintf(&b, "%d of %d %s items are by authors of whom train has photos too", e.SharedAuthors, e.Items, e.Set)
		if u := e.Unshared; u != nil {
			fmt.Fprintf(&b, "; without them accuracy %.4f (%.4f to %.4f %s; %d of %d right)",
				u.Accuracy, u.Interval.Low, u.Interval.High, u.Interval.Basis(), u.confusion.Correct(), u.Items)
		}
		b.WriteByte('\n')
	}
	if e.Comparison != nil {
		fmt.Fprintln(&b, e.Comparison.Text())
	}
	return b.String()
}

// NotesText is the notes as lines for a terminal, after an empty one, or "".
// escape makes text from outside harmless to it.
func (r *Report) NotesText(escape func(string) string) string {
	var b strings.Builder
	for i, note := range r.Notes {
		if i == 0 {
			b.WriteByte('\n')
		}
		fmt.Fprintf(&b, "note: %s\n", escape(note))
	}
	return b.String()
}

// Value returns a figure by its name: accuracy, log_loss, macro_precision,
// macro_recall, macro_f1, weighted_precision, weighted_recall, weighted_f1, or
// precision:CLASS, recall:CLASS and f1:CLASS, for which precision[CLASS] and so
// on may stand.
func (e *Evaluation) Value(name string) (float64, error) {
	macro, weighted := e.confusion.Macro(), e.confusion.Weighted()
	switch name {
	case "accuracy":
		return e.Accuracy, nil
	case "log_loss":
		return e.LogLoss, nil
	case "macro_precision":
		return macro.Precision, nil
	case "macro_recall":
		return macro.Recall, nil
	case "macro_f1":
		return macro.F1, nil
	case "weighted_precision":
		return weighted.Precision, nil
	case "weighted_recall":
		return weighted.Recall, nil
	case "weighted_f1":
		return weighted.F1, nil
	}
	kind, class, _ := strings.Cut(name, ":")
	if k, c, ok := strings.Cut(strings.TrimSuffix(name, "]"), "["); ok && strings.HasSuffix(name, "]") {
		kind, class = k, c
	}
	for i, c := range e.classes {
		if c != class {
			continue
		}
		switch kind {
		case "precision":
			return e.scores[i].Precision, nil
		case "recall":
			return e.scores[i].Recall, nil
		case "f1":
			return e.scores[i].F1, nil
		}
	}
	return 0, fmt.Errorf("no figure is called %q: want accuracy, log_loss, macro_f1 or weighted_f1 (also _precision, _recall), or precision[CLASS], recall[CLASS], f1[CLASS] with one of %s",
		name, strings.Join(e.classes, ", "))
}

// Sentence makes a note for a report of a line for standard error.
func Sentence(line string) string { return strings.ToUpper(line[:1]) + line[1:] + "." }
