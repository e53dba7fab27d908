package imagefile

import (
	"bytes"
	"image"

	"github.com/opensandwich/oi/cmd/internal/imagefile/jpegfile"
)

// A Decoder decodes one photo after another, with the same memory. What it has
// found out about the last one helps where the same bytes come again with
// another window, and never changes the result. It must not be used by several
// goroutines at a time.
type Decoder struct {
	jpeg  jpegfile.Decoder
	data  []byte      // a copy of the last photo that was decoded as a whole
	image image.Image // that photo; nil: there is none
}

// maxKept is how many pixels of a photo are kept for the case that it comes
// again.
const maxKept = 4_000_000

// Decode decodes at least a window of a photo of which Check has returned c, as
// it is stored: the caller rotates it by its Orientation. The window is in pixels of
// the file. A JPEG is decoded to 1/scale of its size, for a scale of 1, 2, 4 or
// 8, as package jpegfile does. Other photos are decoded at full size.
//
// The result's bounds are those of the window, rounded outwards, or of the
// whole photo, in pixels of scaled by scaled pixels of the file. It is valid
// until the next call. The error is one of the package's. But for
// ErrTooManyPixels it does not depend on the window and the scale: a damaged
// file never becomes a picture with grey areas.
func (d *Decoder) Decode(data []byte, c Config, window image.Rectangle, scale int) (img image.Image, scaled int, err error) {
	if err := c.within(window, scale); err != nil {
		return nil, 0, err
	}
	img, scaled, err = d.decode(data, window, scale)
	return img, scaled, classify(err)
}

// Knows says whether the photo is the last one, so that another window of it
// takes less time.
func (d *Decoder) Knows(data []byte) bool { return d.knows(data) || d.jpeg.Knows(data) }

func (d *Decoder) knows(data []byte) bool { return d.image != nil && bytes.Equal(d.data, data) }

// Held returns about how many bytes of memory the Decoder holds.
func (d *Decoder) Held() int {
	n := d.jpeg.Held() + cap(d.data)
	if d.image != nil {
		size := d.image.Bounds().Size()
		n += 8 * size.X * size.Y // the most that a pixel takes
	}
	return n
}

func (d *Decoder) decode(data []byte, window image.Rectangle, scale int) (image.Image, int, error) {
	f, err := formatOf(data)
	if err != nil {
		return nil, 0, err
	}
	return d.run(f, data, window, scale)
}

// run runs the decoder of a format. One that has panicked leaves nothing behind
// for the next photo.
func (d *Decoder) run(f format, data []byte, window image.Rectangle, scale int) (img image.Image, scaled int, err error) {
	panicked := true
	defer func() {
		if panicked {
			*d = Decoder{}
		}
	}()
	defer recovered(&err)
	img, scaled, err = f.decode(d, data, window, scale)
	panicked = false
	return img, scaled, err
}

// whole returns a photo that is always decoded as a whole, unless it is the
// last one.
func (d *Decoder) whole(data []byte, decode func() (image.Image, error)) (image.Image, int, error) {
	if d.knows(data) {
		return d.image, 1, nil
	}
	d.image = nil
	img, err := decode()
	if err != nil {
		return nil, 0, err
	}
	if size := img.Bounds().Size(); size.X <= maxKept/size.Y {
		d.data, d.image = append(d.data[:0], data...), img
	}
	return img, 1, nil
}
