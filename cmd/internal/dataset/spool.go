package dataset

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"sync"

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
	closing sync.RWMutex // held for reading by those who read
	closed  bool
	records store
	readers sync.Pool     // of *itemReader
	places  column[place] // of the records, or unkept
	hashes  hashes        // of the items

	buffer  bytes.Buffer
	encoder *record.Writer
	prelude []byte // the header that a record needs before it
}

// unkept is the place of an item of which there is no record.
const unkept = place(math.MinInt64)

// A frame stands before a record and says where in it the pixels, those of the
// second view and the embedding are.
type frame struct {
	Size                      uint32
	Pixels, Second, Embedding span
}

// A span is a part of a record, in bytes from its start.
type span struct{ At, Length uint32 }

const frameSize = 28

// NewSpool returns an empty spool that keeps up to limit bytes in memory and
// makes its file, if it needs one, in dir, "" being the system's folder for
// temporary files.
func NewSpool(limit int64, dir string) *Spool {
	return &Spool{
		records: store{limit: limit, dir: dir},
		hashes:  hashes{store{limit: min(limit, hashMemory), dir: dir}},
	}
}

// Spilled returns the number of bytes in the temporary file.
func (s *Spool) Spilled() int64 { return s.records.outside }

// Add keeps an item and returns its number. The item may be changed
// afterwards.
func (s *Spool) Add(item *record.Item) (int, error) {
	data, err := s.encode(item)
	if err != nil {
		return 0, fmt.Errorf("keep item %s: %w", item.Key, err)
	}
	at, err := s.records.add(data)
	if err != nil {
		return 0, err
	}
	s.places.add(at)
	return s.places.len() - 1, nil
}

// pass gives a number to an item that is not kept.
func (s *Spool) pass() { s.places.add(unkept) }

// find returns where in a record a payload lies.
func find(data, payload []byte) (span, error) {
	at := bytes.Index(data, payload)
	if at < 0 {
		return span{}, errors.New("its record does not hold what it consists of")
	}
	return span{uint32(at), uint32(len(payload))}, nil
}

// encode returns the item as a record with its frame, valid until the next
// call.
func (s *Spool) encode(item *record.Item) ([]byte, error) {
	if s.encoder == nil {
		s.encoder = record.NewWriter(&s.buffer, record.Binary)
		if err := s.write(&record.Header{Version: record.Version}); err != nil {
			return nil, err
		}
		s.prelude = bytes.Clone(s.buffer.Bytes())
	}
	s.buffer.Reset()
	s.buffer.Write(make([]byte, frameSize))
	if err := s.write(item); err != nil {
		return nil, err
	}
	framed := s.buffer.Bytes()
	data := framed[frameSize:]
	f := frame{Size: uint32(len(data))} // records are smaller than 4 GiB
	var err error
	if item.Tensor != nil {
		f.Pixels, err = find(data, item.Tensor.Data)
	}
	if item.Context != nil && err == nil {
		f.Second, err = find(data, item.Context.Data)
	}
	if item.Embedding != nil && err == nil {
		f.Embedding, err = find(data, item.Embedding.Data)
	}
	if err != nil {
		return nil, err
	}
	_, err = binary.Encode(framed, binary.LittleEndian, f)
	return framed, err
}

func (s *Spool) write(r record.Record) error {
	if err := s.encoder.Write(r); err != nil {
		return err
	}
	return s.encoder.Flush()
}

// Pixels copies the pixels of item i to buf, or to a new slice if buf has no
// room for them, and returns it.
func (s *Spool) Pixels(i int, buf []byte) ([]byte, error) {
	return s.part(i, func(f frame) span { return f.Pixels }, buf)
}

// Views is Pixels with those of the second view, if there is one, after them.
func (s *Spool) Views(i int, buf []byte) ([]byte, error) {
	buf, err := s.Pixels(i, buf)
	if err != nil {
		return buf, err
	}
	n := len(buf)
	context, err := s.part(i, func(f frame) span { return f.Second }, buf[n:])
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
	return s.part(i, func(f frame) span { return f.Embedding }, buf)
}

// part copies the part of item i that its frame names.
func (s *Spool) part(i int, of func(frame) span, buf []byte) ([]byte, error) {
	s.closing.RLock()
	defer s.closing.RUnlock()
	at, f, err := s.find(i)
	if err != nil {
		return nil, err
	}
	p := of(f)
	if cap(buf) < int(p.Length) {
		buf = make([]byte, p.Length)
	}
	buf = buf[:p.Length]
	if err := s.records.read(buf, at, frameSize+int64(p.At)); err != nil {
		return nil, fmt.Errorf("read back item %d: %w", i, err)
	}
	return buf, nil
}

// find returns the place of item i and its frame.
func (s *Spool) find(i int) (place, frame, error) {
	if s.closed {
		return 0, frame{}, errClosed
	}
	at := *s.places.at(i)
	if at == unkept {
		return 0, frame{}, fmt.Errorf("item %d was not kept", i)
	}
	var data [frameSize]byte
	if err := s.records.read(data[:], at, 0); err != nil {
		return 0, frame{}, fmt.Errorf("read back item %d: %w", i, err)
	}
	number := func(k int) uint32 { return binary.LittleEndian.Uint32(data[4*k:]) }
	return at, frame{number(0), span{number(1), number(2)}, span{number(3), number(4)}, span{number(5), number(6)}}, nil
}

// Item returns item i as it was added.
func (s *Spool) Item(i int) (*record.Item, error) {
	s.closing.RLock()
	defer s.closing.RUnlock()
	at, f, err := s.find(i)
	if err != nil {
		return nil, err
	}
	r, ok := s.readers.Get().(*itemReader)
	if !ok {
		r = newItemReader(s.prelude)
	}
	if data, ok := s.records.inMemory(at); ok {
		r.data = bytes.NewReader(data[frameSize:][:f.Size])
	} else {
		r.data = io.NewSectionReader(s.records.file, int64(^at)+frameSize, int64(f.Size))
	}
	item, err := r.next()
	if err != nil {
		return nil, fmt.Errorf("read back item %d: %w", i, err)
	}
	s.readers.Put(r)
	return item, nil
}

// pair returns the hashes of item i.
func (s *Spool) pair(i int) (picture, pixels Picture, err error) {
	s.closing.RLock()
	defer s.closing.RUnlock()
	if s.closed {
		return picture, pixels, errClosed
	}
	return s.hashes.at(i)
}

var errClosed = errors.New("read back an item of a spool that is closed")

// Close gives back the memory and the temporary file, once nobody reads.
func (s *Spool) Close() error {
	s.closing.Lock()
	defer s.closing.Unlock()
	s.closed = true
	return errors.Join(s.records.close(), s.hashes.kept.close())
}
