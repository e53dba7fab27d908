package credits

import (
	"fmt"
	"io"
	"strings"
	"unicode"
)

// A text is a list for people, one line a photo.
type text struct{ w io.Writer }

func newText(w io.Writer) (text, error) {
	_, err := fmt.Fprintf(w, "Photo credits\n\n%s\n\n", unchecked)
	return text{w}, err
}

func (t text) row(r Row) error {
	l := lineOf(r)
	with := func(name, address string) string {
		if name = oneLine(name); address == "" || address == name {
			return name
		}
		return name + " (" + oneLine(address) + ")"
	}
	_, err := fmt.Fprintf(t.w, "%s by %s, %s [%s]\n", with(l.Title, l.Landing), with(l.Author, l.Profile), with(l.License, l.LicenseURL), oneLine(l.ID))
	return err
}

func (t text) end(counts string) error {
	_, err := fmt.Fprintf(t.w, "\n%s.\n", counts)
	return err
}

// oneLine keeps text from strangers on its line, and a terminal from taking any
// of it for orders.
func oneLine(s string) string {
	s = strings.Map(func(r rune) rune {
		if !unicode.IsGraphic(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "\ufffd"))
	return strings.Join(strings.Fields(s), " ")
}
