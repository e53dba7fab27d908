package main

import (
	"bytes"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/google/renameio/v2"

	"github.com/opensandwich/oi/cmd/internal/cli"
	"github.com/opensandwich/oi/cmd/internal/pix"
	"github.com/opensandwich/oi/record"
)

// maxSheetItems bounds a sheet's memory.
const maxSheetItems = 2000

// A contactSheet collects the first items of a stream. Photos are made small
// by the workers while they have them (prepare), and placed in the stream's
// order (add).
type contactSheet struct {
	limit   int
	sheet   pix.Sheet
	classes map[string]int // colours, by name
	full    atomic.Bool
	thumbs  sync.Map // *record.Item: *pix.Thumb
}

func newContactSheet(limit int) *contactSheet {
	return &contactSheet{limit: limit, classes: map[string]int{background: -1}}
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

// wants says whether there may be room for another item.
func (s *contactSheet) wants() bool { return !s.full.Load() }

// prepare keeps a small copy of the item's photo until the item's turn comes.
// No more of them wait than items are in work.
func (s *contactSheet) prepare(item *record.Item, thumb *pix.Thumb) { s.thumbs.Store(item, thumb) }

// add places an outgoing item on the sheet while there is room.
func (s *contactSheet) add(item *record.Item) error {
	thumb, ok := s.thumbs.LoadAndDelete(item)
	if s.sheet.Len() >= s.limit {
		s.full.Store(true)
		return nil
	}
	cell := pix.Cell{Crop: item.Tensor.Data, Height: item.Tensor.Shape[0], Width: item.Tensor.Shape[1], Class: -1, Caption: item.Key}
	if ok {
		cell.Photo = thumb.(*pix.Thumb)
	}
	if item.Label != nil {
		cell.Title = item.Label.Name
		cell.Class = s.colour(item.Label.Name)
	}
	if item.Set != "" {
		cell.Title += " (" + item.Set + ")"
	}
	s.sheet.Add(cell)
	return nil
}

// write writes the sheet, whole or not at all.
func (s *contactSheet) write(path string) error {
	if s.sheet.Len() == 0 {
		return cli.WithHint(fmt.Errorf("--sheet %s: there is nothing to draw", path), "no item came through; see the counts above")
	}
	var data bytes.Buffer
	if err := s.sheet.Encode(&data); err != nil {
		return errors.Join(fmt.Errorf("--sheet %s", path), err)
	}
	return renameio.WriteFile(path, data.Bytes(), 0o666)
}
