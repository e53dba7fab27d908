package openimages

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/opensandwich/oi/cmd/internal/csvscan"
	"github.com/opensandwich/oi/record"
)

// An ImageRow is one row of an image list.
type ImageRow struct {
	ImageID string
	Image   record.Image // texts are valid UTF-8
}

// imageColumns says where an image list has what; -1 where absent. Only the
// id and the address are required: lists before 2018 have no rotation.
type imageColumns struct {
	id, url, landing, license, authorURL, author, title, size, md5, thumbnail, rotation int

	texts []string // of the row at hand
}

func newImageColumns(h csvscan.Header) (imageColumns, error) {
	if err := h.Require("ImageID", "OriginalURL"); err != nil {
		return imageColumns{}, err
	}
	return imageColumns{
		id: h.Column("ImageID"), url: h.Column("OriginalURL"), landing: h.Column("OriginalLandingURL"),
		license: h.Column("License"), authorURL: h.Column("AuthorProfileURL"), author: h.Column("Author"),
		title: h.Column("Title"), size: h.Column("OriginalSize"), md5: h.Column("OriginalMD5"),
		thumbnail: h.Column("Thumbnail300KURL"), rotation: h.Column("Rotation"),
	}, nil
}

// OpenImages returns a lookup of the photos of an image list, whose rows are
// read to index them if they have no index yet.
func OpenImages(ctx context.Context, src Source, file File) (*csvscan.Lookup[ImageRow], error) {
	return csvscan.OpenLookup(ctx, func() (*csvscan.File, error) {
		return openFile(ctx, src, file.Path)
	}, imageRequest(file.Path))
}

func imageRequest(file string) csvscan.Request[ImageRow] {
	return csvscan.Request[ImageRow]{File: file, Bind: bindImages, Parser: imageParser, Sound: soundImages}
}

// bindImages looks for the column that an index of an image list is of.
func bindImages(h csvscan.Header) (column, id int, err error) {
	columns, err := newImageColumns(h)
	return columns.id, -1, err
}

// imageParser returns a function that parses rows of an image list.
func imageParser(h csvscan.Header) (func(fields [][]byte) (ImageRow, bool, error), error) {
	columns, err := newImageColumns(h)
	return func(fields [][]byte) (row ImageRow, keep bool, err error) {
		err = columns.parse(fields, &row)
		return row, true, err
	}, err
}

// soundImages returns a function that reports quickly whether a row without
// quotes is surely one that parse takes.
func soundImages(h csvscan.Header) func(row []byte) bool {
	columns, err := newImageColumns(h)
	if err != nil {
		return func([]byte) bool { return false }
	}
	return func(row []byte) bool {
		for column := 0; ; column++ {
			field := row
			comma := bytes.IndexByte(row, ',')
			if comma >= 0 {
				field, row = row[:comma], row[comma+1:]
			}
			if column == columns.size && !isDecimal(field, 0) || column == columns.rotation && !isDecimal(field, 1) {
				return false
			}
			if comma < 0 {
				return column+1 == len(h.Columns)
			}
		}
	}
}

// isDecimal reports whether a field is empty or a few digits, with up to so
// many points after the first.
func isDecimal(field []byte, points int) bool {
	const most = 18 // digits of any int64
	if len(field) > most {
		return false
	}
	for i, c := range field {
		if c == '.' && i > 0 && points > 0 {
			points--
		} else if c < '0' || c > '9' {
			return false
		}
	}
	return true
}

// parse fills image.
func (c *imageColumns) parse(fields [][]byte, image *ImageRow) error {
	// All texts are parts of one, which is valid UTF-8 in most rows.
	size := 0
	for _, f := range fields {
		size += len(f)
	}
	var b strings.Builder
	b.Grow(size)
	for _, f := range fields {
		b.Write(f)
	}
	all := b.String()
	valid := utf8.ValidString(all)
	c.texts = c.texts[:0]
	for _, f := range fields {
		text := all[:len(f)]
		all = all[len(f):]
		if !valid {
			text = strings.ToValidUTF8(text, "\uFFFD")
		}
		c.texts = append(c.texts, text)
	}
	text := func(column int) string {
		if column < 0 {
			return ""
		}
		return c.texts[column]
	}
	image.ImageID = string(fields[c.id])
	image.Image = record.Image{
		URL: text(c.url), LandingURL: text(c.landing), ThumbnailURL: text(c.thumbnail), License: text(c.license),
		Author: text(c.author), AuthorURL: text(c.authorURL), Title: text(c.title), OriginalMD5: text(c.md5),
	}
	if s := text(c.size); s != "" {
		size, err := parseWhole([]byte(s))
		if err != nil || size < 0 {
			return fmt.Errorf("column OriginalSize: expected a number of bytes, found %s", quote([]byte(s)))
		}
		image.Image.OriginalSize = size
	}
	if s := text(c.rotation); s != "" {
		degrees, err := strconv.ParseFloat(strings.TrimSpace(s), 64)
		if err != nil || math.IsInf(degrees, 0) {
			return fmt.Errorf("column Rotation: expected degrees, found %s", quote([]byte(s)))
		}
		if !math.IsNaN(degrees) { // nan means that nobody knows
			image.Image.Rotation = &degrees
		}
	}
	return nil
}
