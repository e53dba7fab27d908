package csvscan

import (
	"encoding/binary"
	"math"
)

// An Encoder builds an entry of texts and numbers: varints, lengths before
// texts.
type Encoder struct{ Buf []byte }

func (e *Encoder) Text(s string) {
	e.Buf = binary.AppendUvarint(e.Buf, uint64(len(s)))
	e.Buf = append(e.Buf, s...)
}
func (e *Encoder) Int(v int64)     { e.Buf = binary.AppendVarint(e.Buf, v) }
func (e *Encoder) Word(v uint64)   { e.Buf = binary.LittleEndian.AppendUint64(e.Buf, v) }
func (e *Encoder) Float(v float64) { e.Word(math.Float64bits(v)) }

// A Decoder takes an entry of an Encoder apart. After a fault it returns zeros,
// and Bad is set.
type Decoder struct {
	Buf []byte
	Bad bool
}

func (d *Decoder) Text() string {
	n, head := binary.Uvarint(d.Buf)
	if head <= 0 || n > uint64(len(d.Buf)-head) {
		d.Buf, d.Bad = nil, true
		return ""
	}
	s := string(d.Buf[head : head+int(n)])
	d.Buf = d.Buf[head+int(n):]
	return s
}

func (d *Decoder) Int() int64 {
	v, n := binary.Varint(d.Buf)
	if n <= 0 {
		d.Buf, d.Bad = nil, true
		return 0
	}
	d.Buf = d.Buf[n:]
	return v
}

func (d *Decoder) Word() uint64 {
	if len(d.Buf) < 8 {
		d.Buf, d.Bad = nil, true
		return 0
	}
	v := binary.LittleEndian.Uint64(d.Buf)
	d.Buf = d.Buf[8:]
	return v
}

func (d *Decoder) Float() float64 { return math.Float64frombits(d.Word()) }
