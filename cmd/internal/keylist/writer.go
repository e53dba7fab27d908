package keylist

import (
	"encoding/csv"
	"io"
	"strings"

	"github.com/opensandwich/oi/record"
)

// KeyColumn is the name of the first column.
const KeyColumn = "key"

// Valid reports whether text has the form of an image id or of an item's key,
// which is an id, a hyphen and 8 hex digits.
func Valid(text string) bool {
	const more = len("-01234567")
	return record.ValidID(text) || len(text) > more && record.ValidID(text[:len(text)-more]) && record.ValidID(text[len(text)-more:])
}

// A Writer writes the lines of a list. Flush must be called.
type Writer struct{ csv *csv.Writer }

// NewWriter begins a list with the columns key and more.
func NewWriter(w io.Writer, more ...string) (*Writer, error) {
	l := &Writer{csv.NewWriter(w)}
	return l, l.write(KeyColumn, more)
}

// Add writes the line of an item. A key that is none, of an item that another
// program made, is written as by AddOther.
func (l *Writer) Add(key string, more ...string) error {
	if !Valid(key) {
		return l.AddOther(key, more...)
	}
	return l.write(key, more)
}

// AddOther writes the line of an item that oi-boxes cannot leave out, such as a
// window of background: its key has a # in front, by which oi-boxes passes over
// it.
func (l *Writer) AddOther(key string, more ...string) error { return l.write("#"+key, more) }

// Flush writes what is buffered.
func (l *Writer) Flush() error {
	l.csv.Flush()
	return l.csv.Error()
}

func (l *Writer) write(key string, more []string) error {
	fields := []string{oneLine(key)}
	for _, field := range more {
		fields = append(fields, oneLine(field))
	}
	return l.csv.Write(fields)
}

// oneLine keeps a text within its line: the lists are read line by line.
func oneLine(text string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, text)
}
