package csvscan

// Lines finds the line numbers of places in a file.
type Lines struct{ lines lineCounter }

// OpenLines returns the lines of a file.
func OpenLines(f *File) *Lines {
	d := &Lines{lineCounter{marks: []lineMark{{0, 1}}, r: f}}
	if x := f.index(ByValue); x != nil {
		d.lines.marks = append(d.lines.marks, x.marks...)
	}
	return d
}

// Of returns the line number of an offset in bytes, from 1.
func (d *Lines) Of(offset int64) (int64, error) { return d.lines.of(offset) }
