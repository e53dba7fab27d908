package csvscan

import "bytes"

// PackedSize is what a packed row takes, in bytes.
const PackedSize = 11

// A Packed is a row of which an index holds what is wanted, without its key and
// its value. Its last byte is never 255.
type Packed [PackedSize]byte

// noFlags is the last byte of unpacked.
const noFlags = 0xff

// unpacked stands for a row that is to be read from the file.
var unpacked = Packed{PackedSize - 1: noFlags}

// A Packing says how an index of values keeps the rows.
type Packing struct {
	// Form names what is packed and how. Packed rows of an index that has
	// another form are not used.
	Form string
	// Packer returns a function that packs a row, or reports false where it
	// is no plain one: where the parser would refuse it, or would make of
	// it what cannot be packed. It gets what follows the value and its
	// comma in a row without quotes and without its line end. Packer
	// returns nil where no row of the file can be packed. The function is
	// used on one goroutine at a time.
	Packer func(h Header, value int) func(rest []byte, to *Packed) bool
}

func (p *Packing) form() string {
	if p == nil {
		return ""
	}
	return p.Form
}

// A PackedRow is a row that an index holds.
type PackedRow struct {
	Packed *Packed
	Value  string
	Key    uint64 // which 16 hex digits spell, see [Hex16]
	Number uint32 // of the key in the index, from 1
}

// unpacks reports whether the packed rows of an index are what is asked for.
func (q *Request[T]) unpacks(x *Index) bool {
	return q.Unpacker != nil && x.form != "" && x.form == q.Packing.form()
}

// afterField returns what follows the field of a number, and its comma, in a
// row without quotes.
func afterField(row []byte, number int) ([]byte, bool) {
	for range number + 1 {
		comma := bytes.IndexByte(row, ',')
		if comma < 0 {
			return nil, false
		}
		row = row[comma+1:]
	}
	return row, true
}
