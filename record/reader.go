package record

import (
	"errors"
	"fmt"
	"io"
	"iter"
)

// An Encoding is a form of the stream.
type Encoding int

const (
	// Binary is MessagePack with trailers.
	Binary Encoding = iota
	// JSON is one object per item, without header and end.
	JSON
	// FramedJSON is one object per record, header and end included.
	FramedJSON
)

func (e Encoding) String() string {
	switch e {
	case Binary:
		return "binary"
	case JSON:
		return "JSON"
	case FramedJSON:
		return "framed JSON"
	}
	return fmt.Sprintf("Encoding(%d)", int(e))
}

// A ReaderOption changes how a Reader reads.
type ReaderOption func(*Reader)

// Salvage makes the Reader skip damaged records of the binary form: it looks
// for the next record that is whole by its trailer and counts what it stepped
// over, which every End and Part tells of its segment. A lost header or end
// cannot be made good and is an error still.
func Salvage() ReaderOption { return func(r *Reader) { r.salvage = true } }

// SinglePiece makes the Reader take one piece of a stream that was cut for
// parallel work: a header, items, and perhaps the end.
func SinglePiece() ReaderOption { return func(r *Reader) { r.pieces = true } }

// WithLimits replaces the default limits.
func WithLimits(l Limits) ReaderOption { return func(r *Reader) { r.limits = l } }

// A Reader reads the records of a stream, in whichever Encoding it is.
// It is not safe for concurrent use.
type Reader struct {
	w        *window
	limits   Limits
	salvage  bool
	pieces   bool
	encoding Encoding
	src      source
	grammar  grammar
	err      error // sticks
}

// NewReader returns a Reader of r. It reads ahead, but once it has met an
// error or the end of input it reads no more.
func NewReader(r io.Reader, opts ...ReaderOption) *Reader {
	rd := &Reader{w: newWindow(r)}
	for _, o := range opts {
		o(rd)
	}
	rd.limits = rd.limits.orDefault()
	rd.grammar.pieces = rd.pieces
	return rd
}

// Read returns the next record: for each segment its *Header, its *Items and
// its *End. Joined pieces are one segment: the first piece's header, all items,
// and one *End with the sums of the parts' counts. With SinglePiece there is
// one *Header, the *Items, and one *Part, made from the end or the part that
// the piece held, if any. In place of the *End of joined pieces there is a
// *SkipError if they have too many skips together. Plain JSON begins with a
// *Header that says it is unchecked, and closes with an empty *End.
//
// Read returns io.EOF only after a complete stream. The record is the
// caller's: no later call changes it, and it may be used by other goroutines.
func (r *Reader) Read() (Record, error) {
	if r.err != nil {
		return nil, r.err
	}
	rec, err := r.read()
	if err != nil {
		r.err = err
		return nil, err
	}
	return rec, nil
}

func (r *Reader) read() (Record, error) {
	if r.src == nil {
		if err := r.detect(); err != nil {
			return nil, err
		}
	}
	for {
		rec, err := r.src.next()
		if err == io.EOF {
			if rec = nil; r.grammar.state != stateDone {
				rec, err = r.grammar.finish(r.src.damage())
			}
		} else if err == nil {
			rec, err = r.grammar.step(rec, r.src.damage())
		} else {
			return nil, err
		}
		if err == io.EOF {
			return nil, err
		}
		if err != nil {
			var skips *SkipError
			if errors.Is(err, ErrEmpty) || errors.As(err, &skips) {
				return nil, err // there is no one record to name
			}
			at := r.src.position()
			at.Err = err
			var fe *fieldError
			if errors.As(err, &fe) {
				at.Field, at.Err = fe.path, fe.err
			}
			return nil, &at
		}
		if rec != nil {
			return rec, nil
		}
	}
}

// detect looks at the first byte to tell the encoding.
func (r *Reader) detect() error {
	if err := r.w.need(1); err == io.ErrUnexpectedEOF {
		return ErrEmpty
	} else if err != nil {
		return fmt.Errorf("read the first byte: %w", err)
	}
	switch c := r.w.buf[r.w.pos]; {
	case isMapCode(c):
		r.encoding = Binary
		r.src = newBinarySource(r.w, r.limits, r.salvage)
		return nil
	case c == '{' || isSpace(c):
		return r.detectJSON()
	case c == byteOrderMark[0] && r.w.need(len(byteOrderMark)) == nil && string(r.w.buf[r.w.pos:][:len(byteOrderMark)]) == byteOrderMark:
		r.w.pos += len(byteOrderMark)
		return r.detectJSON()
	}
	return r.notStream()
}

// byteOrderMark is what Windows puts before text in UTF-8. RFC 8259, section
// 8.1, lets who reads JSON leave it out.
const byteOrderMark = "\ufeff"

// notStream returns ErrNotStream with what stands at the window's position.
func (r *Reader) notStream() error {
	_ = r.w.need(16) // no matter if there is less: what there is, is shown
	return notStream(r.w.buf[r.w.pos:])
}

func isSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\r' || c == '\n' }

// detectJSON reads the first object, to tell plain from framed.
func (r *Reader) detectJSON() error {
	src := newJSONSource(r.w, r.limits)
	lines, err := r.w.skipSpace()
	if err == io.ErrUnexpectedEOF {
		return ErrEmpty
	} else if err != nil {
		return fmt.Errorf("read the first object: %w", err)
	}
	if r.w.buf[r.w.pos] != '{' {
		return r.notStream()
	}
	src.lines = lines
	r.src, r.encoding = src, FramedJSON
	if err := src.start(); err != nil {
		return err
	}
	if !src.plain {
		return nil
	}
	r.encoding, r.grammar.plain = JSON, true
	if r.pieces {
		return errPlainPieces
	}
	return nil
}

// notStream returns ErrNotStream with the first bytes of the input.
func notStream(first []byte) error {
	if len(first) > 0 && first[0] == '[' {
		return fmt.Errorf("%w: it is a JSON array; pass its elements one by one, as jq '.[]' does", ErrNotStream)
	}
	return fmt.Errorf("%w: it begins with %q", ErrNotStream, first[:min(len(first), 16)])
}

// Items yields the items of all segments. It ends after the first error.
func (r *Reader) Items() iter.Seq2[*Item, error] {
	return func(yield func(*Item, error) bool) {
		for {
			rec, err := r.Read()
			if err == io.EOF {
				return
			}
			if err != nil {
				yield(nil, err)
				return
			}
			if item, ok := rec.(*Item); ok && !yield(item, nil) {
				return
			}
		}
	}
}

// Header returns the headers of all segments so far as one: the classes are
// the union, sorted by name, the stages those of the first segment and then
// those that later segments add. It is nil before the first header was read.
func (r *Reader) Header() *Header { return r.grammar.merged }

// Encoding returns the form of the stream. It is valid after the first Read.
func (r *Reader) Encoding() Encoding { return r.encoding }

// Offset returns the number of bytes consumed. Bytes that were read ahead do
// not count.
func (r *Reader) Offset() int64 {
	if r.src == nil {
		return 0
	}
	return r.src.offset()
}

// Damage returns what was stepped over so far. It is zero without Salvage.
func (r *Reader) Damage() Damage {
	if r.src == nil {
		return Damage{}
	}
	return r.src.damage()
}
