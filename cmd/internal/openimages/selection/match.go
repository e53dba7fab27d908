package selection

import (
	"errors"

	"github.com/opensandwich/oi/cmd/internal/csvscan"
	"github.com/opensandwich/oi/cmd/internal/openimages"
	"github.com/opensandwich/oi/record"
)

var errEntry = errors.New("temporary file: damaged entry")

// A match is a row that was asked for.
type match struct {
	id    string
	label int   // position among the query's labels
	line  int64 // 0 where nobody has counted
	place int64 // where the row begins, in bytes
	sum   uint64
	box   record.Box
	photo uint32 // its number in the list's index, or 0
}

func newMatch(row *openimages.BoxRow, label int) match {
	return match{id: row.ImageID, label: label, line: row.Line, place: row.Offset, sum: row.Sum, box: row.Box, photo: row.Number}
}

// row returns the row without its label.
func (m *match) row() *openimages.BoxRow {
	return &openimages.BoxRow{ImageID: m.id, Line: m.line, Offset: m.place, Box: m.box, Sum: m.sum}
}

func (m *match) append(e *csvscan.Encoder) {
	e.Text(m.id)
	e.Int(int64(m.label))
	e.Int(m.line)
	e.Int(m.place)
	e.Word(m.sum)
	for _, v := range [...]float64{m.box.XMin, m.box.XMax, m.box.YMin, m.box.YMax} {
		e.Float(v)
	}
	for _, v := range [...]int{m.box.Occluded, m.box.Truncated, m.box.GroupOf, m.box.Depiction, m.box.Inside} {
		e.Int(int64(v))
	}
}

func decodeMatch(entry []byte) (match, error) {
	d := csvscan.Decoder{Buf: entry}
	m := match{id: d.Text(), label: int(d.Int()), line: d.Int(), place: d.Int(), sum: d.Word()}
	m.box = record.Box{
		XMin: d.Float(), XMax: d.Float(), YMin: d.Float(), YMax: d.Float(),
		Occluded: int(d.Int()), Truncated: int(d.Int()), GroupOf: int(d.Int()), Depiction: int(d.Int()), Inside: int(d.Int()),
	}
	if d.Bad {
		return match{}, errEntry
	}
	return m, nil
}
