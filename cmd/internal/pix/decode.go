package pix

import (
	"bytes"
	"errors"
	"fmt"
	"image"

	"github.com/opensandwich/oi/cmd/internal/imagefile"
)

// A Picture is a decoded photo as it is stored, or a part of it, which may be
// reduced: then a pixel of it is the mean of a square of pixels of the photo.
// Nothing but its Decoder modifies it. It may be used by several goroutines,
// unless its rows are still to be decoded, see DecodeRows.
type Picture struct {
	Width, Height int             // of the whole photo, in its own pixels
	scale         int             // pixels of the photo to a pixel across and down
	bounds        image.Rectangle // of what there is of it, in pixels of scale by scale
	source        image.Image     // that
}

// A Decoder decodes photos one after another, with the same memory. It must not
// be used by several goroutines at a time.
type Decoder struct{ photos imagefile.Decoder }

// DecodeRows decodes at least a window of a photo whose header was checked, and
// calls use with the picture. The window is in pixels of the photo. A JPEG is
// reduced to 1/scale of its size, for a scale that Scale has returned; other
// photos are not. The EXIF orientation is ignored on purpose: annotations refer
// to the stored picture.
//
// The rows of the picture may be read once, from the top to the bottom, as Crop
// and NewThumb do, and only by use: large ones are decoded as they are read.
// Where there is an error, use may have been called with rows that are none. An
// error is one of package imagefile's.
func (d *Decoder) DecodeRows(data []byte, config imagefile.Config, window image.Rectangle, scale int, use func(*Picture)) error {
	if scale > 1 {
		window = window.Inset(-scale) // Crop looks at the pixel next to it
	}
	return d.photos.DecodeRows(data, config, window, scale, func(img image.Image, scale int) {
		use(newPicture(config, img, scale))
	})
}

func newPicture(c imagefile.Config, img image.Image, scale int) *Picture {
	return &Picture{Width: c.Width, Height: c.Height, scale: scale, bounds: img.Bounds(), source: img}
}

// Knows says whether the photo is the last one that was decoded, so that
// another window of it takes less time.
func (d *Decoder) Knows(data []byte) bool { return d.photos.Knows(data) }

// Held returns about how many bytes of memory the Decoder holds.
func (d *Decoder) Held() int { return d.photos.Held() }

// Scale returns by how much a window of w by h pixels may be reduced before it
// is resized to outW by outH pixels: 8, 4 or 2 where at least one and a half
// pixels are left for each output pixel on both axes, and 1 otherwise. With
// fewer the result would not be what it is without (1.4 grey levels at 1.2
// pixels, in the mean over photos), and with less than 72 pixels in all a crop
// may be off by more than 2 of 255.
func Scale(w, h, outW, outH int) int {
	outW, outH = max(outW, 48), max(outH, 48)
	for _, scale := range []int{8, 4, 2} {
		if 2*w >= 3*scale*outW && 2*h >= 3*scale*outH {
			return scale
		}
	}
	return 1
}

// Decode decodes a photo of at most maxPixels pixels at full size. An error is
// one of package imagefile's.
func Decode(data []byte, maxPixels int) (*Picture, error) {
	config, err := imagefile.Check(bytes.NewReader(data), int64(len(data)), maxPixels)
	if err != nil {
		return nil, err
	}
	img, scale, err := new(imagefile.Decoder).Decode(data, config, image.Rect(0, 0, config.Width, config.Height), 1)
	if err != nil {
		return nil, err
	}
	return newPicture(config, img, scale), nil
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
	return &Picture{Width: b.Dx(), Height: b.Dy(), scale: 1, bounds: b.Sub(b.Min), source: img}, nil
}

// NewRGB takes width*height*3 bytes, RGB row by row, as a picture, without
// copying them. It panics if there are fewer.
func NewRGB(pix []byte, width, height int) *Picture {
	img := &rgb{pix: pix[:width*height*3], width: width, height: height}
	return &Picture{Width: width, Height: height, scale: 1, bounds: img.Bounds(), source: img}
}

// RGB returns the window of w by h pixels at x, y as RGB bytes row by row. It
// panics if the window is not inside the picture, or the picture is reduced.
func (p *Picture) RGB(x, y, w, h int) []byte {
	p.check(x, y, w, h)
	if p.scale != 1 {
		panic("pix: RGB of a reduced picture")
	}
	out := make([]byte, w*h*3)
	for r := range h {
		p.row(out[r*w*3:(r+1)*w*3], x, y+r)
	}
	return out
}

// check panics for a window, in pixels of the photo, that is not inside the
// photo or was not decoded.
func (p *Picture) check(x, y, w, h int) {
	s, b := p.scale, p.bounds
	if x < 0 || y < 0 || w < 1 || h < 1 || w > p.Width-x || h > p.Height-y ||
		x < b.Min.X*s || y < b.Min.Y*s || x+w > b.Max.X*s || y+h > b.Max.Y*s {
		panic(fmt.Sprintf("pix: window %dx%d at %d,%d of a %dx%d picture", w, h, x, y, p.Width, p.Height))
	}
}

// fill reads all pixels of img, from x, y of the picture on, in pixels of scale
// by scale pixels of the photo.
func (p *Picture) fill(img *image.NRGBA, x, y int) {
	w, h := img.Rect.Dx(), img.Rect.Dy()
	line := make([]byte, 3*w)
	for r := range h {
		p.row(line, x, y+r)
		row := img.Pix[r*img.Stride:]
		for c := range w {
			copy(row[4*c:], line[3*c:][:3])
			row[4*c+3] = 255
		}
	}
}
