package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"

	"github.com/opensandwich/oi/cmd/internal/cli"
	"github.com/opensandwich/oi/cmd/internal/dataset"
	"github.com/opensandwich/oi/cmd/internal/export/credits"
	"github.com/opensandwich/oi/cmd/internal/openimages"
	"github.com/opensandwich/oi/cmd/internal/report"
	"github.com/opensandwich/oi/cmd/internal/sheet"
	"github.com/opensandwich/oi/cmd/internal/suspects"
	"github.com/opensandwich/oi/record"
)

// What follows NAME in the names of the files.
const (
	suspectsList = ".suspects.txt"
	suspectsPage = ".suspects.html"
)

// An outOfFold divides all items into folds, each of which is answered for by a
// classifier that is trained on the others.
type outOfFold struct {
	entries dataset.Entries // of train, val and test
	labels  []int           // of the entries, as numbers of classes
	classes []string
	groups  *dataset.Groups
	group   []int       // of the entries, see groups
	sizes   map[int]int // items of each group, by its representative
	near    int         // items that are nearly others, of other authors and photos
	alike   bool        // some are not in one group with those they are nearly
	folds   [][]int     // places of entries
	answers []suspects.Answer
	order   []int // places of the entries that are answered otherwise
	listed  []suspects.Suspect
	from    []dataset.Entry // of those listed
}

// answer fills the answers and puts those in order that differ.
func (f *outOfFold) answer(ctx context.Context, o *options, env *cli.Env, d *data, r *result) error {
	if err := r.best.answerFolds(ctx, env, d, r, f); err != nil {
		if ctx.Err() != nil {
			err = cli.WithHint(fmt.Errorf("interrupted while suspected labels were looked for: %w", context.Canceled), "the same command with --resume need not train the model again")
		}
		return err
	}
	suspects.Mark(f.answers, f.labels, len(f.classes))
	f.order = suspects.Order(f.answers)
	photos := map[dataset.Photo][]dataset.Entry{} // of those listed
	for _, i := range f.order[:min(o.suspects, len(f.order))] {
		e := f.entries.At(i)
		f.from = append(f.from, e)
		photos[d.items.Photos.Find(e.Photo)] = nil
	}
	for _, e := range f.entries.All() {
		photo := d.items.Photos.Find(e.Photo)
		if others, ok := photos[photo]; ok {
			photos[photo] = append(others, e)
		}
	}
	for k, e := range f.from {
		a := f.answers[f.order[k]]
		also, err := d.alsoLabelled(e, photos[d.items.Photos.Find(e.Photo)])
		if err != nil {
			return err
		}
		f.listed = append(f.listed, suspects.Suspect{
			Key: e.Key, Label: e.Label, Other: f.classes[a.Other], OfLabel: a.OfLabel, OfOther: a.OfOther,
			Set: e.Set, Confident: a.Confident, Also: also, Background: e.Label == dataset.Background,
		})
	}
	r.suspects = f
	return f.show(o, d)
}

// show puts the first of those listed on the report's page.
func (f *outOfFold) show(o *options, d *data) error {
	found := report.FaultList{Kind: report.SuspectedLabels, Items: len(f.order), File: o.name + suspectsList, Examples: []report.Fault{}}
	for i, s := range f.listed {
		if found.Full() {
			break
		}
		item, err := d.items.Spool.Item(f.from[i].Number)
		if err != nil {
			return err
		}
		what := fmt.Sprintf("answered %s %.2f, labelled %.2f", s.Other, s.OfOther, s.OfLabel)
		if s.Also != "" {
			what += "; the same object is also labelled " + s.Also
		}
		found.Show(report.Fault{Key: s.Key, Label: s.Label, Set: s.Set, What: what}, item, nil)
	}
	d.faults = append(d.faults, found)
	return nil
}

// alsoLabelled returns another label that the object of an item has, among the
// items of its photo, "" if it has none.
func (d *data) alsoLabelled(e dataset.Entry, photo []dataset.Entry) (string, error) {
	var box *record.Box
	for _, other := range photo {
		if other.Label == e.Label {
			continue
		}
		if box == nil {
			item, err := d.items.Spool.Item(e.Number)
			if err != nil || item.Box == nil {
				return "", err
			}
			box = item.Box
		}
		item, err := d.items.Spool.Item(other.Number)
		if err != nil {
			return "", err
		}
		if openimages.OneObject(box, item.Box) {
			return other.Label, nil
		}
	}
	return "", nil
}

// answered says how a fold was answered.
func (f *outOfFold) answered(env *cli.Env, number int) {
	n, same := 0, 0
	for _, i := range f.folds[number] {
		if a := f.answers[i]; a.Given {
			n++
			if !a.Differs() {
				same++
			}
		}
	}
	env.Infof("fold %d/%d: of %d items %d are answered as labelled", number+1, len(f.folds), n, same)
}

// counts returns what there is to say of all items.
func (f *outOfFold) counts(o *options, d *data) *report.Suspects {
	s := &report.Suspects{Folds: len(f.folds), Groups: len(f.sizes), NearDuplicates: f.near, Differing: len(f.order), Listed: len(f.listed), Files: []string{o.name + suspectsList, o.name + suspectsPage}}
	for _, suspect := range f.listed {
		if suspect.Also != "" {
			s.AlsoLabelled++
		}
	}
	pairs := map[[2]string]int{}
	for i, a := range f.answers {
		if !a.Given {
			s.Unanswered++
			continue
		}
		s.Items++
		if a.Confident {
			s.Confident++
		}
		if a.Differs() {
			pairs[[2]string{f.entries.At(i).Label, f.classes[a.Other]}]++
		}
	}
	s.Pairs = []report.SuspectPair{}
	for pair, n := range pairs {
		s.Pairs = append(s.Pairs, report.SuspectPair{Label: pair[0], Answer: pair[1], Items: n})
	}
	slices.SortFunc(s.Pairs, func(a, b report.SuspectPair) int {
		return cmp.Or(cmp.Compare(b.Items, a.Items), cmp.Compare(a.Label, b.Label), cmp.Compare(a.Answer, b.Answer))
	})
	s.Pairs = s.Pairs[:min(len(s.Pairs), mostPairs)]
	return s
}

// mostPairs is how many pairs of classes a report names.
const mostPairs = 20

// writeList writes the list for oi-boxes --exclude-ids.
func (f *outOfFold) writeList(w io.Writer) error { return suspects.WriteList(w, f.listed) }

// writePage writes the page with the pictures, as far as there are any.
func (f *outOfFold) writePage(w io.Writer, name string, d *data) error {
	s := &sheet.Sheet{Title: name + ": labels that may be wrong"}
	for i, suspect := range f.listed[:min(len(f.listed), sheet.MaxEntries)] {
		item, err := d.items.Spool.Item(f.from[i].Number)
		if err != nil {
			return err
		}
		entry := sheet.Entry{
			Title: fmt.Sprintf("%d. labelled %s (%s)", i+1, suspect.Label, suspect.Set), Key: suspect.Key, Class: d.index[suspect.Label],
			Lines: []sheet.Line{
				{Text: fmt.Sprintf("answered %s %.2f", suspect.Other, suspect.OfOther), Tone: sheet.Bad},
				{Text: fmt.Sprintf("%s %.2f", suspect.Label, suspect.OfLabel)},
			},
			Credit: credits.Line(item.Image),
		}
		if suspect.Also != "" {
			entry.Lines = append(entry.Lines, sheet.Line{Text: "the same object is also labelled " + suspect.Also})
		}
		if t := item.Tensor; t != nil {
			entry.Pictures = []sheet.Picture{sheet.NewPicture(t.Data, t.Shape[1], t.Shape[0], "")}
		} else {
			entry.Lines = append(entry.Lines, sheet.Line{Text: "an embedding, without a picture"})
		}
		s.Add(entry)
	}
	return s.EncodeHTML(w)
}
