package openimages

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"strconv"

	"github.com/opensandwich/oi/record"
)

// A BoxRow is one row of a box list.
type BoxRow struct {
	ImageID string
	MID     string
	Line    int64 // where the row begins, from 1
	// Box has the coordinates as fractions of the stored picture. Flags are
	// 1, 0 or -1 (unknown, also where the file lacks the column).
	Box record.Box
	// Sum is the first 8 bytes of SHA-256 over "MID,XMin,XMax,YMin,YMax", in
	// the file's own digits.
	Sum uint64
}

// Key names the box for ever: the photo's id, a minus, and the first 8 hex
// digits of the sum.
func (b *BoxRow) Key() string { return fmt.Sprintf("%s-%08x", b.ImageID, uint32(b.Sum>>32)) }

// Sane reports whether the box has an area and lies within the picture.
func (b *BoxRow) Sane() bool {
	return b.Box.XMin >= 0 && b.Box.XMin < b.Box.XMax && b.Box.XMax <= 1 &&
		b.Box.YMin >= 0 && b.Box.YMin < b.Box.YMax && b.Box.YMax <= 1
}

// flagColumns are optional: the oldest train list has none of them.
var flagColumns = [5]string{"IsOccluded", "IsTruncated", "IsGroupOf", "IsDepiction", "IsInside"}

// boxColumns says where a box list has what.
type boxColumns struct {
	id, mid int
	edges   [4]int // XMin, XMax, YMin, YMax
	flags   [5]int // in the order of flagColumns, -1 where absent
}

var edgeColumns = [4]string{"XMin", "XMax", "YMin", "YMax"}

func newBoxColumns(t *table) (boxColumns, error) {
	err := t.require("ImageID", "LabelName", edgeColumns[0], edgeColumns[1], edgeColumns[2], edgeColumns[3])
	if err != nil {
		return boxColumns{}, err
	}
	c := boxColumns{id: t.column("ImageID"), mid: t.column("LabelName")}
	for i, name := range edgeColumns {
		c.edges[i] = t.column(name)
	}
	for i, name := range flagColumns {
		c.flags[i] = t.column(name)
	}
	return c, nil
}

// ScanBoxes reads a box list, with 13 or 21 columns or any others as long as
// the needed ones are there, and calls row with each row whose label is
// wanted. file is the name for messages. A row that cannot be used is given to
// bad; an error from row or bad ends the scan. The row is reused between calls.
func ScanBoxes(ctx context.Context, r io.Reader, file string, want func(mid []byte) bool, row func(*BoxRow) error, bad func(*RowError) error) error {
	return scanBoxes(ctx, r, file, boxVisitor{want: want, row: row, bad: bad})
}

// A boxVisitor is told of the rows of a box list.
type boxVisitor struct {
	want func(mid []byte) bool
	// pick, if set, says whether a row is worth to be parsed, from a hash of its
	// id, label and coordinates.
	pick func(hash uint64) bool
	row  func(*BoxRow) error
	bad  func(*RowError) error
}

func scanBoxes(ctx context.Context, r io.Reader, file string, v boxVisitor) error {
	t, err := newTable(ctx, r, file)
	if err != nil {
		return err
	}
	columns, err := newBoxColumns(t)
	if err != nil {
		return err
	}
	var b BoxRow
	return t.scan(columns.mid, visitor{
		want: v.want,
		row: func(fields [][]byte, line int64) error {
			if v.pick != nil && !v.pick(columns.hash(fields)) {
				return nil
			}
			if err := columns.parse(fields, &b); err != nil {
				return v.bad(&RowError{file, line, err})
			}
			b.Line = line
			return v.row(&b)
		},
		bad: v.bad,
	})
}

// parse fills b, but for the line.
func (c *boxColumns) parse(fields [][]byte, b *BoxRow) error {
	if id := fields[c.id]; string(id) != b.ImageID || len(id) == 0 { // mostly one photo after the other
		if !validID(id) {
			return fmt.Errorf("ImageID: expected up to 64 letters, digits, - or _, found %s", quote(id))
		}
		b.ImageID = string(id)
	}
	if mid := fields[c.mid]; string(mid) != b.MID {
		b.MID = string(mid)
	}
	var edges [4]float64
	for i, column := range c.edges {
		v, err := strconv.ParseFloat(string(fields[column]), 64)
		if err != nil || math.IsNaN(v) || math.IsInf(v, 0) {
			return fmt.Errorf("%s: expected a number, found %s", edgeColumns[i], quote(fields[column]))
		}
		edges[i] = v
	}
	var flags [5]int
	for i, column := range c.flags {
		flag, ok := parseFlag(fields, column)
		if !ok {
			return fmt.Errorf("%s: expected 1, 0 or -1, found %s", flagColumns[i], quote(fields[column]))
		}
		flags[i] = flag
	}
	b.Box = record.Box{
		XMin: edges[0], XMax: edges[1], YMin: edges[2], YMax: edges[3],
		Occluded: flags[0], Truncated: flags[1], GroupOf: flags[2], Depiction: flags[3], Inside: flags[4],
	}
	b.Sum = c.sum(fields)
	return nil
}

func parseFlag(fields [][]byte, column int) (int, bool) {
	if column < 0 {
		return -1, true
	}
	switch string(fields[column]) {
	case "1":
		return 1, true
	case "0":
		return 0, true
	case "-1", "":
		return -1, true
	}
	return 0, false
}

func (c *boxColumns) sum(fields [][]byte) uint64 {
	var array [128]byte
	text := append(array[:0], fields[c.mid]...)
	for _, column := range c.edges {
		text = append(text, ',')
		text = append(text, fields[column]...)
	}
	sum := sha256.Sum256(text)
	return binary.BigEndian.Uint64(sum[:])
}

// hash is cheaper than sum, which takes most of the time of a scan in which
// every row is a candidate.
func (c *boxColumns) hash(fields [][]byte) uint64 {
	h := photoKey(fields[c.id])
	for _, b := range fields[c.mid] {
		h = (h ^ uint64(b)) * fnvPrime
	}
	for _, column := range c.edges {
		h = mix(h)
		for _, b := range fields[column] {
			h = (h ^ uint64(b)) * fnvPrime
		}
	}
	return mix(h)
}

// validID reports whether id may name a file.
func validID(id []byte) bool {
	if len(id) == 0 || len(id) > 64 {
		return false
	}
	for _, c := range id {
		if !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '-' || c == '_') {
			return false
		}
	}
	return true
}

// quote shows a field in a message, cut if it is long.
func quote(field []byte) string {
	const most = 40
	if len(field) > most {
		return strconv.Quote(string(field[:most])) + "…"
	}
	return strconv.Quote(string(field))
}

// A midSet tells quickly whether a label is one of a few.
type midSet struct {
	maybe [1 << 12]bool // by midHash
	mids  map[string]int
}

// newMIDSet returns the set of the map's keys.
func newMIDSet(mids map[string]int) *midSet {
	s := &midSet{mids: mids}
	for mid := range mids {
		s.maybe[midHash([]byte(mid))] = true
	}
	return s
}

// has reports whether mid is in the set.
func (s *midSet) has(mid []byte) bool {
	if !s.maybe[midHash(mid)] {
		return false
	}
	_, ok := s.mids[string(mid)]
	return ok
}

// midHash mixes the last characters, in which MIDs differ most.
func midHash(mid []byte) uint32 {
	n := len(mid)
	if n < 3 {
		return uint32(n)
	}
	return (uint32(mid[n-1]) ^ uint32(mid[n-2])<<3 ^ uint32(mid[n-3])<<6 ^ uint32(n)<<9) & (1<<12 - 1)
}
