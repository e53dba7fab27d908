package record

import (
	"errors"
	"fmt"
	"io"
	"math"
	"unicode/utf8"

	"github.com/vmihailenco/msgpack/v5"
	"github.com/vmihailenco/msgpack/v5/msgpcode"
)

// minShared is the size from which a payload may share memory with the buffer
// it was read into.
const minShared = 4 << 10

// A cursor reads from bytes in memory and can be moved. It is what the
// MessagePack decoder reads from.
type cursor struct {
	buf []byte
	pos int
}

func (c *cursor) Read(p []byte) (int, error) {
	if c.pos == len(c.buf) && len(p) > 0 {
		return 0, io.EOF
	}
	n := copy(p, c.buf[c.pos:])
	c.pos += n
	return n, nil
}

func (c *cursor) ReadByte() (byte, error) {
	if c.pos == len(c.buf) {
		return 0, io.EOF
	}
	c.pos++
	return c.buf[c.pos-1], nil
}

func (c *cursor) UnreadByte() error {
	c.pos--
	return nil
}

// A decoder reads the values of one record. The record has been walked
// before, so that every length in it is true and within the limits; what is
// left to check is that each value is of the type its key asks for.
type decoder struct {
	cursor
	mp      *msgpack.Decoder
	limits  Limits
	skip    *window   // to step over values
	shared  bool      // a value handed out shares buf
	numbers []float64 // of an embedding, until their type is known
}

func newDecoder(limits Limits) *decoder {
	d := &decoder{limits: limits, skip: newFixedWindow(nil)}
	d.mp = msgpack.NewDecoder(&d.cursor)
	return d
}

// reset makes d read a record's map.
func (d *decoder) reset(body []byte) {
	d.buf, d.pos, d.shared = body, 0, false
}

// peek returns the class of the next value.
func (d *decoder) peek() class {
	return codes[d.buf[d.pos]].class
}

// expect fails unless the next value is of class want.
func (d *decoder) expect(want class) error {
	if have := d.peek(); have != want {
		return fmt.Errorf("want %s, have %s", want, have)
	}
	return nil
}

// null steps over a nil and reports whether there was one.
func (d *decoder) null() (bool, error) {
	if d.peek() != classNone {
		return false, nil
	}
	return true, d.mp.DecodeNil()
}

func (d *decoder) mapLen() (int, error) {
	if err := d.expect(classMap); err != nil {
		return 0, err
	}
	return d.mp.DecodeMapLen()
}

func (d *decoder) arrayLen() (int, error) {
	if err := d.expect(classArray); err != nil {
		return 0, err
	}
	return d.mp.DecodeArrayLen()
}

// chunk returns the bytes of a string or bin. They are part of buf.
func (d *decoder) chunk() ([]byte, error) {
	n, err := d.mp.DecodeBytesLen()
	if err != nil {
		return nil, err
	}
	if n > len(d.buf)-d.pos {
		return nil, io.ErrUnexpectedEOF
	}
	b := d.buf[d.pos : d.pos+n : d.pos+n]
	d.pos += n
	return b, nil
}

// text reads a string, which must be UTF-8.
func (d *decoder) text() (string, error) {
	if err := d.expect(classString); err != nil {
		return "", err
	}
	b, err := d.chunk()
	if err != nil {
		return "", err
	}
	if !utf8.Valid(b) {
		return "", errNotUTF8
	}
	return string(b), nil
}

var errNotUTF8 = errors.New("not valid UTF-8")

// bin reads bytes, without a copy where that holds on to little else.
func (d *decoder) bin() ([]byte, error) {
	if err := d.expect(classBin); err != nil {
		return nil, err
	}
	b, err := d.chunk()
	if err != nil {
		return nil, err
	}
	return d.own(b), nil
}

// own returns b, a part of buf, as memory of its own: b itself when it is
// most of the buffer, else a copy.
func (d *decoder) own(b []byte) []byte {
	if len(b) >= minShared && len(b) >= cap(d.buf)/8*7 {
		d.shared = true
		return b
	}
	return append(make([]byte, 0, len(b)), b...)
}

// raw reads any value as it stands.
func (d *decoder) raw() (Raw, error) {
	from := d.pos
	w := d.skip
	w.buf, w.start, w.pos, w.err = d.buf, d.pos, d.pos, io.EOF
	if _, err := w.walk(d.limits, 0); err != nil {
		return nil, err
	}
	d.pos = w.pos
	return Raw(d.own(d.buf[from:d.pos:d.pos])), nil
}

func (d *decoder) bool() (bool, error) {
	if err := d.expect(classBool); err != nil {
		return false, err
	}
	return d.mp.DecodeBool()
}

// int reads an integer of any width that fits int64.
func (d *decoder) int() (int64, error) {
	if err := d.expect(classInt); err != nil {
		return 0, err
	}
	if d.buf[d.pos] != msgpcode.Uint64 {
		return d.mp.DecodeInt64()
	}
	n, err := d.mp.DecodeUint64()
	if err == nil && n > math.MaxInt64 {
		err = fmt.Errorf("%d is too large", n)
	}
	return int64(n), err
}

// uint reads an integer of any width that is not negative.
func (d *decoder) uint() (uint64, error) {
	if err := d.expect(classInt); err != nil {
		return 0, err
	}
	if d.buf[d.pos] == msgpcode.Uint64 {
		return d.mp.DecodeUint64()
	}
	n, err := d.mp.DecodeInt64()
	if err == nil && n < 0 {
		err = fmt.Errorf("%d is negative", n)
	}
	return uint64(n), err
}

// float reads a number. Writers in other languages send 1 for 1.0, so
// integers are taken where float64 holds them exactly.
func (d *decoder) float() (float64, error) {
	switch d.peek() {
	case classFloat:
		f, err := d.mp.DecodeFloat64()
		if err == nil {
			err = checkFinite(f)
		}
		return f, err
	case classInt:
		n, err := d.int()
		if err == nil && (n > maxExact || n < -maxExact) {
			err = fmt.Errorf("integer %d has no exact float64", n)
		}
		return float64(n), err
	}
	return 0, fmt.Errorf("want a number, have %s", d.peek())
}

// maxExact is the largest n for which all integers up to n are float64s.
const maxExact = 1 << 53

func checkFinite(f float64) error {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return fmt.Errorf("%v is not a finite number", f)
	}
	return nil
}

// equal reports whether a key read from the stream is s, without allocating.
func equal(b []byte, s string) bool { return string(b) == s }

var _ interface {
	io.Reader
	io.ByteScanner
} = (*cursor)(nil)
