package csvscan

// Lines finds the line numbers of places in a file.
type Lines struct {
	index *openedIndex
	lines lineCounter
}

// OpenLines returns the lines of a file.
func OpenLines(f *File) *Lines {
	d := &Lines{index: f.index(ByValue)}
	d.lines = lineCounter{marks: []lineMark{{0, 1}}, r: f}
	if d.index != nil {
		d.lines.marks = append(d.lines.marks, d.index.marks...)
	}
	return d
}

// Of returns the line number of an offset in bytes, from 1.
func (d *Lines) Of(offset int64) (int64, error) { return d.lines.of(offset) }

// Close lets go of the index, not of the file.
func (d *Lines) Close() error {
	if d.index != nil {
		return d.index.Close()
	}
	return nil
}
