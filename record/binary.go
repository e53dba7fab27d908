package record

import (
	"bytes"
	"errors"
	"fmt"
	"io"
)

// A source yields the records of a stream one by one and knows nothing of
// their order. It returns io.EOF only between records.
type source interface {
	next() (Record, error)
	// position returns where the last record began.
	position() FormatError
	// offset returns the number of bytes consumed.
	offset() int64
	// damage returns what was stepped over so far.
	damage() Damage
}

// A binarySource reads the binary form.
type binarySource struct {
	w       *window
	d       *decoder
	limits  Limits
	salvage bool
	count   int64 // records so far, the current one included
	at      int64 // offset of the current record
	skipped Damage
	wasted  int64 // work on records that turned out to be none
}

func newBinarySource(w *window, limits Limits, salvage bool) *binarySource {
	return &binarySource{w: w, d: newDecoder(limits), limits: limits, salvage: salvage}
}

func (s *binarySource) position() FormatError { return FormatError{Record: s.count, Offset: s.at} }
func (s *binarySource) offset() int64         { return s.w.offset() }
func (s *binarySource) damage() Damage        { return s.skipped }

// workPerByte bounds the work that Salvage wastes on false starts, in values
// walked over for each byte of input. A false start may take as long as the
// largest record, and input made for the purpose has one every few bytes.
const workPerByte = 64

var (
	errTooDamaged      = errors.New("too much damage to salvage")
	errJSONAfterBinary = errors.New("JSON after binary records: a stream has one form")
	errBinaryAfterJSON = errors.New("a binary record after JSON: a stream has one form")
)

func (s *binarySource) next() (Record, error) {
	s.w.begin()
	s.count++
	damaged := false
	for {
		s.at = s.w.offset()
		work := s.w.work
		if !damaged {
			if err := s.w.need(1); err == io.ErrUnexpectedEOF {
				return nil, io.EOF
			}
		}
		body, kindAt, err := s.w.frame(s.limits)
		if err == nil {
			return s.decode(body, kindAt)
		}
		if err == s.w.err {
			return nil, s.errorf(s.w.offset(), fmt.Errorf("read: %w", err))
		}
		if s.count == 1 && err != io.ErrUnexpectedEOF && !bytes.Contains(s.w.buf, []byte(magic)) {
			// Other files begin with the byte of a map too: PNG
			// does.
			return nil, s.errorf(s.at, fmt.Errorf("%w (%w)", notStream(s.w.buf[s.w.start:]), err))
		}
		if !s.salvage {
			if err == io.ErrUnexpectedEOF {
				return nil, s.errorf(s.w.base+int64(len(s.w.buf)), ErrTruncated)
			}
			if s.w.buf[s.w.start] == '{' {
				return nil, s.errorf(s.at, errJSONAfterBinary)
			}
			return nil, s.errorf(s.at, damagedError{err})
		}
		if !damaged {
			s.skipped.Regions++
			damaged = true
		}
		if s.wasted += s.w.work - work; s.wasted > workPerByte*(s.w.base+int64(len(s.w.buf))) {
			return nil, s.errorf(s.at, errTooDamaged)
		}
		if err := s.resync(); err != nil {
			return nil, err
		}
	}
}

// resync gives up bytes from the beginning of the current record on: up to the
// first whole record that ends behind it, or, where the next trailer is not of
// one, to that trailer's end. The search starts inside the record: its damaged
// lengths may have led far beyond it. What a record that was cut off left lies
// before one that is whole, such as the header of a stream that follows.
func (s *binarySource) resync() error {
	w := s.w
	w.pos = w.start
	for {
		if i := bytes.Index(w.buf[w.pos:], []byte(magic)); i >= 0 {
			w.pos += i + len(magic)
			if begin := w.wholeRecord(w.start+1, w.pos); begin > 0 {
				w.pos = begin
			}
			s.skipped.Bytes += int64(w.pos - w.start)
			w.begin()
			return nil
		}
		// The last bytes may be the beginning of the magic, and those before
		// it a record as large as there may be.
		w.pos = max(w.pos, len(w.buf)-len(magic)+1)
		if past := w.pos - w.start - s.limits.Record - trailerSize; past > 0 {
			s.skipped.Bytes += int64(past)
			w.start += past
		}
		if err := w.need(len(magic)); err == io.ErrUnexpectedEOF {
			return s.errorf(w.base+int64(len(w.buf)), ErrTruncated)
		} else if err != nil {
			return s.errorf(w.offset(), fmt.Errorf("read: %w", err))
		}
	}
}

// decode turns the bytes of a verified record into a Record.
func (s *binarySource) decode(body []byte, kindAt int) (Record, error) {
	s.d.reset(body)
	rec, err := decodeRecord(s.d, kindAt)
	s.w.aliased = s.d.shared
	if err == nil {
		return rec, nil
	}
	var fe *fieldError
	if errors.As(err, &fe) {
		return nil, &FormatError{Record: s.count, Offset: s.at + int64(fe.at), Field: fe.path, Err: fe.err}
	}
	return nil, s.errorf(s.at, err)
}

func (s *binarySource) errorf(at int64, err error) error {
	return &FormatError{Record: s.count, Offset: at, Err: err}
}

// decodeRecord reads the map that d stands on. kindAt is the index of the
// value under oi, or -1.
func decodeRecord(d *decoder, kindAt int) (Record, error) {
	kind := ""
	if kindAt >= 0 {
		d.pos = kindAt
		var err error
		if kind, err = d.text(); err != nil {
			return nil, withPath("oi", kindAt, err)
		}
		d.pos = 0
	}
	switch {
	case kindAt < 0:
		r := new(Item)
		return r, itemObject.read(d, r)
	case kind == headerObject.kind:
		r := new(Header)
		return r, headerObject.read(d, r)
	case kind == endObject.kind:
		r := new(End)
		return r, endObject.read(d, r)
	case kind == partObject.kind:
		r := new(Part)
		return r, partObject.read(d, r)
	}
	return nil, withPath("oi", kindAt, fmt.Errorf("%.40q is not one of header, end, part", kind))
}

// encodeRecord writes rec as a map.
func encodeRecord(e *encoder, rec Record) {
	switch rec := rec.(type) {
	case *Header:
		headerObject.write(e, rec)
	case *Item:
		itemObject.write(e, rec)
	case *End:
		endObject.write(e, rec)
	case *Part:
		partObject.write(e, rec)
	}
	e.fail(checkLimit("record size", int64(e.size()), int64(e.limits.Record)))
}
