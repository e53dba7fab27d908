package detection

import (
	"cmp"
	"encoding/binary"
	"math"
	"math/bits"
	"slices"

	"github.com/opensandwich/oi/record"
)

// A row is one box of a photo, or another box of which an item has said only
// that it is there. Coordinates are fractions of the stored picture.
type row struct {
	class                        uint32
	unlabelled                   bool
	occluded, truncated, groupOf int8
	depiction, inside            int8
	xMin, xMax, yMin, yMax       float64
}

// rowSize is the size of a row in the spool, with the place of the row before
// it of the same photo.
const rowSize = 8 + 4 + 6 + 4*8

// encode appends the row. before is one more than the place of the photo's row
// before it, 0 for none.
func (r *row) encode(b []byte, before int64) []byte {
	b = binary.LittleEndian.AppendUint64(b, uint64(before))
	b = binary.LittleEndian.AppendUint32(b, r.class)
	unlabelled := byte(0)
	if r.unlabelled {
		unlabelled = 1
	}
	b = append(b, unlabelled, byte(r.occluded), byte(r.truncated), byte(r.groupOf), byte(r.depiction), byte(r.inside))
	for _, v := range []float64{r.xMin, r.xMax, r.yMin, r.yMax} {
		b = binary.LittleEndian.AppendUint64(b, math.Float64bits(v))
	}
	return b
}

func decodeRow(b []byte) (r row, before int64) {
	before = int64(binary.LittleEndian.Uint64(b))
	r.class = binary.LittleEndian.Uint32(b[8:])
	r.unlabelled = b[12] == 1
	r.occluded, r.truncated, r.groupOf, r.depiction, r.inside = int8(b[13]), int8(b[14]), int8(b[15]), int8(b[16]), int8(b[17])
	for i, v := range []*float64{&r.xMin, &r.xMax, &r.yMin, &r.yMax} {
		*v = math.Float64frombits(binary.LittleEndian.Uint64(b[18+8*i:]))
	}
	return r, before
}

// hash is one of the coordinates, as far as they lie within the picture.
func (r *row) hash() uint64 {
	var sum uint64
	for i, v := range r.corners() {
		sum ^= bits.RotateLeft64(math.Float64bits(v)*0x9e3779b97f4a7c15, 16*i+7)
	}
	return sum * 0xff51afd7ed558ccd
}

// corners are the coordinates, as far as they lie within the picture.
func (r *row) corners() [4]float64 {
	return [4]float64{max(r.xMin, 0), min(r.xMax, 1), max(r.yMin, 0), min(r.yMax, 1)}
}

// compareRows orders the rows of a photo by all that is in them, the class by
// its number in the export.
func compareRows(number []int) func(a, b row) int {
	return func(a, b row) int {
		return cmp.Or(
			cmp.Compare(a.xMin, b.xMin), cmp.Compare(a.yMin, b.yMin), cmp.Compare(a.xMax, b.xMax), cmp.Compare(a.yMax, b.yMax),
			cmp.Compare(number[a.class], number[b.class]),
			cmp.Compare(a.groupOf, b.groupOf), cmp.Compare(a.occluded, b.occluded), cmp.Compare(a.truncated, b.truncated),
			cmp.Compare(a.depiction, b.depiction), cmp.Compare(a.inside, b.inside),
		)
	}
}

// addRows keeps the item's box, and the boxes that it names and has no label
// for. These with its own are the same for all items of a photo that come from
// one query, so that once is enough.
func (e *Export) addRows(p *photo, item *record.Item) error {
	b := item.Box
	rows := []row{{
		class:    e.classes.add(item.Label.Name, item.Label.MID, ""),
		occluded: int8(b.Occluded), truncated: int8(b.Truncated), groupOf: int8(b.GroupOf), depiction: int8(b.Depiction), inside: int8(b.Inside),
		xMin: b.XMin, xMax: b.XMax, yMin: b.YMin, yMax: b.YMax,
	}}
	for _, a := range item.Avoid {
		rows = append(rows, row{unlabelled: true, xMin: a.XMin, xMax: a.XMax, yMin: a.YMin, yMax: a.YMax})
	}
	var others uint64
	for i := range rows {
		others ^= rows[i].hash()
	}
	if others == p.others {
		rows = rows[:1]
	}
	p.others = others
	for i := range rows {
		e.scratch = rows[i].encode(e.scratch[:0], p.last)
		at, err := e.spool.add(e.scratch)
		if err != nil {
			return err
		}
		p.last = at + 1
	}
	return nil
}

// rowsOf returns the rows of a photo, in an order that depends on nothing but
// what is in them.
func (e *Export) rowsOf(p *photo, number []int) (rows []row, err error) {
	for at := p.last; at > 0; {
		b, err := e.spool.read(at-1, rowSize)
		if err != nil {
			return nil, err
		}
		r, before := decodeRow(b)
		rows = append(rows, r)
		at = before
	}
	slices.SortFunc(rows, compareRows(number))
	return rows, nil
}
