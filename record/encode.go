package record

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"math"
	"unicode/utf8"

	"github.com/vmihailenco/msgpack/v5/msgpcode"
)

// An Encoder turns records into the bytes that a [Writer] of the same
// [Encoding] writes for them. It knows nothing of their order, so that several
// goroutines, each with an Encoder of its own, may prepare what one of them
// passes on in order; see [Writer.WriteEncoded]. It is not safe for concurrent
// use.
type Encoder struct {
	encoding Encoding
	enc      encoder
	json     *printer
	binary   []byte // with json: the record in the binary form
}

// NewEncoder returns an Encoder to the form e.
func NewEncoder(e Encoding) *Encoder {
	limits := DefaultLimits()
	enc := &Encoder{encoding: e, enc: encoder{limits: limits, check: newFixedWindow(nil)}}
	if e != Binary {
		enc.json = &printer{d: newDecoder(limits)}
	}
	return enc
}

// Append appends rec as a [Writer] writes it, with its trailer or line end,
// and returns the extended slice. With Encoding [JSON] only an *Item has
// bytes; other records are checked and nothing is appended.
//
// A record that breaks a rule of the format gives a *[FormatError], without
// the number of the record, and dst as it was. Append keeps no reference to
// rec, and allocates nothing where dst has room.
func (e *Encoder) Append(dst []byte, rec Record) ([]byte, error) {
	out, err := e.append(dst, rec, true)
	if err != nil {
		return dst, formatError(err)
	}
	return out, nil
}

// formatError returns err, which is about one record, as a FormatError.
func formatError(err error) *FormatError {
	var fe *fieldError
	if errors.As(err, &fe) {
		return &FormatError{Field: fe.path, Err: fe.err}
	}
	return &FormatError{Err: err}
}

// append is Append. Unless inline, large payloads of the binary form stay
// where they are, and e.enc.segments tells where in the result they belong.
func (e *Encoder) append(dst []byte, rec Record, inline bool) ([]byte, error) {
	if isNil(rec) {
		return nil, errNoRecord
	}
	if e.json != nil {
		return e.appendJSON(dst, rec)
	}
	e.enc.reset(dst, inline)
	encodeRecord(&e.enc, rec)
	return appendTrailer(e.enc.buf, e.enc.size(), e.enc.sum()), e.enc.release()
}

// appendJSON appends rec as an object on a line.
func (e *Encoder) appendJSON(dst []byte, rec Record) ([]byte, error) {
	e.enc.reset(e.binary[:0], true)
	encodeRecord(&e.enc, rec)
	e.binary = e.enc.buf
	if err := e.enc.release(); err != nil {
		return nil, err
	}
	out, err := e.json.append(dst, e.binary, shapeOf(rec.kind()))
	if err != nil {
		return nil, err
	}
	if _, ok := rec.(*Item); !ok && e.encoding == JSON {
		return dst, nil
	}
	return append(out, '\n'), nil
}

// countRecords returns the number of records that b, which an Encoder of the
// same Encoding appended, consists of.
func (e *Encoder) countRecords(b []byte) (int64, error) {
	if e.json == nil {
		return countTrailers(b)
	}
	if b[len(b)-1] != '\n' {
		return 0, errNotWhole
	}
	return int64(bytes.Count(b, []byte("\n"))), nil
}

var errNoRecord = errors.New("no record")

// isNil reports whether rec is nothing that can be written.
func isNil(rec Record) bool {
	switch rec := rec.(type) {
	case *Header:
		return rec == nil
	case *Item:
		return rec == nil
	case *End:
		return rec == nil
	case *Part:
		return rec == nil
	}
	return true
}

// minExternal is the size from which a payload need not be copied into the
// record's bytes: a Writer writes it from where it lies.
const minExternal = 4 << 10

// A segment is a payload that belongs into an encoder's bytes before index at.
type segment struct {
	at      int
	payload []byte
}

// An encoder appends the map of one record to buf. The first error sticks.
//
// The MessagePack values are appended here and not by package msgpack, whose
// Encoder calls an io.Writer for each of them: that took half of the time of
// a record without a picture.
type encoder struct {
	buf      []byte
	base     int // index in buf at which the record begins
	segments []segment
	external int  // total size of the segments
	inline   bool // make no segments
	limits   Limits
	depth    int
	check    *window  // to walk raw values
	keys     []string // of the map that is being sorted
	extra    keySet   // of the map whose extra keys are being written
	image    encodedImage
	err      error
}

// reset makes e append to dst.
func (e *encoder) reset(dst []byte, inline bool) {
	clear(e.segments) // let go of the payloads
	e.buf, e.base, e.inline = dst, len(dst), inline
	e.segments, e.external, e.depth, e.err = e.segments[:0], 0, 0, nil
}

// release lets go of the caller's memory and returns the error.
func (e *encoder) release() error {
	e.buf = nil
	return e.err
}

// size returns the number of bytes so far.
func (e *encoder) size() int { return len(e.buf) - e.base + e.external }

// sum returns the CRC-32C of all bytes.
func (e *encoder) sum() uint32 {
	var sum uint32
	from := e.base
	for _, s := range e.segments {
		sum = crc32.Update(sum, castagnoli, e.buf[from:s.at])
		sum = crc32.Update(sum, castagnoli, s.payload)
		from = s.at
	}
	return crc32.Update(sum, castagnoli, e.buf[from:])
}

// fail keeps the first error.
func (e *encoder) fail(err error) {
	if err != nil {
		e.failed(err)
	}
}

func (e *encoder) failed(err error) {
	if e.err != nil {
		return
	}
	if _, ok := err.(*fieldError); !ok {
		err = &fieldError{at: e.size(), err: err}
	}
	e.err = err
}

// addPath puts key in front of the path of the error, if there is one.
func (e *encoder) addPath(key string) {
	if e.err != nil {
		e.err = withPath(key, e.size(), e.err)
	}
}

func (e *encoder) mapLen(n int) {
	e.fail(checkLimit("number of keys", int64(n), int64(e.limits.Keys)))
	switch {
	case n < 16:
		e.buf = append(e.buf, msgpcode.FixedMapLow|byte(n))
	case n <= math.MaxUint16:
		e.code16(msgpcode.Map16, uint16(n))
	default:
		e.code32(msgpcode.Map32, uint32(n))
	}
}

func (e *encoder) arrayLen(n int) {
	switch {
	case n < 16:
		e.buf = append(e.buf, msgpcode.FixedArrayLow|byte(n))
	case n <= math.MaxUint16:
		e.code16(msgpcode.Array16, uint16(n))
	default:
		e.code32(msgpcode.Array32, uint32(n))
	}
}

// enter is called at the beginning of a map or an array, leave at its end.
func (e *encoder) enter() {
	e.depth++
	e.fail(checkLimit("depth", int64(e.depth), int64(e.limits.Depth)))
}

func (e *encoder) leave() { e.depth-- }

func (e *encoder) text(s string) {
	e.fail(checkLimit("string length", int64(len(s)), int64(e.limits.String)))
	if !utf8.ValidString(s) {
		e.failed(errNotUTF8)
	}
	if e.err == nil {
		e.key(s)
	}
}

// key writes a key of the format, which needs no check.
func (e *encoder) key(s string) {
	switch n := len(s); {
	case n < 32:
		e.buf = append(e.buf, msgpcode.FixedStrLow|byte(n))
	case n <= math.MaxUint8:
		e.buf = append(e.buf, msgpcode.Str8, byte(n))
	case n <= math.MaxUint16:
		e.code16(msgpcode.Str16, uint16(n))
	default:
		e.code32(msgpcode.Str32, uint32(n))
	}
	e.buf = append(e.buf, s...)
}

func (e *encoder) bin(b []byte) {
	e.fail(checkLimit("record size", int64(e.size()+len(b)), int64(e.limits.Record)))
	if e.err == nil {
		e.binLen(len(b))
		e.put(b)
	}
}

func (e *encoder) binLen(n int) {
	switch {
	case n <= math.MaxUint8:
		e.buf = append(e.buf, msgpcode.Bin8, byte(n))
	case n <= math.MaxUint16:
		e.code16(msgpcode.Bin16, uint16(n))
	default:
		e.code32(msgpcode.Bin32, uint32(n))
	}
}

// ext writes an ext value.
func (e *encoder) ext(id int8, b []byte) {
	switch n := len(b); {
	case n == 1:
		e.buf = append(e.buf, msgpcode.FixExt1)
	case n == 2:
		e.buf = append(e.buf, msgpcode.FixExt2)
	case n == 4:
		e.buf = append(e.buf, msgpcode.FixExt4)
	case n == 8:
		e.buf = append(e.buf, msgpcode.FixExt8)
	case n == 16:
		e.buf = append(e.buf, msgpcode.FixExt16)
	case n <= math.MaxUint8:
		e.buf = append(e.buf, msgpcode.Ext8, byte(n))
	case n <= math.MaxUint16:
		e.code16(msgpcode.Ext16, uint16(n))
	default:
		e.code32(msgpcode.Ext32, uint32(n))
	}
	e.buf = append(append(e.buf, byte(id)), b...)
}

// raw writes one complete value as it stands.
func (e *encoder) raw(v Raw) {
	e.fail(checkLimit("record size", int64(e.size()+len(v)), int64(e.limits.Record)))
	if e.err != nil {
		return
	}
	w := e.check
	w.buf, w.start, w.pos = v, 0, 0
	_, err := w.walk(e.limits, e.depth)
	if err == nil && w.pos < len(v) {
		err = fmt.Errorf("%d bytes after the value", len(v)-w.pos)
	}
	w.buf = nil
	if err != nil {
		e.failed(fmt.Errorf("not one MessagePack value: %w", err))
		return
	}
	e.put(v)
}

// put appends b, or notes where it goes.
func (e *encoder) put(b []byte) {
	if e.inline || len(b) < minExternal {
		e.buf = append(e.buf, b...)
		return
	}
	e.segments = append(e.segments, segment{at: len(e.buf), payload: b})
	e.external += len(b)
}

func (e *encoder) bool(v bool) {
	c := msgpcode.False
	if v {
		c = msgpcode.True
	}
	e.buf = append(e.buf, c)
}

// minFixedInt is the smallest integer that is a code by itself.
const minFixedInt = -32

func (e *encoder) int(n int64) {
	switch {
	case n >= 0:
		e.uint(uint64(n))
	case n >= minFixedInt:
		e.buf = append(e.buf, byte(n))
	case n >= math.MinInt8:
		e.buf = append(e.buf, msgpcode.Int8, byte(n))
	case n >= math.MinInt16:
		e.code16(msgpcode.Int16, uint16(n))
	case n >= math.MinInt32:
		e.code32(msgpcode.Int32, uint32(n))
	default:
		e.code64(msgpcode.Int64, uint64(n))
	}
}

func (e *encoder) uint(n uint64) {
	switch {
	case n <= math.MaxInt8:
		e.buf = append(e.buf, byte(n))
	case n <= math.MaxUint8:
		e.buf = append(e.buf, msgpcode.Uint8, byte(n))
	case n <= math.MaxUint16:
		e.code16(msgpcode.Uint16, uint16(n))
	case n <= math.MaxUint32:
		e.code32(msgpcode.Uint32, uint32(n))
	default:
		e.code64(msgpcode.Uint64, n)
	}
}

func (e *encoder) float(f float64) {
	e.fail(checkFinite(f))
	e.code64(msgpcode.Double, math.Float64bits(f))
}

// code16 appends a code and a number of 16 bits; code32 and code64 likewise.
func (e *encoder) code16(code byte, n uint16) {
	e.buf = binary.BigEndian.AppendUint16(append(e.buf, code), n)
}

func (e *encoder) code32(code byte, n uint32) {
	e.buf = binary.BigEndian.AppendUint32(append(e.buf, code), n)
}

func (e *encoder) code64(code byte, n uint64) {
	e.buf = binary.BigEndian.AppendUint64(append(e.buf, code), n)
}
