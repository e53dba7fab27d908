package csvscan

import (
	"bytes"
	"io"
)

const (
	// rowGuess is read for a row that stands alone, in bytes.
	rowGuess = 768
	// rowNear is how far the next row may be to be read in one go: what is
	// between costs less than another call of the system.
	rowNear = 24 << 10
	// rowWindow is the most that is read in one go, but for longer rows.
	rowWindow = 128 << 10
)

// A rowReader reads rows that begin at known places, in order.
type rowReader struct {
	r      io.ReaderAt
	parser parser
	buf    []byte // what is read
	base   int64  // where it is in the file
	eof    bool   // the file ends with it
	length int    // of the last row read, or of as much of it as shows its fault
}

// size is how much is read for a row, if the next one is at next.
func (r *rowReader) size(offset, next int64) int64 {
	if gap := next - offset; 0 < gap && gap < rowNear {
		return rowWindow
	}
	return rowGuess
}

// read returns the fields of the row at offset. next is where the next one to
// be asked for is. If fault is set, the fields are those before it.
func (r *rowReader) read(offset, next int64) (fields [][]byte, fault, err error) {
	size := r.size(offset, next)
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
func (r *rowReader) raw(offset, next int64, column int) (row, value []byte, err error) {
	if have := r.base + int64(len(r.buf)) - offset; offset >= r.base && have > 0 || r.fill(offset, r.size(offset, next)) == nil {
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
	fields, _, err := r.read(offset, next)
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
