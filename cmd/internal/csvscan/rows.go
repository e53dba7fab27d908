package csvscan

import (
	"bytes"
	"cmp"
	"io"
)

const (
	// rowGuess is read for a row that stands alone, in bytes, where nobody
	// knows how long rows are.
	rowGuess = 768
	// rowNear is how far the next row may be to be read in one go: what is
	// between costs less than another call of the system.
	rowNear = 16 << 10
	// rowWindow is the most that is read in one go, but for longer rows.
	rowWindow = 128 << 10
)

// guessRow returns how much to read for a row of a file of that size with so
// many rows, so that most rows are read at once.
func guessRow(size, rows int64) int64 {
	if size <= 0 || rows <= 0 {
		return rowGuess
	}
	return max(size/rows*5/4+32, 128)
}

// nearRows returns how many of the places at the front are read in one go.
func nearRows[P any](places []P, offset func(*P) int64) int {
	n := 1
	first := offset(&places[0])
	for last := first; n < len(places); n++ {
		next := offset(&places[n])
		if next-last >= rowNear || next-first >= rowWindow {
			break
		}
		last = next
	}
	return n
}

// A rowReader reads rows that begin at known places, in order.
type rowReader struct {
	r      io.ReaderAt
	guess  int64 // how long most rows are at the most, in bytes
	parser parser
	buf    []byte // what is read
	base   int64  // where it is in the file
	eof    bool   // the file ends with it
	length int    // of the last row read, or of as much of it as shows its fault
}

// size is how much is read for the rows from offset to last.
func (r *rowReader) size(offset, last int64) int64 {
	return last - offset + cmp.Or(r.guess, rowGuess)
}

// read returns the fields of the row at offset. last is where the last row is
// that is to be read with it. If fault is set, the fields are those before it.
func (r *rowReader) read(offset, last int64) (fields [][]byte, fault, err error) {
	size := r.size(offset, last)
	have := r.base + int64(len(r.buf)) - offset
	if offset < r.base || have <= 0 {
		if err := r.fill(offset, size); err != nil {
			return nil, nil, err
		}
	}
	for {
		data := r.buf[offset-r.base:]
		n, _, err := r.parser.parseRow(data)
		switch {
		case err == nil:
			r.length = n
			return r.parser.fields, nil, nil
		case err != errMore:
			r.length = min(len(data), MaxRow+1)
			return r.parser.fields, err, nil
		case r.eof:
			r.length = len(data)
			return r.parser.fields, errOpenQuote, nil
		}
		if err := r.fill(offset, max(size, int64(4*len(data)))); err != nil {
			return nil, nil, err
		}
	}
}

// raw returns the row at offset as it stands, and its field of a column, or nil
// if it lacks that.
func (r *rowReader) raw(offset, last int64, column int) (row, value []byte, err error) {
	if have := r.base + int64(len(r.buf)) - offset; offset >= r.base && have > 0 || r.fill(offset, r.size(offset, last)) == nil {
		data := r.buf[offset-r.base:]
		if nl := bytes.IndexByte(data, '\n'); 0 < nl && nl <= MaxRow && bytes.IndexByte(data[:nl], '"') < 0 {
			value, ok := field(bytes.TrimSuffix(data[:nl], []byte{'\r'}), column)
			if !ok {
				value = nil
			}
			return data[:nl+1], value, nil
		}
	}
	// One with quotes, or that goes on after what has been read.
	fields, _, err := r.read(offset, last)
	if err != nil {
		return nil, nil, err
	}
	if column < len(fields) {
		value = fields[column]
	}
	return r.buf[offset-r.base:][:r.length], value, nil
}

// fill reads so much from offset on.
func (r *rowReader) fill(offset, size int64) error {
	if int64(cap(r.buf)) <= size {
		r.buf = make([]byte, size, size+1)
	}
	r.buf, r.base, r.eof = r.buf[:size], offset, false
	n, err := r.r.ReadAt(r.buf, offset)
	r.buf = r.buf[:n]
	switch {
	case err == io.EOF:
		r.eof = true
		if n == 0 || r.buf[n-1] != '\n' {
			r.buf = append(r.buf, '\n')
		}
	case err != nil:
		return err
	}
	return nil
}
