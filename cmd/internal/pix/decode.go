package pix

import (
	"errors"
	"fmt"
	"image"

	"github.com/opensandwich/oi/cmd/internal/imagefile"
)

// A Picture is a decoded photo as it is stored. It is not modified after it
// was made and may be used by several goroutines.
type Picture struct {
	Width, Height int
	source        image.Image
}

// Decode decodes a photo of at most maxPixels pixels. The EXIF orientation is
// ignored on purpose: annotations refer to the stored picture. An error is one
// of package imagefile's.
func Decode(data []byte, maxPixels int) (*Picture, error) {
	img, err := imagefile.Decode(data, maxPixels)
	if err != nil {
		return nil, err
	}
	return NewPicture(img)
}

// NewPicture takes an image as a picture. The image must not change any more.
func NewPicture(img image.Image) (*Picture, error) {
	b := img.Bounds()
	if b.Empty() {
		return nil, errors.New("a picture without pixels")
	}
	if max(b.Dx(), b.Dy()) > imagefile.MaxSide { // up to it the sums of Crop fit
		return nil, fmt.Errorf("%w: %d by %d", imagefile.ErrTooManyPixels, b.Dx(), b.Dy())
	}
	return &Picture{Width: b.Dx(), Height: b.Dy(), source: img}, nil
}

// NewRGB takes width*height*3 bytes, RGB row by row, as a picture, without
// copying them. It panics if there are fewer.
func NewRGB(pix []byte, width, height int) *Picture {
	return &Picture{Width: width, Height: height, source: &rgb{pix: pix[:width*height*3], width: width, height: height}}
}

// RGB returns the window of w by h pixels at x, y as RGB bytes row by row. It
// panics if the window is not inside the picture.
func (p *Picture) RGB(x, y, w, h int) []byte {
	p.check(x, y, w, h)
	out := make([]byte, w*h*3)
	for r := range h {
		p.row(out[r*w*3:(r+1)*w*3], x, y+r)
	}
	return out
}

// check panics for a window that is not inside the picture.
func (p *Picture) check(x, y, w, h int) {
	if x < 0 || y < 0 || w < 1 || h < 1 || w > p.Width-x || h > p.Height-y {
		panic(fmt.Sprintf("pix: window %dx%d at %d,%d of a %dx%d picture", w, h, x, y, p.Width, p.Height))
	}
}
