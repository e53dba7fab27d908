package csvscan

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/binary"
	"errors"
	"io"
	"math/bits"
	"slices"
	"strings"
)

const (
	// maxLabels bounds the labels of a list that gets an index. The most in
	// an official one are 20,931.
	maxLabels = 32 << 10
	// chunkSize is the size of a chunk, in bytes. Each label has one in
	// memory.
	chunkSize = 1 << 10
)

// maxKeyless bounds the rows without the column of a list that gets an index.
const maxKeyless = 1 << 20

// maxBroken bounds the broken rows that an index of keys names. With more, all
// rows are to be read before they are taken to be sound.
const maxBroken = 1 << 16

var errNotIndexable = errors.New("the list is not fit for an index")

// An indexWriter makes an index in a scan of the CSV file. Its errors wait for
// finish, for a scan goes on without an index.
type indexWriter struct {
	kind  Kind
	form  string // of the packed rows, "" if there are none
	packs bool   // whether there are; set before the first row
	w     *bufio.Writer
	at    int64 // in w
	err   error

	names  internTable
	labels []labelState
	open   []openChunk // of each label
	rooms  [][]byte    // of the open chunks: roomLabels of them each
	photos uint32      // so far, one for each change of the id
	last   []byte      // the last row's photo
	sorted bool        // photos do not come again
	table  []byte      // the photos of the open segment of their table
	tables []photoRef  // the others

	keys     []keyEntry
	segments []segmentRef
	inexact  bool    // a key is not told from all others by its hash
	broken   []int64 // rows that have the key and cannot be used

	keyless []int64 // rows without the column
	marks   []lineMark
	rows    int64
}

type labelState struct {
	rows, photos int64 // of the chunks
	first        int64 // row of the open chunk
	unpacked     int64 // rows
	chunks       []chunkRef
}

// An openChunk is the part of a label's state that each of its rows touches. It
// is small, so that those of all labels fit the fastest cache.
type openChunk struct {
	last         int64  // row
	photo        uint32 // of the last row, ever
	rows, photos uint32
	size         uint32 // in its room
	before       uint32 // photo of the last row, 0 at the begin of a chunk
}

// A keyEntry is a row of an image list.
type keyEntry struct {
	hash   uint64
	offset int64
}

func newIndexWriter(w io.Writer, kind Kind) *indexWriter {
	x := &indexWriter{kind: kind, w: bufio.NewWriterSize(w, 256<<10), sorted: true}
	x.names.ids = map[string]uint32{}
	x.write(indexHeader(kind))
	return x
}

func (x *indexWriter) write(data []byte) {
	if x.err == nil {
		_, x.err = x.w.Write(data)
	}
	x.at += int64(len(data))
}

// add takes in the blockEntries of the next block, which begins at an offset
// and line.
func (x *indexWriter) add(at, line int64, g *blockEntries) {
	x.marks = append(x.marks, lineMark{at, line})
	x.keyless = append(x.keyless, g.keyless...)
	if x.inexact = x.inexact || g.inexact; len(x.broken) <= maxBroken {
		x.broken = append(x.broken, g.broken...)
	}
	if g.notIndexable || len(x.keyless) > maxKeyless {
		x.err = errNotIndexable
	}
	if x.err != nil {
		return
	}
	if x.kind == ByKey {
		x.addPhotos(g.keys)
		return
	}
	if len(g.rows) == 0 {
		return
	}
	same := x.rows > 0 && bytes.Equal(g.first, x.last)
	if x.rows > 0 && bytes.Compare(g.first, x.last) < 0 || !g.sorted {
		x.sorted = false
	}
	x.last = append(x.last[:0], g.last...)
	x.rows += int64(len(g.rows))
	photo := x.photos
	if photos := g.photos; len(photos) > 0 {
		if same {
			photos = photos[1:]
		}
		x.addTable(photos)
	}
	for i, row := range g.rows {
		if row&newKey != 0 && !(i == 0 && same) {
			photo++
		}
		label, offset := int(row&(newKey-1)), g.base+int64(row>>32)
		if label >= len(x.open) {
			x.grow(label + 1)
		}
		l := &x.open[label]
		if l.photo != photo {
			l.photo = photo
			l.photos++
		}
		delta := uint64(offset - l.last)
		l.last = offset
		if l.rows++; l.rows == 1 {
			x.labels[label].first = offset
			if !x.packs {
				continue
			}
			delta = 0
		}
		room := x.room(label)
		l.size += uint32(putUvarint(room[l.size:], delta))
		if x.packs {
			if delta := photo - l.before; delta < 0x80 { // as of most rows
				room[l.size] = byte(delta)
				l.size++
			} else {
				l.size += uint32(putUvarint(room[l.size:], uint64(delta)))
			}
			l.before = photo
			p := &g.packed[i]
			if *(*Packed)(room[l.size:]) = *p; p[PackedSize-1] == noFlags {
				x.labels[label].unpacked++
			}
			l.size += PackedSize
		}
		if l.size >= chunkSize {
			x.closeChunk(label)
		}
	}
	x.photos = photo
}

const (
	// chunkRoom is what an open chunk has: no difference takes more than
	// the room after chunkSize.
	chunkRoom  = chunkSize + 64
	roomLabels = 256
)

// room returns where the label's open chunk is.
func (x *indexWriter) room(label int) []byte {
	return x.rooms[label/roomLabels][label%roomLabels*chunkRoom:][:chunkRoom]
}

// addTable takes in the keys of the next photos.
func (x *indexWriter) addTable(photos []uint64) {
	for _, key := range photos {
		x.table = binary.LittleEndian.AppendUint64(x.table, key)
		if len(x.table) == 8*tablePhotos {
			x.closeTable()
		}
	}
}

// closeTable writes the open segment of the table of photos.
func (x *indexWriter) closeTable() {
	if len(x.table) == 0 {
		return
	}
	x.tables = append(x.tables, photoRef{x.at, checksum(x.table)})
	x.write(x.table)
	x.table = x.table[:0]
}

// grow makes room for more labels.
func (x *indexWriter) grow(labels int) {
	more := labels - len(x.open)
	x.open = append(x.open, make([]openChunk, more)...)
	x.labels = append(x.labels, make([]labelState, more)...)
	for len(x.rooms)*roomLabels < labels {
		x.rooms = append(x.rooms, make([]byte, roomLabels*chunkRoom))
	}
}

// putUvarint is binary.PutUvarint without branches for up to 4 bytes, which
// come in random order. It needs room for binary.MaxVarintLen64.
func putUvarint(to []byte, v uint64) int {
	if v >= 1<<28 {
		return binary.PutUvarint(to, v)
	}
	size := (bits.Len64(v|1) + 6) / 7
	spread := v&0x7f | v&0x3f80<<1 | v&0x1fc000<<2 | v&0xfe00000<<3
	binary.LittleEndian.PutUint64(to, spread|0x80808080&(1<<(8*size-8)-1))
	return size
}

func (x *indexWriter) closeChunk(label int) {
	l := &x.open[label]
	if l.rows == 0 {
		return
	}
	data := x.room(label)[:l.size]
	state := &x.labels[label]
	state.rows += int64(l.rows)
	state.photos += int64(l.photos)
	state.chunks = append(state.chunks, chunkRef{x.at, len(data), int64(l.rows), state.first, checksum(data)})
	x.write(data)
	l.rows, l.photos, l.size, l.before = 0, 0, 0, 0
}

func (x *indexWriter) addPhotos(keys []keyEntry) {
	x.rows += int64(len(keys))
	const few = 1 << 12
	if n := len(x.keys) + len(keys); n > few && cap(x.keys) < segmentRows {
		x.keys = append(make([]keyEntry, 0, segmentRows), x.keys...) // what is not used takes no memory
	}
	for len(keys) > 0 {
		n := min(segmentRows-len(x.keys), len(keys))
		x.keys = append(x.keys, keys[:n]...)
		keys = keys[n:]
		if len(x.keys) == segmentRows {
			x.closeSegment()
		}
	}
}

// closeSegment distributes the rows among buckets and writes them.
func (x *indexWriter) closeSegment() {
	n := len(x.keys)
	if n == 0 {
		return
	}
	bits := bucketBits(n)
	next, ends := make([]int32, 1<<bits), make([]int32, 1<<bits)
	for _, k := range x.keys {
		ends[bucketOf(k.hash, bits)]++
		if k.offset >= 1<<(8*offsetBytes) {
			x.err = errNotIndexable
			return
		}
	}
	for i, sum := 0, int32(0); i < len(ends); i++ {
		next[i], sum = sum, sum+ends[i]
		ends[i] = sum
	}
	// In place: each exchange brings a row into its bucket.
	for i := range ends {
		for next[i] < ends[i] {
			k := &x.keys[next[i]]
			bucket := bucketOf(k.hash, bits)
			if bucket != i {
				to := &x.keys[next[bucket]]
				*k, *to = *to, *k
			}
			next[bucket]++
		}
	}
	table := make([]byte, 0, 8<<bits)
	var data []byte
	begin := int32(0)
	for _, end := range ends {
		data = data[:0]
		for _, e := range x.keys[begin:end] {
			data = binary.LittleEndian.AppendUint64(data, e.hash)
		}
		for _, e := range x.keys[begin:end] {
			data = binary.LittleEndian.AppendUint64(data, uint64(e.offset))
			data = data[:len(data)-8+offsetBytes]
		}
		x.write(data)
		table = binary.LittleEndian.AppendUint32(table, uint32(end-begin))
		table = binary.LittleEndian.AppendUint32(table, checksum(data))
		begin = end
	}
	x.segments = append(x.segments, segmentRef{x.at, n, checksum(table)})
	x.write(table)
	x.keys = x.keys[:0]
}

// finish writes the directory of a file with this fingerprint.
func (x *indexWriter) finish(s fingerprint) error {
	if x.kind == ByKey {
		x.closeSegment()
	}
	x.closeTable()
	order := make([]int, len(x.labels))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return strings.Compare(x.names.names[a], x.names.names[b]) })
	for _, i := range order {
		x.closeChunk(i)
	}
	refs := make([]labelRef, 0, len(order))
	for _, i := range order {
		refs = append(refs, x.writeChunks(x.names.names[i], &x.labels[i]))
	}
	directory := x.directory(s, refs)
	at := x.at
	x.write(directory)
	x.write(indexFooter(x.kind, at, directory))
	if len(directory) > maxDirectory {
		return errNotIndexable
	}
	return cmp.Or(x.err, x.w.Flush())
}

// indexFooter is the foot of an index, of which the directory begins at an
// offset.
func indexFooter(kind Kind, at int64, directory []byte) []byte {
	foot := binary.LittleEndian.AppendUint64(nil, uint64(at))
	foot = binary.LittleEndian.AppendUint32(foot, uint32(len(directory)))
	foot = binary.LittleEndian.AppendUint32(foot, checksum(directory))
	foot = binary.LittleEndian.AppendUint32(foot, checksum(slices.Concat(indexHeader(kind), foot)))
	return append(foot, indexMagic...)
}

// writeChunks writes the list of a label's chunks.
func (x *indexWriter) writeChunks(name string, l *labelState) labelRef {
	var e Encoder
	for _, c := range l.chunks {
		for _, n := range []int64{c.at, int64(c.size), c.rows, c.first, int64(c.sum)} {
			e.Int(n)
		}
	}
	ref := labelRef{name: name, rows: l.rows, photos: l.photos, unpacked: l.unpacked, chunks: len(l.chunks), at: x.at, size: len(e.Buf), sum: checksum(e.Buf)}
	x.write(e.Buf)
	return ref
}

func (x *indexWriter) directory(s fingerprint, labels []labelRef) []byte {
	var e Encoder
	ints := func(numbers ...int64) {
		for _, n := range numbers {
			e.Int(n)
		}
	}
	ints(s.size, s.time, s.changed, int64(s.sample), x.rows, flag(x.sorted))
	ints(int64(len(x.marks)))
	var last lineMark
	for _, m := range x.marks {
		ints(m.offset-last.offset, m.line-last.line)
		last = m
	}
	ints(int64(len(x.keyless)))
	before := int64(0)
	for _, offset := range x.keyless {
		ints(offset - before)
		before = offset
	}
	exact := !x.inexact && len(x.broken) <= maxBroken
	if !exact {
		x.broken = nil
	}
	ints(flag(exact), int64(len(x.broken)))
	before = 0
	for _, offset := range x.broken {
		ints(offset - before)
		before = offset
	}
	ints(int64(len(x.segments)))
	for _, g := range x.segments {
		ints(g.at, int64(g.rows), int64(g.sum))
	}
	e.Text(x.form)
	ints(int64(x.photos), int64(len(x.tables)))
	for _, t := range x.tables {
		ints(t.at, int64(t.sum))
	}
	ints(int64(len(labels)))
	for _, l := range labels {
		e.Text(l.name)
		ints(l.rows, l.photos, l.unpacked, int64(l.chunks), l.at, int64(l.size), int64(l.sum))
	}
	return e.Buf
}

func flag(b bool) int64 {
	if b {
		return 1
	}
	return 0
}
