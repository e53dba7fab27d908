package record

import (
	"errors"
	"fmt"
	"io"
)

// pendingSize is how many bytes a Writer gathers before it writes them.
const pendingSize = 64 << 10

// A Writer writes records. It checks them by the same rules as a Reader, and
// writes the same records as the same bytes, always. It is not safe for
// concurrent use.
type Writer struct {
	w        io.Writer
	encoding Encoding
	enc      *encoder
	pending  []byte
	offset   int64
	count    int64
	json     *printer
	open     bool  // a segment or piece is open
	err      error // of the io.Writer; sticks
}

// NewWriter returns a Writer to w. With Encoding JSON, only items are
// written; other records are checked and dropped.
func NewWriter(w io.Writer, e Encoding) *Writer {
	limits := DefaultLimits()
	wr := &Writer{w: w, encoding: e, enc: newEncoder(limits, e != Binary)}
	if e != Binary {
		wr.json = &printer{d: newDecoder(limits)}
	}
	return wr
}

// Write writes one record: a *Header first, then *Items, then an *End or a
// *Part. A record that breaks a rule of the format gives a *FormatError; of
// it nothing is written, and the Writer can go on. Any other error is the
// io.Writer's and sticks.
//
// Write keeps no reference to rec. Bytes may stay in the Writer until Flush.
func (w *Writer) Write(rec Record) error {
	if w.err != nil {
		return w.err
	}
	w.count++
	w.enc.reset()
	if err := w.encode(rec); err != nil {
		at := &FormatError{Record: w.count, Offset: w.offset, Err: err}
		var fe *fieldError
		if errors.As(err, &fe) {
			at.Field, at.Err = fe.path, fe.err
		}
		w.count--
		return at
	}
	_, isHeader := rec.(*Header)
	_, isItem := rec.(*Item)
	w.open = isHeader || isItem
	w.err = w.put(rec)
	return w.err
}

// encode checks rec and gathers its bytes.
func (w *Writer) encode(rec Record) error {
	isHeader := false
	missing := false
	switch rec := rec.(type) {
	case *Header:
		isHeader, missing = true, rec == nil
	case *Item:
		missing = rec == nil
	case *End:
		missing = rec == nil
	case *Part:
		missing = rec == nil
	default:
		missing = true
	}
	if missing {
		return errors.New("no record")
	}
	if isHeader == w.open {
		if isHeader {
			return errors.New("a header inside a segment; close it with an end first")
		}
		return fmt.Errorf("%q before a header", rec.kind())
	}
	if encodeRecord(w.enc, rec); w.enc.err != nil || w.json == nil {
		return w.enc.err
	}
	w.json.d.reset(w.enc.buf)
	w.json.out = w.json.out[:0]
	if err := w.json.print(shapeOf(rec.kind())); err != nil {
		return err
	}
	w.json.out = append(w.json.out, '\n')
	return nil
}

// put writes the gathered bytes, of which rec is the record.
func (w *Writer) put(rec Record) error {
	if w.json == nil {
		return w.putBinary()
	}
	if _, ok := rec.(*Item); !ok && w.encoding == JSON {
		return nil
	}
	w.offset += int64(len(w.json.out))
	return w.write(w.json.out)
}

// putBinary writes the gathered bytes and the trailer.
func (w *Writer) putBinary() error {
	e := w.enc
	size, sum := e.size(), e.sum()
	from := 0
	for _, c := range e.cuts {
		if err := w.write(e.buf[from:c.at]); err != nil {
			return err
		}
		if err := w.write(c.payload); err != nil {
			return err
		}
		from = c.at
	}
	if err := w.write(e.buf[from:]); err != nil {
		return err
	}
	w.offset += int64(size + trailerSize)
	return w.write(appendTrailer(e.buf[:0], size, sum))
}

// write appends small pieces to what is pending and passes large ones on from
// where they lie.
func (w *Writer) write(b []byte) error {
	if len(w.pending)+len(b) <= pendingSize {
		w.pending = append(w.pending, b...)
		return nil
	}
	if err := w.flush(); err != nil {
		return err
	}
	if len(b) < minApart {
		w.pending = append(w.pending, b...)
		return nil
	}
	return w.pass(b)
}

func (w *Writer) flush() error {
	if len(w.pending) == 0 {
		return nil
	}
	b := w.pending
	w.pending = w.pending[:0]
	return w.pass(b)
}

func (w *Writer) pass(b []byte) error {
	n, err := w.w.Write(b)
	if err == nil && n < len(b) {
		err = io.ErrShortWrite
	}
	return err
}

// Flush passes on what was written so far. It does not close the stream:
// that is what the *End is for.
func (w *Writer) Flush() error {
	if w.err == nil {
		w.err = w.flush()
	}
	return w.err
}
