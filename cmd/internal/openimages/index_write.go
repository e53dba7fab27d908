package openimages

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/binary"
	"errors"
	"io"
	"slices"
	"strings"
	"sync"
)

const (
	// maxLabels bounds the labels of a list that gets an index. The most in an
	// official one are 20,931.
	maxLabels = 32 << 10
	// chunkSize is the size of a chunk, in bytes; smaller in a list with many
	// labels, each of which has one in memory.
	chunkSize      = 4 << 10
	smallChunkSize = 1 << 10
	manyLabels     = 4 << 10
)

// maxLost bounds the rows without the column of a list that gets an index.
const maxLost = 1 << 20

var errUnfit = errors.New("the list is not fit for an index")

// An indexWriter makes an index in a pass over the CSV file. Its errors wait for
// finish, for a pass goes on without an index.
type indexWriter struct {
	kind indexKind
	w    *bufio.Writer
	at   int64 // in w
	err  error

	names  registry
	labels []labelState
	photos int64  // so far, one for each change of the id
	last   []byte // the last row's photo
	sorted bool   // photos do not come again

	keys     []photoPlace
	segments []segmentRef

	lost  []int64 // rows without the column
	marks []lineMark
	rows  int64
}

type labelState struct {
	rows, photos int64
	photo        int64 // the last row's
	last         int64 // where it is
	open         chunkRef
	pending      []byte // the differences of the open chunk
	chunks       []chunkRef
}

// A photoPlace is a row of an image list.
type photoPlace struct {
	hash   uint64
	offset int64
}

func newIndexWriter(w io.Writer, kind indexKind) *indexWriter {
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

// Gleanings are what the index needs of a block.
type gleanings struct {
	base        int64        // what the offsets are relative to
	rows        []uint64     // offset<<32 | begins a photo<<31 | label, of an index of labels
	keys        []photoPlace // of an index of photos
	lost        []int64
	first, last []byte // photos
	sorted      bool
	unfit       bool
}

// A gleaner collects them.
type gleaner struct {
	index  *indexWriter
	labels labelTable
	wanted func([]byte) bool
	to     *gleanings
	photo  []byte // of the last row
}

func (x *indexWriter) gleaner(wanted func([]byte) bool) gleaner {
	return gleaner{index: x, wanted: wanted}
}

func (g *gleaner) reset(to *gleanings, base int64) {
	to.base = base
	to.rows, to.keys, to.lost = to.rows[:0], to.keys[:0], to.lost[:0]
	to.first, to.sorted, to.unfit = to.first[:0], true, false
	g.to, g.photo = to, g.photo[:0]
}

const newPhoto = 1 << 31

// want notes a row, and reports whether it is wanted.
func (g *gleaner) want(value, id []byte, offset int64) bool {
	to := g.to
	if g.index.kind == photoIndex {
		to.keys = append(to.keys, photoPlace{photoHash(photoKey(value)), offset})
		return g.wanted(value)
	}
	label := g.labels.get(value)
	if label == nil {
		if label = g.learn(value); label == nil {
			to.unfit = true
			return g.wanted(value)
		}
	}
	entry := uint64(offset-to.base)<<32 | uint64(label.id)
	if !bytes.Equal(id, g.photo) || len(to.rows) == 0 {
		if len(to.rows) == 0 {
			to.first = append(to.first, id...)
		} else if bytes.Compare(id, g.photo) < 0 {
			to.sorted = false
		}
		g.photo = append(g.photo[:0], id...)
		entry |= newPhoto
	}
	to.rows = append(to.rows, entry)
	return label.wanted
}

// learn takes in a label that this gleaner has not met, or returns nil if there
// are too many.
func (g *gleaner) learn(value []byte) *knownLabel {
	id, ok := g.index.names.id(value)
	if !ok {
		return nil
	}
	return g.labels.add(knownLabel{name: string(value), id: id, wanted: g.wanted(value)})
}

// noteLost notes a row without the column.
func (g *gleaner) noteLost(offset int64) { g.to.lost = append(g.to.lost, offset) }

func (g *gleaner) finish() {
	if g.to != nil {
		g.to.last = append(g.to.last[:0], g.photo...)
	}
}

// A registry numbers labels.
type registry struct {
	mu    sync.Mutex
	ids   map[string]uint32
	names []string
}

func (r *registry) id(name []byte) (uint32, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if id, ok := r.ids[string(name)]; ok {
		return id, true
	}
	if len(r.names) == maxLabels || len(name) > maxRow/16 {
		return 0, false
	}
	id := uint32(len(r.names))
	r.ids[string(name)] = id
	r.names = append(r.names, string(name))
	return id, true
}

// A labelTable finds labels faster than a map.
type labelTable struct {
	slots []*knownLabel
	count int
}

type knownLabel struct {
	name   string
	id     uint32
	wanted bool
}

// hash mixes the last 8 bytes, in which labels differ most.
func (t *labelTable) slot(name []byte) int {
	var word uint64
	if n := len(name); n >= 8 {
		word = binary.LittleEndian.Uint64(name[n-8:])
	} else {
		for _, b := range name {
			word = word<<8 | uint64(b)
		}
	}
	return int((word * 0x9e3779b97f4a7c15) >> 32 & uint64(len(t.slots)-1))
}

func (t *labelTable) get(name []byte) *knownLabel {
	if len(t.slots) == 0 {
		return nil
	}
	for i := t.slot(name); ; i = (i + 1) & (len(t.slots) - 1) {
		switch s := t.slots[i]; {
		case s == nil:
			return nil
		case s.name == string(name):
			return s
		}
	}
}

func (t *labelTable) add(label knownLabel) *knownLabel {
	if 4*t.count >= len(t.slots) {
		old := t.slots
		t.slots = make([]*knownLabel, max(1024, 2*len(old)))
		for _, s := range old {
			if s != nil {
				t.put(s)
			}
		}
	}
	t.count++
	t.put(&label)
	return &label
}

func (t *labelTable) put(label *knownLabel) {
	i := t.slot([]byte(label.name))
	for t.slots[i] != nil {
		i = (i + 1) & (len(t.slots) - 1)
	}
	t.slots[i] = label
}

// add takes in the gleanings of the next block, which begins at an offset and
// line.
func (x *indexWriter) add(at, line int64, g *gleanings) {
	x.marks = append(x.marks, lineMark{at, line})
	x.lost = append(x.lost, g.lost...)
	if g.unfit || len(x.lost) > maxLost {
		x.err = errUnfit
	}
	if x.err != nil {
		return
	}
	if x.kind == photoIndex {
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
	for i, row := range g.rows {
		if row&newPhoto != 0 && !(i == 0 && same) {
			x.photos++
		}
		id := int(row & (newPhoto - 1))
		if id >= len(x.labels) {
			x.labels = append(x.labels, make([]labelState, id+1-len(x.labels))...)
		}
		x.addRow(&x.labels[id], g.base+int64(row>>32))
	}
}

func (x *indexWriter) addRow(l *labelState, offset int64) {
	l.rows++
	if l.photo != x.photos {
		l.photo = x.photos
		l.photos++
	}
	if l.open.rows == 0 {
		l.open.first = offset
	} else {
		l.pending = binary.AppendUvarint(l.pending, uint64(offset-l.last))
	}
	l.last = offset
	l.open.rows++
	if len(l.pending) < smallChunkSize {
		return
	}
	if len(l.pending) >= chunkSize || len(x.labels) > manyLabels {
		x.closeChunk(l)
	}
}

func (x *indexWriter) closeChunk(l *labelState) {
	if l.open.rows == 0 {
		return
	}
	l.open.at, l.open.size, l.open.sum = x.at, len(l.pending), checksum(l.pending)
	x.write(l.pending)
	l.chunks = append(l.chunks, l.open)
	l.open, l.pending = chunkRef{}, l.pending[:0]
}

func (x *indexWriter) addPhotos(keys []photoPlace) {
	x.rows += int64(len(keys))
	for len(keys) > 0 {
		n := min(segmentRows-len(x.keys), len(keys))
		x.keys = append(x.keys, keys[:n]...)
		keys = keys[n:]
		if len(x.keys) == segmentRows {
			x.closeSegment()
		}
	}
}

// closeSegment sorts the rows into buckets and writes them.
func (x *indexWriter) closeSegment() {
	n := len(x.keys)
	if n == 0 {
		return
	}
	bits := bucketBits(n)
	ends := make([]int, 1<<bits)
	for _, k := range x.keys {
		bucket, _ := splitHash(k.hash, bits)
		ends[bucket]++
	}
	for i, sum := 0, 0; i < len(ends); i++ {
		ends[i], sum = sum, sum+ends[i]
	}
	entries := make([]uint64, n)
	for _, k := range x.keys {
		bucket, print := splitHash(k.hash, bits)
		if k.offset >= 1<<offsetBits {
			x.err = errUnfit
			return
		}
		entries[ends[bucket]] = print<<offsetBits | uint64(k.offset)
		ends[bucket]++
	}
	table := make([]byte, 0, 8<<bits)
	var data []byte
	begin := 0
	for _, end := range ends {
		slices.Sort(entries[begin:end])
		data = data[:0]
		for _, e := range entries[begin:end] {
			data = binary.LittleEndian.AppendUint64(data, e)
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

// finish writes the directory of a file with this stamp.
func (x *indexWriter) finish(s stamp) error {
	if x.kind == photoIndex {
		x.closeSegment()
	}
	order := make([]int, len(x.labels))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return strings.Compare(x.names.names[a], x.names.names[b]) })
	for _, i := range order {
		x.closeChunk(&x.labels[i])
	}
	var e encoder
	for _, n := range []int64{s.size, s.time, int64(s.sample), x.rows, flag(x.sorted)} {
		e.int(n)
	}
	e.int(int64(len(x.marks)))
	var last lineMark
	for _, m := range x.marks {
		e.int(m.offset - last.offset)
		e.int(m.line - last.line)
		last = m
	}
	e.int(int64(len(x.lost)))
	for i, offset := range x.lost {
		if i > 0 {
			offset -= x.lost[i-1]
		}
		e.int(offset)
	}
	e.int(int64(len(x.segments)))
	for _, g := range x.segments {
		e.int(g.at)
		e.int(int64(g.rows))
		e.int(int64(g.sum))
	}
	e.int(int64(len(order)))
	for _, i := range order {
		x.labels[i].append(&e, x.names.names[i])
	}
	at := x.at
	x.write(e.buf)
	foot := binary.LittleEndian.AppendUint64(nil, uint64(at))
	foot = binary.LittleEndian.AppendUint32(foot, uint32(len(e.buf)))
	foot = binary.LittleEndian.AppendUint32(foot, checksum(e.buf))
	foot = binary.LittleEndian.AppendUint32(foot, checksum(slices.Concat(indexHeader(x.kind), foot)))
	x.write(append(foot, indexMagic...))
	if len(e.buf) > maxDirectory {
		return errUnfit
	}
	return cmp.Or(x.err, x.w.Flush())
}

func (l *labelState) append(e *encoder, name string) {
	e.text(name)
	e.int(l.rows)
	e.int(l.photos)
	e.int(int64(len(l.chunks)))
	for _, c := range l.chunks {
		e.int(c.at)
		e.int(int64(c.size))
		e.int(c.rows)
		e.int(c.first)
		e.int(int64(c.sum))
	}
}

func flag(b bool) int64 {
	if b {
		return 1
	}
	return 0
}
