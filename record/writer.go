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
	w       io.Writer
	enc     *Encoder
	buf     []byte // the bytes of one record
	pending []byte
	offset  int64
	count   int64
	open    bool  // a segment or piece is open
	items   int64 // of the open segment or piece
	err     error // of the io.Writer; sticks
}

// NewWriter returns a Writer to w. With Encoding JSON, only items are
// written; other records are checked and dropped.
func NewWriter(w io.Writer, e Encoding) *Writer {
	return &Writer{w: w, enc: NewEncoder(e)}
}

// Write writes one record: a *Header first, then *Items, then an *End or a
// *Part. A record that breaks a rule of the format, or counts that do not fit
// what was written, gives a *FormatError; of it nothing is written, and the
// Writer can go on. Any other error is the io.Writer's and sticks.
//
// Write keeps no reference to rec. Bytes may stay in the Writer until Flush.
func (w *Writer) Write(rec Record) error {
	if w.err != nil {
		return w.err
	}
	err := w.checkOrder(rec)
	if err == nil {
		err = w.checkCounts(rec)
	}
	var buf []byte
	if err == nil {
		buf, err = w.enc.append(w.buf[:0], rec, false)
	}
	if err != nil {
		return w.errorf(err)
	}
	w.count++
	_, isHeader := rec.(*Header)
	_, isItem := rec.(*Item)
	w.open = isHeader || isItem
	switch {
	case isHeader:
		w.items = 0
	case isItem:
		w.items++
	}
	w.buf = buf
	w.err = w.put(buf)
	return w.err
}

// checkOrder checks that rec may follow what was written.
func (w *Writer) checkOrder(rec Record) error {
	if isNil(rec) {
		return errNoRecord
	}
	_, isHeader := rec.(*Header)
	switch {
	case isHeader && w.open:
		return errors.New("a header inside a segment; close it with an end first")
	case !isHeader && !w.open:
		return fmt.Errorf("%q before a header", rec.kind())
	}
	return nil
}

// checkCounts holds the counts of an End or Part to one another, and the last
// stage's, if it says which items it has sent, to the number of them that were
// written.
func (w *Writer) checkCounts(rec Record) error {
	var stages []StageCounts
	switch rec := rec.(type) {
	case *End:
		if rec.Damage == nil {
			stages = rec.Stages
		}
	case *Part:
		if rec.Damage == nil {
			stages = rec.Stages
		}
	}
	if err := checkStages(stages); err != nil || len(stages) == 0 {
		return err
	}
	if last := stages[len(stages)-1]; last.Digests != nil && last.Out != w.items {
		return &AccountError{last.Tool, fmt.Sprintf("%.40s counts %d items sent on, %d were written", last.Tool, last.Out, w.items)}
	}
	return nil
}

// errorf returns err, which is about the next record, with its number.
func (w *Writer) errorf(err error) error {
	at := formatError(err)
	at.Record, at.Offset = w.count+1, w.offset
	return at
}

// WriteEncoded writes items that an [Encoder] of the same Encoding has
// appended to one another: none or several, whole, and nothing else. They may
// stand wherever an *Item may. Bytes that are not whole records give a
// *FormatError and nothing is written; that they are those of items, and that
// nobody has changed them, is not checked.
//
// WriteEncoded keeps no reference to items.
func (w *Writer) WriteEncoded(items []byte) error {
	if w.err != nil || len(items) == 0 {
		return w.err
	}
	if !w.open {
		return w.errorf(errors.New(`"item" before a header`))
	}
	n, err := w.enc.countRecords(items)
	if err != nil {
		return w.errorf(err)
	}
	w.count += n
	w.items += n
	w.offset += int64(len(items))
	w.err = w.write(items)
	return w.err
}

// put writes a record's bytes, and the payloads that belong between them.
func (w *Writer) put(buf []byte) error {
	from := 0
	for _, s := range w.enc.enc.segments {
		if err := w.write(buf[from:s.at]); err != nil {
			return err
		}
		if err := w.write(s.payload); err != nil {
			return err
		}
		from = s.at
		w.offset += int64(len(s.payload))
	}
	w.offset += int64(len(buf))
	return w.write(buf[from:])
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
	if len(b) < minExternal {
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
