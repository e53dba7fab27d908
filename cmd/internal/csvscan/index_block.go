package csvscan

import (
	"bytes"
	"encoding/binary"
	"math/bits"
	"sync"
)

// blockEntries are what an index needs of a block.
type blockEntries struct {
	base         int64      // what the offsets are relative to
	rows         []uint64   // offset<<32 | newKey | label, of an index of labels
	packed       []Packed   // of rows, if the index has them
	photos       []uint64   // Key64 of those that begin at rows with newKey
	keys         []keyEntry // of an index of photos
	keyless      []int64
	broken       []int64 // of an index of photos; with the key
	inexact      bool    // a key is not told from all others by its hash
	first, last  []byte  // photos
	sorted       bool
	notIndexable bool
}

// newKey marks a row whose photo is not that of the row before.
const newKey = 1 << 31

// A blockBuilder collects them, on one goroutine.
type blockBuilder struct {
	index  *indexWriter
	wanted func([]byte) bool
	labels map[string]knownLabel
	short  labelTable // those of them that it takes
	to     *blockEntries
	photo  []byte // of the last row
	exact  bool   // Key64 of that is exact
	// pack packs what follows the value of a row, as [Packing] says, nil if
	// no row can be packed. text is the row at hand if it is without quotes.
	pack   func(rest []byte, to *Packed) bool
	column int // of the value
	text   []byte
	// sound, if set, reports whether a row without quotes is surely one
	// that the parser takes; the others are parsed.
	sound func(row []byte) bool
}

type knownLabel struct {
	id     uint32
	wanted bool
}

func (x *indexWriter) blockBuilder(wanted func([]byte) bool) blockBuilder {
	return blockBuilder{index: x, wanted: wanted, labels: map[string]knownLabel{}}
}

func (g *blockBuilder) reset(to *blockEntries, base int64) {
	to.base = base
	to.rows, to.keys, to.keyless = to.rows[:0], to.keys[:0], to.keyless[:0]
	to.packed, to.photos = to.packed[:0], to.photos[:0]
	to.broken, to.inexact = to.broken[:0], false
	to.first, to.sorted, to.notIndexable = to.first[:0], true, false
	g.to, g.photo = to, g.photo[:0]
}

// want notes a row, and reports whether it is wanted.
func (g *blockBuilder) want(value, id []byte, offset int64) bool {
	if g.index.kind == ByKey {
		if _, exact := Hex16(value); !exact {
			g.to.inexact = true
		}
		g.to.keys = append(g.to.keys, keyEntry{hashKey(Key64(value)), offset})
		return true // whether it is sound is to be known
	}
	label, ok := g.labels[string(value)]
	if !ok {
		if label, ok = g.learn(value); !ok {
			g.to.notIndexable = true
			return g.wanted(value)
		}
	}
	g.note(label.id, id, offset)
	rest, ok := afterField(g.text, g.column)
	g.notePacked(rest, ok)
	return label.wanted
}

// notePacked packs the row that was noted last, if that is possible.
func (g *blockBuilder) notePacked(rest []byte, ok bool) {
	if !g.index.packs {
		return
	}
	to := g.to
	to.packed = append(to.packed, Packed{})
	if p := &to.packed[len(to.packed)-1]; !ok || !g.exact || g.pack == nil || !g.pack(rest, p) {
		*p = unpacked
	}
}

// note notes a row of a known label.
func (g *blockBuilder) note(label uint32, id []byte, offset int64) {
	to := g.to
	entry := uint64(offset-to.base)<<32 | uint64(label)
	if len(to.rows) == 0 || !bytes.Equal(id, g.photo) {
		if len(to.rows) == 0 {
			to.first = append(to.first, id...)
		} else if bytes.Compare(id, g.photo) < 0 {
			to.sorted = false
		}
		g.photo = append(g.photo[:0], id...)
		entry |= newKey
		if g.index.packs {
			var key uint64
			if key, g.exact = Hex16(id); !g.exact {
				key = Key64(id)
			}
			to.photos = append(to.photos, key)
		}
	}
	to.rows = append(to.rows, entry)
}

// learn takes in a label that this blockBuilder has not met, unless there are
// too many.
func (g *blockBuilder) learn(value []byte) (knownLabel, bool) {
	id, ok := g.index.names.id(value)
	if !ok {
		return knownLabel{}, false
	}
	label := knownLabel{id, g.wanted(value)}
	g.labels[string(value)] = label
	if !label.wanted {
		g.short.add(value, id)
	}
	return label, true
}

// noteKeyless notes a row without the column.
func (g *blockBuilder) noteKeyless(offset int64) { g.to.keyless = append(g.to.keyless, offset) }

// noteBroken notes a row that has the key and cannot be used.
func (g *blockBuilder) noteBroken(offset int64) { g.to.broken = append(g.to.broken, offset) }

func (g *blockBuilder) finish() {
	if g.to != nil {
		g.to.last = append(g.to.last[:0], g.photo...)
	}
}

// isPlain reports whether the columns of value and key are where the official
// lists have them.
func isPlain(value, key int) bool { return value == 2 && key == 0 }

const (
	idSize    = 16              // of the official ids
	labelFrom = idSize + 1 + 16 // where the label begins at the latest: after the id, a comma, and 16 bytes with the second
	lookBack  = labelFrom + 16  // bytes that plain loads of a row
)

// plain is table.plain for the official lists, whose rows begin with an id of
// 16 digits, a short field and a short label, and most of which nobody wants. A
// row that is otherwise is left to the table.
func (g *blockBuilder) plain(t *csvReader, block []byte, v *rowHandler) error {
	here := Position{t.line, t.at()}
	to := g.to
	var high, low uint64 // the last row's photo, if known
	known := false
	for len(block) > 0 {
		nl := bytes.IndexByte(block, '\n')
		label, after, ok := uint32(0), 0, false
		var a, b uint64
		if nl >= labelFrom && len(block) >= lookBack && block[idSize] == ',' {
			a, b = binary.BigEndian.Uint64(block), binary.BigEndian.Uint64(block[8:])
			if known && a == high && b == low || !hasComma(a) && !hasComma(b) {
				label, after, ok = g.short.find((*[lookBack]byte)(block))
			}
		}
		switch {
		case !ok:
			g.text = bytes.TrimSuffix(block[:nl], []byte{'\r'})
			err := t.one(block[:nl], here, v)
			g.text = nil
			if err != nil {
				return err
			}
			known = false
		case known && a == high && b == low:
			to.rows = append(to.rows, uint64(here.Offset-to.base)<<32|uint64(label))
		default:
			g.note(label, block[:idSize], here.Offset)
			high, low, known = a, b, true
		}
		if ok {
			end := nl
			if block[nl-1] == '\r' {
				end--
			}
			g.notePacked(block[after:end], true)
		}
		block = block[nl+1:]
		here.Line++
		here.Offset += int64(nl) + 1
	}
	t.line = here.Line
	return nil
}

// plainKeys is plain for image lists, whose rows begin with the id, and are
// wanted only to see whether they are sound.
func (g *blockBuilder) plainKeys(t *csvReader, block []byte, v *rowHandler) error {
	here := Position{t.line, t.at()}
	for len(block) > 0 {
		nl := bytes.IndexByte(block, '\n')
		photo, ok := uint64(0), false
		if nl > idSize && block[idSize] == ',' && g.sound != nil && g.sound(bytes.TrimSuffix(block[:nl], []byte{'\r'})) {
			photo, ok = Hex16(block[:idSize])
		}
		if !ok {
			if err := t.one(block[:nl], here, v); err != nil {
				return err
			}
		} else {
			g.to.keys = append(g.to.keys, keyEntry{hashKey(photo), here.Offset})
		}
		block = block[nl+1:]
		here.Line++
		here.Offset += int64(nl) + 1
	}
	t.line = here.Line
	return nil
}

const everyByte = 0x0101010101010101

// bitsOf has the highest bit set of the first byte of word that is c, counted
// from the lowest, and perhaps of later ones.
func bitsOf(c byte, word uint64) uint64 {
	word ^= uint64(c) * everyByte
	return (word - everyByte) &^ word & (0x80 * everyByte)
}

func commaBits(word uint64) uint64 { return bitsOf(',', word) }

func hasComma(word uint64) bool { return commaBits(word) != 0 }

// A labelTable finds the labels of up to 15 bytes.
type labelTable struct {
	slots []shortLabel // 1<<bits
	bits  uint
	count int
}

// A shortLabel is a label with the comma after it, then zeros. The first word
// is not zero, as that of an empty slot is.
type shortLabel struct {
	first, second uint64
	id            uint32
}

// slot returns where a label's slot is sought first, of 1<<bits: the product's
// highest bits depend on all of the label.
func (l *shortLabel) slot(bits uint) uint64 {
	return (l.first ^ l.second*0xc2b2ae3d27d4eb4f) * 0x9e3779b97f4a7c15 >> (64 - bits)
}

// find returns the number of the label in the third field of a row whose first
// has idSize bytes, and where in the row what follows its comma begins. ok is
// false if that is not easily found.
//
// Fields are of 6 to 9 bytes at random, so that this does not branch on where
// they end.
func (t *labelTable) find(row *[lookBack]byte) (id uint32, after int, ok bool) {
	const source = idSize + 1
	m := commaBits(binary.LittleEndian.Uint64(row[source:]))
	m2 := commaBits(binary.LittleEndian.Uint64(row[source+8:]))
	at := bits.TrailingZeros64(m) / 8 // 8 if there is no comma
	at += bits.TrailingZeros64(m2) / 8 & -(at / 8)
	if at == 16 || len(t.slots) == 0 {
		return 0, 0, false
	}
	at += source + 1
	// A mask has ones for the bytes up to the first comma.
	first, second := binary.LittleEndian.Uint64(row[at:]), binary.LittleEndian.Uint64(row[at+8:])
	m, m2 = commaBits(first), commaBits(second)
	ended := uint64(int64(m|-m) >> 63) // ones if the label ends in its first 8 bytes
	label := shortLabel{first: first & (m ^ (m - 1)), second: second & (m2 ^ (m2 - 1)) &^ ended}
	size := bits.TrailingZeros64(m) / 8
	size += bits.TrailingZeros64(m2) / 8 & -(size / 8)
	last := uint64(len(t.slots) - 1)
	for i := label.slot(t.bits); ; i = (i + 1) & last {
		switch s := &t.slots[i]; {
		case s.first == label.first && s.second == label.second:
			return s.id, at + size + 1, s.first != 0
		case s.first == 0:
			return 0, 0, false
		}
	}
}

// add takes in a label, if it is short enough and stands in one line.
func (t *labelTable) add(label []byte, id uint32) {
	var text [16]byte
	if len(label) >= len(text) || bytes.IndexByte(label, '\n') >= 0 {
		return // of a label in quotes, the second line may look like a row's
	}
	text[copy(text[:], label)] = ','
	short := shortLabel{first: binary.LittleEndian.Uint64(text[:]), second: binary.LittleEndian.Uint64(text[8:]), id: id}
	if short.first == 0 {
		return
	}
	if 2*t.count >= len(t.slots) {
		old := t.slots
		t.bits = max(t.bits+1, 6)
		t.slots = make([]shortLabel, 1<<t.bits)
		for _, s := range old {
			if s.first != 0 {
				t.put(s)
			}
		}
	}
	t.count++
	t.put(short)
}

func (t *labelTable) put(label shortLabel) {
	last := uint64(len(t.slots) - 1)
	i := label.slot(t.bits)
	for t.slots[i].first != 0 {
		i = (i + 1) & last
	}
	t.slots[i] = label
}

// An internTable numbers labels.
type internTable struct {
	mu    sync.Mutex
	ids   map[string]uint32
	names []string
}

func (r *internTable) id(name []byte) (uint32, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if id, ok := r.ids[string(name)]; ok {
		return id, true
	}
	if len(r.names) == maxLabels || len(name) > MaxRow/16 {
		return 0, false
	}
	id := uint32(len(r.names))
	r.ids[string(name)] = id
	r.names = append(r.names, string(name))
	return id, true
}
