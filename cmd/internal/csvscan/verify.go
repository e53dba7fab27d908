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

// Verify looks for the columns of a file, for a row that can be read, at the
// last row, and for stretches that were never written. The error may be
// [ErrNoLineEnd].
func Verify[T any](ctx context.Context, r *io.SectionReader, q Request[T]) error {
	good := errors.New("a row can be read")
	var first *RowError
	q.Want = func([]byte) bool { return true }
	header, err := ReadFrom(ctx, r, q, func(row *Row[T]) error {
		if row.Fault == nil {
			return good
		}
		if first == nil {
			first = row.Fault
		}
		return nil
	})
	switch {
	case errors.Is(err, good):
	case err != nil:
		return err
	case first != nil:
		return fmt.Errorf("no row can be read: %w", first)
	}
	if err := verifyNoHole(ctx, r); err != nil {
		return err
	}
	return verifyEnd(r, r.Size(), len(header.Columns))
}

// verifyNoHole reads a file for holes.
func verifyNoHole(ctx context.Context, r io.ReaderAt) error {
	buf := make([]byte, blockSize)
	for at := int64(0); ; at += int64(len(buf)) {
		if err := context.Cause(ctx); err != nil {
			return err
		}
		n, err := r.ReadAt(buf, at)
		if i := hole(buf[:n]); i >= 0 {
			return fmt.Errorf("at byte %d: %w", at+int64(i), ErrHole)
		}
		switch {
		case err == io.EOF:
			return nil
		case err != nil:
			return err
		}
	}
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
	// A row in quotes may go over several lines, so it may begin at any of
	// them.
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

// ReadFrom calls f with the rows of a file that can only be read from its
// beginning to its end. f's error ends the reading.
func ReadFrom[T any](ctx context.Context, r io.Reader, q Request[T], f func(*Row[T]) error) (Header, error) {
	t, err := newReader(ctx, r, q.File)
	if err != nil {
		return Header{}, err
	}
	column, _, err := q.Bind(t.header)
	if err != nil {
		return t.header, err
	}
	parse, err := q.Parser(t.header)
	if err != nil {
		return t.header, err
	}
	return t.header, t.scan(rowHandler{
		column: column, id: -1,
		want: func(value, _ []byte, _ int64) bool { return q.Want(value) },
		row: func(fields [][]byte, at Position) error {
			row, keep, err := parse(fields)
			if err != nil {
				return f(&Row[T]{At: at, Fault: &RowError{q.File, at.Line, err}})
			}
			if !keep {
				return nil
			}
			return f(&Row[T]{At: at, Value: row})
		},
		bad: func(bad *RowError, at Position, _ bool) error { return f(&Row[T]{At: at, Fault: bad}) },
	})
}
