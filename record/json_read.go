package record

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/vmihailenco/msgpack/v5/msgpcode"
)

// A parser turns the JSON text of one record into MessagePack, which is then
// read like any other record. It does not judge types: where the JSON does
// not fit the key, it passes on the nearest value and the decoder complains.
type parser struct {
	text    []byte
	pos     int
	e       *encoder
	scratch []byte // an unescaped string
	kindAt  int
}

func newParser(limits Limits) *parser { return &parser{e: &encoder{limits: limits}} }

// releaseBuffer makes the parser write to another buffer from now on.
func (p *parser) releaseBuffer() { p.e.buf = nil }

// parse returns the MessagePack map of the object that is text, and the index
// in it of the value under oi, or -1.
func (p *parser) parse(text []byte) (body []byte, kindAt int, err error) {
	p.text, p.pos, p.kindAt = text, 0, -1
	p.e.reset(p.e.buf[:0], true)
	s := shapeOf(p.kind())
	p.pos = 0
	if err := p.object(s, true); err != nil {
		return nil, 0, err
	}
	if p.pos != len(text) {
		return nil, 0, p.syntax("brackets do not match")
	}
	p.text = nil
	return p.e.buf, p.kindAt, nil
}

// kind looks for the string under the top-level key oi. It returns "" where
// there is none; malformed text is left for parse to complain about.
func (p *parser) kind() string {
	p.pos++ // the brace
	for {
		p.space()
		if p.char() != '"' {
			return ""
		}
		key, err := p.string()
		if err != nil {
			return ""
		}
		isKind := equal(key, "oi")
		if p.space(); p.char() != ':' {
			return ""
		}
		p.pos++
		p.space()
		if isKind && p.char() == '"' {
			kind, err := p.string()
			if err != nil {
				return ""
			}
			return string(kind)
		}
		if p.skip(); p.char() != ',' {
			return ""
		}
		p.pos++
	}
}

// skip steps over a value, up to the comma or bracket after it.
func (p *parser) skip() {
	depth := 0
	for p.pos < len(p.text) {
		switch p.text[p.pos] {
		case '"':
			n, _, _ := stringEnd(p.text[p.pos+1:])
			p.pos += n
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth < 0 {
				return
			}
		case ',':
			if depth == 0 {
				return
			}
		}
		p.pos++
	}
}

// char returns the byte at pos, 0 at the end.
func (p *parser) char() byte {
	if p.pos >= len(p.text) {
		return 0
	}
	return p.text[p.pos]
}

func (p *parser) space() {
	for {
		switch p.char() {
		case ' ', '\t', '\r', '\n':
			p.pos++
		default:
			return
		}
	}
}

func (p *parser) syntax(format string, args ...any) error {
	return &fieldError{at: p.pos, err: fmt.Errorf("JSON: "+format, args...)}
}

// want steps over the byte c.
func (p *parser) want(c byte) error {
	if have := p.char(); have != c {
		if p.pos >= len(p.text) {
			return p.syntax("want %q, have the end of the object", c)
		}
		return p.syntax("want %q, have %q", c, have)
	}
	p.pos++
	return nil
}

// failed returns the encoder's error, at the place in the text.
func (p *parser) failed() error {
	if p.e.err == nil {
		return nil
	}
	var fe *fieldError
	if errors.As(p.e.err, &fe) {
		return &fieldError{path: fe.path, at: p.pos, err: fe.err}
	}
	return p.e.err
}

func (p *parser) value(s *shape) error {
	p.space()
	e := p.e
	switch c := p.char(); c {
	case '{':
		return p.object(s, false)
	case '[':
		return p.array(s)
	case '"':
		return p.stringValue(s)
	case 't':
		return p.word("true", msgpcode.True)
	case 'f':
		return p.word("false", msgpcode.False)
	case 'n':
		return p.word("null", msgpcode.Nil)
	case '-', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9':
		if err := p.number(s); err != nil {
			return err
		}
		e.fail(checkLimit("record size", int64(e.size()), int64(e.limits.Record)))
		return p.failed()
	}
	return p.syntax("want a value, have %q", p.char())
}

func (p *parser) word(word string, code byte) error {
	if !bytes.HasPrefix(p.text[p.pos:], []byte(word)) {
		return p.syntax("want a value, have %.10q", p.text[p.pos:])
	}
	p.pos += len(word)
	p.e.buf = append(p.e.buf, code)
	return nil
}

// object reads an object as a map. With top it is the record itself.
func (p *parser) object(s *shape, top bool) error {
	// Programs that do not know embeddings write their numbers as a bin.
	if s.kind == shapeAny || s.kind == shapeFloats {
		if ok, err := p.form(); ok || err != nil {
			return err
		}
	}
	if err := p.want('{'); err != nil {
		return err
	}
	e := p.e
	from := len(e.buf)
	e.enter()
	n := 0
	for p.space(); p.char() != '}'; p.space() {
		if n > 0 {
			if err := p.want(','); err != nil {
				return err
			}
			p.space()
		}
		if p.char() != '"' {
			return p.syntax("want a key, have %q", p.char())
		}
		key, err := p.string()
		if err != nil {
			return err
		}
		if s.kind == shapeAny && bytes.HasPrefix(key, []byte("$$")) {
			key = key[1:]
		}
		under, path := s.under(key), string(key)
		e.text(path)
		if n++; n > e.limits.Keys {
			e.fail(checkLimit("number of keys", int64(n), int64(e.limits.Keys)))
		}
		if err := p.failed(); err != nil {
			return err
		}
		p.space()
		if err := p.want(':'); err != nil {
			return withPath(path, p.pos, err)
		}
		if top && path == "oi" {
			p.kindAt = len(e.buf)
		}
		if err := p.value(under); err != nil {
			return withPath(path, p.pos, err)
		}
	}
	p.pos++
	e.leave()
	before := len(e.buf)
	p.insertHeader(from, func() { e.mapLen(n) })
	if p.kindAt >= 0 && top {
		p.kindAt += len(e.buf) - before
	}
	return p.failed()
}

func (p *parser) array(s *shape) error {
	elem := anyShape
	if s.kind == shapeList || s.kind == shapeFloats {
		elem = s.elem
	}
	p.pos++
	e := p.e
	from := len(e.buf)
	e.enter()
	n := 0
	for p.space(); p.char() != ']'; p.space() {
		if n > 0 {
			if err := p.want(','); err != nil {
				return err
			}
		}
		if err := p.value(elem); err != nil {
			return withPath("["+strconv.Itoa(n)+"]", p.pos, err)
		}
		n++
	}
	p.pos++
	e.leave()
	p.insertHeader(from, func() { e.arrayLen(n) })
	return p.failed()
}

// insertHeader puts the header that write appends in front of the bytes from
// index from on: how many values a container has is known only after it.
func (p *parser) insertHeader(from int, write func()) {
	e := p.e
	end := len(e.buf)
	write()
	var header [8]byte
	n := copy(header[:], e.buf[end:])
	copy(e.buf[from+n:], e.buf[from:end])
	copy(e.buf[from:], header[:n])
	e.fail(checkLimit("record size", int64(e.size()), int64(e.limits.Record)))
}

// form reads an object of one key that stands for something JSON has no type
// for. It reports false, and stays where it is, when the object is none.
func (p *parser) form() (bool, error) {
	back := p.pos
	p.pos++
	p.space()
	if !bytes.HasPrefix(p.text[p.pos:], []byte(`"$`)) {
		p.pos = back
		return false, nil
	}
	key, err := p.string()
	if err != nil {
		return false, err
	}
	name := string(key)
	if p.space(); p.char() != ':' {
		p.pos = back
		return false, nil
	}
	p.pos++
	p.space()
	ok := false
	switch name {
	case formBin, formStr, formInt:
		ok, err = p.formString(name)
	case formExt:
		ok, err = p.formExt()
	}
	if err != nil {
		return false, withPath(name, p.pos, err)
	}
	if !ok {
		p.pos = back
	}
	return ok, nil
}

// closes steps over the brace that ends a form.
func (p *parser) closes() bool {
	p.space()
	if p.char() != '}' {
		return false
	}
	p.pos++
	return true
}

func (p *parser) formString(name string) (bool, error) {
	if p.char() != '"' {
		return false, nil
	}
	s, err := p.string()
	if err != nil {
		return false, err
	}
	if !p.closes() {
		return false, nil
	}
	e := p.e
	switch name {
	case formInt:
		if n, err := strconv.ParseInt(string(s), 10, 64); err == nil {
			e.int(n)
		} else if n, err := strconv.ParseUint(string(s), 10, 64); err == nil {
			e.uint(n)
		} else {
			return false, p.syntax("%.40q is not a 64-bit integer", s)
		}
		return true, p.failed()
	case formStr:
		size := base64.StdEncoding.DecodedLen(len(s))
		e.fail(checkLimit("string length", int64(size), int64(e.limits.String+2)))
		if err := p.failed(); err != nil {
			return false, err
		}
		from := len(e.buf)
		if e.buf, err = base64.StdEncoding.AppendDecode(e.buf, s); err != nil {
			return false, p.syntax("%v", err)
		}
		str := string(e.buf[from:])
		e.buf = e.buf[:from]
		e.fail(checkLimit("string length", int64(len(str)), int64(e.limits.String)))
		e.key(str)
		return true, p.failed()
	}
	return true, p.decodeBin(s)
}

func (p *parser) formExt() (bool, error) {
	if p.char() != '[' {
		return false, nil
	}
	p.pos++
	p.space()
	digits := p.pos
	for c := p.char(); c == '-' || c >= '0' && c <= '9'; c = p.char() {
		p.pos++
	}
	id, err := strconv.ParseInt(string(p.text[digits:p.pos]), 10, 8)
	if err != nil {
		return false, p.syntax("an ext type is an integer from -128 to 127")
	}
	p.space()
	if err := p.want(','); err != nil {
		return false, err
	}
	if p.space(); p.char() != '"' {
		return false, p.syntax("want base64, have %q", p.char())
	}
	s, err := p.string()
	if err != nil {
		return false, err
	}
	p.space()
	if err := p.want(']'); err != nil {
		return false, err
	}
	if !p.closes() {
		return false, nil
	}
	e := p.e
	size := base64.StdEncoding.DecodedLen(len(s))
	e.fail(checkLimit("record size", int64(e.size()+size), int64(e.limits.Record)))
	if err := p.failed(); err != nil {
		return false, err
	}
	b, err := base64.StdEncoding.DecodeString(string(s))
	if err != nil {
		return false, p.syntax("%v", err)
	}
	e.ext(int8(id), b)
	return true, p.failed()
}

// decodeBin writes the bytes of a base64 string as a bin.
func (p *parser) decodeBin(s []byte) error {
	e := p.e
	// Line ends in base64 and padding make the true size a little smaller,
	// so the header is put in afterwards.
	size := base64.StdEncoding.DecodedLen(len(s))
	e.fail(checkLimit("record size", int64(e.size()+size), int64(e.limits.Record)))
	if err := p.failed(); err != nil {
		return err
	}
	if len(e.buf)+size > cap(e.buf) {
		e.buf = slices.Grow(e.buf, size+windowSlack)
	}
	from := len(e.buf)
	var err error
	if e.buf, err = base64.StdEncoding.AppendDecode(e.buf, s); err != nil {
		return p.syntax("%v", err)
	}
	n := len(e.buf) - from
	p.insertHeader(from, func() { e.binLen(n) })
	return p.failed()
}

func (p *parser) stringValue(s *shape) error {
	from := p.pos
	if s.kind == shapeBin {
		return p.binValue()
	}
	b, err := p.string()
	if err != nil {
		return err
	}
	e := p.e
	switch s.kind {
	case shapeInt:
		if n, err := strconv.ParseInt(string(b), 10, 64); err == nil {
			e.int(n)
			return p.failed()
		}
	case shapeSeed:
		if n, err := strconv.ParseUint(string(b), 10, 64); err == nil {
			e.uint(n)
			return p.failed()
		}
	}
	if e.fail(checkLimit("string length", int64(len(b)), int64(e.limits.String))); e.err == nil {
		e.text(string(b))
	}
	if e.err != nil {
		p.pos = from
	}
	return p.failed()
}

// binValue reads base64. Where it has no escapes, the decoder alone looks at
// each byte.
func (p *parser) binValue() error {
	n, closed, _ := stringEnd(p.text[p.pos+1:])
	if !closed {
		return p.syntax("a string does not end")
	}
	raw := p.text[p.pos+1 : p.pos+n]
	if bytes.IndexByte(raw, '\\') < 0 && bytes.IndexByte(raw, '\n') < 0 && bytes.IndexByte(raw, '\r') < 0 {
		if err := p.decodeBin(raw); err != nil {
			return err
		}
		p.pos += n + 1
		return nil
	}
	b, err := p.string()
	if err != nil {
		return err
	}
	return p.decodeBin(b)
}

// number reads a number. Under an unknown key 1 is an integer and 1.0 is not.
func (p *parser) number(s *shape) error {
	from := p.pos
	whole, err := p.digits()
	if err != nil {
		return err
	}
	text := string(p.text[from:p.pos])
	e := p.e
	if whole && s.kind != shapeFloat {
		if n, err := strconv.ParseInt(text, 10, 64); err == nil {
			e.int(n)
			return nil
		}
		if n, err := strconv.ParseUint(text, 10, 64); err == nil {
			e.uint(n)
			return nil
		}
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return p.syntax("%.40q has no float64", text)
	}
	if (s.kind == shapeInt || s.kind == shapeSeed) && f == math.Trunc(f) && math.Abs(f) <= maxExact {
		e.int(int64(f)) // 1.0 and 1e3, as some programs print integers
		return nil
	}
	e.float(f)
	return nil
}

// digits steps over a number and reports whether it has neither a fraction
// nor an exponent.
func (p *parser) digits() (whole bool, err error) {
	run := func() error {
		from := p.pos
		for c := p.char(); '0' <= c && c <= '9'; c = p.char() {
			p.pos++
		}
		if p.pos == from {
			return p.syntax("want a digit, have %q", p.char())
		}
		return nil
	}
	if p.char() == '-' {
		p.pos++
	}
	whole = true
	if p.char() == '0' {
		p.pos++
	} else if err := run(); err != nil {
		return false, err
	}
	if p.char() == '.' {
		whole = false
		p.pos++
		if err := run(); err != nil {
			return false, err
		}
	}
	if c := p.char(); c == 'e' || c == 'E' {
		whole = false
		p.pos++
		if c := p.char(); c == '+' || c == '-' {
			p.pos++
		}
		if err := run(); err != nil {
			return false, err
		}
	}
	return whole, nil
}

// string reads the string at pos. The bytes are valid until the next call.
func (p *parser) string() ([]byte, error) {
	n, closed, _ := stringEnd(p.text[p.pos+1:])
	if !closed {
		return nil, p.syntax("a string does not end")
	}
	raw := p.text[p.pos+1 : p.pos+n]
	if i := bytes.IndexByte(raw, '\\'); i >= 0 {
		s, err := p.unescape(raw, i)
		if err != nil {
			return nil, err
		}
		p.pos += n + 1
		return s, nil
	}
	if err := p.checkText(raw); err != nil {
		return nil, err
	}
	p.pos += n + 1
	return raw, nil
}

// checkText wants UTF-8 without bare control characters.
func (p *parser) checkText(s []byte) error {
	for i, c := range s {
		if c < ' ' {
			return p.syntax("control character %#02x in a string, at its byte %d", c, i)
		}
	}
	if !utf8.Valid(s) {
		return &fieldError{at: p.pos, err: errNotUTF8}
	}
	return nil
}

// unescape returns the string whose text is raw, which has its first
// backslash at i.
func (p *parser) unescape(raw []byte, i int) ([]byte, error) {
	if err := p.checkText(raw); err != nil {
		return nil, err
	}
	out := append(p.scratch[:0], raw[:i]...)
	for i < len(raw) {
		c := raw[i]
		if c != '\\' {
			end := bytes.IndexByte(raw[i:], '\\')
			if end < 0 {
				end = len(raw) - i
			}
			out = append(out, raw[i:i+end]...)
			i += end
			continue
		}
		c = raw[i+1]
		i += 2
		switch c {
		case '"', '\\', '/':
			out = append(out, c)
		case 'b':
			out = append(out, '\b')
		case 'f':
			out = append(out, '\f')
		case 'n':
			out = append(out, '\n')
		case 'r':
			out = append(out, '\r')
		case 't':
			out = append(out, '\t')
		case 'u':
			r := hex4(raw[i:])
			i += 4
			if utf16.IsSurrogate(r) {
				second := rune(-1)
				if bytes.HasPrefix(raw[min(i, len(raw)):], []byte(`\u`)) {
					second = hex4(raw[i+2:])
				}
				if r = utf16.DecodeRune(r, second); r == utf8.RuneError {
					return nil, p.syntax("half of a surrogate pair in a string")
				}
				i += 6
			}
			if r < 0 {
				return nil, p.syntax(`\u wants four hex digits`)
			}
			out = utf8.AppendRune(out, r)
		default:
			return nil, p.syntax("unknown escape \\%c in a string", c)
		}
	}
	p.scratch = out
	return out, nil
}

// hex4 returns the value of four hex digits, or -1.
func hex4(b []byte) rune {
	if len(b) < 4 {
		return -1
	}
	n, err := strconv.ParseUint(string(b[:4]), 16, 16)
	if err != nil {
		return -1
	}
	return rune(n)
}
