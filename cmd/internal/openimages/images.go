package openimages

import (
	"context"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"

	"github.com/opensandwich/oi/record"
)

// An ImageRow is one row of an image list.
type ImageRow struct {
	ImageID string
	Line    int64
	Image   record.Image // texts are valid UTF-8
}

// imageColumns says where an image list has what; -1 where absent. Only the
// id and the address are required: lists before 2018 have no rotation.
type imageColumns struct {
	id, url, landing, license, authorURL, author, title, size, md5, thumbnail, rotation int
}

func newImageColumns(t *table) (imageColumns, error) {
	if err := t.require("ImageID", "OriginalURL"); err != nil {
		return imageColumns{}, err
	}
	return imageColumns{
		id: t.column("ImageID"), url: t.column("OriginalURL"), landing: t.column("OriginalLandingURL"),
		license: t.column("License"), authorURL: t.column("AuthorProfileURL"), author: t.column("Author"),
		title: t.column("Title"), size: t.column("OriginalSize"), md5: t.column("OriginalMD5"),
		thumbnail: t.column("Thumbnail300KURL"), rotation: t.column("Rotation"),
	}, nil
}

// ScanImages reads an image list and calls row with each row whose id is
// wanted. file is the name for messages. A row that cannot be used is given to
// bad; an error from row or bad ends the scan. The row is reused between calls.
func ScanImages(ctx context.Context, r io.Reader, file string, want func(id []byte) bool, row func(*ImageRow) error, bad func(*RowError) error) error {
	t, err := newTable(ctx, r, file)
	if err != nil {
		return err
	}
	columns, err := newImageColumns(t)
	if err != nil {
		return err
	}
	var image ImageRow
	return t.scan(columns.id, visitor{
		want: want,
		row: func(fields [][]byte, line int64) error {
			if err := columns.parse(fields, &image); err != nil {
				return bad(&RowError{file, line, err})
			}
			image.Line = line
			return row(&image)
		},
		bad: bad,
	})
}

// parse fills image, but for the line.
func (c *imageColumns) parse(fields [][]byte, image *ImageRow) error {
	text := func(column int) string {
		if column < 0 {
			return ""
		}
		return strings.ToValidUTF8(string(fields[column]), "\uFFFD")
	}
	image.ImageID = string(fields[c.id])
	image.Image = record.Image{
		URL: text(c.url), LandingURL: text(c.landing), ThumbnailURL: text(c.thumbnail), License: text(c.license),
		Author: text(c.author), AuthorURL: text(c.authorURL), Title: text(c.title), OriginalMD5: text(c.md5),
	}
	if s := text(c.size); s != "" {
		size, err := strconv.ParseInt(s, 10, 64)
		if err != nil || size < 0 {
			return fmt.Errorf("column OriginalSize: expected a number of bytes, found %s", quote([]byte(s)))
		}
		image.Image.OriginalSize = size
	}
	if s := text(c.rotation); s != "" {
		degrees, err := strconv.ParseFloat(s, 64)
		if err != nil || math.IsInf(degrees, 0) {
			return fmt.Errorf("column Rotation: expected degrees, found %s", quote([]byte(s)))
		}
		if !math.IsNaN(degrees) { // nan means that nobody knows
			image.Image.Rotation = &degrees
		}
	}
	return nil
}
