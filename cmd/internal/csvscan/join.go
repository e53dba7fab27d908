package csvscan

import (
	"cmp"
	"encoding/binary"
	"io"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
)

// A join is a file next to the index of a CSV file that keeps its rows packed:
// NAME.oi-join. It says of each key in the index's table of keys where its row
// is in another CSV file, which has an index of keys, so that rows are found by
// a number, without a search. It is never needed: what cannot be believed is
// ignored, and made again.
//
//	file = head entry… directory foot
//
// Head and foot are those of an index, of the kind joined. An entry is 5 bytes
// of an offset, or 0 where the index of keys does not say that one row alone
// has the key, and that it is sound. The directory holds the fingerprints of
// both files, the number of keys, and the checksums of the entries by segments
// of tablePhotos.

// JoinEnding is what the name of a join ends with.
const JoinEnding = ".oi-join"

const joined Kind = 3

// A join is open. While it is, it may be asked by one goroutine at a time.
type join struct {
	file     *os.File
	keys     int64
	sums     []uint32 // of the segments
	segment  int      // the one that data holds, -1 for none
	data     []byte
	numbered fingerprint // of the file with the table of keys
	found    fingerprint // of the file with the rows
}

// joinDirectory is the directory of a join.
func (j *join) directory() []byte {
	var e Encoder
	for _, s := range []fingerprint{j.numbered, j.found} {
		for _, n := range []int64{s.size, s.time, s.changed, int64(s.sample)} {
			e.Int(n)
		}
	}
	e.Int(j.keys)
	e.Int(int64(len(j.sums)))
	for _, sum := range j.sums {
		e.Int(int64(sum))
	}
	return e.Buf
}

// readJoin reads the directory of a join of this size.
func readJoin(r io.ReaderAt, size int64) (*join, error) {
	directory, end, err := readDirectory(r, size, joined)
	if err != nil {
		return nil, err
	}
	d := Decoder{Buf: directory}
	print := func() fingerprint { return fingerprint{d.Int(), d.Int(), d.Int(), uint32(d.Int())} }
	j := &join{numbered: print(), found: print(), keys: d.Int(), segment: -1}
	for range d.count(1) {
		j.sums = append(j.sums, uint32(d.Int()))
	}
	if d.Bad || len(d.Buf) > 0 || j.keys < 0 || end != indexHead+offsetBytes*j.keys ||
		int64(len(j.sums)) != (j.keys+tablePhotos-1)/tablePhotos {
		return nil, ErrDamaged
	}
	return j, nil
}

// offset returns where the row of a key is, by the key's number from 1, or 0
// where the join does not say it.
func (j *join) offset(number uint32) (int64, error) {
	i := int64(number) - 1
	if i >= j.keys {
		return 0, ErrDamaged
	}
	if segment := int(i / tablePhotos); segment != j.segment {
		j.segment = -1
		from := int64(segment) * tablePhotos
		n := offsetBytes * int(min(tablePhotos, j.keys-from))
		// Eight bytes are loaded of the last entry too.
		j.data = slices.Grow(j.data[:0], n+8)[:n]
		if err := readFull(j.file, j.data, indexHead+offsetBytes*from); err != nil {
			return 0, err
		}
		if checksum(j.data) != j.sums[segment] {
			return 0, ErrDamaged
		}
		j.segment = segment
	}
	at := offsetBytes * (i % tablePhotos)
	const mask = 1<<(8*offsetBytes) - 1
	return int64(binary.LittleEndian.Uint64(j.data[at:at+8:cap(j.data)]) & mask), nil
}

// joinPlaces returns where the join of a file with these fingerprints may be.
func (f *File) joinPlaces(now fingerprint) (names []string) {
	for _, name := range f.places(now) {
		names = append(names, strings.TrimSuffix(name, IndexEnding)+JoinEnding)
	}
	return names
}

// openJoin returns the join of two files with these fingerprints, or nil.
func (f *File) openJoin(numbered, found fingerprint) *join {
	for _, name := range f.joinPlaces(numbered) {
		file, size := openRegular(name)
		if file == nil {
			continue
		}
		j, err := readJoin(file, size)
		if err == nil && j.numbered == numbered && j.found == found {
			j.file = file
			return j
		}
		_ = file.Close() // read only
	}
	return nil
}

// Join lets the lookup find rows by the numbers that the index of another file
// gives the keys, where that keeps rows packed; see [PackedRow]. What it needs
// is read, or made and kept where that can be. It is called before the lookup
// is used.
func (d *Lookup[T]) Join(numbered *File) {
	x := numbered.index(ByValue)
	if x == nil || x.form == "" || d.index.file == nil || !d.index.exact || d.join != nil {
		return
	}
	d.join = numbered.openJoin(x.fingerprint, d.index.fingerprint)
	if d.join == nil && d.makeJoin(numbered, x) == nil {
		d.join = numbered.openJoin(x.fingerprint, d.index.fingerprint)
	}
}

// makeJoin makes the join and keeps it where that can be.
func (d *Lookup[T]) makeJoin(numbered *File, x *openedIndex) error {
	to := &indexTarget{places: numbered.joinPlaces(x.fingerprint)}
	if to.next(); to.file == nil {
		return nil
	}
	j := &join{keys: x.photos, numbered: x.fingerprint, found: d.index.fingerprint}
	err := d.writeJoin(j, x.Index, to)
	if err == nil && (!isStill(numbered, j.numbered) || !isStill(d.file, j.found)) {
		err = ErrStale
	}
	if err != nil {
		to.drop()
		return err
	}
	numbered.sweepSpare(to.keep(), JoinEnding)
	return nil
}

func isStill(f *File, was fingerprint) bool {
	now, err := fingerprintOf(f.File)
	return err == nil && now == was
}

// joinSegments is how many segments of the table of keys are joined at once:
// the index of keys is read once for them.
const joinSegments = 32

// writeJoin writes a join.
func (d *Lookup[T]) writeJoin(j *join, x *Index, w io.Writer) error {
	tables, err := d.tables()
	if err != nil {
		return err
	}
	if _, err := w.Write(indexHeader(joined)); err != nil {
		return err
	}
	type piece struct {
		entries []byte
		sums    []uint32
		err     error
	}
	workers := min(runtime.GOMAXPROCS(0), scanWorkers)
	for from := 0; from < len(x.tables); {
		pieces := make([]piece, workers)
		var running sync.WaitGroup
		for i := 0; i < workers && from < len(x.tables); i++ {
			to := min(from+joinSegments, len(x.tables))
			segments := x.tables[from:to]
			first := int64(from) * tablePhotos
			running.Go(func() {
				p := &pieces[i]
				p.entries, p.sums, p.err = d.joinEntries(tables, x, segments, first)
			})
			from = to
		}
		running.Wait()
		for _, p := range pieces {
			if p.err != nil {
				return p.err
			}
			j.sums = append(j.sums, p.sums...)
			if _, err := w.Write(p.entries); err != nil {
				return err
			}
		}
	}
	directory := j.directory()
	_, err = w.Write(append(directory, indexFooter(joined, indexHead+offsetBytes*j.keys, directory)...))
	return err
}

// joinEntries returns the entries of the keys in some segments of the table of
// keys, of which the first has a number, and their checksums.
func (d *Lookup[T]) joinEntries(tables keyTables, x *Index, segments []photoRef, first int64) (entries []byte, sums []uint32, err error) {
	n := int(min(int64(len(segments))*tablePhotos, x.photos-first))
	wanted := make([]keyHash, 0, n)
	var keys []byte
	for _, ref := range segments {
		if keys, err = x.part(keys, ref.at, 8*min(tablePhotos, n-len(wanted)), ref.sum); err != nil {
			return nil, nil, err
		}
		for ; len(keys) > 0; keys = keys[8:] {
			wanted = append(wanted, keyHash{hashKey(binary.LittleEndian.Uint64(keys)), int32(len(wanted))})
		}
	}
	slices.SortFunc(wanted, func(a, b keyHash) int { return cmp.Compare(a.hash, b.hash) })
	places, err := d.index.places(tables, wanted)
	if err != nil {
		return nil, nil, err
	}
	const several = -1
	offsets := make([]int64, n)
	for _, p := range places {
		if _, broken := slices.BinarySearch(d.index.broken, p.offset); broken || offsets[p.key] != 0 {
			offsets[p.key] = several
		} else {
			offsets[p.key] = p.offset
		}
	}
	entries = make([]byte, 0, offsetBytes*n+8)
	for i, offset := range offsets {
		entries = binary.LittleEndian.AppendUint64(entries, uint64(max(offset, 0)))
		entries = entries[:len(entries)-8+offsetBytes]
		if end := i + 1; end%tablePhotos == 0 || end == n {
			sums = append(sums, checksum(entries[offsetBytes*(i/tablePhotos*tablePhotos):]))
		}
	}
	return entries, sums, nil
}
