package selection

import (
	"errors"
	"math"

	"github.com/opensandwich/oi/cmd/internal/csvscan"
	"github.com/opensandwich/oi/cmd/internal/openimages"
	"github.com/opensandwich/oi/record"
)

var errEntry = errors.New("temporary file: damaged entry")

// A hit is a box row that was asked for.
type hit struct {
	id    string
	label int   // position among the query's labels
	line  int64 // 0 where nobody has counted
	place int64 // where the row begins, in bytes
	sum   uint64
	box   record.Box
}

// row returns the row without its label.
func newHit(row *openimages.BoxRow, label int) hit {
	return hit{id: row.ImageID, label: label, line: row.Line, place: row.Offset, sum: row.Sum, box: row.Box}
}

func (h *hit) row() *openimages.BoxRow {
	return &openimages.BoxRow{ImageID: h.id, Line: h.line, Offset: h.place, Box: h.box, Sum: h.sum}
}

func (h *hit) append(e *csvscan.Encoder) {
	e.Text(h.id)
	e.Int(int64(h.label))
	e.Int(h.line)
	e.Int(h.place)
	e.Word(h.sum)
	for _, v := range [...]float64{h.box.XMin, h.box.XMax, h.box.YMin, h.box.YMax} {
		e.Float(v)
	}
	for _, v := range [...]int{h.box.Occluded, h.box.Truncated, h.box.GroupOf, h.box.Depiction, h.box.Inside} {
		e.Int(int64(v))
	}
}

func decodeHit(entry []byte) (hit, error) {
	d := csvscan.Decoder{Buf: entry}
	h := hit{id: d.Text(), label: int(d.Int()), line: d.Int(), place: d.Int(), sum: d.Word()}
	h.box = record.Box{
		XMin: d.Float(), XMax: d.Float(), YMin: d.Float(), YMax: d.Float(),
		Occluded: int(d.Int()), Truncated: int(d.Int()), GroupOf: int(d.Int()), Depiction: int(d.Int()), Inside: int(d.Int()),
	}
	if d.Bad {
		return hit{}, errEntry
	}
	return h, nil
}

func appendImage(e *csvscan.Encoder, row *openimages.ImageRow) {
	e.Text(row.ImageID)
	i := &row.Image
	for _, s := range [...]string{i.URL, i.LandingURL, i.ThumbnailURL, i.License, i.Author, i.AuthorURL, i.Title, i.OriginalMD5} {
		e.Text(s)
	}
	e.Int(i.OriginalSize)
	rotation := math.NaN() // stands for unknown
	if i.Rotation != nil {
		rotation = *i.Rotation
	}
	e.Float(rotation)
}

func decodeImage(entry []byte) (id string, image *record.Image, err error) {
	d := csvscan.Decoder{Buf: entry}
	id = d.Text()
	image = &record.Image{
		URL: d.Text(), LandingURL: d.Text(), ThumbnailURL: d.Text(), License: d.Text(),
		Author: d.Text(), AuthorURL: d.Text(), Title: d.Text(), OriginalMD5: d.Text(),
		OriginalSize: d.Int(),
	}
	if rotation := d.Float(); !math.IsNaN(rotation) {
		image.Rotation = &rotation
	}
	if d.Bad {
		return "", nil, errEntry
	}
	return id, image, nil
}
