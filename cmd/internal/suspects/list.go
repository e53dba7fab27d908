package suspects

import (
	"fmt"
	"io"
	"strings"

	"github.com/opensandwich/oi/record"
)

// A Suspect is an item whose label is answered otherwise.
type Suspect struct {
	Key     string
	Label   string
	Other   string // the answer
	OfLabel float64
	OfOther float64
	Set     string
	// Confident is that of an Answer.
	Confident bool
	// Also is another label that the same object has in the photo, "" if it
	// has none.
	Also string
	// Background says that the item is a window that was cut next to a box.
	Background bool
}

// WriteList writes a list of suspects as text, in columns that tabs divide. The
// first column is the key, so that oi-boxes --exclude-ids takes the list as it
// is. A line that begins with # is none to it: that of a heading, and that of an
// item whose key it cannot exclude.
func WriteList(w io.Writer, heading []string, list []Suspect) error {
	var b strings.Builder
	for _, line := range heading {
		fmt.Fprintf(&b, "# %s\n", field(line))
	}
	b.WriteString("#key\tlabel\tanswer\tof_label\tof_answer\tset\tconfident\talso_labelled\n")
	for _, s := range list {
		if s.Background || !record.ValidID(s.Key) {
			b.WriteString("#")
		}
		confident := "no"
		if s.Confident {
			confident = "yes"
		}
		fmt.Fprintf(&b, "%s\t%s\t%s\t%.6f\t%.6f\t%s\t%s\t%s\n", field(s.Key), field(s.Label), field(s.Other), s.OfLabel, s.OfOther, s.Set, confident, field(s.Also))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// field keeps a text within its line and column.
func field(text string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, text)
}
