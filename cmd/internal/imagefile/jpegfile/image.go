package jpegfile

import (
	"image"
	"image/color"
)

// How the components make colours.
type colours int

const (
	grey colours = iota
	yCbCr
	rgb
	cmyk // inverted, as Adobe's programs write it and all readers take it
	ycck // likewise
)

// An Image is a window of a picture at a scale. It implements [image.Image]; a
// pixel of it is a square of Scale by Scale pixels of the picture. Its memory
// is that of its Decoder, until the next picture.
//
// Components with fewer samples than pixels are not smoothed: a pixel has the
// sample in whose area its middle lies, as in image/jpeg.
type Image struct {
	// Width and Height are those of the whole picture, in pixels of the
	// file.
	Width, Height int
	// Scale is how many pixels of the file a pixel is wide and high.
	Scale   int
	rect    image.Rectangle
	colours colours
	planes  []plane
}

// ColorModel implements image.Image.
func (m *Image) ColorModel() color.Model { return color.RGBAModel }

// Bounds implements image.Image. They lie in the whole picture at this scale,
// whose upper left corner is 0, 0.
func (m *Image) Bounds() image.Rectangle { return m.rect }

// At implements image.Image.
func (m *Image) At(x, y int) color.Color {
	if !(image.Point{X: x, Y: y}.In(m.rect)) {
		return color.RGBA{}
	}
	var p [3]byte
	m.RGBRow(p[:], x, y)
	return color.RGBA{R: p[0], G: p[1], B: p[2], A: 255}
}

// chunk is how many pixels of a row are converted at a time.
const chunk = 256

// RGBRow writes len(dst)/3 pixels of row y, from column x on, as RGB. They must
// lie within the bounds. It may be called from several goroutines.
func (m *Image) RGBRow(dst []byte, x, y int) {
	var scratch [4][chunk]byte
	for len(dst) > 0 {
		n := min(len(dst)/3, chunk)
		var rows [4][]byte
		for i := range m.planes {
			rows[i] = m.planes[i].row(&scratch[i], n, x, y)
		}
		m.convert(dst[:3*n], &rows)
		dst, x = dst[3*n:], x+n
	}
}

// row returns n samples of a row of the picture from column x on, in scratch
// where they must be repeated.
func (p *plane) row(scratch *[chunk]byte, n, x, y int) []byte {
	from := p.pix[(p.rows.at(y)-p.blocks.Min.Y*p.ny)*p.stride:][:p.stride]
	left := p.blocks.Min.X * p.nx
	switch p.columns.repeats() {
	case 1:
		return from[x-left:][:n]
	case 2:
		to := scratch[:n]
		if x&1 != 0 {
			to[0] = from[x/2-left]
			x, to = x+1, to[1:]
		}
		from = from[x/2-left:][:(len(to)+1)/2]
		for i, v := range from[:len(to)/2] {
			pair := to[2*i:][:2]
			pair[0], pair[1] = v, v
		}
		if len(to)&1 != 0 {
			to[len(to)-1] = from[len(to)/2]
		}
		return scratch[:n]
	}
	for i := range n {
		scratch[i] = from[p.columns.at(x+i)-left]
	}
	return scratch[:n]
}

// convert makes RGB of rows of samples.
func (m *Image) convert(dst []byte, rows *[4][]byte) {
	switch m.colours {
	case grey:
		for i, v := range rows[0] {
			p := dst[3*i:][:3]
			p[0], p[1], p[2] = v, v, v
		}
	case yCbCr:
		yCbCrToRGB(dst, rows[0], rows[1], rows[2])
	case rgb:
		for i, v := range rows[0] {
			p := dst[3*i:][:3]
			p[0], p[1], p[2] = v, rows[1][i], rows[2][i]
		}
	case ycck:
		// The RGB that comes out is the CMY, as both are inverted.
		yCbCrToRGB(dst, rows[0], rows[1], rows[2])
		for i, v := range rows[3] {
			p := dst[3*i:][:3]
			p[0], p[1], p[2] = color.CMYKToRGB(p[0], p[1], p[2], 255-v)
		}
	case cmyk:
		for i, v := range rows[3] {
			p := dst[3*i:][:3]
			p[0], p[1], p[2] = color.CMYKToRGB(255-rows[0][i], 255-rows[1][i], 255-rows[2][i], 255-v)
		}
	}
}

// yCbCrToRGBGo is color.YCbCrToRGB over a row.
func yCbCrToRGBGo(dst, y, cb, cr []byte) {
	cb, cr = cb[:len(y)], cr[:len(y)]
	for i, v := range y {
		yy := int32(v) * 0x10101
		b, r := int32(cb[i])-128, int32(cr[i])-128
		p := dst[3*i:][:3]
		p[0] = limit((yy + 91881*r) >> 16)
		p[1] = limit((yy - 22554*b - 46802*r) >> 16)
		p[2] = limit((yy + 116130*b) >> 16)
	}
}
