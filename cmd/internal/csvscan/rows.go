package csvscan

import (
	"io"
)

const (
	// rowGuess is read for a row that stands alone, in bytes.
	rowGuess = 768
	// rowNear is how far the next row may be to be read in one go.
	rowNear = 8 << 10
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
}

// read returns the fields of the row at offset. next is where the next one to
// be asked for is. If fault is set, the fields are those before it.
func (r *rowReader) read(offset, next int64) (fields [][]byte, fault, err error) {
	size := int64(rowGuess)
	if gap := next - offset; 0 < gap && gap < rowNear {
		size = rowWindow
	}
	have := r.base + int64(len(r.buf)) - offset
	if offset < r.base || have <= 0 {
		if err := r.fill(offset, size); err != nil {
			return nil, nil, err
		}
	}
	for {
		data := r.buf[offset-r.base:]
		_, _, err := r.parser.parseRow(data)
		switch {
		case err != errMore:
			return r.parser.fields, err, nil
		case r.eof:
			return r.parser.fields, errOpenQuote, nil
		}
		if err := r.fill(offset, max(size, int64(4*len(data)))); err != nil {
			return nil, nil, err
		}
	}
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
