package pix

import (
	"bytes"
	"image"
	"image/png"
	"testing"

	"github.com/opensandwich/oi/cmd/internal/imagefile"
	"github.com/opensandwich/oi/cmd/internal/oitest"
)

// TestCropByRows: a large PNG whose rows are decoded as they are resized gives
// the crops that its picture as image/png decodes it gives, and the same as a
// small one that is kept.
func TestCropByRows(t *testing.T) {
	for _, file := range []oitest.PNG{
		{Width: 2300, Height: 1900, Depth: 8, Colour: 2, Transparency: []byte{0, 1, 0, 2, 0, 3}},
		{Width: 230, Height: 190, Depth: 8, Colour: 2},
		{Width: 9001, Height: 450, Depth: 2, Colour: 3, Palette: bytes.Repeat([]byte{200, 10, 90, 7}, 3)},
		{Width: 55, Height: 84, Depth: 16, Colour: 4},
		{Width: 61, Height: 84, Depth: 16, Colour: 6},
		{Width: 61, Height: 84, Depth: 8, Colour: 6, Interlaced: true},
	} {
		data := file.Encode()
		img, err := png.Decode(bytes.NewReader(data))
		if err != nil {
			t.Fatal(err)
		}
		whole, err := NewPicture(img)
		if err != nil {
			t.Fatal(err)
		}
		config, err := imagefile.Check(bytes.NewReader(data), int64(len(data)), imagefile.DefaultMaxPixels)
		if err != nil {
			t.Fatal(err)
		}
		d := &Decoder{}
		w, h := file.Width, file.Height
		for _, window := range []image.Rectangle{image.Rect(0, 0, w, h), image.Rect(w/3, h/3, w/2, h/2), image.Rect(w-9, 0, w, 1)} {
			for _, filter := range Filters() {
				if large := w*h > 4_000_000; large && filter != Area && (filter != Lanczos || window.Dx() > w/2) {
					continue // for time
				}
				target := Target{Width: 24, Height: 17, Rotation: 90, Filter: filter, Pad: PadReflect}
				var got []byte
				err := d.DecodeRows(data, config, window, target.Scale(window.Dx(), window.Dy()), func(p *Picture) { got = Crop(p, window, target) })
				if err != nil {
					t.Fatal(err)
				}
				if !bytes.Equal(got, Crop(whole, window, target)) {
					t.Errorf("%dx%d, %v, %s: other pixels", w, h, window, filter)
				}
			}
		}
		var thumb *Thumb
		window := image.Rect(w/3, h/3, w/2, h/2)
		err = d.DecodeRows(data, config, image.Rect(0, 0, w, h), 1, func(p *Picture) { thumb = NewThumb(p, window, 90) })
		if err != nil {
			t.Fatal(err)
		}
		want := NewThumb(whole, window, 90)
		if thumb.Window != want.Window || !bytes.Equal(thumb.Image.Pix, want.Image.Pix) {
			t.Errorf("%dx%d: other small photo", w, h)
		}
		if size := thumb.Image.Rect.Size(); size.X > ThumbWidth || size.Y > ThumbHeight || size.X != ThumbWidth && size.Y != ThumbHeight && w > 100 {
			t.Errorf("%dx%d: a small photo of %v", w, h, size)
		}
	}
}
