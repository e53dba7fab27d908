package openimages

import (
	"context"
	"fmt"
	"io"
	"iter"
	"math"
	"strconv"
	"strings"

	"github.com/opensandwich/oi/cmd/internal/csvscan"
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

// ScanImages reads an image list and calls row with each row whose id is
// wanted. file is the name for messages. A row that cannot be used is given to
// bad; an error from row or bad ends the scan. The row is reused between calls.
func ScanImages(ctx context.Context, r io.Reader, file string, want func(id []byte) bool, row func(*ImageRow) error, bad func(*RowError) error) error {
	q := ImageRequest{Want: want, Row: row, Bad: bad}
	return csvscan.ReadFrom(ctx, r, q.request(file))
}

// An ImageRequest asks for the rows of some photos in an image list.
type ImageRequest struct {
	// Keys yields the csvscan.Key64 of each id that Want wants, repeated ones too.
	Keys iter.Seq[uint64]
	// Want says whether the row of an id is wanted, and WantKey whether that of an
	// id with this key may be. Both are called on any goroutine.
	Want    func(id []byte) bool
	WantKey func(key uint64) bool
	// Row, Bad and Again are those of a BoxRequest.
	Row   func(*ImageRow) error
	Bad   func(*RowError) error
	Again func() error
}

// ReadImages reads the rows of an image list of a source, through its index
// where there is one.
func ReadImages(ctx context.Context, src Source, file File, q ImageRequest) error {
	return read(ctx, src, q.request(file.Path))
}

// OpenImages returns a lookup of the photos of an image list, whose rows are read
// to index them if they have no index yet, or nil where none can be kept. bad is
// called with broken rows.
func OpenImages(ctx context.Context, src Source, file File, bad func(*RowError) error) (*csvscan.Lookup[ImageRow], error) {
	q := ImageRequest{Bad: bad}
	return csvscan.OpenLookup(ctx, func() (*csvscan.File, error) {
		f, _, err := openLocal(ctx, src, file.Path)
		return f, err
	}, q.request(file.Path))
}

func (q *ImageRequest) request(file string) csvscan.Request[ImageRow] {
	return csvscan.Request[ImageRow]{
		File: file, Kind: csvscan.ByKey, Bind: bindImages, Parser: imageParser,
		Keys: q.Keys, Want: q.Want, WantKey: q.WantKey,
		Row: func(image *ImageRow, at csvscan.Position) error {
			image.Line = at.Line
			return q.Row(image)
		},
		Bad: q.Bad, Again: q.Again,
	}
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
