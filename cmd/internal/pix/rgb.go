package pix

import (
	"image"
	"image/color"
)

// A rowReader is an image that gives rows as RGB itself, as a decoded JPEG
// does.
type rowReader interface {
	// RGBRow writes len(dst)/3 pixels of row y, from column x on. It may be
	// called from several goroutines.
	RGBRow(dst []byte, x, y int)
}

// row writes len(dst)/3 pixels of row y, from column x on, as RGB, both counted
// in pixels of scale by scale pixels of the photo. Transparent pixels are drawn
// over white. The common kinds of image are read directly; the conversions are
// those of package color, bit for bit.
func (p *Picture) row(dst []byte, x, y int) {
	n := len(dst) / 3
	move := p.source.Bounds().Min.Sub(p.bounds.Min)
	x, y = x+move.X, y+move.Y
	switch img := p.source.(type) {
	case rowReader:
		img.RGBRow(dst, x, y)
	case *image.YCbCr:
		yCbCrRow(dst, img, x, y)
	case *image.Gray:
		in := img.Pix[img.PixOffset(x, y):][:n]
		for i, v := range in {
			out := dst[3*i:][:3]
			out[0], out[1], out[2] = v, v, v
		}
	case *image.CMYK:
		in := img.Pix[img.PixOffset(x, y):][:4*n]
		for i := range n {
			dst[3*i], dst[3*i+1], dst[3*i+2] = color.CMYKToRGB(in[4*i], in[4*i+1], in[4*i+2], in[4*i+3])
		}
	case *image.RGBA:
		in := img.Pix[img.PixOffset(x, y):][:4*n]
		for i := range n {
			white := 255 - in[4*i+3]
			for k := range 3 {
				dst[3*i+k] = in[4*i+k] + white
			}
		}
	case *image.NRGBA:
		in := img.Pix[img.PixOffset(x, y):][:4*n]
		for i := range n {
			a := uint32(in[4*i+3])
			white := 0xffff - a*0x101
			for k := range 3 {
				dst[3*i+k] = byte((uint32(in[4*i+k])*0x101*a/0xff + white) >> 8)
			}
		}
	default:
		for i := range n {
			r, g, b, a := img.At(x+i, y).RGBA()
			white := 0xffff - a
			dst[3*i], dst[3*i+1], dst[3*i+2] = byte((r+white)>>8), byte((g+white)>>8), byte((b+white)>>8)
		}
	}
}

// yCbCrRow is color.YCbCrToRGB over a row.
func yCbCrRow(dst []byte, img *image.YCbCr, x, y int) {
	n := len(dst) / 3
	luma := img.Y[img.YOffset(x, y):][:n]
	at := img.COffset(x, y)
	var shift uint
	switch img.SubsampleRatio {
	case image.YCbCrSubsampleRatio422, image.YCbCrSubsampleRatio420:
		shift = 1
	case image.YCbCrSubsampleRatio411, image.YCbCrSubsampleRatio410:
		shift = 2
	}
	first := x >> shift
	last := (x + n - 1) >> shift
	cbs, crs := img.Cb[at:][:last-first+1], img.Cr[at:][:last-first+1]
	for i, v := range luma {
		j := (x+i)>>shift - first
		yy := int32(v) * 0x10101
		cb, cr := int32(cbs[j])-128, int32(crs[j])-128
		out := dst[3*i:][:3]
		out[0] = clamp(yy + 91881*cr)
		out[1] = clamp(yy - 22554*cb - 46802*cr)
		out[2] = clamp(yy + 116130*cb)
	}
}

// clamp rounds a number with 16 fractional bits down and limits it to a byte.
func clamp(v int32) byte {
	if uint32(v)&0xff000000 == 0 {
		return byte(v >> 16)
	}
	return byte(^(v >> 31)) // 0 below, 255 above
}

// rgb is a picture of three bytes a pixel.
type rgb struct {
	pix           []byte
	width, height int
}

// RGBRow implements rowReader.
func (m *rgb) RGBRow(dst []byte, x, y int) { copy(dst, m.pix[(y*m.width+x)*3:]) }

// ColorModel implements image.Image.
func (m *rgb) ColorModel() color.Model { return color.RGBAModel }

// Bounds implements image.Image.
func (m *rgb) Bounds() image.Rectangle { return image.Rect(0, 0, m.width, m.height) }

// At implements image.Image.
func (m *rgb) At(x, y int) color.Color {
	if !(image.Point{X: x, Y: y}.In(m.Bounds())) {
		return color.RGBA{}
	}
	p := m.pix[(y*m.width+x)*3:][:3]
	return color.RGBA{R: p[0], G: p[1], B: p[2], A: 255}
}
