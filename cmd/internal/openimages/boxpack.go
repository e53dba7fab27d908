package openimages

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"strings"

	"github.com/opensandwich/oi/cmd/internal/csvscan"
	"github.com/opensandwich/oi/record"
)

// boxPacking keeps the boxes of a list in its index: 20 bits for each edge, in
// millionths, and then 8 for the flags, 0, 1, or 2 for unknown, as the digits
// of a number of base 3, the first flag's the lowest.
var boxPacking = &csvscan.Packing{Form: "boxes 1", Packer: packBoxes}

const (
	edgeBits  = 20
	edgeUnit  = 1_000_000
	maxEdge   = 1<<edgeBits - 1
	flagBase  = 3
	noFlag    = 2 // the digit of a flag of -1
	flagsByte = csvscan.PackedSize - 1
)

func packBoxes(h csvscan.Header, mid int) func(rest []byte, to *csvscan.Packed) bool {
	c, err := newBoxColumns(h)
	if err != nil || c.mid != mid {
		return nil
	}
	// What a column after the label is: -1 for nothing, an edge, or a flag.
	roles := bytes.Repeat([]byte{noRole}, len(h.Columns)-mid-1)
	official := true // in the order of the official lists
	for role, column := range append(c.edges[:], c.flags[:]...) {
		official = official && column == mid+2+role
		switch {
		case column > mid:
			roles[column-mid-1] = byte(role)
		case column >= 0:
			return nil
		}
	}
	return func(rest []byte, to *csvscan.Packed) bool {
		return official && packOfficial(rest, len(roles), to) || packFields(rest, roles, to)
	}
}

// noRole is the role of a column that is not packed. Those of edges are before
// firstFlag, those of flags from it on.
const (
	noRole    = 0xff
	firstFlag = byte(len(edgeColumns))
)

// packFields packs a row with columns of any order.
func packFields(rest []byte, roles []byte, to *csvscan.Packed) bool {
	var edges [len(edgeColumns)]uint64
	flags := [len(flagColumns)]int{-1, -1, -1, -1, -1}
	for i, role := range roles {
		field := rest
		comma := bytes.IndexByte(rest, ',')
		if (comma < 0) != (i+1 == len(roles)) {
			return false
		}
		if comma >= 0 {
			field, rest = rest[:comma], rest[comma+1:]
		}
		ok := true
		switch {
		case role == noRole:
		case role < firstFlag:
			edges[role], ok = millionths(field)
		default:
			flags[role-firstFlag], ok = flagOf(field)
		}
		if !ok {
			return false
		}
	}
	digits := 0
	for i := len(flags) - 1; i >= 0; i-- {
		digit := flags[i]
		if digit < 0 {
			digit = noFlag
		}
		digits = digits*flagBase + digit
	}
	putBox(to, edges, byte(digits))
	return true
}

func putBox(to *csvscan.Packed, edges [len(edgeColumns)]uint64, flags byte) {
	binary.LittleEndian.PutUint64(to[:], edges[0]|edges[1]<<edgeBits|edges[2]<<(2*edgeBits)|edges[3]<<(3*edgeBits))
	binary.LittleEndian.PutUint16(to[8:], uint16(edges[3]>>(64-3*edgeBits)))
	to[flagsByte] = flags
}

// millionths returns a coordinate in millionths, if that is exact, and so that
// it is hashed as what stands there.
func millionths(field []byte) (uint64, bool) {
	decimals, ok := shortest(field)
	if !ok || decimals > minDecimals {
		return 0, false
	}
	n := uint64(0)
	for i, c := range field {
		if i != 1 {
			n = 10*n + uint64(c-'0')
		}
	}
	for ; decimals < minDecimals; decimals++ {
		n *= 10
	}
	return n, n <= maxEdge
}

// packOfficial packs a row of so many fields in the form of the official lists:
// a digit, four coordinates of six decimals, five flags of 0 or 1, and what is
// not packed. It looks at eight bytes at once, and branches once.
func packOfficial(rest []byte, fields int, to *csvscan.Packed) bool {
	const end = len("1,0.000000,0.000000,0.000000,0.000000,0,0,0,0,0")
	if len(rest) < end {
		return false
	}
	row := (*[end]byte)(rest)
	xmin, xmax := edgeDigits(row[2:]), edgeDigits(row[11:])
	ymin, ymax := edgeDigits(row[20:]), edgeDigits(row[29:])
	wrong := noDigits(xmin) | noDigits(xmax) | noDigits(ymin) | noDigits(ymax)
	wrong |= uint64(row[1] ^ ',' | row[10] ^ ',' | row[19] ^ ',' | row[28] ^ ',' | row[37] ^ ',')
	const (
		zeros = uint64('0')*0x0001_0001_0001_0001 | uint64(',')*0x0100_0100_0100_0100
		ones  = 0x0001_0001_0001_0001
	)
	four, last := binary.LittleEndian.Uint64(row[38:])^zeros, uint64(row[46]^'0')
	wrong |= four&^ones | last&^1
	edges := [len(edgeColumns)]uint64{sixDigits(xmin), sixDigits(xmax), sixDigits(ymin), sixDigits(ymax)}
	wrong |= (edges[0] | edges[1] | edges[2] | edges[3]) &^ maxEdge
	if wrong != 0 || row[0] == ',' {
		return false
	}
	if more := rest[end:]; len(more) > 0 {
		if more[0] != ',' || bytes.Count(more, []byte{','}) != fields-10 {
			return false
		}
	} else if fields != 10 {
		return false
	}
	// The product has the sum of the four digits' places from bit 48 on.
	putBox(to, edges, byte(four*(1<<48|3<<32|9<<16|27)>>48)+byte(81*last))
	return true
}

// edgeDigits loads a text of the form 0.000000: the digits, one a byte, and 0
// for the point.
func edgeDigits(text []byte) uint64 {
	const form = 0x30303030_30302e30
	return binary.LittleEndian.Uint64(text) ^ form
}

// noDigits has bits set in which bytes are no digits.
func noDigits(digits uint64) uint64 {
	const high = 0xf0f0f0f0_f0f0f0f0
	// With 6, 10 gets a high bit, and with 15, the place of the point does.
	return (digits | (digits&^high + 0x06060606_06060f06)) & high
}

// sixDigits returns what edgeDigits has loaded, in millionths. It takes the
// digits by pairs, and these by pairs (see Lemire, Number parsing at a gigabyte
// per second, 2021).
func sixDigits(digits uint64) uint64 {
	const byPairs = 0x000000ff_000000ff
	digits += 0xff * (digits & 0xf) // the first digit goes where the point was
	digits &^= 0xf
	digits = digits*10 + digits>>8
	return (digits&byPairs*(100+1_000_000<<32) + digits>>16&byPairs*(1+10_000<<32)) >> 32
}

// unpackBoxes returns a function that makes rows of what packBoxes has packed.
func unpackBoxes() func(*csvscan.PackedRow, *PickedRow) {
	var (
		key  uint64
		id   string
		ids  idMaker
		text boxText
	)
	return func(r *csvscan.PackedRow, to *PickedRow) {
		if r.Key != key || id == "" {
			key, id = r.Key, ids.id(r.Key)
		}
		edges := unpackEdges(r.Packed)
		flags := unpackedFlags[r.Packed[flagsByte]]
		*to = PickedRow{BoxRow: BoxRow{
			ImageID: id, MID: r.Value, Number: r.Number,
			Box: record.Box{
				XMin: float64(edges[0]) / edgeUnit, XMax: float64(edges[1]) / edgeUnit,
				YMin: float64(edges[2]) / edgeUnit, YMax: float64(edges[3]) / edgeUnit,
				Occluded: int(flags[0]), Truncated: int(flags[1]), GroupOf: int(flags[2]), Depiction: int(flags[3]), Inside: int(flags[4]),
			},
			Sum: text.sum(r.Value, &edges),
		}}
	}
}

// unpackEdges returns the edges of a packed box, in millionths.
func unpackEdges(p *csvscan.Packed) [len(edgeColumns)]uint64 {
	low := binary.LittleEndian.Uint64(p[:])
	return [len(edgeColumns)]uint64{
		low & maxEdge, low >> edgeBits & maxEdge, low >> (2 * edgeBits) & maxEdge,
		low>>(3*edgeBits) | uint64(binary.LittleEndian.Uint16(p[8:]))<<(64-3*edgeBits),
	}
}

// A boxText is the text of a box that is hashed.
type boxText struct {
	mid  string // its beginning
	text []byte
}

// sum returns the sum of a box; see [BoxRow].
func (t *boxText) sum(mid string, edges *[len(edgeColumns)]uint64) uint64 {
	if mid != t.mid || t.text == nil {
		t.mid = mid
		t.text = append(append(t.text[:0], mid...), ",0.000000,0.000000,0.000000,0.000000"...)
	}
	digits := t.text[len(mid):]
	for i, v := range edges {
		putMillionths((*[9]byte)(digits[9*i:]), v)
	}
	sum := sha256.Sum256(t.text)
	return binary.BigEndian.Uint64(sum[:])
}

// putMillionths writes a coordinate with six decimals after a comma.
func putMillionths(to *[9]byte, v uint64) {
	whole := byte(0)
	if v >= edgeUnit {
		whole, v = 1, v-edgeUnit
	}
	to[1] = '0' + whole
	first, second, third := v/10_000, v/100%100, v%100
	to[3], to[4] = pairs[2*first], pairs[2*first+1]
	to[5], to[6] = pairs[2*second], pairs[2*second+1]
	to[7], to[8] = pairs[2*third], pairs[2*third+1]
}

// pairs holds the two digits of each number below 100.
var pairs = func() (table [200]byte) {
	for i := range 100 {
		table[2*i], table[2*i+1] = '0'+byte(i/10), '0'+byte(i%10)
	}
	return table
}()

// unpackedFlags holds the flags of each packed byte. It is never changed.
var unpackedFlags = func() (table [256][len(flagColumns)]int8) {
	for i := range table {
		for k, digits := 0, i; k < len(flagColumns); k, digits = k+1, digits/flagBase {
			if table[i][k] = int8(digits % flagBase); table[i][k] == noFlag {
				table[i][k] = -1
			}
		}
	}
	return table
}()

// An idMaker spells ids, some of which share a piece of memory.
type idMaker struct{ text strings.Builder }

// id returns the 16 digits of a key.
func (m *idMaker) id(key uint64) string {
	const size, some = 16, 64
	if m.text.Cap()-m.text.Len() < size {
		m.text.Reset()
		m.text.Grow(some * size)
	}
	var word [8]byte
	binary.BigEndian.PutUint64(word[:], key)
	var digits [size]byte
	hex.Encode(digits[:], word[:])
	from := m.text.Len()
	m.text.Write(digits[:])
	return m.text.String()[from:]
}
