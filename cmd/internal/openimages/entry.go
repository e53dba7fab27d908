package openimages

import (
	"encoding/binary"
	"errors"
	"math"

	"github.com/opensandwich/oi/record"
)

var errEntry = errors.New("temporary file: damaged entry")

// An encoder builds a spool entry.
type encoder struct{ buf []byte }

func (e *encoder) text(s string) {
	e.buf = binary.AppendUvarint(e.buf, uint64(len(s)))
	e.buf = append(e.buf, s...)
}
func (e *encoder) int(v int64)     { e.buf = binary.AppendVarint(e.buf, v) }
func (e *encoder) word(v uint64)   { e.buf = binary.LittleEndian.AppendUint64(e.buf, v) }
func (e *encoder) float(v float64) { e.word(math.Float64bits(v)) }

// A decoder takes a spool entry apart. After a fault it returns zeros, and
// bad is set.
type decoder struct {
	buf []byte
	bad bool
}

func (d *decoder) text() string {
	n, head := binary.Uvarint(d.buf)
	if head <= 0 || n > uint64(len(d.buf)-head) {
		d.buf, d.bad = nil, true
		return ""
	}
	s := string(d.buf[head : head+int(n)])
	d.buf = d.buf[head+int(n):]
	return s
}

func (d *decoder) int() int64 {
	v, n := binary.Varint(d.buf)
	if n <= 0 {
		d.buf, d.bad = nil, true
		return 0
	}
	d.buf = d.buf[n:]
	return v
}

func (d *decoder) word() uint64 {
	if len(d.buf) < 8 {
		d.buf, d.bad = nil, true
		return 0
	}
	v := binary.LittleEndian.Uint64(d.buf)
	d.buf = d.buf[8:]
	return v
}

func (d *decoder) float() float64 { return math.Float64frombits(d.word()) }

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
func newHit(row *BoxRow, label int) hit {
	return hit{id: row.ImageID, label: label, line: row.Line, place: row.Offset, sum: row.Sum, box: row.Box}
}

func (h *hit) row() *BoxRow {
	return &BoxRow{ImageID: h.id, Line: h.line, Offset: h.place, Box: h.box, Sum: h.sum}
}

func (h *hit) append(e *encoder) {
	e.text(h.id)
	e.int(int64(h.label))
	e.int(h.line)
	e.int(h.place)
	e.word(h.sum)
	for _, v := range [...]float64{h.box.XMin, h.box.XMax, h.box.YMin, h.box.YMax} {
		e.float(v)
	}
	for _, v := range [...]int{h.box.Occluded, h.box.Truncated, h.box.GroupOf, h.box.Depiction, h.box.Inside} {
		e.int(int64(v))
	}
}

func decodeHit(entry []byte) (hit, error) {
	d := decoder{buf: entry}
	h := hit{id: d.text(), label: int(d.int()), line: d.int(), place: d.int(), sum: d.word()}
	h.box = record.Box{
		XMin: d.float(), XMax: d.float(), YMin: d.float(), YMax: d.float(),
		Occluded: int(d.int()), Truncated: int(d.int()), GroupOf: int(d.int()), Depiction: int(d.int()), Inside: int(d.int()),
	}
	if d.bad {
		return hit{}, errEntry
	}
	return h, nil
}

func appendImage(e *encoder, row *ImageRow) {
	e.text(row.ImageID)
	i := &row.Image
	for _, s := range [...]string{i.URL, i.LandingURL, i.ThumbnailURL, i.License, i.Author, i.AuthorURL, i.Title, i.OriginalMD5} {
		e.text(s)
	}
	e.int(i.OriginalSize)
	rotation := math.NaN() // stands for unknown
	if i.Rotation != nil {
		rotation = *i.Rotation
	}
	e.float(rotation)
}

func decodeImage(entry []byte) (id string, image *record.Image, err error) {
	d := decoder{buf: entry}
	id = d.text()
	image = &record.Image{
		URL: d.text(), LandingURL: d.text(), ThumbnailURL: d.text(), License: d.text(),
		Author: d.text(), AuthorURL: d.text(), Title: d.text(), OriginalMD5: d.text(),
		OriginalSize: d.int(),
	}
	if rotation := d.float(); !math.IsNaN(rotation) {
		image.Rotation = &rotation
	}
	if d.bad {
		return "", nil, errEntry
	}
	return id, image, nil
}
