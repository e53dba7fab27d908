//go:build !js

package pix

import (
	"image"

	"github.com/disintegration/imaging"
)

// The room for a photo on a contact sheet, in pixels.
const (
	ThumbWidth  = 232
	ThumbHeight = 176
)

// A Thumb is a small upright photo and where its window lies in it.
type Thumb struct {
	Image  *image.NRGBA // at most ThumbWidth by ThumbHeight
	Window image.Rectangle
}

// ThumbScale returns by how much a photo may be reduced before it is made a
// Thumb.
func ThumbScale(w, h int) int { return Scale(w, h, ThumbWidth, ThumbHeight) }

// NewThumb makes a small copy of a photo, which was decoded as a whole, turned
// counter-clockwise by rotation (0, 90, 180 or 270 degrees), and marks a window
// given in the stored picture.
func NewThumb(p *Picture, window image.Rectangle, rotation int) *Thumb {
	roomW, roomH := ThumbWidth, ThumbHeight
	if rotation == 90 || rotation == 270 {
		roomW, roomH = ThumbHeight, ThumbWidth
	}
	small := p.fit(roomW, roomH)
	w, h := small.Rect.Dx(), small.Rect.Dy()
	scale := func(v, of, to int) int { return (2*v*to + of) / (2 * of) } // to the nearest
	box := image.Rect(scale(window.Min.X, p.Width, w), scale(window.Min.Y, p.Height, h),
		scale(window.Max.X, p.Width, w), scale(window.Max.Y, p.Height, h))
	switch rotation {
	case 90:
		small = imaging.Rotate90(small)
		box = image.Rect(box.Min.Y, w-box.Max.X, box.Max.Y, w-box.Min.X)
	case 180:
		small = imaging.Rotate180(small)
		box = image.Rect(w-box.Max.X, h-box.Max.Y, w-box.Min.X, h-box.Min.Y)
	case 270:
		small = imaging.Rotate270(small)
		box = image.Rect(h-box.Max.Y, box.Min.X, h-box.Min.Y, box.Max.X)
	}
	return &Thumb{Image: small, Window: box}
}

// maxFilled is how many pixels are put together for a Thumb.
const maxFilled = 4_000_000

// fit returns a photo that was decoded as a whole, reduced to fit into the room.
func (p *Picture) fit(roomW, roomH int) *image.NRGBA {
	w, h := p.bounds.Dx(), p.bounds.Dy()
	if w <= maxFilled/h {
		img := image.NewNRGBA(image.Rect(0, 0, w, h))
		p.fill(img, 0, 0)
		return imaging.Fit(img, roomW, roomH, imaging.Box)
	}
	outW, outH := min(roomW, w), min(roomH, h)
	if w*outH > h*outW {
		outH = max(1, h*outW/w)
	} else {
		outW = max(1, w*outH/h)
	}
	pixels := p.resize(0, 0, p.Width, p.Height, outW, outH, Area)
	small := image.NewNRGBA(image.Rect(0, 0, outW, outH))
	NewRGB(pixels, outW, outH).fill(small, 0, 0)
	return small
}

// FitSquare returns a picture of width*height*3 bytes, RGB row by row, so that it
// fits into a square of side pixels: reduced, or enlarged by a whole number, so
// that each pixel is seen.
func FitSquare(pixels []byte, width, height, side int) *image.NRGBA {
	source := &rgb{pix: pixels, width: width, height: height}
	if times := side / max(width, height); times > 1 {
		return imaging.Resize(source, times*width, times*height, imaging.NearestNeighbor)
	}
	return imaging.Fit(source, side, side, imaging.Box)
}
