package csvscan

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/opensandwich/oi/cmd/internal/leftover"
	"github.com/opensandwich/oi/cmd/internal/posixfile"
)

// A Lookup finds the rows of single keys, on any number of goroutines.
type Lookup[T any] struct {
	ctx     context.Context
	q       *Request[T]
	file    *File
	index   *openedIndex
	column  int             // of the keys
	rowSize int64           // of most rows at the most, in bytes
	texts   chan []byte     // used ones of Rows
	readers chan *rowReader // used ones
	tables  func() (keyTables, error)
	keyless []*RowError
	joining sync.Mutex // held over the next
	join    *join      // nil if there is none
}

// OpenLookup returns a lookup of a file, of which the request says the columns
// and the parser. The index of the keys is made if there is none yet, and kept
// where that can be. The lookup closes the file; open opens it.
func OpenLookup[T any](ctx context.Context, open func() (*File, error), q Request[T]) (*Lookup[T], error) {
	for try := 1; ; try++ {
		f, err := open()
		if err != nil {
			return nil, err
		}
		index := f.index(ByKey)
		if index == nil {
			index, err = indexKeys(ctx, f, &q, try > 1)
		}
		if err != nil {
			return nil, errors.Join(err, f.Close())
		}
		if index != nil {
			return newLookup(ctx, f, index, &q)
		}
		// The next time, the index is where it was kept.
		if err := f.Close(); err != nil {
			return nil, err
		}
	}
}

// indexKeys makes the index of a file's keys. A small one, which is not worth a
// file, is returned, as any is that is to be in memory; another is where
// File.index looks for it.
func indexKeys[T any](ctx context.Context, f *File, q *Request[T], memory bool) (*openedIndex, error) {
	request := *q
	request.Want = func([]byte) bool { return false }
	p := &scan[T]{ctx: ctx, Request: &request, kind: ByKey}
	size, err := f.size()
	if err != nil {
		return nil, err
	}
	if !memory && (size < 0 || size >= f.Least) {
		_, err := p.readFile(f, true, skipRows)
		return nil, err
	}
	var data bytes.Buffer
	p.index = newIndexWriter(&data, ByKey)
	if _, err := p.readFile(f, false, skipRows); err != nil {
		return nil, err
	}
	if err := p.index.finish(fingerprint{}); err != nil {
		return nil, err
	}
	x, err := readIndex(bytes.NewReader(data.Bytes()), int64(data.Len()), ByKey)
	return &openedIndex{Index: x}, err
}

func newLookup[T any](ctx context.Context, f *File, index *openedIndex, q *Request[T]) (_ *Lookup[T], err error) {
	// Looking a row up is short, and may go on after what ctx is of.
	d := &Lookup[T]{ctx: context.WithoutCancel(ctx), q: q, file: f, index: index, texts: make(chan []byte, 2*scanWorkers), readers: make(chan *rowReader, scanWorkers)}
	defer func() {
		if err != nil {
			err = errors.Join(d.invalidate(err), d.Close())
		}
	}()
	d.tables = sync.OnceValues(index.keyTables)
	size, err := f.size()
	if err != nil {
		return nil, err
	}
	d.rowSize = guessRow(size, index.rows)
	r, err := d.Reader()
	if err != nil {
		return nil, err
	}
	d.column = r.rows.column
	for _, offset := range index.keyless {
		_, has, fault, err := r.rows.read(offset, offset)
		if err == nil && has {
			err = ErrStale
		}
		if err != nil {
			return nil, err
		}
		bad, err := r.fault(offset, fault)
		if err != nil {
			return nil, err
		}
		d.keyless = append(d.keyless, bad)
	}
	return d, nil
}

// Keyless returns the rows that lack the column of the key.
func (d *Lookup[T]) Keyless() []*RowError { return d.keyless }

// State is that of the file, as long as the index is of it; see [File.State].
func (d *Lookup[T]) State() string {
	now, err := fingerprintOf(d.file.File)
	if err != nil || d.index.file == nil || now != d.index.fingerprint {
		return ""
	}
	return now.String()
}

// invalidate removes an index in which err says that something is wrong. The
// rows found before were right.
func (d *Lookup[T]) invalidate(err error) error {
	if !errors.Is(err, ErrDamaged) && !errors.Is(err, ErrStale) {
		return err
	}
	if d.index.file != nil {
		err = errors.Join(err, posixfile.Remove(d.index.file.Name()))
	}
	d.joining.Lock()
	defer d.joining.Unlock()
	err = errors.Join(err, d.dropJoin())
	return fmt.Errorf("%s: %w; the index has been removed: run the same command again", d.q.File, err)
}

// Surely reports whether the join says where the row of a key is, by the key's
// number: then one row alone has the key, and it is sound.
func (d *Lookup[T]) Surely(number uint32) bool {
	d.joining.Lock()
	defer d.joining.Unlock()
	if number == 0 || d.join == nil {
		return false
	}
	offset, err := d.join.offset(number)
	return err == nil && offset > 0 // what is damaged is found again by joined
}

// dropJoin removes the join, if there is one.
func (d *Lookup[T]) dropJoin() error {
	if d.join == nil {
		return nil
	}
	j := d.join
	d.join = nil
	return errors.Join(j.file.Close(), leftover.Remove(j.file.Name()))
}

// Close closes the file.
func (d *Lookup[T]) Close() error {
	if d.join != nil {
		_ = d.join.file.Close() // read only
	}
	return d.file.Close()
}

// Rows are rows of some keys as they stand in the file.
type Rows struct {
	listed []bool // the keys whose rows have been left out, or nil
	users  atomic.Int32
	free   chan []byte
	text   [][]byte // of the pieces
	rows   []foundRow
	first  []int32 // of each key in rows, and after the last one
}

// A foundRow is a row that has the key.
type foundRow struct {
	key    int32
	piece  int32
	from   int32 // in the piece's text
	size   int32
	offset int64 // in the file
}

// pieceRows is how many rows are worth a goroutine of their own.
const pieceRows = 1 << 8

// A LookupKey is a key that is looked up.
type LookupKey struct {
	Key    string
	Number uint32 // of a [PackedRow] of the file that the lookup is joined with, or 0
}

// Fetch reads the rows of some keys, in the order of the file. Many are best
// asked for at once: then they are read in large pieces. Rows are to be parsed
// by [LookupReader.Parse], and to be released by so many users.
func (d *Lookup[T]) Fetch(keys []LookupKey, users int) (*Rows, error) {
	places, _, err := d.places(keys)
	if err != nil {
		return nil, d.invalidate(err)
	}
	return d.fetchPlaces(keys, places, &Rows{}, users)
}

// FetchUnsure is Fetch, but leaves out the rows of which the index says all:
// that one row alone has the key, and that it is sound. See [Rows.Listed].
func (d *Lookup[T]) FetchUnsure(keys []LookupKey, users int) (*Rows, error) {
	places, exact, err := d.places(keys)
	if err != nil {
		return nil, d.invalidate(err)
	}
	found := &Rows{listed: make([]bool, len(keys))}
	if !d.index.exact {
		return d.fetchPlaces(keys, places, found, users)
	}
	again := make([]bool, len(keys))
	for _, p := range places {
		broken := false
		if len(d.index.broken) > 0 {
			_, broken = slices.BinarySearch(d.index.broken, p.offset)
		}
		again[p.key] = again[p.key] || found.listed[p.key] || broken || !exact[p.key]
		found.listed[p.key] = true
	}
	for key := range keys {
		found.listed[key] = found.listed[key] && !again[key]
	}
	places = slices.DeleteFunc(places, func(p keyPlace) bool { return found.listed[p.key] })
	return d.fetchPlaces(keys, places, found, users)
}

// Listed reports whether the key of this number has one row, which is sound and
// was left out.
func (r *Rows) Listed(key int) bool { return r.listed != nil && r.listed[key] }

// places returns where the rows of some keys are, in any order, and which keys
// are exact, see [Hex16].
func (d *Lookup[T]) places(keys []LookupKey) (places []keyPlace, exact []bool, err error) {
	exact = make([]bool, len(keys))
	if places, err = d.joined(keys); err != nil {
		return nil, nil, err
	}
	for _, p := range places {
		exact[p.key] = true
	}
	if len(places) == len(keys) {
		return places, exact, nil
	}
	wanted := make([]keyHash, 0, len(keys)-len(places))
	for i, key := range keys {
		if exact[i] {
			continue
		}
		var number uint64
		if number, exact[i] = Hex16(key.Key); !exact[i] {
			number = Key64(key.Key)
		}
		wanted = append(wanted, keyHash{hashKey(number), int32(i)})
	}
	slices.SortFunc(wanted, func(a, b keyHash) int { return cmp.Compare(a.hash, b.hash) })
	tables, err := d.tables()
	if err != nil {
		return nil, nil, err
	}
	more, err := d.index.places(tables, wanted)
	return append(places, more...), exact, err
}

// joined returns the places that the join says. One that is damaged is given
// up.
func (d *Lookup[T]) joined(keys []LookupKey) ([]keyPlace, error) {
	d.joining.Lock()
	defer d.joining.Unlock()
	if d.join == nil {
		return nil, nil
	}
	places := make([]keyPlace, 0, len(keys))
	for i, key := range keys {
		if key.Number == 0 {
			continue
		}
		offset, err := d.join.offset(key.Number)
		if err != nil {
			return nil, d.dropJoin()
		}
		if offset > 0 {
			places = append(places, keyPlace{offset, int32(i)})
		}
	}
	return places, nil
}

// fetchPlaces reads the rows at some places into found.
func (d *Lookup[T]) fetchPlaces(keys []LookupKey, places []keyPlace, found *Rows, users int) (*Rows, error) {
	slices.SortFunc(places, func(a, b keyPlace) int { return cmp.Compare(a.offset, b.offset) })
	pieces := min(runtime.GOMAXPROCS(0), scanWorkers, 1+len(places)/pieceRows)
	found.free, found.text, found.first = d.texts, make([][]byte, pieces), make([]int32, len(keys)+1)
	found.users.Store(int32(users))
	rows, errs := make([][]foundRow, pieces), make([]error, pieces)
	var running sync.WaitGroup
	for i := range pieces {
		running.Go(func() {
			part := places[len(places)*i/pieces : len(places)*(i+1)/pieces]
			found.text[i], rows[i], errs[i] = d.fetch(keys, part, int32(i))
		})
	}
	running.Wait()
	if err := errors.Join(errs...); err != nil {
		return nil, d.invalidate(err)
	}
	found.order(rows)
	return found, nil
}

// Release says that one of the users needs the rows no more.
func (r *Rows) Release() {
	if r.users.Add(-1) > 0 {
		return
	}
	for _, text := range r.text {
		select {
		case r.free <- text:
		default:
		}
	}
}

// order sorts rows that come in the order of the file by key.
func (r *Rows) order(pieces [][]foundRow) {
	n := 0
	for _, rows := range pieces {
		n += len(rows)
		for _, row := range rows {
			r.first[row.key+1]++
		}
	}
	for i := 1; i < len(r.first); i++ {
		r.first[i] += r.first[i-1]
	}
	r.rows = make([]foundRow, n)
	next := slices.Clone(r.first)
	for _, rows := range pieces {
		for _, row := range rows {
			r.rows[next[row.key]] = row
			next[row.key]++
		}
	}
}

// fetch reads the rows at some places, in the order of the file.
func (d *Lookup[T]) fetch(keys []LookupKey, places []keyPlace, piece int32) (text []byte, rows []foundRow, err error) {
	var r *rowReader
	select {
	case r = <-d.readers:
		r.buf = r.buf[:0]
	default:
		r = &rowReader{r: d.file, guess: d.rowSize}
	}
	defer func() {
		select {
		case d.readers <- r:
		default:
		}
	}()
	rows = make([]foundRow, 0, len(places))
	select {
	case text = <-d.texts:
	default:
	}
	text = slices.Grow(text[:0], len(places)*int(d.rowSize))
	near, last := 0, int64(0)
	for i, p := range places {
		if i == near {
			near += nearRows(places[i:], func(p *keyPlace) int64 { return p.offset })
			last = places[near-1].offset
		}
		row, value, err := r.raw(p.offset, last, d.column)
		if err != nil {
			return nil, nil, fmt.Errorf("read %s: %w", d.q.File, err)
		}
		if key := keys[p.key].Key; string(value) != key {
			// Another key may share the hash.
			if value == nil || Key64(value) != Key64(key) {
				return nil, nil, ErrStale
			}
			continue
		}
		rows = append(rows, foundRow{p.key, piece, int32(len(text)), int32(len(row)), p.offset})
		text = append(text, row...)
	}
	return text, rows, nil
}

// A LookupReader parses rows of a lookup, on one goroutine.
type LookupReader[T any] struct {
	*Lookup[T]
	rows  *refReader[T]
	lines lineCounter
}

// Reader returns a reader.
func (d *Lookup[T]) Reader() (*LookupReader[T], error) {
	rows, err := newRefReader(d.ctx, d.file, d.q, d.rowSize)
	return &LookupReader[T]{Lookup: d, rows: rows, lines: lineCounter{marks: d.index.marks, r: d.file}}, err
}

// Parse stores the first sound row of a key, by its position among those that
// were fetched, and returns whether there is one, and the broken rows of the
// key.
func (r *LookupReader[T]) Parse(rows *Rows, key int, first *T) (ok bool, faults []*RowError, err error) {
	for _, found := range rows.rows[rows.first[key]:rows.first[key+1]] {
		fields, fault := r.rows.fields(rows.text[found.piece][found.from:][:found.size])
		var row T
		if fault == nil {
			row, _, fault = r.rows.parse(fields)
		}
		switch {
		case fault != nil:
			bad, err := r.fault(found.offset, fault)
			if err != nil {
				return false, nil, err
			}
			faults = append(faults, bad)
		case !ok:
			*first, ok = row, true
		}
	}
	return ok, faults, nil
}

// fault is a broken row with its line.
func (r *LookupReader[T]) fault(offset int64, err error) (*RowError, error) {
	line, e := r.lines.of(offset)
	return &RowError{File: r.q.File, Line: line, Err: err}, e
}
