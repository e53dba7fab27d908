package openimages

import (
	"context"
	"iter"

	"github.com/opensandwich/oi/cmd/internal/csvscan"
)

// A BoxList is a list of boxes or of image-level labels of a source. It must be
// closed. While one goroutine reads it, another may ask for lines.
type BoxList struct {
	src   Source
	path  string
	file  *csvscan.File // nil before it is needed
	lines *csvscan.Lines
}

// OpenBoxes returns a list of a source. It is opened, and downloaded, when
// something of it is asked for.
func OpenBoxes(src Source, file File) *BoxList { return &BoxList{src: src, path: file.Path} }

// open opens the file. One that was on its way the last time is opened anew, as
// it may have an index by now.
func (l *BoxList) open(ctx context.Context) error {
	if l.file != nil && l.file.Growing == nil {
		return nil
	}
	if err := l.Close(); err != nil {
		return err
	}
	var err error
	l.file, err = openFile(ctx, l.src, l.path)
	return err
}

// Close closes the list.
func (l *BoxList) Close() error {
	file := l.file
	l.file, l.lines = nil, nil
	if file == nil {
		return nil
	}
	return file.Close()
}

// Read yields rows of the list, some at a time, in the order of the list; see
// [csvscan.Read]. The lines of those read through an index are not known.
func (l *BoxList) Read(ctx context.Context, v BoxRequest) iter.Seq2[[]csvscan.Row[PickedRow], error] {
	return func(yield func([]csvscan.Row[PickedRow], error) bool) {
		if err := l.open(ctx); err != nil {
			yield(nil, err)
			return
		}
		for rows, err := range csvscan.Read(ctx, l.file, v.request(l.path)) {
			for i := range rows {
				row := &rows[i].Value
				row.Line, row.Offset = rows[i].At.Line, rows[i].At.Offset
			}
			if !yield(rows, err) {
				return
			}
		}
	}
}

// Known says what the index of the list knows of the rows of some MIDs: how
// many there are of each, and whether the list is sorted by photo. ok is false
// where there is no index.
func (l *BoxList) Known(ctx context.Context, mids []string) (rows []int64, sorted, ok bool, err error) {
	if err := l.open(ctx); err != nil {
		return nil, false, false, err
	}
	rows, sorted, ok = csvscan.Known(l.file, mids)
	return rows, sorted, ok, nil
}

// Join lets a lookup find the photos of the list's rows by their numbers.
func (l *BoxList) Join(ctx context.Context, images *csvscan.Lookup[ImageRow]) error {
	if err := l.open(ctx); err != nil {
		return err
	}
	images.Join(l.file)
	return nil
}

// State tells the list from any other, and from itself after a change. It is ""
// where that is not known.
func (l *BoxList) State(ctx context.Context) (string, error) {
	if err := l.open(ctx); err != nil {
		return "", err
	}
	return l.file.State(csvscan.ByValue), nil
}

// Line returns the line number of a row at an offset in bytes, from 1.
func (l *BoxList) Line(ctx context.Context, offset int64) (int64, error) {
	if l.file == nil {
		if err := l.open(ctx); err != nil {
			return 0, err
		}
	}
	if l.lines == nil {
		l.lines = csvscan.OpenLines(l.file)
	}
	return l.lines.Of(offset)
}
