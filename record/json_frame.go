package record

import (
	"bytes"
	"fmt"
	"io"
)

// skipSpace steps over the white space between two records and returns how
// many lines it ended.
func (w *window) skipSpace() (lines int64, err error) {
	for {
		if w.pos == len(w.buf) {
			w.begin() // however much white space there is, none is kept
		}
		if err := w.need(1); err != nil {
			return lines, err
		}
		switch w.buf[w.pos] {
		case '\n':
			lines++
		case ' ', '\t', '\r':
		default:
			return lines, nil
		}
		w.pos++
	}
}

// frameJSON finds the end of the object that begins at w.start, by counting
// brackets outside strings, and returns its text.
func (w *window) frameJSON(lim Limits) ([]byte, error) {
	most := textLimit(lim)
	// {"$ext":[…]} nests by two in JSON and not at all in MessagePack.
	mostDepth := int64(lim.Depth + 2)
	var depth int64
	for {
		if err := w.need(1); err != nil {
			return nil, err
		}
		for i, c := range w.buf[w.pos:] {
			if c == '"' {
				w.pos += i + 1
				if err := w.skipString(most); err != nil {
					return nil, err
				}
				break
			}
			switch c {
			case '{', '[':
				if depth++; depth > mostDepth {
					return nil, &LimitError{What: "depth", Size: depth, Limit: int64(lim.Depth)}
				}
			case '}', ']':
				depth--
			}
			if depth == 0 {
				w.pos += i + 1
				return w.buf[w.start:w.pos], nil
			}
			if w.pos+i+1 == len(w.buf) {
				w.pos = len(w.buf)
				break
			}
		}
		if err := checkLimit("JSON text", int64(w.pos-w.start), int64(most)); err != nil {
			return nil, err
		}
	}
}

// skipString steps over the rest of a string, its closing quote included.
func (w *window) skipString(most int) error {
	skip := 0 // bytes that belong to an escape
	for {
		if err := w.need(1 + skip); err != nil {
			return err
		}
		rest := w.buf[w.pos+skip:]
		n, closed, cut := stringEnd(rest)
		w.pos += skip + n
		if closed {
			return nil
		}
		if skip = 0; cut {
			skip = 1
		}
		if err := checkLimit("JSON text", int64(w.pos-w.start), int64(most)); err != nil {
			return err
		}
	}
}

// stringEnd looks for the end of a string in b, which begins inside it. n is
// the number of bytes that belong to it; closed says whether the last one is
// its quote, cut whether the last one is a backslash whose escape is still to
// come.
func stringEnd(b []byte) (n int, closed, cut bool) {
	for {
		quote := bytes.IndexByte(b[n:], '"')
		part := b[n:]
		if quote >= 0 {
			part = part[:quote]
		}
		i := 0
		for {
			k := bytes.IndexByte(part[min(i, len(part)):], '\\')
			if k < 0 {
				break
			}
			i += k + 2
		}
		switch {
		case quote < 0:
			return len(b), false, i > len(part)
		case i <= quote:
			return n + quote + 1, true, false
		}
		n += quote + 1 // this quote is escaped
	}
}

// A jsonSource reads the JSON view, plain or framed.
type jsonSource struct {
	w      *window
	p      *parser
	d      *decoder
	limits Limits

	count int64
	at    int64 // offset of the current record
	line  int64 // line of the current record's first byte
	lines int64 // newlines before w.pos

	plain bool
	held  Record // the first item of plain JSON, while its header goes first
	ended bool   // plain JSON: the End was handed out
}

func newJSONSource(w *window, limits Limits) *jsonSource {
	return &jsonSource{w: w, p: newParser(limits), d: newDecoder(limits), limits: limits}
}

func (s *jsonSource) position() FormatError {
	return FormatError{Record: s.count, Offset: s.at, Line: s.line}
}
func (s *jsonSource) offset() int64  { return s.w.offset() }
func (s *jsonSource) damage() Damage { return Damage{} }

// start reads the first object, which tells plain from framed.
func (s *jsonSource) start() error {
	rec, err := s.read()
	if err != nil {
		return err
	}
	s.held = rec
	_, s.plain = rec.(*Item)
	return nil
}

func (s *jsonSource) next() (Record, error) {
	if s.held != nil {
		rec := s.held
		if s.plain && !s.ended {
			s.ended = true // from here on an End must follow
			return &Header{Version: Version, Completeness: "unchecked"}, nil
		}
		s.held = nil
		return rec, nil
	}
	rec, err := s.read()
	if !s.plain {
		return rec, err
	}
	if err == io.EOF && s.ended {
		s.ended = false
		return &End{}, nil
	}
	if _, ok := rec.(*Item); err == nil && !ok {
		return nil, s.errorf(fmt.Errorf("%q among plain items; a framed stream begins with its header", rec.kind()))
	}
	return rec, err
}

// read reads one object.
func (s *jsonSource) read() (Record, error) {
	s.w.begin()
	lines, err := s.w.skipSpace()
	s.lines += lines
	s.at, s.line = s.w.offset(), s.lines+1
	if err == io.ErrUnexpectedEOF {
		return nil, io.EOF
	}
	s.count++
	if err != nil {
		return nil, s.errorf(fmt.Errorf("read: %w", err))
	}
	if c := s.w.buf[s.w.pos]; isMapCode(c) {
		return nil, s.errorf(errBinaryAfterJSON)
	} else if c != '{' {
		return nil, s.errorf(fmt.Errorf("want {, have %q", c))
	}
	s.w.begin()
	text, err := s.w.frameJSON(s.limits)
	switch {
	case err == io.ErrUnexpectedEOF:
		return nil, s.errorf(ErrTruncated)
	case err != nil && err == s.w.err:
		return nil, s.errorf(fmt.Errorf("read: %w", err))
	case err != nil:
		return nil, s.errorf(err)
	}
	s.lines += int64(bytes.Count(text, []byte("\n")))
	body, kindAt, err := s.p.parse(text)
	if err != nil {
		return nil, s.fieldError(err, true)
	}
	s.d.reset(body)
	rec, err := decodeRecord(s.d, kindAt)
	if s.d.shared {
		s.p.releaseBuffer()
	}
	if err != nil {
		return nil, s.fieldError(err, false)
	}
	return rec, nil
}

func (s *jsonSource) errorf(err error) error {
	at := s.position()
	at.Err = err
	return &at
}

// fieldError gives an error within the record its place. Only a place in the
// text means something to the reader of the message.
func (s *jsonSource) fieldError(err error, inText bool) error {
	at := s.position()
	at.Err = err
	if fe, ok := err.(*fieldError); ok {
		at.Field, at.Err = fe.path, fe.err
		if inText {
			at.Offset += int64(fe.at)
		}
	}
	return &at
}
