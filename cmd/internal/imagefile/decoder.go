package imagefile

import (
	"bytes"
	"image"

	"github.com/opensandwich/oi/cmd/internal/imagefile/jpegfile"
	"github.com/opensandwich/oi/cmd/internal/imagefile/pngfile"
)

// A Decoder decodes one photo after another, with the same memory. What it has
// found out about the last one helps where the same bytes come again with
// another window, and never changes the result. It must not be used by several
// goroutines at a time.
type Decoder struct {
	jpeg  jpegfile.Decoder
	png   pngfile.Decoder
	data  []byte      // a copy of the last photo that was decoded as a whole
	image image.Image // that photo; nil: there is none
}

// maxKept is how many pixels of a photo are kept for the case that it comes
// again.
const maxKept = 4_000_000

// large says whether a photo has more.
func large(width, height int) bool { return width > maxKept/height }

// Decode decodes at least a window of a photo of which Check has returned c, as
// it is stored: the caller rotates it by its Orientation. The window is in
// pixels of the file. A JPEG is decoded to 1/scale of its size, for a scale of
// 1, 2, 4 or 8, as package jpegfile does. Other photos are decoded at full
// size.
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
	err = d.guard(func() error {
		f, err := formatOf(data)
		if err != nil {
			return err
		}
		img, scaled, err = f.decode(d, data, window.Intersect(c.bounds()), scale)
		return err
	})
	if err != nil {
		return nil, 0, classify(err)
	}
	return img, scaled, nil
}

// DecodeRows decodes as Decode does, and calls use with the result. Of a large
// PNG that is not interlaced only a row is in memory. So use reads rows, by the
// method RGBRow where the image has it, from the top to the bottom, and the
// image is not valid afterwards. Where there is an error, use may have been
// called with rows that are none.
func (d *Decoder) DecodeRows(data []byte, c Config, window image.Rectangle, scale int, use func(img image.Image, scaled int)) error {
	if !c.byRows {
		img, scaled, err := d.Decode(data, c, window, scale)
		if err == nil {
			use(img, scaled)
		}
		return err
	}
	if err := c.within(window, scale); err != nil {
		return err
	}
	if err := d.guard(func() error { return d.png.Begin(data) }); err != nil {
		return classify(err)
	}
	r := &rows{Rows: d.png.Rows(window), decoder: d}
	use(r, 1)
	if r.err == nil {
		r.err = d.guard(d.png.End)
	}
	return classify(r.err)
}

// rows are those of a PNG whose decoder may fail.
type rows struct {
	*pngfile.Rows
	decoder *Decoder
	err     error
}

// RGBRow is that of pngfile.Rows.
func (r *rows) RGBRow(dst []byte, x, y int) {
	if r.err == nil {
		r.err = r.decoder.guard(func() error {
			r.Rows.RGBRow(dst, x, y)
			return nil
		})
	}
}

// Knows says whether the photo is the last one, so that another window of it
// takes less time.
func (d *Decoder) Knows(data []byte) bool { return d.knows(data) || d.jpeg.Knows(data) }

func (d *Decoder) knows(data []byte) bool { return d.image != nil && bytes.Equal(d.data, data) }

// Held returns about how many bytes of memory the Decoder holds.
func (d *Decoder) Held() int {
	n := d.jpeg.Held() + d.png.Held() + cap(d.data)
	if d.image != nil {
		n += bytesOf(d.image)
	}
	return n
}

// bytesOf returns how many bytes an image takes, or the most that it may.
func bytesOf(img image.Image) int {
	if m, ok := img.(*pngfile.Image); ok {
		return m.Bytes()
	}
	size := img.Bounds().Size()
	return 8 * size.X * size.Y
}

// guard runs a part of a decoder. One that has panicked leaves nothing behind
// for the next photo.
func (d *Decoder) guard(part func() error) (err error) {
	panicked := true
	defer func() {
		if panicked {
			*d = Decoder{}
		}
	}()
	defer recovered(&err)
	err = part()
	panicked = false
	return err
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
	if size := img.Bounds().Size(); !large(size.X, size.Y) {
		d.data, d.image = append(d.data[:0], data...), img
	}
	return img, 1, nil
}
