package pngfile

import (
	"compress/zlib"
	"errors"
	"fmt"
	"image"
	"io"
)

// A Decoder decodes one file after another, with the same memory. It must not
// be used by several goroutines at a time.
type Decoder struct {
	head   header
	pixels converter
	in     idat
	zlib   io.ReadCloser // nil before the first file
	rows   [2][]byte     // the last row and room for the next, each after its filter
	last   int           // the number of the last row; -1: none was read
	err    error
}

// ErrInterlaced is returned for an interlaced file.
var ErrInterlaced = errors.New("interlaced PNG")

// inflateMemory is about how much memory inflating takes.
const inflateMemory = 64 << 10

// Held returns about how many bytes of memory the Decoder holds.
func (d *Decoder) Held() int {
	n := cap(d.rows[0]) + cap(d.rows[1])
	if d.zlib != nil {
		n += inflateMemory
	}
	return n
}

// Begin reads a file up to its pixels. The file must not change before End.
func (d *Decoder) Begin(data []byte) error {
	head, rest, err := readHeader(data)
	if err != nil {
		return err
	}
	if head.Interlaced {
		return ErrInterlaced
	}
	d.pixels = newConverter(&head)
	head.colours, head.alphas, head.transparent = nil, nil, nil // parts of data
	d.head = head
	d.in = idat{rest: rest}
	d.last, d.err = -1, nil
	bits := int64(d.head.Width) * int64(d.head.channels()) * int64(d.head.depth)
	size := int(1 + (bits+7)/8)
	for i := range d.rows {
		if cap(d.rows[i]) < size {
			d.rows[i] = make([]byte, size)
		}
		d.rows[i] = d.rows[i][:size]
	}
	clear(d.rows[0])
	if d.zlib == nil {
		d.zlib, err = zlib.NewReader(&d.in)
		return err
	}
	return d.zlib.(zlib.Resetter).Reset(&d.in, nil)
}

// Rows returns a window of the picture that Begin has begun. Nothing of it is
// read yet.
func (d *Decoder) Rows(window image.Rectangle) *Rows {
	return &Rows{d, window.Intersect(image.Rect(0, 0, d.head.Width, d.head.Height))}
}

// End reads the rest of the file. Its error is of any part of the file: then
// the rows were not those of a picture.
func (d *Decoder) End() error {
	d.read(d.head.Height - 1)
	if d.err == nil {
		d.err = d.end()
	}
	d.in = idat{}
	return d.err
}

// Decode returns a window of a file's picture.
func (d *Decoder) Decode(data []byte, window image.Rectangle) (*Image, error) {
	if err := d.Begin(data); err != nil {
		return nil, err
	}
	m := &Image{pixels: d.pixels, rect: d.Rows(window).rect}
	m.stride = m.rect.Dx() * m.pixels.size()
	m.pix = make([]byte, m.stride*m.rect.Dy())
	for y := range m.rect.Dy() {
		if !d.read(m.rect.Min.Y + y) {
			break
		}
		m.pixels.convert(m.pix[y*m.stride:][:m.stride], d.rows[0][1:], m.rect.Min.X)
	}
	return m, d.End()
}

// read reads on to a row, and reports whether it could.
func (d *Decoder) read(y int) bool {
	for d.err == nil && d.last < y {
		d.err = d.next()
	}
	return d.err == nil
}

// next reads a row.
func (d *Decoder) next() error {
	row := d.rows[1]
	if _, err := io.ReadFull(d.zlib, row); err != nil {
		return fmt.Errorf("PNG with %d whole rows of %d: %w", d.last+1, d.head.Height, noEOF(err))
	}
	if err := unfilter(row[0], row[1:], d.rows[0][1:], max(1, d.head.channels()*int(d.head.depth)/8)); err != nil {
		return err
	}
	d.rows[0], d.rows[1] = row, d.rows[0]
	d.last++
	return nil
}

// noEOF returns an error that is not io.EOF, which would say that all is well.
func noEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// end reads what comes after the pixels.
func (d *Decoder) end() error {
	var b [1]byte
	switch n, err := io.ReadFull(d.zlib, b[:]); { // verifies the checksum
	case n > 0 || len(d.in.body) > 0:
		return errors.New("PNG with more pixels than its size")
	case !errors.Is(err, io.EOF):
		return err
	}
	for rest := d.in.rest; ; {
		c, after, err := nextChunk(rest)
		if err != nil {
			return err
		}
		switch c.name {
		case "IHDR", "PLTE", "tRNS":
			return orderError(c.name)
		case "IEND":
			if len(c.body) > 0 {
				return fmt.Errorf("PNG with an end of %d bytes", len(c.body))
			}
			return nil
		}
		rest = after
	}
}

// An idat reads the bodies of a file's chunks IDAT, one after another.
type idat struct {
	rest []byte // after the current chunk
	body []byte // what is left of it
}

// Read implements io.Reader. It returns bytes of one chunk only, so that what
// is read ahead does not hide bytes after the pixels from end.
func (r *idat) Read(p []byte) (int, error) {
	for len(r.body) == 0 {
		c, rest, err := nextChunk(r.rest)
		if err != nil {
			return 0, err
		}
		if c.name != "IDAT" {
			return 0, errors.New("PNG with fewer pixels than its size")
		}
		r.rest, r.body = rest, c.body
	}
	n := copy(p, r.body)
	r.body = r.body[n:]
	return n, nil
}
