package suspects

import (
	"fmt"
	"io"

	"github.com/opensandwich/oi/cmd/internal/keylist"
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

// WriteList writes a list of suspects as oi-boxes --exclude-ids takes it, the
// keys in the first column.
func WriteList(w io.Writer, list []Suspect) error {
	lines, err := keylist.NewWriter(w, "label", "answer", "of_label", "of_answer", "set", "confident", "also_labelled")
	if err != nil {
		return err
	}
	for _, s := range list {
		add := lines.Add
		if s.Background {
			add = lines.AddOther
		}
		confident := "no"
		if s.Confident {
			confident = "yes"
		}
		if err := add(s.Key, s.Label, s.Other, fmt.Sprintf("%.6f", s.OfLabel), fmt.Sprintf("%.6f", s.OfOther), s.Set, confident, s.Also); err != nil {
			return err
		}
	}
	return lines.Flush()
}
