package webp

import (
	"image"
	"image/color"
)

// An Image is a lossy picture. Its colours are those of libwebp, to the bit: its
// YCbCr is that of BT.601 in the limited range of video, 16 to 235 and 16 to
// 240, where image.YCbCr means JPEG's, 0 to 255. Chroma between two samples is
// weighted by its distance from them. It implements [image.Image].
type Image struct{ samples *image.YCbCr }

// ColorModel implements image.Image.
func (m *Image) ColorModel() color.Model { return color.NRGBAModel }

// Bounds implements image.Image.
func (m *Image) Bounds() image.Rectangle { return m.samples.Rect }

// At implements image.Image.
func (m *Image) At(x, y int) color.Color {
	if !(image.Point{X: x, Y: y}.In(m.samples.Rect)) {
		return color.NRGBA{}
	}
	var p [3]byte
	m.RGBRow(p[:], x, y)
	return color.NRGBA{R: p[0], G: p[1], B: p[2], A: 255}
}

// columns are how many pixels of a row are converted at a time.
const columns = 256

// RGBRow writes len(dst)/3 pixels of row y, from column x on, as RGB. They must
// lie within the bounds. It may be called from several goroutines.
func (m *Image) RGBRow(dst []byte, x, y int) {
	var cb, cr [columns]byte
	s := m.samples
	w, h := s.Rect.Dx(), s.Rect.Dy()
	// A row lies between the chroma rows next to it, a quarter from one.
	near := y / 2
	far := max(0, min(near-1+2*(y&1), (h-1)/2))
	near *= s.CStride
	far *= s.CStride
	n := (w + 1) / 2
	for len(dst) > 0 {
		count := min(len(dst)/3, columns)
		upsample(cb[:count], s.Cb[near:][:n], s.Cb[far:][:n], x)
		upsample(cr[:count], s.Cr[near:][:n], s.Cr[far:][:n], x)
		for i, luma := range s.Y[y*s.YStride+x:][:count] {
			p := dst[3*i:][:3]
			p[0], p[1], p[2] = convert(int(luma), int(cb[i]), int(cr[i]))
		}
		dst, x = dst[3*count:], x+count
	}
}

// withAlpha returns a lossy picture with transparency in RGB.
func withAlpha(img *image.NYCbCrA) *image.NRGBA {
	m := &Image{&img.YCbCr}
	w, h := img.Rect.Dx(), img.Rect.Dy()
	out := image.NewNRGBA(image.Rect(0, 0, w, h))
	line := make([]byte, 3*w)
	for y := range h {
		m.RGBRow(line, 0, y)
		row := out.Pix[y*out.Stride:]
		for x, alpha := range img.A[y*img.AStride:][:w] {
			copy(row[4*x:], line[3*x:][:3])
			row[4*x+3] = alpha
		}
	}
	return out
}

// upsample makes the samples of a row's columns from x on, out of the row of
// chroma that is near and the one that is far: 9, 3, 3 and 1 sixteenths of the
// four samples around each, rounded twice. At the ends a sample stands for the
// missing one.
func upsample(dst, near, far []byte, x int) {
	last := len(near) - 1
	for i := range dst {
		at := (x + i) / 2
		next := max(0, min(at-1+2*((x+i)&1), last))
		n0, f0, n1, f1 := int(near[at]), int(far[at]), int(near[next]), int(far[next])
		dst[i] = byte(((n0+n1+f0+f1+8+2*(n1+f0))>>3 + n0) >> 1)
	}
}

// convert is libwebp's conversion: factors in 1/16384 of a 64th.
func convert(y, cb, cr int) (r, g, b byte) {
	y = y * 19077 >> 8
	r = clamp(y + cr*26149>>8 - 14234)
	g = clamp(y - cb*6419>>8 - cr*13320>>8 + 8708)
	b = clamp(y + cb*33050>>8 - 17685)
	return r, g, b
}

// clamp brings a number of 64ths within a byte.
func clamp(v int) byte { return byte(max(0, min(v>>6, 255))) }
