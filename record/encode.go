package record

import (
	"fmt"
	"hash/crc32"
	"unicode/utf8"

	"github.com/vmihailenco/msgpack/v5"
)

// minApart is the size from which a payload is not copied into the record's
// bytes but written from where it lies.
const minApart = 4 << 10

// A cut is a payload that belongs into an encoder's bytes before index at.
type cut struct {
	at      int
	payload []byte
}

// An encoder gathers the bytes of one record. The first error sticks.
type encoder struct {
	buf    []byte
	cuts   []cut
	apart  int  // total size of the cuts
	whole  bool // make no cuts
	mp     *msgpack.Encoder
	limits Limits
	depth  int
	check  *window // to walk raw values
	err    error
}

func newEncoder(limits Limits, whole bool) *encoder {
	e := &encoder{limits: limits, whole: whole, check: fixed(nil)}
	e.mp = msgpack.NewEncoder(e)
	return e
}

// Write appends to the record's bytes, for the MessagePack encoder.
func (e *encoder) Write(p []byte) (int, error) {
	e.buf = append(e.buf, p...)
	return len(p), nil
}

// WriteByte appends to the record's bytes, for the MessagePack encoder.
func (e *encoder) WriteByte(c byte) error {
	e.buf = append(e.buf, c)
	return nil
}

func (e *encoder) reset() {
	clear(e.cuts) // let go of the payloads
	e.buf, e.cuts, e.apart, e.depth, e.err = e.buf[:0], e.cuts[:0], 0, 0, nil
}

// size returns the number of bytes so far.
func (e *encoder) size() int { return len(e.buf) + e.apart }

// sum returns the CRC-32C of all bytes.
func (e *encoder) sum() uint32 {
	var sum uint32
	from := 0
	for _, c := range e.cuts {
		sum = crc32.Update(sum, castagnoli, e.buf[from:c.at])
		sum = crc32.Update(sum, castagnoli, c.payload)
		from = c.at
	}
	return crc32.Update(sum, castagnoli, e.buf[from:])
}

// fail keeps the first error.
func (e *encoder) fail(err error) {
	if e.err != nil || err == nil {
		return
	}
	if _, ok := err.(*fieldError); !ok {
		err = &fieldError{at: e.size(), err: err}
	}
	e.err = err
}

func (e *encoder) mapLen(n int) {
	e.fail(over("number of keys", int64(n), int64(e.limits.Keys)))
	e.fail(e.mp.EncodeMapLen(n))
}

func (e *encoder) arrayLen(n int) { e.fail(e.mp.EncodeArrayLen(n)) }

// down enters a map or an array; up leaves it.
func (e *encoder) down() {
	e.depth++
	e.fail(over("depth", int64(e.depth), int64(e.limits.Depth)))
}

func (e *encoder) up() { e.depth-- }

func (e *encoder) text(s string) {
	e.fail(over("string length", int64(len(s)), int64(e.limits.String)))
	if !utf8.ValidString(s) {
		e.fail(errNotUTF8)
	}
	if e.err == nil {
		e.fail(e.mp.EncodeString(s))
	}
}

// key writes a key of the format, which needs no check.
func (e *encoder) key(s string) {
	if e.err == nil {
		e.fail(e.mp.EncodeString(s))
	}
}

func (e *encoder) bin(b []byte) {
	e.fail(over("record size", int64(e.size()+len(b)), int64(e.limits.Record)))
	if e.err == nil {
		e.fail(e.mp.EncodeBytesLen(len(b)))
		e.put(b)
	}
}

// raw writes one complete value as it stands.
func (e *encoder) raw(v Raw) {
	e.fail(over("record size", int64(e.size()+len(v)), int64(e.limits.Record)))
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
		e.fail(fmt.Errorf("not one MessagePack value: %w", err))
		return
	}
	e.put(v)
}

// put appends b, or notes where it goes.
func (e *encoder) put(b []byte) {
	if e.whole || len(b) < minApart {
		e.buf = append(e.buf, b...)
		return
	}
	e.cuts = append(e.cuts, cut{at: len(e.buf), payload: b})
	e.apart += len(b)
}

func (e *encoder) bool(v bool) { e.fail(e.mp.EncodeBool(v)) }

func (e *encoder) int(n int64) { e.fail(e.mp.EncodeInt(n)) }

func (e *encoder) uint(n uint64) { e.fail(e.mp.EncodeUint(n)) }

func (e *encoder) float(f float64) {
	e.fail(checkFinite(f))
	e.fail(e.mp.EncodeFloat64(f))
}
