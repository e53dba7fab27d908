package dataset

import (
	"errors"
	"fmt"
	"os"

	"github.com/opensandwich/oi/cmd/internal/posixfile"
)

// A store keeps pieces of data, each of which has a place. The first ones stay
// in memory, up to a limit; what comes after goes to a temporary file that has
// no name, so nothing is left over however the process ends.
type store struct {
	limit   int64
	dir     string
	memory  arena
	inside  int64 // bytes in memory
	outside int64 // bytes in the file
	file    *os.File
}

// A place is where a piece is: in a block of memory, or below zero in the file.
type place int64

const blockBits = 32 // of a place in memory, for where in the block it is

// add keeps a piece.
func (s *store) add(data []byte) (place, error) {
	if s.file == nil && s.inside+int64(len(data)) <= s.limit && s.memory.keep(data, s.limit-s.inside) != nil {
		s.inside += int64(len(data))
		block, offset := s.memory.last(len(data))
		return place(block)<<blockBits | place(offset), nil
	}
	if s.file == nil {
		file, err := posixfile.CreateUnnamed(s.dir, "oi-spool-*")
		if err != nil {
			return 0, fmt.Errorf("temporary file for the items: %w", err)
		}
		s.file = file
	}
	at := s.outside
	if _, err := s.file.WriteAt(data, at); err != nil {
		return 0, fmt.Errorf("temporary file for the items, after %d bytes: %w", at, err)
	}
	s.outside += int64(len(data))
	return place(^at), nil
}

// inMemory returns what is in memory from a place on, and false if it is in the
// file.
func (s *store) inMemory(at place) ([]byte, bool) {
	if at < 0 {
		return nil, false
	}
	return s.memory.blocks[at>>blockBits][at&(1<<blockBits-1):], true
}

// read fills dst from so many bytes after a place on.
func (s *store) read(dst []byte, at place, after int64) error {
	if data, ok := s.inMemory(at); ok {
		copy(dst, data[after:])
		return nil
	}
	_, err := s.file.ReadAt(dst, int64(^at)+after)
	return err
}

// close gives back the memory and the file.
func (s *store) close() error {
	err := s.memory.close()
	if s.file != nil {
		err = errors.Join(err, s.file.Close())
	}
	return err
}
