// Package sheet draws contact sheets, by which a person checks data: photos
// with their boxes, crops, variants and predictions, as one JPEG picture or as
// one HTML page that needs nothing else.
package sheet

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"path/filepath"
	"strings"

	"github.com/opensandwich/oi/cmd/internal/atomicfile"
	"github.com/opensandwich/oi/cmd/internal/pix"
)

// A Sheet is a list of entries with their pictures. The zero value is an empty
// one.
type Sheet struct {
	Title   string // of a page
	entries []Entry
}

// An Entry is one item on a sheet.
type Entry struct {
	Photo    *pix.Thumb // with its box; nil: there is none
	Pictures []Picture  // the crop, or several to compare
	Title    string
	Key      string // never cut: it is to be copied
	Lines    []Line
	Credit   string // who made the photo, on pages only
	Class    int    // chooses the colour of the frames; below 0 is grey
}

// A Picture is a crop, made as large as there is room.
type Picture struct {
	image   *image.NRGBA // at most cropSide by cropSide
	Caption string       // "" or a word or two, such as "original"
}

// A Line is a line of text about an entry.
type Line struct {
	Text string
	Tone Tone
}

// A Tone says whether what a line says is good or bad.
type Tone int

// The tones.
const (
	Neutral Tone = iota
	Good
	Bad
)

// cropSide is the room for a picture, in pixels.
const cropSide = 144

// MaxEntries bounds the memory and the file of a sheet.
const MaxEntries = 2000

// NewPicture makes a Picture of width*height*3 bytes, RGB row by row, which it
// does not keep.
func NewPicture(pixels []byte, width, height int, caption string) Picture {
	return Picture{image: pix.FitSquare(pixels, width, height, cropSide-2*frameWidth), Caption: caption}
}

// Add appends an entry.
func (s *Sheet) Add(e Entry) { s.entries = append(s.entries, e) }

// Len returns the number of entries.
func (s *Sheet) Len() int { return len(s.entries) }

// ErrEmpty says that a sheet has no entries.
var ErrEmpty = errors.New("there is nothing to draw")

// Write writes the sheet to a file, whole or not at all: a page if its name
// ends in .html or .htm, else a JPEG picture. The same entries make the same
// bytes. Without entries it returns ErrEmpty.
func (s *Sheet) Write(path string) error {
	if len(s.entries) == 0 {
		return ErrEmpty
	}
	encode := s.EncodeJPEG
	if IsPage(path) {
		encode = s.EncodeHTML
	}
	var data bytes.Buffer
	if err := encode(&data); err != nil {
		return err
	}
	return atomicfile.WriteFile(path, data.Bytes())
}

// CheckName is an error where Write would not make what the name's ending says.
func CheckName(path string) error {
	switch ending := strings.ToLower(filepath.Ext(path)); {
	case IsPage(path), ending == "", ending == ".jpg", ending == ".jpeg":
		return nil
	}
	return fmt.Errorf("%s: want a name that ends in .jpg, .jpeg, .html or .htm", path)
}

// IsPage reports whether Write makes a file of this name a page.
func IsPage(path string) bool {
	ending := strings.ToLower(filepath.Ext(path))
	return ending == ".html" || ending == ".htm"
}
