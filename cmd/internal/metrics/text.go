package metrics

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// widest is the longest of the fixed row names; the first column is never
// narrower.
const widest = "weighted avg"

// Text returns the report that scikit-learn's
//
//	classification_report(truth, predicted, labels=range(n), target_names=classes, digits=digits, zero_division=0)
//
// prints, to the character. As there, the row "accuracy" becomes "micro avg"
// when some class occurs neither in the truth nor in the answers. Two digits
// are the usual number. Only what could steer a terminal in the name of a
// class, control characters and those that change the direction of text,
// becomes U+FFFD.
func (c *Confusion) Text(digits int) string {
	width := max(utf8.RuneCountInString(widest), digits)
	for _, name := range c.classes {
		width = max(width, utf8.RuneCountInString(name))
	}
	// scikit-learn counts in floats when not one answer is right, and
	// prints the supports so.
	support := func(n int64) string {
		if c.Correct() == 0 {
			return fmt.Sprintf("%d.0", n)
		}
		return fmt.Sprint(n)
	}
	var b strings.Builder
	row := func(name string, s Scores) {
		fmt.Fprintf(&b, "%*s  %9.*f %9.*f %9.*f %9s\n", width, name, digits, s.Precision, digits, s.Recall, digits, s.F1, support(s.Support))
	}
	fmt.Fprintf(&b, "%*s  %9s %9s %9s %9s\n\n", width, "", "precision", "recall", "f1-score", "support")
	for i, s := range c.PerClass() {
		row(printable(c.classes[i]), s)
	}
	b.WriteByte('\n')
	micro := c.Micro()
	if c.allOccur() {
		fmt.Fprintf(&b, "%*s  %9s %9s %9.*f %9s\n", width, "accuracy", "", "", digits, micro.F1, support(micro.Support))
	} else {
		row("micro avg", micro)
	}
	row("macro avg", c.Macro())
	row(widest, c.Weighted())
	return b.String()
}

func printable(name string) string {
	return strings.Map(func(r rune) rune {
		if unicode.In(r, unicode.Cc, unicode.Bidi_Control) {
			return unicode.ReplacementChar
		}
		return r
	}, name)
}

// allOccur reports whether every class is somewhere in the truth or in the
// answers.
func (c *Confusion) allOccur() bool {
	_, predicted, truth := c.marginals()
	for i := range truth {
		if predicted[i]+truth[i] == 0 {
			return false
		}
	}
	return true
}
