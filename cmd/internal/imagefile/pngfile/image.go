package pngfile

import (
	"fmt"
	"image"
	"image/color"
)

// An Image is a window of a picture, drawn over white. It implements
// [image.Image].
type Image struct {
	pixels converter
	rect   image.Rectangle
	stride int
	pix    []byte
}

// Bytes returns how many bytes the pixels take.
func (m *Image) Bytes() int { return len(m.pix) }

// ColorModel implements image.Image.
func (m *Image) ColorModel() color.Model { return color.RGBAModel }

// Bounds implements image.Image. They lie in the whole picture, whose upper left
// corner is 0, 0.
func (m *Image) Bounds() image.Rectangle { return m.rect }

// At implements image.Image.
func (m *Image) At(x, y int) color.Color { return at(m, x, y) }

// RGBRow writes len(dst)/3 pixels of row y, from column x on, as RGB. They must
// lie within the bounds. It may be called from several goroutines.
func (m *Image) RGBRow(dst []byte, x, y int) {
	size := m.pixels.size()
	row := m.pix[(y-m.rect.Min.Y)*m.stride:][:m.stride][(x-m.rect.Min.X)*size:]
	if m.pixels.narrow {
		m.pixels.expand(dst, row[:len(dst)/3])
	} else {
		copy(dst, row)
	}
}

// Rows are a window of a picture, drawn over white, of which nothing is kept but
// a row. They implement [image.Image].
type Rows struct {
	decoder *Decoder
	rect    image.Rectangle
}

// ColorModel implements image.Image.
func (r *Rows) ColorModel() color.Model { return color.RGBAModel }

// Bounds implements image.Image. They lie in the whole picture, whose upper left
// corner is 0, 0.
func (r *Rows) Bounds() image.Rectangle { return r.rect }

// At implements image.Image.
func (r *Rows) At(x, y int) color.Color { return at(r, x, y) }

// RGBRow writes len(dst)/3 pixels of row y, from column x on, as RGB. They must
// lie within the bounds, and be of the row that was read last or of a later one:
// it panics for an earlier one. Where the file is damaged the bytes are left as
// they are, and End returns the error.
func (r *Rows) RGBRow(dst []byte, x, y int) {
	d := r.decoder
	if y < d.last {
		panic(fmt.Sprintf("pngfile: row %d after row %d", y, d.last))
	}
	if !d.read(y) {
		return
	}
	row := d.rows[0][1:]
	if !d.pixels.narrow {
		d.pixels.convert(dst, row, x)
		return
	}
	var pixels [256]byte
	for len(dst) > 0 {
		n := min(len(dst)/3, len(pixels))
		d.pixels.convert(pixels[:n], row, x)
		d.pixels.expand(dst, pixels[:n])
		dst, x = dst[3*n:], x+n
	}
}

// at is the method At of both.
func at(m interface {
	image.Image
	RGBRow(dst []byte, x, y int)
}, x, y int) color.Color {
	if !(image.Point{X: x, Y: y}.In(m.Bounds())) {
		return color.RGBA{}
	}
	var p [3]byte
	m.RGBRow(p[:], x, y)
	return color.RGBA{R: p[0], G: p[1], B: p[2], A: 255}
}
