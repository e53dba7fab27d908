package selection

import (
	"bufio"
	"cmp"
	"encoding/binary"
	"fmt"
	"io"
	"os"

	"github.com/opensandwich/oi/cmd/internal/posixfile"

	"github.com/opensandwich/oi/cmd/internal/csvscan"
)

const (
	// spoolMemory is what a spool keeps in memory before it takes a file,
	// in bytes.
	spoolMemory = 1 << 20
	// spoolGuess is read at once in the hope of getting a whole entry, in
	// bytes.
	spoolGuess = 1 << 10
	// maxEntry bounds an entry: the parsed form of a row of the longest
	// size, whose invalid UTF-8 may have tripled.
	maxEntry = 4 * csvscan.MaxRow
)

// A spool keeps entries of bytes in the order in which they came: a little in
// memory, more in a temporary file without a name, which vanishes with the
// process. First all is added, then read back.
type spool struct {
	most   int    // bytes kept in memory, spoolMemory if 0
	memory []byte // what has not been written to file yet
	file   *os.File
	size   int64 // bytes in file
}

// add appends an entry and returns its offset.
func (s *spool) add(entry []byte) (offset int64, err error) {
	if len(entry) > maxEntry {
		return 0, fmt.Errorf("entry of %d bytes is too long", len(entry))
	}
	offset = s.size + int64(len(s.memory))
	s.memory = binary.AppendUvarint(s.memory, uint64(len(entry)))
	s.memory = append(s.memory, entry...)
	if len(s.memory) < cmp.Or(s.most, spoolMemory) {
		return offset, nil
	}
	return offset, s.flush()
}

// flush moves what is in memory to the file.
func (s *spool) flush() error {
	if s.file == nil {
		file, err := posixfile.CreateUnnamed("", "oi-*")
		if err != nil {
			return fmt.Errorf("temporary file: %w", err)
		}
		s.file = file
	}
	n, err := s.file.Write(s.memory)
	s.size += int64(n)
	s.memory = s.memory[:0]
	if err != nil {
		return fmt.Errorf("temporary file: %w", err)
	}
	return nil
}

// entrySize is the room an entry takes.
func entrySize(entry []byte) int64 {
	var head [binary.MaxVarintLen64]byte
	return int64(binary.PutUvarint(head[:], uint64(len(entry))) + len(entry))
}

// end is the offset after the last entry.
func (s *spool) end() int64 { return s.size + int64(len(s.memory)) }

// ReadAt reads across the file and the memory after it.
func (s *spool) ReadAt(p []byte, offset int64) (n int, err error) {
	if offset < s.size {
		n, err = s.file.ReadAt(p[:min(int64(len(p)), s.size-offset)], offset)
		if err != nil {
			return n, fmt.Errorf("temporary file: %w", err)
		}
		offset += int64(n)
	}
	if n < len(p) && offset < s.end() {
		n += copy(p[n:], s.memory[offset-s.size:])
	}
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// at returns the entry at an offset that add returned, in buf where it fits.
func (s *spool) at(offset int64, buf []byte) ([]byte, error) {
	if cap(buf) < spoolGuess {
		buf = make([]byte, spoolGuess)
	}
	buf = buf[:spoolGuess]
	n, err := s.ReadAt(buf, offset)
	if err != nil && err != io.EOF {
		return nil, err
	}
	length, head := binary.Uvarint(buf[:n])
	if head <= 0 || length > maxEntry {
		return nil, fmt.Errorf("temporary file: no entry at %d", offset)
	}
	if int(length) <= n-head {
		return buf[head : head+int(length)], nil
	}
	buf = make([]byte, length)
	if _, err := s.ReadAt(buf, offset+int64(head)); err != nil {
		return nil, fmt.Errorf("temporary file: %w", err)
	}
	return buf, nil
}

// each calls f with every entry and its offset, in order. The entry is valid
// during the call only.
func (s *spool) each(f func(entry []byte, offset int64) error) error {
	r := bufio.NewReaderSize(io.NewSectionReader(s, 0, s.end()), 64<<10)
	var buf []byte
	for offset := int64(0); offset < s.end(); {
		length, err := binary.ReadUvarint(r)
		if err != nil {
			return fmt.Errorf("temporary file: %w", err)
		}
		if length > maxEntry {
			return fmt.Errorf("temporary file: no entry at %d", offset)
		}
		if uint64(cap(buf)) < length {
			buf = make([]byte, length)
		}
		buf = buf[:length]
		if _, err := io.ReadFull(r, buf); err != nil {
			return fmt.Errorf("temporary file: %w", err)
		}
		if err := f(buf, offset); err != nil {
			return err
		}
		offset += entrySize(buf)
	}
	return nil
}

// close gives the file back.
func (s *spool) close() error {
	s.memory = nil
	if s.file == nil {
		return nil
	}
	file := s.file
	s.file = nil
	return file.Close()
}
