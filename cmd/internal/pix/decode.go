package pix

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/jpeg"
	"image/png"

	"github.com/opensandwich/oi/cmd/internal/webp"
)

// DefaultMaxPixels is a cap on width times height that suits photos.
const DefaultMaxPixels = 64_000_000

// ErrTooManyPixels is returned, before anything is allocated, for a picture
// that its header says is larger than the cap.
var ErrTooManyPixels = errors.New("too many pixels")

// ErrFormat is returned for bytes that are no picture known here.
var ErrFormat = errors.New("not JPEG, PNG or WebP")

// A Picture is a decoded photo as it is stored. It is not modified after it
// was made and may be used by several goroutines.
type Picture struct {
	Width, Height int
	source        image.Image
}

// Decode decodes a JPEG, PNG or WebP picture of at most maxPixels pixels. The EXIF
// orientation is ignored on purpose: annotations refer to the stored picture.
// A cut or damaged file is an error, never a picture with grey in it.
func Decode(data []byte, maxPixels int) (*Picture, error) {
	return guarded(func() (*Picture, error) { return decode(data, maxPixels) })
}

// guarded turns a panic of a decoder into an error: the bytes are not ours.
func guarded(f func() (*Picture, error)) (p *Picture, err error) {
	defer func() {
		if reason := recover(); reason != nil {
			p, err = nil, fmt.Errorf("the decoder failed: %v", reason)
		}
	}()
	return f()
}

func decode(data []byte, maxPixels int) (*Picture, error) {
	c, err := codecOf(data)
	if err != nil {
		return nil, err
	}
	if _, _, err := sizeBy(c, data, maxPixels); err != nil {
		return nil, err
	}
	img, err := c.Decode(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	return NewPicture(img)
}

// Size returns the size of a picture from its header alone, or the error that
// Decode would give for it.
func Size(data []byte, maxPixels int) (width, height int, err error) {
	_, err = guarded(func() (*Picture, error) {
		c, err := codecOf(data)
		if err == nil {
			width, height, err = sizeBy(c, data, maxPixels)
		}
		return nil, err
	})
	return width, height, err
}

func sizeBy(c codec, data []byte, maxPixels int) (width, height int, err error) {
	config, err := c.DecodeConfig(bytes.NewReader(data))
	if err != nil {
		return 0, 0, err
	}
	width, height = config.Width, config.Height
	if width < 1 || height < 1 {
		return 0, 0, fmt.Errorf("%d by %d pixels", width, height)
	}
	if width > maxPixels/height {
		return 0, 0, fmt.Errorf("%w: %d by %d, the limit is %d", ErrTooManyPixels, width, height, maxPixels)
	}
	return width, height, checkSides(width, height)
}

// A codec is one format's decoder.
type codec interface {
	DecodeConfig(*bytes.Reader) (image.Config, error)
	Decode(*bytes.Reader) (image.Image, error)
}

type jpegCodec struct{}

func (jpegCodec) DecodeConfig(r *bytes.Reader) (image.Config, error) { return jpeg.DecodeConfig(r) }
func (jpegCodec) Decode(r *bytes.Reader) (image.Image, error)        { return jpeg.Decode(r) }

type pngCodec struct{}

func (pngCodec) DecodeConfig(r *bytes.Reader) (image.Config, error) { return png.DecodeConfig(r) }
func (pngCodec) Decode(r *bytes.Reader) (image.Image, error)        { return png.Decode(r) }

// codecOf tells the format by its magic, not by a name or a media type. The
// formats of package image are not used: whoever links another decoder in
// would change what is accepted here.
func codecOf(data []byte) (codec, error) {
	switch {
	case bytes.HasPrefix(data, []byte("\xff\xd8\xff")):
		return jpegCodec{}, nil
	case bytes.HasPrefix(data, []byte("\x89PNG\r\n\x1a\n")):
		return pngCodec{}, nil
	case webp.Is(data):
		return webpCodec{}, nil
	}
	return nil, ErrFormat
}

// NewPicture takes an image as a picture. The image must not change any more.
func NewPicture(img image.Image) (*Picture, error) {
	b := img.Bounds()
	if b.Empty() {
		return nil, errors.New("a picture without pixels")
	}
	if err := checkSides(b.Dx(), b.Dy()); err != nil {
		return nil, err
	}
	return &Picture{Width: b.Dx(), Height: b.Dy(), source: img}, nil
}

// maxSide is the largest side of a JPEG. Up to it the sums of Crop fit.
const maxSide = 65535

func checkSides(width, height int) error {
	if max(width, height) > maxSide {
		return fmt.Errorf("%w: %d by %d, the limit of a side is %d", ErrTooManyPixels, width, height, maxSide)
	}
	return nil
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
