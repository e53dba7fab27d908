package exif

import (
	"encoding/binary"
)

// Reset sets the orientation that EXIF data gives for the picture to 1, in
// place, and reports whether it was another. Programs differ in what they take
// for an orientation: some read the first two bytes of the value whatever its
// type, some take a fraction. An entry that any of them may take for 2 to 8 is
// written anew, as one SHORT.
func Reset(data []byte) (changed bool) {
	// In data that is not well meant an entry can be the value of another,
	// or lie over the header.
	const most = 64
	for range most {
		if !reset(data) {
			break
		}
		changed = true
	}
	return changed
}

// reset rewrites the entries that it finds to be wrong.
func reset(data []byte) (changed bool) {
	tiff, order := header(data)
	for entry := range orientations(tiff, order) {
		if turns(tiff, entry, order) {
			order.PutUint16(entry[2:], typeShort)
			order.PutUint32(entry[4:], 1)
			copy(entry[8:], make([]byte, 4))
			order.PutUint16(entry[8:], 1)
			changed = true
		}
	}
	return changed
}

const typeShort = 3

// turns reports whether a program may turn the picture by an entry.
func turns(data []byte, entry field, order binary.ByteOrder) bool {
	kind := entry[2:].number(order, 2)
	whole := kind == 1 || kind == 3 || kind == 4 || kind >= 6 && kind <= 9 || kind == 13
	return !whole || isTurn(value(data, entry, order)) || isTurn(entry[8:].number(order, 2))
}

func isTurn(orientation int) bool { return orientation >= 2 && orientation <= 8 }
