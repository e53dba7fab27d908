package csvscan

import (
	"encoding/binary"
	"errors"
	"slices"
	"sync"
)

// keyTables are the tables of buckets of an index of keys, by segment: 8 bytes
// for each 32 rows.
type keyTables [][]bucketRef

// A bucketRef is where a bucket of a segment is, and what it holds.
type bucketRef struct {
	at  uint32 // in the rows of the segment
	sum uint32
}

// keyTables reads the tables. Each ends with a bucket after the last one.
func (x *Index) keyTables() (keyTables, error) {
	var tables keyTables
	for _, ref := range x.segments {
		data, err := x.part(nil, ref.at, ref.tableSize(), ref.sum)
		if err != nil {
			return nil, err
		}
		table := make([]bucketRef, 0, len(data)/8+1)
		at := 0
		for ; len(data) > 0; data = data[8:] {
			table = append(table, bucketRef{uint32(at), binary.LittleEndian.Uint32(data[4:])})
			n := int(binary.LittleEndian.Uint32(data))
			if n > ref.rows-at {
				return nil, ErrDamaged
			}
			at += n
		}
		if at != ref.rows {
			return nil, ErrDamaged
		}
		tables = append(tables, append(table, bucketRef{at: uint32(at)}))
	}
	return tables, nil
}

// A keyHash is a key that is looked for, by its number.
type keyHash struct {
	hash uint64
	key  int32
}

// A keyPlace is where a row of a key is.
type keyPlace struct {
	offset int64
	key    int32
}

// places returns where the rows are that have the hashes, in any order. wanted
// are sorted by hash.
func (x *Index) places(tables keyTables, wanted []keyHash) ([]keyPlace, error) {
	found, errs := make([][]keyPlace, len(tables)), make([]error, len(tables))
	var running sync.WaitGroup
	for i := range tables {
		running.Go(func() { found[i], errs[i] = x.segmentPlaces(i, tables[i], wanted) })
	}
	running.Wait()
	return slices.Concat(found...), errors.Join(errs...)
}

const (
	// nearBuckets is how far the next bucket may be to be read in one go:
	// what is between costs less than another call of the system.
	nearBuckets = 4 << 10
	// bucketWindow is the most that is read in one go, but for one bucket.
	bucketWindow = 256 << 10
)

// segmentPlaces finds the hashes in one segment, of which it reads the buckets
// that may hold them.
func (x *Index) segmentPlaces(segment int, table []bucketRef, wanted []keyHash) (found []keyPlace, err error) {
	ref := x.segments[segment]
	bits := bucketBits(ref.rows)
	begin := ref.at - int64(keySize*ref.rows)
	var data []byte
	from, to := 0, 0 // what data holds of the rows, in bytes
	for len(wanted) > 0 {
		bucket := bucketOf(wanted[0].hash, bits)
		same := 1
		for same < len(wanted) && bucketOf(wanted[same].hash, bits) == bucket {
			same++
		}
		at, end := keySize*int(table[bucket].at), keySize*int(table[bucket+1].at)
		if end > to {
			from, to = at, windowEnd(table, bits, wanted[same:], at, end)
			data = slices.Grow(data[:0], to-from)[:to-from]
			if err := readFull(x.r, data, begin+int64(from)); err != nil {
				return nil, err
			}
		}
		rows := data[at-from : end-from]
		if checksum(rows) != table[bucket].sum {
			return nil, ErrDamaged
		}
		found = bucketPlaces(rows, wanted[:same], found)
		wanted = wanted[same:]
	}
	return found, nil
}

// windowEnd returns how far to read a segment at once, from at on: at least to
// end, and to later buckets that are needed if they are near.
func windowEnd(table []bucketRef, bits int, wanted []keyHash, at, end int) int {
	for _, w := range wanted {
		bucket := bucketOf(w.hash, bits)
		if keySize*int(table[bucket].at) > end+nearBuckets {
			break
		}
		next := keySize * int(table[bucket+1].at)
		if next-at > bucketWindow {
			break
		}
		end = next
	}
	return end
}

// bucketPlaces appends the places of the rows of a bucket that have the hashes.
func bucketPlaces(bucket []byte, wanted []keyHash, to []keyPlace) []keyPlace {
	n := len(bucket) / keySize
	hashes, offsets := bucket[:8*n], bucket[8*n:]
	for _, w := range wanted {
		for i := range n {
			if binary.LittleEndian.Uint64(hashes[8*i:]) == w.hash {
				var offset [8]byte
				copy(offset[:], offsets[offsetBytes*i:][:offsetBytes])
				to = append(to, keyPlace{int64(binary.LittleEndian.Uint64(offset[:])), w.key})
			}
		}
	}
	return to
}
