package csvscan

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
)

// A Lookup finds the rows of single keys through the index of a file.
type Lookup[T any] struct {
	*Request[T]
	file   *File
	index  *openedIndex
	finder *keyFinder
	rows   *refReader
	parse  func(fields [][]byte) (T, bool, error)
}

// OpenLookup returns a lookup of a file, of which the request says the columns,
// the parser, and what is called with broken rows: those without a key at once,
// others when they are looked up. The index of the keys is made if there is none
// yet. It returns nil where none can be kept. The lookup closes the file; open
// opens it.
func OpenLookup[T any](ctx context.Context, open func() (*File, error), q Request[T]) (_ *Lookup[T], err error) {
	q.Kind = ByKey
	for first := true; ; first = false {
		f, err := open()
		if err != nil || f == nil {
			return nil, err
		}
		index := f.index(ByKey)
		if index == nil && first {
			index, err = indexKeys(ctx, f, q.File, q.Bind)
		}
		if err != nil {
			return nil, errors.Join(err, f.Close())
		}
		if index != nil {
			return newLookup(ctx, f, index, &q)
		}
		if err := f.Close(); err != nil || !first {
			return nil, err
		}
	}
}

// rowless is a request that parses no row.
func rowless(file string, kind Kind, bind func(Header) (value, key int, err error)) *Request[struct{}] {
	return &Request[struct{}]{
		File: file, Kind: kind, Bind: bind,
		Want: func([]byte) bool { return false },
		Parser: func(Header) (func([][]byte) (struct{}, bool, error), error) {
			return func([][]byte) (none struct{}, keep bool, err error) { return }, nil
		},
		Row: func(*struct{}, Position) error { return nil },
		Bad: func(*RowError) error { return nil },
	}
}

// indexKeys makes the index of a file's keys. A small one, which is not worth a
// file, is returned; another is where File.index looks for it.
func indexKeys(ctx context.Context, f *File, name string, bind func(Header) (value, key int, err error)) (*openedIndex, error) {
	p := &scan[struct{}]{ctx: ctx, Request: rowless(name, ByKey, bind)}
	p.WantKey = func(uint64) bool { return false }
	size, err := f.size()
	if err != nil {
		return nil, err
	}
	if size < 0 || size >= f.Least {
		_, err := p.readFile(f, true)
		return nil, err
	}
	var data bytes.Buffer
	p.index = newIndexWriter(&data, ByKey)
	if _, err := p.readFile(f, false); err != nil {
		return nil, err
	}
	if err := p.index.finish(fingerprint{}); err != nil {
		return nil, err
	}
	x, err := readIndex(bytes.NewReader(data.Bytes()), int64(data.Len()), ByKey)
	return &openedIndex{Index: x}, err
}

func newLookup[T any](ctx context.Context, f *File, index *openedIndex, q *Request[T]) (_ *Lookup[T], err error) {
	d := &Lookup[T]{Request: q, file: f, index: index}
	defer func() {
		if err != nil {
			err = errors.Join(err, d.Close())
		}
	}()
	if d.finder, err = index.finder(); err != nil {
		return nil, err
	}
	if d.rows, err = newRefReader(ctx, f, index.Index, q.File, q.Bind); err != nil {
		return nil, err
	}
	if d.parse, err = q.Parser(d.rows.head.header); err != nil {
		return nil, err
	}
	for _, offset := range index.keyless {
		_, fault, err := d.rows.read(offset, offset, func(_ []byte, has bool) bool { return !has })
		if err != nil {
			return nil, err
		}
		if err := d.rows.bad(offset, fault, q.Bad); err != nil {
			return nil, err
		}
	}
	return d, nil
}

// Find returns the first sound row of a key, or nil.
func (d *Lookup[T]) Find(key string) (*T, error) {
	row, err := d.find(key)
	if errors.Is(err, ErrDamaged) || errors.Is(err, ErrStale) {
		err = d.invalidate(err)
	}
	return row, err
}

func (d *Lookup[T]) find(key string) (*T, error) {
	hash := hashKey(Key64(key))
	offsets, err := d.finder.find(hash, nil)
	if err != nil {
		return nil, err
	}
	for _, offset := range offsets {
		wanted := false
		fields, fault, err := d.rows.read(offset, offset, func(value []byte, has bool) bool {
			wanted = has && string(value) == key
			return wanted || has && sameTag(hashKey(Key64(value)), hash)
		})
		if err != nil {
			return nil, err
		}
		if !wanted {
			continue
		}
		var row T
		if fault == nil {
			row, _, fault = d.parse(fields)
		}
		if fault == nil {
			return &row, nil
		}
		if err := d.rows.bad(offset, fault, d.Bad); err != nil {
			return nil, err
		}
	}
	return nil, nil
}

// invalidate removes an index in which something was found to be wrong. The rows
// found before were right.
func (d *Lookup[T]) invalidate(cause error) error {
	if d.index.file != nil {
		cause = errors.Join(cause, os.Remove(d.index.file.Name()))
	}
	return fmt.Errorf("%s: %w; the index has been removed: run the same command again", d.File, cause)
}

// Close closes the file.
func (d *Lookup[T]) Close() error {
	var err error
	if d.index.file != nil {
		err = d.index.Close()
	}
	return errors.Join(err, d.file.Close())
}
