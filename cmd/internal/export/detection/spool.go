package detection

import (
	"bufio"
	"cmp"
	"encoding/binary"
	"errors"
	"io"
	"math"
	"math/bits"
	"os"
)

// A spool keeps bytes in a temporary file that has no name, so that nothing is
// left of it however the process ends. Adding is for one goroutine at a time.
type spool struct {
	file   *os.File
	buffer *bufio.Writer
	size   int64
	named  bool // the system keeps the name of an open file
}

func newSpool(dir string) (*spool, error) {
	file, err := os.CreateTemp(dir, ".oi-rows-*")
	if err != nil {
		return nil, err
	}
	s := &spool{file: file, buffer: bufio.NewWriterSize(file, 1<<16)}
	s.named = os.Remove(file.Name()) != nil
	return s, nil
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

func (s *spool) close() error {
	err := s.file.Close()
	if s.named {
		err = errors.Join(err, os.Remove(s.file.Name()))
	}
	return err
}

// A row is one box of a photo, or another box of which an item has said only
// that it is there. Coordinates are fractions of the stored picture.
type row struct {
	class                        uint32
	unlabelled                   bool
	occluded, truncated, groupOf int8
	depiction, inside            int8
	xMin, xMax, yMin, yMax       float64
}

// rowSize is the size of a row in the spool, with the place of the row before
// it of the same photo.
const rowSize = 8 + 4 + 6 + 4*8

// encode appends the row. before is one more than the place of the photo's row
// before it, 0 for none.
func (r *row) encode(b []byte, before int64) []byte {
	b = binary.LittleEndian.AppendUint64(b, uint64(before))
	b = binary.LittleEndian.AppendUint32(b, r.class)
	unlabelled := byte(0)
	if r.unlabelled {
		unlabelled = 1
	}
	b = append(b, unlabelled, byte(r.occluded), byte(r.truncated), byte(r.groupOf), byte(r.depiction), byte(r.inside))
	for _, v := range []float64{r.xMin, r.xMax, r.yMin, r.yMax} {
		b = binary.LittleEndian.AppendUint64(b, math.Float64bits(v))
	}
	return b
}

func decodeRow(b []byte) (r row, before int64) {
	before = int64(binary.LittleEndian.Uint64(b))
	r.class = binary.LittleEndian.Uint32(b[8:])
	r.unlabelled = b[12] == 1
	r.occluded, r.truncated, r.groupOf, r.depiction, r.inside = int8(b[13]), int8(b[14]), int8(b[15]), int8(b[16]), int8(b[17])
	for i, v := range []*float64{&r.xMin, &r.xMax, &r.yMin, &r.yMax} {
		*v = math.Float64frombits(binary.LittleEndian.Uint64(b[18+8*i:]))
	}
	return r, before
}

// hash is one of the coordinates, as far as they lie within the picture.
func (r *row) hash() uint64 {
	var sum uint64
	for i, v := range r.corners() {
		sum ^= bits.RotateLeft64(math.Float64bits(v)*0x9e3779b97f4a7c15, 16*i+7)
	}
	return sum * 0xff51afd7ed558ccd
}

// corners are the coordinates, as far as they lie within the picture.
func (r *row) corners() [4]float64 {
	return [4]float64{max(r.xMin, 0), min(r.xMax, 1), max(r.yMin, 0), min(r.yMax, 1)}
}

// compareRows orders the rows of a photo by all that is in them, the class by
// its number in the export.
func compareRows(number []int) func(a, b row) int {
	return func(a, b row) int {
		return cmp.Or(
			cmp.Compare(a.xMin, b.xMin), cmp.Compare(a.yMin, b.yMin), cmp.Compare(a.xMax, b.xMax), cmp.Compare(a.yMax, b.yMax),
			cmp.Compare(number[a.class], number[b.class]),
			cmp.Compare(a.groupOf, b.groupOf), cmp.Compare(a.occluded, b.occluded), cmp.Compare(a.truncated, b.truncated),
			cmp.Compare(a.depiction, b.depiction), cmp.Compare(a.inside, b.inside),
		)
	}
}
