package openimages

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"strconv"

	"github.com/opensandwich/oi/cmd/internal/csvscan"
	"github.com/opensandwich/oi/record"
)

// A BoxRow is one row of a box list.
type BoxRow struct {
	ImageID string
	MID     string
	Line    int64 // where the row begins, from 1; 0 where nobody has counted
	Offset  int64 // where the row begins, in bytes
	// Box has the coordinates as fractions of the stored picture. Flags are
	// 1, 0 or -1 (unknown, also where the file lacks the column).
	Box record.Box
	// Sum is the first 8 bytes of SHA-256 over "MID,XMin,XMax,YMin,YMax",
	// each coordinate as the shortest decimal that reads back as the same
	// number, with zeros up to six decimals; of a whole photo over
	// "MID,0,1,0,1".
	Sum uint64
	// Number is that of the photo in the list's index, from 1, or 0 where
	// it is not known.
	Number uint32
	// Denied says of a row of a list of image-level labels that the photo
	// does not show the class.
	Denied bool
}

// A PickedRow is a row and, where a request picks, its hash.
type PickedRow struct {
	BoxRow
	Hash uint64
}

// Key names the box for ever: the photo's id, a hyphen, and the first 8 hex
// digits of the sum.
func (b *BoxRow) Key() string {
	var box [4]byte
	binary.BigEndian.PutUint32(box[:], uint32(b.Sum>>32))
	key := make([]byte, 0, len(b.ImageID)+1+hex.EncodedLen(len(box)))
	key = append(append(key, b.ImageID...), '-')
	return string(hex.AppendEncode(key, box[:]))
}

// Sane reports whether the box has an area and lies within the picture.
func (b *BoxRow) Sane() bool {
	return b.Box.XMin >= 0 && b.Box.XMin < b.Box.XMax && b.Box.XMax <= 1 &&
		b.Box.YMin >= 0 && b.Box.YMin < b.Box.YMax && b.Box.YMax <= 1
}

// flagColumns are optional: the oldest train list has none of them.
var flagColumns = [5]string{"IsOccluded", "IsTruncated", "IsGroupOf", "IsDepiction", "IsInside"}

// boxColumns says where a box list has what, or a list of image-level labels,
// whose rows are read as boxes around the whole photo.
type boxColumns struct {
	id, mid    int
	edges      [4]int // XMin, XMax, YMin, YMax; of a box list
	flags      [5]int // in the order of flagColumns, -1 where absent
	confidence int    // of a list of labels, else -1
}

var edgeColumns = [4]string{"XMin", "XMax", "YMin", "YMax"}

func newBoxColumns(h csvscan.Header) (boxColumns, error) {
	err := h.Require("ImageID", "LabelName", edgeColumns[0], edgeColumns[1], edgeColumns[2], edgeColumns[3])
	if err != nil {
		return boxColumns{}, err
	}
	c := boxColumns{id: h.Column("ImageID"), mid: h.Column("LabelName"), confidence: -1}
	for i, name := range edgeColumns {
		c.edges[i] = h.Column(name)
	}
	for i, name := range flagColumns {
		c.flags[i] = h.Column(name)
	}
	return c, nil
}

func newLabelColumns(h csvscan.Header) (boxColumns, error) {
	if err := h.Require("ImageID", "LabelName", "Confidence"); err != nil {
		return boxColumns{}, err
	}
	return boxColumns{id: h.Column("ImageID"), mid: h.Column("LabelName"), confidence: h.Column("Confidence")}, nil
}

// A BoxRequest asks for the rows of a list of boxes or of image-level labels.
type BoxRequest struct {
	Labels bool // whether the list is one of image-level labels
	// MIDs are those that Want wants, where that is known.
	MIDs []string
	// Want says whether the rows of a label are wanted. It and Pick are
	// called on any goroutine.
	Want func(mid []byte) bool
	// Pick, if set, says whether a row is worth to be parsed, from a hash
	// of its id, label and coordinates, or of a list of labels of the id
	// alone.
	Pick func(hash uint64) bool
	// Ranges, if not nil, are those of a csvscan.Request.
	Ranges []csvscan.Range
}

// columns looks for the columns of the list.
func (v *BoxRequest) columns(h csvscan.Header) (boxColumns, error) {
	if v.Labels {
		return newLabelColumns(h)
	}
	return newBoxColumns(h)
}

// parser returns a function that parses rows of a table.
func (v *BoxRequest) parser(h csvscan.Header) (func(fields [][]byte) (PickedRow, bool, error), error) {
	columns, err := v.columns(h)
	if err != nil {
		return nil, err
	}
	var b PickedRow
	return func(fields [][]byte) (PickedRow, bool, error) {
		if v.Pick != nil {
			if b.Hash = columns.hash(fields); !v.Pick(b.Hash) {
				return b, false, nil
			}
		}
		err := columns.parse(fields, &b.BoxRow)
		return b, true, err
	}, nil
}

func (v *BoxRequest) bind(h csvscan.Header) (column, id int, err error) {
	columns, err := v.columns(h)
	return columns.mid, columns.id, err
}

func (v *BoxRequest) request(file string) csvscan.Request[PickedRow] {
	q := csvscan.Request[PickedRow]{File: file, Bind: v.bind, Values: v.MIDs, Want: v.Want, Parser: v.parser, Ranges: v.Ranges, Packing: boxPacking}
	if !v.Labels && v.Pick == nil {
		q.Unpacker = unpackBoxes
	}
	return q
}

// parse fills b, but for the line.
func (c *boxColumns) parse(fields [][]byte, b *BoxRow) error {
	if id := fields[c.id]; string(id) != b.ImageID || len(id) == 0 { // mostly one photo after the other
		if !record.ValidID(id) {
			err := fmt.Errorf("ImageID: expected up to 64 letters, digits, - or _, found %s", quote(id))
			if FloatID(string(id)) {
				err = fmt.Errorf("%w: %s", err, FloatIDHint)
			}
			return err
		}
		b.ImageID = string(id)
	}
	if mid := fields[c.mid]; string(mid) != b.MID {
		b.MID = string(mid)
	}
	if c.confidence >= 0 {
		return c.parseLabel(fields, b)
	}
	var edges [4]float64
	for i, column := range c.edges {
		v, err := parseNumber(fields[column])
		if err != nil {
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

// wholePhoto is the box of an image-level label.
var wholePhoto = record.Box{XMax: 1, YMax: 1, Occluded: -1, Truncated: -1, GroupOf: -1, Depiction: -1, Inside: -1}

func (c *boxColumns) parseLabel(fields [][]byte, b *BoxRow) error {
	confidence, err := parseNumber(fields[c.confidence])
	if err != nil || confidence != 0 && confidence != 1 {
		return fmt.Errorf("column Confidence: expected 1 or 0, as people have verified it, found %s", quote(fields[c.confidence]))
	}
	b.Box, b.Denied = wholePhoto, confidence == 0
	b.Sum = wholeSum(b.MID)
	return nil
}

// wholeSum is the sum of the box of an image-level label.
func wholeSum(mid string) uint64 {
	sum := sha256.Sum256([]byte(mid + ",0,1,0,1"))
	return binary.BigEndian.Uint64(sum[:])
}

func parseFlag(fields [][]byte, column int) (int, bool) {
	if column < 0 {
		return -1, true
	}
	return flagOf(fields[column])
}

func flagOf(field []byte) (int, bool) {
	switch string(field) {
	case "1":
		return 1, true
	case "0":
		return 0, true
	case "-1", "":
		return -1, true
	}
	flag, err := parseWhole(field)
	return int(flag), err == nil && -1 <= flag && flag <= 1
}

func (c *boxColumns) sum(fields [][]byte) uint64 {
	var array [128]byte
	text := append(array[:0], fields[c.mid]...)
	for _, column := range c.edges {
		text = appendCoordinate(append(text, ','), fields[column])
	}
	sum := sha256.Sum256(text)
	return binary.BigEndian.Uint64(sum[:])
}

// hash is cheaper than sum, which takes most of the time of a scan in which
// every row is a candidate.
func (c *boxColumns) hash(fields [][]byte) uint64 {
	h := csvscan.Key64(fields[c.id])
	if c.confidence >= 0 {
		return csvscan.Mix(h) // a photo is one thing, whatever its labels
	}
	for _, b := range fields[c.mid] {
		h = (h ^ uint64(b)) * csvscan.FNVPrime
	}
	var array [64]byte
	for _, column := range c.edges {
		h = csvscan.Mix(h)
		text := fields[column]
		if !sixDecimals(text) {
			text = appendCoordinate(array[:0], text)
		}
		for _, b := range text {
			h = (h ^ uint64(b)) * csvscan.FNVPrime
		}
	}
	return csvscan.Mix(h)
}

// quote shows a field in a message, cut if it is long.
func quote(field []byte) string {
	const most = 40
	if len(field) > most {
		return strconv.Quote(string(field[:most])) + "…"
	}
	return strconv.Quote(string(field))
}

// A MIDSet tells quickly whether a label is one of a few.
type MIDSet struct {
	maybe [1 << 12]bool // by midHash
	mids  map[string]int
}

// NewMIDSet returns the set of the map's keys.
func NewMIDSet(mids map[string]int) *MIDSet {
	s := &MIDSet{mids: mids}
	for mid := range mids {
		s.maybe[midHash([]byte(mid))] = true
	}
	return s
}

// Has reports whether mid is in the set.
func (s *MIDSet) Has(mid []byte) bool {
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
