package model

import (
	"encoding/binary"
	"fmt"
	"testing"
)

// message is a protobuf message taken apart with nothing but the rules of the
// wire format, independently of the reader and the writer under test: field
// number to its values, in order; a value is a uint64 or a []byte.
type message map[int][]any

func decode(t *testing.T, b []byte) message {
	t.Helper()
	m := message{}
	for len(b) > 0 {
		tag, n := binary.Uvarint(b)
		if n <= 0 {
			t.Fatalf("bad tag in %x", b[:min(len(b), 16)])
		}
		b = b[n:]
		v, n := binary.Uvarint(b)
		if n <= 0 {
			t.Fatalf("bad number in %x", b[:min(len(b), 16)])
		}
		b = b[n:]
		switch tag & 7 {
		case 0:
			m[int(tag>>3)] = append(m[int(tag>>3)], v)
		case 2:
			if v > uint64(len(b)) {
				t.Fatalf("field %d of %d bytes, %d left", tag>>3, v, len(b))
			}
			m[int(tag>>3)] = append(m[int(tag>>3)], b[:v])
			b = b[v:]
		default:
			t.Fatalf("wire type %d", tag&7)
		}
	}
	return m
}

func (m message) text(field int) string {
	s := ""
	for i, v := range m[field] {
		if i > 0 {
			s += " "
		}
		switch v := v.(type) {
		case []byte:
			s += string(v)
		default:
			s += fmt.Sprint(v)
		}
	}
	return s
}

func (m message) messages(t *testing.T, field int) []message {
	t.Helper()
	var list []message
	for _, v := range m[field] {
		list = append(list, decode(t, v.([]byte)))
	}
	return list
}
