package record

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"math"
	"strconv"
	"unicode/utf8"

	"github.com/vmihailenco/msgpack/v5/msgpcode"
)

// Under an unknown key JSON needs a word for what it has no type for: an
// object of this one key. A key of an unknown map that begins with a dollar
// gets a second one, so that nothing is taken for such an object that is none.
const (
	formBin = "$bin" // bytes, base64
	formStr = "$str" // a string that is not UTF-8, base64
	formInt = "$int" // an integer beyond 2^53, decimal
	formExt = "$ext" // an ext value, [type, base64]
)

// textLimit returns how long the JSON text of one record may be: base64 takes
// a third more than the bytes, and keys, numbers and escapes have their share.
func textLimit(l Limits) int { return 2 * l.Record }

// A printer writes MessagePack as JSON.
type printer struct {
	d     *decoder
	out   []byte
	dtype string // of the numbers that follow
}

// append appends the record whose map is body, of shape s.
func (p *printer) append(dst, body []byte, s *shape) ([]byte, error) {
	p.d.reset(body)
	p.out = dst
	err := p.value(s)
	dst, p.out = p.out, p.out[len(dst):]
	if err == nil {
		err = checkLimit("JSON text", int64(len(p.out)), int64(textLimit(p.d.limits)))
	}
	p.out = nil
	return dst, err
}

func (p *printer) value(s *shape) error {
	d := p.d
	switch d.peek() {
	case classNone:
		p.out = append(p.out, "null"...)
		return d.mp.DecodeNil()
	case classBool:
		v, err := d.mp.DecodeBool()
		p.out = strconv.AppendBool(p.out, v)
		return err
	case classInt:
		return p.integer(s)
	case classFloat:
		f, err := d.float()
		if err != nil {
			return err
		}
		p.out = appendFloat(p.out, f, s.kind != shapeFloat)
		return nil
	case classString:
		b, err := d.chunk()
		if err != nil {
			return err
		}
		if !utf8.Valid(b) {
			p.form(formStr, b)
			return nil
		}
		if p.out = appendQuoted(p.out, b); s.kind == shapeFloatType {
			p.dtype = string(b)
		}
		return nil
	case classBin:
		b, err := d.chunk()
		if err != nil {
			return err
		}
		switch s.kind {
		case shapeBin:
			p.base64(b)
		case shapeFloats:
			p.out = appendFloats(p.out, p.dtype, b)
		default:
			p.form(formBin, b)
		}
		return nil
	case classExt:
		return p.ext()
	case classArray:
		return p.array(s)
	}
	return p.object(s)
}

func (p *printer) integer(s *shape) error {
	d := p.d
	if s.kind == shapeAny && d.buf[d.pos] == msgpcode.Uint64 {
		n, err := d.mp.DecodeUint64()
		if n > maxExact {
			p.out = fmt.Appendf(p.out, `{"%s":"%d"}`, formInt, n)
		} else {
			p.out = strconv.AppendUint(p.out, n, 10)
		}
		return err
	}
	if s.kind == shapeSeed {
		n, err := d.uint()
		p.out = append(p.out, '"')
		p.out = strconv.AppendUint(p.out, n, 10)
		p.out = append(p.out, '"')
		return err
	}
	n, err := d.int()
	switch exact := n <= maxExact && n >= -maxExact; {
	case exact:
		p.out = strconv.AppendInt(p.out, n, 10)
	case s.kind == shapeAny:
		p.out = fmt.Appendf(p.out, `{"%s":"%d"}`, formInt, n)
	default:
		p.out = fmt.Appendf(p.out, `"%d"`, n)
	}
	return err
}

func (p *printer) base64(b []byte) {
	p.out = append(p.out, '"')
	p.out = base64.StdEncoding.AppendEncode(p.out, b)
	p.out = append(p.out, '"')
}

func (p *printer) form(name string, b []byte) {
	p.out = fmt.Appendf(p.out, `{"%s":`, name)
	p.base64(b)
	p.out = append(p.out, '}')
}

func (p *printer) ext() error {
	id, n, err := p.d.mp.DecodeExtHeader()
	if err != nil {
		return err
	}
	b := p.d.buf[p.d.pos : p.d.pos+n]
	p.d.pos += n
	p.out = fmt.Appendf(p.out, `{"%s":[%d,`, formExt, id)
	p.base64(b)
	p.out = append(p.out, "]}"...)
	return nil
}

func (p *printer) array(s *shape) error {
	elem := anyShape
	if s.kind == shapeList {
		elem = s.elem
	}
	n, err := p.d.mp.DecodeArrayLen()
	if err != nil {
		return err
	}
	p.out = append(p.out, '[')
	for i := range n {
		if i > 0 {
			p.out = append(p.out, ',')
		}
		if err := p.value(elem); err != nil {
			return withPath("["+strconv.Itoa(i)+"]", 0, err)
		}
	}
	p.out = append(p.out, ']')
	return nil
}

func (p *printer) object(s *shape) error {
	n, err := p.d.mp.DecodeMapLen()
	if err != nil {
		return err
	}
	p.out = append(p.out, '{')
	for i := range n {
		if i > 0 {
			p.out = append(p.out, ',')
		}
		key, err := p.d.chunk()
		if err != nil {
			return err
		}
		if s.kind == shapeAny && len(key) > 0 && key[0] == '$' {
			p.out = append(p.out, `"$`...)
			p.out = append(p.out, appendQuoted(nil, key)[1:]...)
		} else {
			p.out = appendQuoted(p.out, key)
		}
		p.out = append(p.out, ':')
		if err := p.value(s.under(key)); err != nil {
			return withPath(string(key), 0, err)
		}
	}
	p.out = append(p.out, '}')
	return nil
}

// appendFloat appends the shortest decimal that reads back as f. With marked,
// it cannot be mistaken for an integer.
func appendFloat(out []byte, f float64, marked bool) []byte {
	from := len(out)
	out = appendDecimal(out, f, 64)
	if marked && !bytes.ContainsAny(out[from:], ".e") {
		out = append(out, ".0"...)
	}
	return out
}

// appendDecimal appends the shortest decimal that reads back as f, which is a
// float of 32 or 64 bits.
func appendDecimal(out []byte, f float64, bits int) []byte {
	format := byte('f')
	if a := math.Abs(f); a != 0 && (a < 1e-6 || a >= 1e21) {
		format = 'e'
	}
	return strconv.AppendFloat(out, f, format, -1, bits)
}

const hexDigits = "0123456789abcdef"

// appendQuoted appends the string b, which must be UTF-8. Control characters
// are escaped, those of C1 too, which some terminals obey.
func appendQuoted(out, b []byte) []byte {
	out = append(out, '"')
	from := 0
	for i := 0; i < len(b); i++ {
		c := b[i]
		if c >= ' ' && c != '"' && c != '\\' && c < 0x7f {
			continue
		}
		width := 1
		switch {
		case c == 0xc2 && b[i+1] < 0xa0:
			width = 2
			c = b[i+1]
		case c > 0x7f:
			continue
		}
		out = append(out, b[from:i]...)
		switch c {
		case '"', '\\':
			out = append(out, '\\', c)
		case '\n':
			out = append(out, `\n`...)
		case '\r':
			out = append(out, `\r`...)
		case '\t':
			out = append(out, `\t`...)
		default:
			out = append(out, `\u00`...)
			out = append(out, hexDigits[c>>4], hexDigits[c&15])
		}
		i += width - 1
		from = i + 1
	}
	out = append(out, b[from:]...)
	return append(out, '"')
}
