package main

import (
	"errors"
	"fmt"
	"path/filepath"
	"sync"

	"github.com/opensandwich/oi/cmd/internal/cli"
	"github.com/opensandwich/oi/cmd/internal/export/credits"
	"github.com/opensandwich/oi/cmd/internal/pix"
	"github.com/opensandwich/oi/cmd/internal/sheet"
	"github.com/opensandwich/oi/record"
)

// A contactSheet collects items of a stream. Photos are made small by the
// workers while they have them (prepare), and placed in the stream's order
// (add).
type contactSheet struct {
	chooser *sheet.Chooser
	classes map[string]int // colours, by name
	thumbs  sync.Map       // *record.Item: *pix.Thumb
}

func newContactSheet(choice sheet.Choice) *contactSheet {
	return &contactSheet{chooser: sheet.NewChooser(choice), classes: map[string]int{background: -1}}
}

// name gives the classes colours, in the header's order.
func (s *contactSheet) name(classes []record.Class) {
	for _, class := range classes {
		s.colour(class.Name)
	}
}

func (s *contactSheet) colour(name string) int {
	if _, known := s.classes[name]; !known {
		s.classes[name] = len(s.classes) - 1
	}
	return s.classes[name]
}

// sheetItem is what decides whether an item is on the sheet.
func sheetItem(item *record.Item) sheet.Item {
	out := sheet.Item{Key: item.Key}
	if item.Augment != nil {
		out.Epoch, out.Copy = item.Augment.Epoch, item.Augment.Copy
	}
	if item.Label != nil {
		out.Class = item.Label.Name
	}
	return out
}

// wants says whether the item may be on the sheet.
func (s *contactSheet) wants(item *record.Item) bool { return s.chooser.Wants(sheetItem(item)) }

// prepare keeps a small copy of the item's photo until the item's turn comes.
// No more of them wait than items are in work.
func (s *contactSheet) prepare(item *record.Item, thumb *pix.Thumb) { s.thumbs.Store(item, thumb) }

// add places an outgoing item on the sheet if it is chosen.
func (s *contactSheet) add(item *record.Item) {
	thumb, ok := s.thumbs.LoadAndDelete(item)
	s.chooser.Offer(sheetItem(item), func() sheet.Entry {
		t := item.Tensor
		entry := sheet.Entry{
			Pictures: []sheet.Picture{sheet.NewPicture(t.Data, t.Shape[1], t.Shape[0], "")},
			Key:      item.Key, Class: -1, Lines: predictionLines(item), Credit: credits.Line(item.Image),
		}
		if ok {
			entry.Photo = thumb.(*pix.Thumb)
		}
		if item.Label != nil {
			entry.Title = item.Label.Name
			entry.Class = s.colour(item.Label.Name)
		}
		if item.Set != "" {
			entry.Title += " (" + item.Set + ")"
		}
		return entry
	})
}

// predictionLines is what a model said of an item, next to the truth.
func predictionLines(item *record.Item) (lines []sheet.Line) {
	p := item.Prediction
	if p == nil {
		return nil
	}
	name := func(label string) string {
		if probability, ok := p.Probabilities[label]; ok {
			return fmt.Sprintf("%s %.2f", label, probability)
		}
		return label
	}
	truth := ""
	if item.Label != nil {
		truth = item.Label.Name
	}
	switch {
	case p.Label == "":
		lines = append(lines, sheet.Line{Text: "predicted: unsure"})
	case truth == "":
		lines = append(lines, sheet.Line{Text: "predicted: " + name(p.Label)})
	case p.Label == truth:
		lines = append(lines, sheet.Line{Text: "predicted: " + name(p.Label), Tone: sheet.Good})
	default:
		lines = append(lines, sheet.Line{Text: "predicted: " + name(p.Label), Tone: sheet.Bad})
	}
	if _, ok := p.Probabilities[truth]; ok && p.Label != truth {
		lines = append(lines, sheet.Line{Text: "truth: " + name(truth)})
	}
	if p.Seen {
		lines = append(lines, sheet.Line{Text: "the model was trained on this photo"})
	}
	return lines
}

// write writes the sheet, whole or not at all.
func (s *contactSheet) write(env *cli.Env, path string) error {
	drawn := s.chooser.Sheet(filepath.Base(path))
	err := drawn.Write(path)
	switch {
	case errors.Is(err, sheet.ErrEmpty):
		return cli.WithHint(fmt.Errorf("--sheet %s: %w", path, err), "no item came through; see the counts above")
	case err != nil:
		return fmt.Errorf("--sheet %s: %w", path, err)
	}
	if s.chooser.Over() {
		env.Warnf("--sheet %s has %d items, the most that it can have: some classes have fewer than was asked for", path, drawn.Len())
	}
	return nil
}
