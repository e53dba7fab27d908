package openimages

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
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
	return t.scan(visitor{
		column: columns.id, id: -1,
		want: func(value, _ []byte, _ int64) bool { return want(value) },
		row: func(fields [][]byte, p place) error {
			if err := columns.parse(fields, &image); err != nil {
				return bad(&RowError{file, p.line, err})
			}
			image.Line = p.line
			return row(&image)
		},
		bad: func(b *RowError, _ place, _ bool) error { return bad(b) },
	})
}

// bindImages looks for the column that an index of an image list is of.
func bindImages(t *table) (column, id int, err error) {
	columns, err := newImageColumns(t)
	return columns.id, -1, err
}

// imageParser returns a function that parses rows of an image list.
func imageParser(t *table) (func(fields [][]byte) (ImageRow, bool, error), error) {
	columns, err := newImageColumns(t)
	return func(fields [][]byte) (row ImageRow, keep bool, err error) {
		err = columns.parse(fields, &row)
		return row, true, err
	}, err
}

// readImages tells row of the rows of the photos, in their order, as readBoxes
// does of boxes.
func readImages(ctx context.Context, src Source, file File, photos *photos, row func(*ImageRow) error, bad func(*RowError) error, again func() error) (err error) {
	f, ok, err := openLocal(ctx, src, file.Path)
	if err != nil {
		return err
	}
	if !ok {
		r, err := src.Open(ctx, file.Path)
		if err != nil {
			return err
		}
		return errors.Join(ScanImages(ctx, r, file.Path, photos.has, row, bad), r.Close())
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	x := f.index(photoIndex)
	if x != nil {
		defer x.Close() //nolint:errcheck // read only
		if int64(len(photos.runs)) <= max(x.rows/16, 1<<14) {
			var faults []*RowError
			err := readImageRows(ctx, f, x.indexFile, file.Path, photos, row, func(fault *RowError) error {
				faults = append(faults, fault)
				return nil
			})
			if !errors.Is(err, errDamaged) && !errors.Is(err, errStale) {
				return tell(faults, bad, err)
			}
			if err := again(); err != nil {
				return err
			}
			x = nil
		}
	}
	p := &pass[ImageRow]{
		ctx: ctx, file: file.Path, bind: bindImages, want: photos.has, wantPhoto: photos.hasKey, parser: imageParser, bad: bad,
		row: func(image *ImageRow, p place) error {
			image.Line = p.line
			return row(image)
		},
	}
	_, err = p.readFile(f, photoIndex, x == nil)
	return err
}

// readImageRows reads the rows of the photos through the index.
func readImageRows(ctx context.Context, f *localFile, x *indexFile, file string, photos *photos, row func(*ImageRow) error, bad func(*RowError) error) error {
	before, err := f.Stat()
	if err != nil {
		return err
	}
	refs, err := photos.refs(x)
	if err != nil {
		return err
	}
	rr, err := newRefReader(ctx, f, x, file, bindImages)
	if err != nil {
		return err
	}
	parse, err := imageParser(rr.head)
	if err != nil {
		return err
	}
	for i, ref := range refs {
		next := ref.offset
		if i+1 < len(refs) {
			next = refs[i+1].offset
		}
		wanted := false
		fields, fault, err := rr.read(ref.offset, next, func(value []byte, has bool) bool {
			wanted = has && photos.has(value)
			// Another photo may share the bits of the hash that the index holds.
			return has != ref.lost && (ref.lost || wanted || sameBits(photoHash(photoKey(value)), ref.hash))
		})
		if err != nil {
			return err
		}
		if !wanted && !ref.lost {
			continue
		}
		var image ImageRow
		if fault == nil {
			image, _, fault = parse(fields)
		}
		if fault != nil {
			err = rr.bad(ref.offset, fault, bad)
		} else {
			err = row(&image)
		}
		if err != nil {
			return err
		}
	}
	return f.unchanged(before, file)
}

// sameBits reports whether two hashes agree in the bits that every index holds of
// them.
func sameBits(a, b uint64) bool { return (a^b)>>(64-printBits) == 0 }

// A photoRef is where a photo's row may be.
type photoRef struct {
	offset int64
	hash   uint64
	lost   bool // the row has no id
}

// refs returns where the index says that rows of the photos are, in the list's
// order.
func (p *photos) refs(x *indexFile) ([]photoRef, error) {
	finder, err := x.finder()
	if err != nil {
		return nil, err
	}
	hashes := make([]uint64, 0, len(p.runs))
	for _, run := range p.runs {
		hashes = append(hashes, photoHash(run.photo))
	}
	slices.Sort(hashes)
	refs := make([]photoRef, 0, len(hashes)+len(x.lost))
	for _, offset := range x.lost {
		refs = append(refs, photoRef{offset: offset, lost: true})
	}
	var offsets []int64
	for _, hash := range slices.Compact(hashes) {
		if offsets, err = finder.find(hash, offsets[:0]); err != nil {
			return nil, err
		}
		for _, offset := range offsets {
			refs = append(refs, photoRef{offset: offset, hash: hash})
		}
	}
	slices.SortFunc(refs, func(a, b photoRef) int { return cmp.Compare(a.offset, b.offset) })
	// Two photos may have led to one row.
	return slices.CompactFunc(refs, func(a, b photoRef) bool { return a.offset == b.offset }), nil
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
