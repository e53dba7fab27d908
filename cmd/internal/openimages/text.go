package openimages

import (
	"io"

	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"
)

// TextReader returns a reader of a person's text: UTF-8 as it is, without a
// byte order mark, and UTF-16 that begins with one as UTF-8. Spreadsheets and
// shells of Windows write either.
func TextReader(r io.Reader) io.Reader {
	return transform.NewReader(r, unicode.BOMOverride(transform.Nop))
}
