package dataset

import (
	"bytes"
	"errors"
	"io"

	"github.com/opensandwich/oi/record"
)

// An itemReader decodes one record after another, each from a source of its
// own, with one record.Reader and its memory.
type itemReader struct {
	prelude io.Reader // the header that stands before the first one
	data    io.Reader // of the record to be read next
	reader  *record.Reader
}

func newItemReader(prelude []byte) *itemReader {
	r := &itemReader{prelude: bytes.NewReader(prelude)}
	r.reader = record.NewReader(r)
	return r
}

// Read reads of the header, and then of the record.
func (r *itemReader) Read(p []byte) (int, error) {
	n, err := r.prelude.Read(p)
	if n == 0 && errors.Is(err, io.EOF) {
		n, err = r.data.Read(p)
	}
	if n > 0 && errors.Is(err, io.EOF) {
		err = nil // there may be another record
	}
	return n, err
}

// next returns the item in data. After an error r is of no use.
func (r *itemReader) next() (*record.Item, error) {
	for {
		rec, err := r.reader.Read()
		if err != nil {
			return nil, err
		}
		if item, ok := rec.(*record.Item); ok {
			return item, nil
		}
	}
}
