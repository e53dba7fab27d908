package report

import "fmt"

// Suspects counts the items whose labels may be wrong: those that a model
// trained on items of others answers otherwise.
type Suspects struct {
	Items  int `json:"items"`  // that were answered for
	Folds  int `json:"folds"`  // into which they were divided
	Groups int `json:"groups"` // of authors, photos and equal pictures, none of which was divided
	// NearDuplicates counts the groups that were joined to others because of
	// pictures that are nearly the same.
	NearDuplicates int `json:"near_duplicates,omitempty"`
	// Unanswered counts items of classes of which all items are in one fold,
	// so that nothing was learnt of them without these.
	Unanswered int `json:"unanswered,omitempty"`
	Differing  int `json:"differing"` // answered otherwise than labelled
	Confident  int `json:"confident"` // of these, as surely as items of the class that is answered
	Listed     int `json:"listed"`
	// AlsoLabelled counts those listed whose object has another label in the
	// same photo too.
	AlsoLabelled int `json:"also_labelled"`
	// Pairs are the most frequent pairs of label and answer among Differing.
	Pairs []SuspectPair `json:"pairs"`
	Files []string      `json:"files"` // the list, and its page if there is one
}

// A SuspectPair counts the items of a label that were answered as another class.
type SuspectPair struct {
	Label  string `json:"label"`
	Answer string `json:"answer"`
	Items  int    `json:"items"`
}

// SuspectsText says it in a line, "" if nobody looked for any.
func (r *Report) SuspectsText() string {
	s := r.Suspects
	if s == nil {
		return ""
	}
	text := fmt.Sprintf("suspected labels: %d of %d items are answered otherwise by models that did not see them, %d of these with confidence", s.Differing, s.Items, s.Confident)
	if s.Listed > 0 {
		text += fmt.Sprintf("; the first %d are in %s", s.Listed, s.Files[0])
		if s.AlsoLabelled > 0 {
			text += fmt.Sprintf(", %d of them of objects that have two labels", s.AlsoLabelled)
		}
	}
	return text + "\n"
}
