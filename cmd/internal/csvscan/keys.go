package csvscan

import (
	"bufio"
	"encoding/binary"
	"errors"
	"io"
	"slices"
	"sync"
)

// A keySegment is a segment of an index of keys, in memory. Its buckets are
// smaller than those of the file, so that a key is found in one line of the
// cache.
type keySegment struct {
	bits   int      // of a hash, that choose a bucket of the file
	starts []uint32 // of the buckets, in rows; fineBuckets for each one of the file
	rows   []uint64 // tag and place
}

const (
	fineBits    = 5
	fineBuckets = 1 << fineBits
)

// fine is the small bucket of an entry within one of the file's.
func fine(tag uint64) int { return int(tag >> (tagBits - fineBits)) }

// keySegments reads all of an index of keys.
func (x *Index) keySegments() ([]keySegment, error) {
	segments, errs := make([]keySegment, len(x.segments)), make([]error, len(x.segments))
	var running sync.WaitGroup
	for i, ref := range x.segments {
		running.Go(func() { errs[i] = segments[i].read(x, ref) })
	}
	running.Wait()
	return segments, errors.Join(errs...)
}

// read reads a segment of the file.
func (s *keySegment) read(x *Index, ref segmentRef) error {
	table, err := x.part(nil, ref.at, ref.tableSize(), ref.sum)
	if err != nil {
		return err
	}
	s.bits, s.rows = bucketBits(ref.rows), make([]uint64, ref.rows)
	s.starts = make([]uint32, 0, len(table)/8*fineBuckets+1)
	var data []byte
	size := int64(8 * ref.rows)
	r := bufio.NewReaderSize(io.NewSectionReader(x.r, ref.at-size, size), 256<<10)
	at := 0
	for ; len(table) > 0; table = table[8:] {
		n := int(binary.LittleEndian.Uint32(table))
		if n > ref.rows-at {
			return ErrDamaged
		}
		data = slices.Grow(data[:0], 8*n)[:8*n]
		if _, err := io.ReadFull(r, data); err != nil {
			return err
		}
		if checksum(data) != binary.LittleEndian.Uint32(table[4:]) {
			return ErrDamaged
		}
		s.addBucket(data, at)
		at += n
	}
	if at != ref.rows {
		return ErrDamaged
	}
	s.starts = append(s.starts, uint32(at))
	return nil
}

// addBucket takes in a bucket of the file, whose rows come at a place.
func (s *keySegment) addBucket(data []byte, at int) {
	var counts [fineBuckets]int
	for rest := data; len(rest) > 0; rest = rest[8:] {
		counts[fine(binary.LittleEndian.Uint64(rest)>>offsetBits)]++
	}
	for i, n := range counts {
		s.starts = append(s.starts, uint32(at))
		counts[i] = at
		at += n
	}
	for rest := data; len(rest) > 0; rest = rest[8:] {
		row := binary.LittleEndian.Uint64(rest)
		bucket := fine(row >> offsetBits)
		s.rows[counts[bucket]] = row
		counts[bucket]++
	}
}

// find appends the places of the rows that may be those of a key.
func (s *keySegment) find(hash uint64, to []int64) []int64 {
	bucket, tag := splitHash(hash, s.bits)
	bucket = bucket<<fineBits | fine(tag)
	for _, row := range s.rows[s.starts[bucket]:s.starts[bucket+1]] {
		if row>>offsetBits == tag {
			to = append(to, int64(row&(1<<offsetBits-1)))
		}
	}
	return to
}
