package openimages

import (
	"bufio"
	"bytes"
	"io"

	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"
)

// TextLines returns a scanner of the lines of a person's text: UTF-8 as it is,
// without a byte order mark, and UTF-16 that begins with one as UTF-8.
// Spreadsheets and shells of Windows write either. A line ends with a line feed,
// a carriage return or both.
func TextLines(r io.Reader) *bufio.Scanner {
	lines := bufio.NewScanner(transform.NewReader(r, unicode.BOMOverride(transform.Nop)))
	lines.Split(scanLine)
	return lines
}

// scanLine is a bufio.SplitFunc.
func scanLine(data []byte, atEOF bool) (advance int, line []byte, err error) {
	end := bytes.IndexAny(data, "\r\n")
	switch {
	case end < 0 && atEOF && len(data) > 0:
		return len(data), data, nil
	case end < 0, data[end] == '\r' && end+1 == len(data) && !atEOF: // a line feed may follow
		return 0, nil, nil
	case data[end] == '\r' && end+1 < len(data) && data[end+1] == '\n':
		return end + 2, data[:end], nil
	}
	return end + 1, data[:end], nil
}
