package openimages

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/opensandwich/oi/cmd/internal/download"
)

// A kind is what a file of the data set holds.
type kind int

const (
	kindUnknown kind = iota // nothing is expected of it
	kindClasses
	kindHierarchy
	kindBoxes
	kindLabels
	kindImages
)

// errNoLineEnd is the error of a file whose last row is complete as far as one
// can see, but has no line end. It may have been written so, or have been cut
// within its last field.
var errNoLineEnd = errors.New("its last row has no line end")

// Verify returns an error if a file of size bytes cannot be what f is: if it is
// something else, if none of its rows can be read, or if it ends within one. It
// reads the beginning and the end of a list, and all of a smaller file. The
// error may be a *download.UnendedError.
func (f File) Verify(ctx context.Context, r io.ReaderAt, size int64) error {
	err := f.verify(ctx, r, size)
	if errors.Is(err, errNoLineEnd) {
		return &download.UnendedError{Err: err}
	}
	return err
}

func (f File) verify(ctx context.Context, r io.ReaderAt, size int64) error {
	if f.kind == kindUnknown {
		return nil
	}
	if size == 0 {
		return errors.New("the file is empty")
	}
	if err := sniff(r, size); err != nil {
		return err
	}
	all := io.NewSectionReader(r, 0, size)
	switch f.kind {
	case kindHierarchy:
		_, err := ParseHierarchy(all, f.Path)
		return err // nothing but a whole file is JSON
	case kindClasses:
		if _, err := ParseClasses(all, f.Path); err != nil {
			return err
		}
		return endsInLine(r, size)
	case kindImages:
		return verifyTable(ctx, all, f.Path, bindImages, imageParser)
	}
	v := boxVisitor{columns: newBoxColumns}
	if f.kind == kindLabels {
		v.columns = newLabelColumns
	}
	return verifyTable(ctx, all, f.Path, v.bind, v.parser)
}

// sniff recognises what servers and proxies send in the place of a text.
func sniff(r io.ReaderAt, size int64) error {
	head := make([]byte, min(size, 512))
	if n, err := r.ReadAt(head, 0); n < len(head) {
		return err
	}
	for _, form := range [...]struct{ magic, name string }{
		{"\x1f\x8b", "gzip"}, {"\x28\xb5\x2f\xfd", "zstd"}, {"PK\x03\x04", "zip"},
	} {
		if bytes.HasPrefix(head, []byte(form.magic)) {
			return fmt.Errorf("it is compressed (%s), expected plain text", form.name)
		}
	}
	if text := bytes.TrimLeft(bytes.TrimPrefix(head, []byte("\xef\xbb\xbf")), " \t\r\n"); bytes.HasPrefix(text, []byte("<")) {
		line, _, _ := bytes.Cut(text, newline)
		return fmt.Errorf("it is a web page: %s", abbreviate(string(bytes.TrimSpace(line))))
	}
	return nil
}

// verifyTable looks for the columns of a list, for a row that can be read, and
// at the last row.
func verifyTable[T any](ctx context.Context, r *io.SectionReader, file string,
	bind func(*table) (column, id int, err error), parser func(*table) (func([][]byte) (T, bool, error), error),
) error {
	t, err := newTable(ctx, r, file)
	if err != nil {
		return err
	}
	column, _, err := bind(t)
	if err != nil {
		return err
	}
	parse, err := parser(t)
	if err != nil {
		return err
	}
	good := errors.New("a row can be read")
	var first *RowError
	bad := func(fault *RowError, _ place, _ bool) error {
		if first == nil {
			first = fault
		}
		return nil
	}
	err = t.scan(visitor{
		column: column, id: -1, bad: bad,
		want: func([]byte, []byte, int64) bool { return true },
		row: func(fields [][]byte, p place) error {
			if _, _, err := parse(fields); err != nil {
				return bad(&RowError{file, p.line, err}, p, true)
			}
			return good
		},
	})
	switch {
	case errors.Is(err, good):
	case err != nil:
		return err
	case first != nil:
		return fmt.Errorf("no row can be read: %w", first)
	}
	return verifyEnd(r, r.Size(), len(t.header))
}

// endsInLine returns errNoLineEnd if the last byte is no line end.
func endsInLine(r io.ReaderAt, size int64) error {
	var last [1]byte
	if _, err := r.ReadAt(last[:], size-1); err != nil && err != io.EOF {
		return err
	}
	if last[0] != '\n' {
		return errNoLineEnd
	}
	return nil
}

// verifyEnd returns an error if a list ends within a row. One that has its line
// end is whole, whatever else is wrong with it.
func verifyEnd(r io.ReaderAt, size int64, columns int) error {
	err := endsInLine(r, size)
	if !errors.Is(err, errNoLineEnd) {
		return err
	}
	end := make([]byte, min(size, maxRow))
	if err := readFull(r, end, size-int64(len(end))); err != nil {
		return err
	}
	// A row in quotes may go over several lines, so it may begin at any of them.
	rows := append(end, '\n')
	var p parser
	for from := len(end); from > 0; {
		from = bytes.LastIndexByte(end[:from-1], '\n') + 1
		n, _, err := p.parseRow(rows[from:])
		if err == nil && n == len(rows)-from && len(p.fields) >= columns {
			return errNoLineEnd
		}
	}
	last := end[bytes.LastIndexByte(end, '\n')+1:]
	return fmt.Errorf("%w: %s", errCut, abbreviate(string(last)))
}
