// Package exif reads the orientation out of EXIF data.
package exif

import (
	"bytes"
	"encoding/binary"
	"iter"
	"strings"
)

// Prefix is what stands before the TIFF structure in a JPEG, and in some files
// of other formats.
const Prefix = "Exif\x00\x00"

// HasPrefix reports whether data begins with Prefix, which some writers have in
// capitals or end with another byte.
func HasPrefix(data []byte) bool {
	return len(data) >= len(Prefix) && strings.EqualFold(string(data[:5]), Prefix[:5])
}

const (
	tagOrientation = 0x0112
	entrySize      = 12
)

// Orientation returns the orientation, from 1 to 8, that the first directory of
// EXIF data gives for the picture, or 0 if it gives none. The value may be
// written as any whole number of TIFF, and as one of several.
func Orientation(data []byte) int {
	tiff, order := header(data)
	for entry := range orientations(tiff, order) {
		if v := value(tiff, entry, order); v >= 1 && v <= 8 {
			return v
		}
	}
	return 0
}

// header returns EXIF data from its header on, and the order of its bytes; nil
// if it has no header.
func header(data []byte) (tiff []byte, order binary.ByteOrder) {
	if HasPrefix(data) {
		data = data[len(Prefix):]
	}
	switch {
	case bytes.HasPrefix(data, []byte("II*\x00")):
		return data, binary.LittleEndian
	case bytes.HasPrefix(data, []byte("MM\x00*")):
		return data, binary.BigEndian
	}
	return nil, nil
}

// orientations yields the entries of the first directory that are called
// orientation.
func orientations(tiff []byte, order binary.ByteOrder) iter.Seq[field] {
	return func(yield func(field) bool) {
		if tiff == nil {
			return
		}
		directory := from(tiff, from(tiff, 4).number(order, 4))
		for i := range directory.number(order, 2) {
			entry := from(directory, 2+entrySize*i)
			if len(entry) < entrySize || entry.number(order, 2) == tagOrientation && !yield(entry[:entrySize]) {
				return
			}
		}
	}
}

// value returns the first number of a directory entry, or 0 if it is no whole
// number.
func value(data []byte, entry field, order binary.ByteOrder) int {
	size := 0
	switch entry[2:].number(order, 2) {
	case 1, 6, 7: // BYTE, SBYTE, UNDEFINED
		size = 1
	case 3, 8: // SHORT, SSHORT
		size = 2
	case 4, 9, 13: // LONG, SLONG, IFD
		size = 4
	default:
		return 0
	}
	count, at := entry[4:].number(order, 4), entry[8:]
	if count == 0 {
		return 0
	}
	if count > 4/size {
		at = from(data, at.number(order, 4))
	}
	return at.number(order, size)
}

// A field is what there is of the data from an offset on.
type field []byte

func from(data []byte, offset int) field {
	if offset < 0 || offset > len(data) {
		return nil
	}
	return data[offset:]
}

// number reads a number of 1, 2 or 4 bytes, or 0 if there are fewer.
func (f field) number(order binary.ByteOrder, size int) int {
	switch {
	case len(f) < size:
		return 0
	case size == 1:
		return int(f[0])
	case size == 2:
		return int(order.Uint16(f))
	}
	return int(order.Uint32(f))
}
