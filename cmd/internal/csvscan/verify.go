package csvscan

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
)

// ErrNoLineEnd is the error of a file whose last row is complete as far as one
// can see, but has no line end. It may have been written so, or have been cut
// within its last field.
var ErrNoLineEnd = errors.New("its last row has no line end")

// Verify looks for the columns of a file, for a row that can be read, and at the
// last row. The error may be [ErrNoLineEnd].
func Verify[T any](ctx context.Context, r *io.SectionReader, q Request[T]) error {
	good := errors.New("a row can be read")
	var first *RowError
	q.Want = func([]byte) bool { return true }
	q.Row = func(*T, Position) error { return good }
	q.Bad = func(fault *RowError) error {
		if first == nil {
			first = fault
		}
		return nil
	}
	header, err := readFrom(ctx, r, q)
	switch {
	case errors.Is(err, good):
	case err != nil:
		return err
	case first != nil:
		return fmt.Errorf("no row can be read: %w", first)
	}
	return verifyEnd(r, r.Size(), len(header.Columns))
}

// EndsInLine returns ErrNoLineEnd if the last byte is no line end.
func EndsInLine(r io.ReaderAt, size int64) error {
	var last [1]byte
	if _, err := r.ReadAt(last[:], size-1); err != nil && err != io.EOF {
		return err
	}
	if last[0] != '\n' {
		return ErrNoLineEnd
	}
	return nil
}

// verifyEnd returns an error if a list ends within a row. One that has its line
// end is whole, whatever else is wrong with it.
func verifyEnd(r io.ReaderAt, size int64, columns int) error {
	err := EndsInLine(r, size)
	if !errors.Is(err, ErrNoLineEnd) {
		return err
	}
	end := make([]byte, min(size, MaxRow))
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
			return ErrNoLineEnd
		}
	}
	last := end[bytes.LastIndexByte(end, '\n')+1:]
	return fmt.Errorf("%w: %s", ErrCut, Abbreviate(string(last)))
}
