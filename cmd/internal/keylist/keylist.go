// Package keylist writes lists of items for people and for oi-boxes
// --exclude-ids: CSV, one item a line, with the items' keys in the first column,
// named key.
package keylist

import (
	"errors"
	"fmt"

	"github.com/opensandwich/oi/cmd/internal/atomicfile"
)

// A List is a file that is there whole or not at all. Its methods do nothing on
// nil.
type List struct {
	file  *atomicfile.File
	lines *Writer
	flag  string
}

// Create begins a list with the columns key and more, for the path that a flag
// was given; for "" it returns nil. Finish must be called.
func Create(flag, path string, more ...string) (*List, error) {
	if path == "" {
		return nil, nil
	}
	l := &List{flag: flag}
	file, err := atomicfile.Create(path)
	if err != nil {
		return nil, l.wrap(err)
	}
	l.file = file
	if l.lines, err = NewWriter(file, more...); err != nil {
		return nil, l.wrap(errors.Join(err, file.Cleanup()))
	}
	return l, nil
}

// Add writes a line, see [Writer.Add].
func (l *List) Add(key string, more ...string) error {
	if l == nil {
		return nil
	}
	return l.wrap(l.lines.Add(key, more...))
}

// Finish makes the file appear if the run came to its end without err, which it
// does not return.
func (l *List) Finish(err error) error {
	if l == nil {
		return nil
	}
	if err != nil {
		return l.wrap(l.file.Cleanup())
	}
	if err := l.lines.Flush(); err != nil {
		return l.wrap(errors.Join(err, l.file.Cleanup()))
	}
	return l.wrap(l.file.CloseAtomicallyReplace())
}

func (l *List) wrap(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", l.flag, err)
}
