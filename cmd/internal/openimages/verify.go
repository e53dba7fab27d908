package openimages

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/opensandwich/oi/cmd/internal/csvscan"
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

// Verify returns an error if a file of size bytes cannot be what f is: if it is
// something else, if none of its rows can be read, or if it ends within one. It
// reads the beginning and the end of a list, and all of a smaller file. The
// error may be a *download.UnendedError.
func (f File) Verify(ctx context.Context, r io.ReaderAt, size int64) error {
	err := f.verify(ctx, r, size)
	if errors.Is(err, csvscan.ErrNoLineEnd) {
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
		return csvscan.EndsInLine(r, size)
	case kindImages:
		return csvscan.Verify(ctx, all, imageRequest(f.Path))
	}
	v := BoxRequest{Labels: f.kind == kindLabels}
	return csvscan.Verify(ctx, all, v.request(f.Path))
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
		line, _, _ := bytes.Cut(text, []byte{'\n'})
		return fmt.Errorf("it is a web page: %s", csvscan.Abbreviate(string(bytes.TrimSpace(line))))
	}
	return nil
}
