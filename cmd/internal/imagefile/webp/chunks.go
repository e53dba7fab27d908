package webp

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// chunks reads the chunks of a file one by one, without their bodies.
type chunks struct {
	r    io.ReaderAt
	next int64
	end  int64
}

// A chunk is a name and the n bytes from offset on.
type chunk struct {
	id     string
	offset int64
	n      int64
}

// body returns the chunk's bytes out of the whole file.
func (c chunk) body(data []byte) []byte { return data[c.offset:][:c.n] }

// begin reads the header of a file of that size. Bytes after the end that it
// gives do no harm.
func (s *chunks) begin(size int64) error {
	var b [12]byte
	if err := s.readAt(b[:], 0); err != nil {
		return err
	}
	if !Is(b[:]) {
		return errors.New("not a WebP")
	}
	s.next, s.end = 12, 8+int64(binary.LittleEndian.Uint32(b[4:]))
	if s.end > size {
		return io.ErrUnexpectedEOF
	}
	return nil
}

// read returns the next chunk, or io.EOF.
func (s *chunks) read() (chunk, error) {
	if s.next >= s.end {
		return chunk{}, io.EOF
	}
	var b [8]byte
	if s.end-s.next < int64(len(b)) {
		return chunk{}, fmt.Errorf("WebP with a chunk of %d bytes", s.end-s.next)
	}
	if err := s.readAt(b[:], s.next); err != nil {
		return chunk{}, err
	}
	c := chunk{string(b[:4]), s.next + 8, int64(binary.LittleEndian.Uint32(b[4:]))}
	if c.offset+c.n > s.end {
		return chunk{}, fmt.Errorf("WebP with a chunk %q that ends after the file", c.id)
	}
	s.next = c.offset + c.n + c.n&1
	return c, nil
}

// fill reads the first bytes of a chunk.
func (s *chunks) fill(c chunk, b []byte) error {
	if c.n < int64(len(b)) {
		return fmt.Errorf("WebP with a chunk %q of %d bytes", c.id, c.n)
	}
	return s.readAt(b, c.offset)
}

func (s *chunks) readAt(b []byte, offset int64) error {
	n, err := s.r.ReadAt(b, offset)
	if n == len(b) {
		return nil
	}
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
