package dataset

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"

	"github.com/opensandwich/oi/cmd/internal/posixfile"

	"github.com/opensandwich/oi/record"
)

// DefaultMemory is how many bytes of items stay in memory before the rest
// goes to a temporary file.
const DefaultMemory = 1 << 30

// A Spool keeps items so that each can be had again by its number. The first
// ones stay in memory, up to a limit; what comes after goes to a temporary
// file that has no name, so nothing is left over however the process ends.
//
// Memory is taken outside of the garbage collector's heap, so that the limit is
// what the process takes for items. Items are kept as the records they were,
// within which the pixels lie as they are. Adding is for one goroutine; once it
// is over, any number may read.
type Spool struct {
	limit   int64
	dir     string
	closing sync.RWMutex // held for reading by those who read
	memory  arena
	readers sync.Pool // of *itemReader
	places  []place
	second  []span // where the second views are; most streams have none
	inside  int64  // bytes in memory
	outside int64  // bytes in the file
	file    *os.File
	hashes  hashes // of a collection's items

	buffer  bytes.Buffer
	encoder *record.Writer
	prelude []byte // the header that a record needs before it
}

// A place is where an item's record is, at an offset in a block of memory or in
// the file, and where in it the pixels and the embedding are.
type place struct {
	offset    int64
	block     int32 // of the memory, or inFile
	size      uint32
	pixels    span
	embedding span
}

const inFile = -1

// A span is a part of a record, in bytes from its start.
type span struct{ at, length uint32 }

// NewSpool returns an empty spool that keeps up to limit bytes in memory and
// makes its file, if it needs one, in dir, "" being the system's folder for
// temporary files.
func NewSpool(limit int64, dir string) *Spool {
	return &Spool{limit: limit, dir: dir}
}

// Spilled returns the number of bytes in the temporary file.
func (s *Spool) Spilled() int64 { return s.outside }

// Add keeps an item and returns its number. The item may be changed
// afterwards.
func (s *Spool) Add(item *record.Item) (int, error) {
	data, err := s.encode(item)
	if err != nil {
		return 0, fmt.Errorf("keep item %s: %w", item.Key, err)
	}
	at := place{block: inFile, size: uint32(len(data))}
	if item.Tensor != nil {
		at.pixels, err = find(data, item.Tensor.Data)
	}
	var second span
	if item.Context != nil && err == nil {
		second, err = find(data, item.Context.Data)
	}
	if item.Embedding != nil && err == nil {
		at.embedding, err = find(data, item.Embedding.Data)
	}
	if err != nil {
		return 0, fmt.Errorf("keep item %s: %w", item.Key, err)
	}
	if s.file == nil && s.inside+int64(len(data)) <= s.limit && s.memory.keep(data, s.limit-s.inside) != nil {
		at.block, at.offset = s.memory.last(len(data))
		s.inside += int64(len(data))
	} else if at.offset, err = s.spill(data); err != nil {
		return 0, err
	}
	if item.Context != nil {
		s.second = append(s.second, make([]span, len(s.places)-len(s.second))...)
		s.second = append(s.second, second)
	}
	s.places = append(s.places, at)
	return len(s.places) - 1, nil
}

// find returns where in a record a payload lies.
func find(data, payload []byte) (span, error) {
	at := bytes.Index(data, payload)
	if at < 0 {
		return span{}, errors.New("its record does not hold what it consists of")
	}
	return span{uint32(at), uint32(len(payload))}, nil
}

// encode returns the item as a record, which is valid until the next call. A
// record is smaller than the 4 GiB that a place can hold.
func (s *Spool) encode(item *record.Item) ([]byte, error) {
	if s.encoder == nil {
		s.encoder = record.NewWriter(&s.buffer, record.Binary)
		if err := s.write(&record.Header{Version: record.Version}); err != nil {
			return nil, err
		}
		s.prelude = bytes.Clone(s.buffer.Bytes())
	}
	s.buffer.Reset()
	if err := s.write(item); err != nil {
		return nil, err
	}
	return s.buffer.Bytes(), nil
}

func (s *Spool) write(r record.Record) error {
	if err := s.encoder.Write(r); err != nil {
		return err
	}
	return s.encoder.Flush()
}

// spill appends data to the temporary file and returns where it is.
func (s *Spool) spill(data []byte) (int64, error) {
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
	return at, nil
}

// Pixels copies the pixels of item i to buf, or to a new slice if buf has no
// room for them, and returns it.
func (s *Spool) Pixels(i int, buf []byte) ([]byte, error) {
	return s.part(i, func(at place) span { return at.pixels }, buf)
}

// Views is Pixels with those of the second view, if there is one, after them.
func (s *Spool) Views(i int, buf []byte) ([]byte, error) {
	buf, err := s.Pixels(i, buf)
	if err != nil || i >= len(s.second) {
		return buf, err
	}
	n := len(buf)
	context, err := s.part(i, func(place) span { return s.second[i] }, buf[n:])
	switch {
	case err != nil || len(context) == 0:
		return buf, err
	case cap(buf)-n >= len(context): // it was copied there
		return buf[:n+len(context)], nil
	}
	return append(buf, context...), nil
}

// Embedding copies the numbers of the embedding of item i, as they are in the
// record, in the same way; there are none if it has no embedding.
func (s *Spool) Embedding(i int, buf []byte) ([]byte, error) {
	return s.part(i, func(at place) span { return at.embedding }, buf)
}

func (s *Spool) part(i int, of func(place) span, buf []byte) ([]byte, error) {
	s.closing.RLock()
	defer s.closing.RUnlock()
	if s.places == nil {
		return nil, errClosed
	}
	at := s.places[i]
	p := of(at)
	if cap(buf) < int(p.length) {
		buf = make([]byte, p.length)
	}
	buf = buf[:p.length]
	if at.block != inFile {
		copy(buf, s.inMemory(at)[p.at:])
	} else if _, err := s.file.ReadAt(buf, at.offset+int64(p.at)); err != nil {
		return nil, fmt.Errorf("read back item %d: %w", i, err)
	}
	return buf, nil
}

// inMemory is a record that is not in the file.
func (s *Spool) inMemory(at place) []byte {
	return s.memory.blocks[at.block][at.offset:][:at.size]
}

// Item returns item i as it was added.
func (s *Spool) Item(i int) (*record.Item, error) {
	s.closing.RLock()
	defer s.closing.RUnlock()
	if s.places == nil {
		return nil, errClosed
	}
	at := s.places[i]
	r, ok := s.readers.Get().(*itemReader)
	if !ok {
		r = newItemReader(s.prelude)
	}
	if at.block == inFile {
		r.data = io.NewSectionReader(s.file, at.offset, int64(at.size))
	} else {
		r.data = bytes.NewReader(s.inMemory(at))
	}
	item, err := r.next()
	if err != nil {
		return nil, fmt.Errorf("read back item %d: %w", i, err)
	}
	s.readers.Put(r)
	return item, nil
}

var errClosed = errors.New("read back an item of a spool that is closed")

// Close gives back the memory and the temporary file, once nobody reads.
func (s *Spool) Close() error {
	s.closing.Lock()
	defer s.closing.Unlock()
	s.places = nil
	err := errors.Join(s.memory.close(), s.hashes.memory.close())
	if s.file != nil {
		err = errors.Join(err, s.file.Close())
	}
	return err
}
