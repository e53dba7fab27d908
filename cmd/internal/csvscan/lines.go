package csvscan

import "errors"

// Lines finds the line numbers of places in a file.
type Lines struct {
	file  *File
	index *openedIndex
	lines lineCounter
}

// OpenLines returns the lines of a file, which it closes in the end.
func OpenLines(f *File) *Lines {
	d := &Lines{file: f, index: f.index(ByValue)}
	d.lines = lineCounter{marks: []lineMark{{0, 1}}, r: f}
	if d.index != nil {
		d.lines.marks = append(d.lines.marks, d.index.marks...)
	}
	return d
}

// Of returns the line number of an offset in bytes, from 1.
func (d *Lines) Of(offset int64) (int64, error) { return d.lines.of(offset) }

// Close closes the file.
func (d *Lines) Close() error {
	if d == nil {
		return nil
	}
	var err error
	if d.index != nil {
		err = d.index.Close()
	}
	return errors.Join(err, d.file.Close())
}
