package detection

import (
	"bufio"
	"io"
	"os"

	"github.com/opensandwich/oi/cmd/internal/posixfile"
)

// A spool keeps bytes in a temporary file that has no name, so that nothing is
// left of it however the process ends. Adding is for one goroutine at a time.
type spool struct {
	file   *os.File
	buffer *bufio.Writer
	size   int64
}

func newSpool(dir string) (*spool, error) {
	file, err := posixfile.CreateUnnamed(dir, ".oi-rows-*")
	if err != nil {
		return nil, err
	}
	return &spool{file: file, buffer: bufio.NewWriterSize(file, 1<<16)}, nil
}

// add appends data and returns where it is.
func (s *spool) add(data []byte) (at int64, err error) {
	at = s.size
	n, err := s.buffer.Write(data)
	s.size += int64(n)
	return at, err
}

// read returns n bytes from a place on.
func (s *spool) read(at int64, n int) ([]byte, error) {
	if err := s.buffer.Flush(); err != nil {
		return nil, err
	}
	data := make([]byte, n)
	_, err := io.ReadFull(io.NewSectionReader(s.file, at, int64(n)), data)
	return data, err
}

func (s *spool) close() error { return s.file.Close() }
