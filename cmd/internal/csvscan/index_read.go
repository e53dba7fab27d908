package csvscan

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"sort"
)

// ErrDamaged is the error of an index that is not as it was written.
var ErrDamaged = errors.New("damaged index")

// ErrStale is the error of an index that says other than its CSV file.
var ErrStale = errors.New("the index is not of this file")

// An Index is an index that has been opened. What it says is what was
// written: every part is checked when it is read.
type Index struct {
	r           io.ReaderAt
	end         int64 // of the data
	kind        Kind
	fingerprint fingerprint
	rows        int64
	sorted      bool
	marks       []lineMark
	keyless     []int64
	exact       bool    // keys have different hashes, and broken are all broken rows
	broken      []int64 // rows that have the key and cannot be used; sorted
	segments    []segmentRef
	form        string     // of the packed rows, "" if there are none
	photos      int64      // in the table
	tables      []photoRef // of the table of photos
	labels      []labelRef // sorted by name
}

// A labelRef is where the list of a label's chunks is.
type labelRef struct {
	name         string
	rows, photos int64
	unpacked     int64 // of the rows, if others are packed
	chunks       int
	at           int64
	size         int
	sum          uint32
}

// readIndex reads the directory of an index of this size.
func readIndex(r io.ReaderAt, size int64, kind Kind) (*Index, error) {
	directory, at, err := readDirectory(r, size, kind)
	if err != nil {
		return nil, err
	}
	x := &Index{r: r, kind: kind}
	return x, x.decode(directory, at)
}

// readDirectory returns the directory of an index or a join of this size, and
// where it begins.
func readDirectory(r io.ReaderAt, size int64, kind Kind) (directory []byte, begin int64, err error) {
	if size < indexHead+indexFoot {
		return nil, 0, ErrDamaged
	}
	head, foot := make([]byte, indexHead), make([]byte, indexFoot)
	if err := readFull(r, head, 0); err != nil {
		return nil, 0, err
	}
	if err := readFull(r, foot, size-indexFoot); err != nil {
		return nil, 0, err
	}
	if string(head) != string(indexHeader(kind)) || string(foot[20:]) != indexMagic ||
		binary.LittleEndian.Uint32(foot[16:]) != checksum(slices.Concat(head, foot[:16])) {
		return nil, 0, ErrDamaged
	}
	at, length := binary.LittleEndian.Uint64(foot), binary.LittleEndian.Uint32(foot[8:])
	if length > maxDirectory || at+uint64(length)+indexFoot != uint64(size) {
		return nil, 0, ErrDamaged
	}
	directory = make([]byte, length)
	if err := readFull(r, directory, int64(at)); err != nil {
		return nil, 0, err
	}
	if checksum(directory) != binary.LittleEndian.Uint32(foot[12:]) {
		return nil, 0, ErrDamaged
	}
	return directory, int64(at), nil
}

// readFull reads exactly what is asked for.
func readFull(r io.ReaderAt, p []byte, offset int64) error {
	n, err := r.ReadAt(p, offset)
	if n == len(p) {
		return nil
	}
	if err == nil || err == io.EOF {
		return ErrDamaged
	}
	return err
}

// decode takes the directory apart. Its checksum was right, so that what does
// not fit was written by something else than an indexWriter.
func (x *Index) decode(directory []byte, end int64) error {
	d := Decoder{Buf: directory}
	x.fingerprint = fingerprint{d.Int(), d.Int(), d.Int(), uint32(d.Int())}
	x.rows, x.sorted = d.Int(), d.Int() != 0
	var last lineMark
	n := d.count(2)
	x.marks = make([]lineMark, 0, min(n, enoughRoom))
	for range n {
		last = lineMark{last.offset + d.Int(), last.line + d.Int()}
		x.marks = append(x.marks, last)
	}
	keyless := int64(0)
	for range d.count(1) {
		keyless += d.Int()
		x.keyless = append(x.keyless, keyless)
	}
	x.exact = d.Int() != 0
	broken := int64(0)
	for range d.count(1) {
		broken += d.Int()
		x.broken = append(x.broken, broken)
	}
	if !slices.IsSorted(x.broken) {
		return ErrDamaged
	}
	for range d.count(3) {
		s := segmentRef{d.Int(), int(d.Int()), uint32(d.Int())}
		if s.rows < 0 || s.rows > segmentRows || s.at < int64(keySize*s.rows) || s.at+int64(s.tableSize()) > end {
			return ErrDamaged
		}
		x.segments = append(x.segments, s)
	}
	x.form, x.photos = d.Text(), d.Int()
	for range d.count(2) {
		x.tables = append(x.tables, photoRef{d.Int(), uint32(d.Int())})
	}
	if x.form != "" && (x.photos < 0 || x.photos > math.MaxUint32 || int64(len(x.tables)) != (x.photos+tablePhotos-1)/tablePhotos) {
		return ErrDamaged
	}
	n = d.count(8)
	x.labels = make([]labelRef, 0, min(n, enoughRoom))
	for range n {
		l := labelRef{d.Text(), d.Int(), d.Int(), d.Int(), int(d.Int()), d.Int(), int(d.Int()), uint32(d.Int())}
		if l.rows < 0 || l.unpacked < 0 || l.unpacked > l.rows || l.chunks < 0 || l.at < 0 || l.size < 0 || l.at+int64(l.size) > end || l.chunks > l.size ||
			len(x.labels) > 0 && x.labels[len(x.labels)-1].name >= l.name {
			return ErrDamaged
		}
		x.labels = append(x.labels, l)
	}
	x.end = end
	if d.Bad || len(d.Buf) > 0 {
		return ErrDamaged
	}
	return nil
}

// enoughRoom is what is made room for at once of a list that says how long it
// is.
const enoughRoom = 16 << 10

// count reads the length of a list whose entries have at least so many bytes.
func (d *Decoder) count(least int) int {
	n := d.Int()
	if n < 0 || n > int64(len(d.Buf)/least) {
		d.Buf, d.Bad = nil, true
		return 0
	}
	return int(n)
}

// label returns what the index holds of a label, or nil.
func (x *Index) label(name string) *labelRef {
	i := sort.Search(len(x.labels), func(i int) bool { return x.labels[i].name >= name })
	if i < len(x.labels) && x.labels[i].name == name {
		return &x.labels[i]
	}
	return nil
}

// rowsOf is the number of rows of a label.
func (x *Index) rowsOf(name string) int64 {
	if l := x.label(name); l != nil {
		return l.rows
	}
	return 0
}

// part returns a part of the index.
func (x *Index) part(buf []byte, at int64, size int, sum uint32) ([]byte, error) {
	buf = slices.Grow(buf[:0], size)[:size]
	if err := readFull(x.r, buf, at); err != nil {
		return nil, err
	}
	if checksum(buf) != sum {
		return nil, ErrDamaged
	}
	return buf, nil
}

// chunks reads the list of a label's chunks.
func (x *Index) chunks(l *labelRef) ([]chunkRef, error) {
	list, err := x.part(nil, l.at, l.size, l.sum)
	if err != nil {
		return nil, err
	}
	d := Decoder{Buf: list}
	chunks := make([]chunkRef, l.chunks)
	rows := int64(0)
	for i := range chunks {
		c := chunkRef{d.Int(), int(d.Int()), d.Int(), d.Int(), uint32(d.Int())}
		// A difference takes a byte at least.
		if c.at < 0 || c.size < 0 || c.at+int64(c.size) > x.end || c.rows < 1 || c.rows-1 > int64(c.size) {
			return nil, ErrDamaged
		}
		rows += c.rows
		chunks[i] = c
	}
	if d.Bad || len(d.Buf) > 0 || rows != l.rows {
		return nil, ErrDamaged
	}
	return chunks, nil
}

// A packedRef is a row of a label, as a chunk says.
type packedRef struct {
	offset int64
	photo  uint32 // in the table of photos, from 1
	value  int32  // position among those of a request
	packed Packed // unpacked where the row is to be read at its place
}

// noValue is the value of a row that lacks the column.
const noValue = -1

// rowsIn appends the rows of a chunk that begin from an offset on and before
// another. The file has size bytes.
func (x *Index) rowsIn(c *span, data []byte, from, before, size int64, to []packedRef) ([]packedRef, error) {
	r := packedRef{offset: c.first, value: int32(c.value), packed: unpacked}
	for i := range c.rows {
		if i > 0 || x.form != "" {
			delta, n := binary.Uvarint(data)
			if n <= 0 || delta > uint64(size) || (delta == 0) != (i == 0) {
				return nil, ErrDamaged
			}
			data = data[n:]
			r.offset += int64(delta)
		}
		if x.form != "" {
			photos, n := binary.Uvarint(data)
			if n <= 0 || photos > uint64(x.photos)-uint64(r.photo) || i == 0 && photos == 0 || len(data) < n+PackedSize {
				return nil, ErrDamaged
			}
			r.photo += uint32(photos)
			r.packed = Packed(data[n:])
			data = data[n+PackedSize:]
		}
		if r.offset < 0 || r.offset >= size {
			return nil, ErrDamaged
		}
		if from <= r.offset && r.offset < before {
			to = append(to, r)
		}
	}
	if len(data) > 0 {
		return nil, ErrDamaged
	}
	return to, nil
}

var newline = []byte{'\n'}

// A lineCounter finds the line numbers of places in the CSV file. Asked in
// order, it reads no part of a block twice.
type lineCounter struct {
	marks []lineMark
	r     io.ReaderAt
	last  lineMark
	buf   []byte
}

// of returns the line number of a place.
func (c *lineCounter) of(offset int64) (int64, error) {
	i := sort.Search(len(c.marks), func(i int) bool { return c.marks[i].offset > offset }) - 1
	if i < 0 {
		return 0, ErrDamaged
	}
	from := c.marks[i]
	if c.last.offset >= from.offset && c.last.offset <= offset {
		from = c.last
	}
	if c.buf == nil {
		c.buf = make([]byte, 32<<10)
	}
	for from.offset < offset {
		part := c.buf[:min(int64(len(c.buf)), offset-from.offset)]
		if err := readFull(c.r, part, from.offset); err != nil {
			return 0, fmt.Errorf("line of byte %d: %w", offset, err)
		}
		from.line += int64(bytes.Count(part, newline))
		from.offset += int64(len(part))
	}
	c.last = from
	return from.line, nil
}
