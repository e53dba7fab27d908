package record

import (
	"encoding/binary"
	"errors"
	"fmt"
	"unicode/utf8"

	"github.com/vmihailenco/msgpack/v5/msgpcode"
)

// A level is a map or an array that is being walked.
type level struct {
	left  int64 // values to come, the keys of a map among them
	isMap bool
}

// frame finds the end of the record that begins at w.start and checks its
// trailer. It returns the bytes of the map, which stay valid as long as the
// window's buffer does, and the index in them of the value under the key oi,
// or -1.
func (w *window) frame(lim Limits) (body []byte, kindAt int, err error) {
	if err := w.need(1); err != nil {
		return nil, 0, err
	}
	if c := w.buf[w.pos]; !isMapCode(c) {
		return nil, 0, fmt.Errorf("a record must be a MessagePack map, but the first byte is %#02x%s", c, compressedBy(c))
	}
	if kindAt, err = w.walk(lim, 0); err != nil {
		return nil, 0, err
	}
	if err := w.need(trailerSize); err != nil {
		return nil, 0, err
	}
	body = w.buf[w.start:w.pos]
	w.work += int64(len(body)) / 64 // a checksum goes that much faster than a walk
	if err := checkTrailer(w.buf[w.pos:w.pos+trailerSize], body); err != nil {
		return nil, 0, err
	}
	w.pos += trailerSize
	return body, kindAt, nil
}

// compressedBy says what a byte that begins no record may begin instead.
func compressedBy(first byte) string {
	const mixed = " data does: streams can be joined if all are compressed that way, or none"
	switch first {
	case 0x28:
		return ", as zstd" + mixed
	case 0x1f:
		return ", as gzip" + mixed
	}
	return ""
}

// walk steps over one MessagePack value at pos, header by header, inside
// depth maps and arrays that surround it. It returns the index, counted from
// w.start, of the value under the outermost map's key oi, or -1.
func (w *window) walk(lim Limits, depth int) (kindAt int, err error) {
	kindAt = -1
	stack := append(w.stack[:0], level{left: 1})
	defer func() { w.stack = stack[:0] }() // keep what it grew to
	for {
		top := &stack[len(stack)-1]
		if top.left == 0 {
			if stack = stack[:len(stack)-1]; len(stack) == 0 {
				return kindAt, nil
			}
			continue
		}
		isKey := top.isMap && top.left%2 == 0
		top.left--
		h, err := w.header()
		if err != nil {
			return 0, err
		}
		if isKey && h.class != classString {
			return 0, errors.New("a key is not a string")
		}
		switch h.class {
		case classMap, classArray:
			if err := checkLimit("depth", int64(depth+len(stack)), int64(lim.Depth)); err != nil {
				return 0, err
			}
			if h.class == classMap {
				if err := checkLimit("number of keys", h.count, int64(lim.Keys)); err != nil {
					return 0, err
				}
				h.count *= 2
			}
			// Each value takes a byte or more.
			if err := checkLimit("record size", int64(w.pos-w.start)+h.count, int64(lim.Record)); err != nil {
				return 0, err
			}
			stack = append(stack, level{left: h.count, isMap: h.class == classMap})
			continue
		case classString:
			if err := checkLimit("string length", h.count, int64(lim.String)); err != nil {
				return 0, err
			}
		}
		if err := checkLimit("record size", int64(w.pos-w.start)+h.count, int64(lim.Record)); err != nil {
			return 0, err
		}
		if err := w.need(int(h.count)); err != nil {
			return 0, err
		}
		value := w.buf[w.pos : w.pos+int(h.count)]
		w.pos += int(h.count)
		if isKey {
			if !utf8.Valid(value) {
				return 0, errors.New("a key is not valid UTF-8")
			}
			if len(stack) == 2 && string(value) == "oi" {
				kindAt = w.pos - w.start
			}
		}
	}
}

// A class is a kind of MessagePack value, whatever its width.
type class uint8

const (
	classNone   class = iota // nil
	classBool                // count is 0
	classInt                 // count is the number of bytes after the code
	classFloat               // likewise
	classString              // count is the number of bytes
	classBin                 // likewise
	classExt                 // count is the number of bytes, the type's included
	classArray               // count is the number of elements
	classMap                 // count is the number of pairs
)

func (c class) String() string {
	switch c {
	case classNone:
		return "nil"
	case classBool:
		return "true or false"
	case classInt:
		return "an integer"
	case classFloat:
		return "a number"
	case classString:
		return "a string"
	case classBin:
		return "bytes"
	case classExt:
		return "an ext value"
	case classArray:
		return "an array"
	}
	return "a map"
}

// A valueHeader is a value's code and length.
type valueHeader struct {
	class class
	count int64
}

// header reads the code and the length of the value at pos and steps over
// them.
func (w *window) header() (valueHeader, error) {
	if err := w.need(1); err != nil {
		return valueHeader{}, err
	}
	w.work++
	c := w.buf[w.pos]
	h, width := codes[c].valueHeader, int(codes[c].width)
	if width < 0 {
		return valueHeader{}, fmt.Errorf("byte %#02x begins no MessagePack value", c)
	}
	if err := w.need(1 + width); err != nil {
		return valueHeader{}, err
	}
	n := w.buf[w.pos+1:]
	switch width {
	case 1:
		h.count += int64(n[0])
	case 2:
		h.count += int64(binary.BigEndian.Uint16(n))
	case 4:
		h.count += int64(binary.BigEndian.Uint32(n))
	}
	w.pos += 1 + width
	return h, nil
}

// codes holds what shortHeader says of each code. It is never changed.
var codes = func() (table [256]struct {
	valueHeader
	width int8
}) {
	for c := range table {
		h, width := shortHeader(byte(c))
		table[c].valueHeader, table[c].width = h, int8(width)
	}
	return table
}()

// shortHeader returns what the code alone says, and the width in bytes of the
// length that follows, to be added to count. The width is -1 for the one code
// that MessagePack never uses.
func shortHeader(c byte) (h valueHeader, width int) {
	switch {
	case msgpcode.IsFixedNum(c):
		return valueHeader{classInt, 0}, 0
	case msgpcode.IsFixedMap(c):
		return valueHeader{classMap, int64(c & msgpcode.FixedMapMask)}, 0
	case msgpcode.IsFixedArray(c):
		return valueHeader{classArray, int64(c & msgpcode.FixedArrayMask)}, 0
	case msgpcode.IsFixedString(c):
		return valueHeader{classString, int64(c & msgpcode.FixedStrMask)}, 0
	}
	switch c {
	case msgpcode.Nil:
		return valueHeader{classNone, 0}, 0
	case msgpcode.False, msgpcode.True:
		return valueHeader{classBool, 0}, 0
	case msgpcode.Uint8, msgpcode.Int8:
		return valueHeader{classInt, 1}, 0
	case msgpcode.Uint16, msgpcode.Int16:
		return valueHeader{classInt, 2}, 0
	case msgpcode.Uint32, msgpcode.Int32:
		return valueHeader{classInt, 4}, 0
	case msgpcode.Uint64, msgpcode.Int64:
		return valueHeader{classInt, 8}, 0
	case msgpcode.Float:
		return valueHeader{classFloat, 4}, 0
	case msgpcode.Double:
		return valueHeader{classFloat, 8}, 0
	case msgpcode.Str8:
		return valueHeader{classString, 0}, 1
	case msgpcode.Str16:
		return valueHeader{classString, 0}, 2
	case msgpcode.Str32:
		return valueHeader{classString, 0}, 4
	case msgpcode.Bin8:
		return valueHeader{classBin, 0}, 1
	case msgpcode.Bin16:
		return valueHeader{classBin, 0}, 2
	case msgpcode.Bin32:
		return valueHeader{classBin, 0}, 4
	case msgpcode.FixExt1:
		return valueHeader{classExt, 2}, 0
	case msgpcode.FixExt2:
		return valueHeader{classExt, 3}, 0
	case msgpcode.FixExt4:
		return valueHeader{classExt, 5}, 0
	case msgpcode.FixExt8:
		return valueHeader{classExt, 9}, 0
	case msgpcode.FixExt16:
		return valueHeader{classExt, 17}, 0
	case msgpcode.Ext8:
		return valueHeader{classExt, 1}, 1
	case msgpcode.Ext16:
		return valueHeader{classExt, 1}, 2
	case msgpcode.Ext32:
		return valueHeader{classExt, 1}, 4
	case msgpcode.Array16:
		return valueHeader{classArray, 0}, 2
	case msgpcode.Array32:
		return valueHeader{classArray, 0}, 4
	case msgpcode.Map16:
		return valueHeader{classMap, 0}, 2
	case msgpcode.Map32:
		return valueHeader{classMap, 0}, 4
	}
	return valueHeader{}, -1
}

func isMapCode(c byte) bool {
	return msgpcode.IsFixedMap(c) || c == msgpcode.Map16 || c == msgpcode.Map32
}
