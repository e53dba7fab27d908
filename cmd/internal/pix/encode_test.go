package pix

import (
	"bytes"
	"image/jpeg"
	"image/png"
	"testing"
)

// TestEncode: a PNG has the very pixels, a JPEG nearly, whatever their shape.
func TestEncode(t *testing.T) {
	for _, size := range [][2]int{{1, 1}, {17, 5}, {5, 40}, {64, 64}} {
		w, h := size[0], size[1]
		pixels := make([]byte, w*h*3)
		for i := range pixels {
			pixels[i] = byte(i / 3 * 255 / (w * h)) // grey, dark to bright
		}
		var data bytes.Buffer
		if err := EncodePNG(&data, pixels, w, h); err != nil {
			t.Fatal(err)
		}
		img, err := png.Decode(&data)
		if err != nil {
			t.Fatal(err)
		}
		data.Reset()
		if err := EncodeJPEG(&data, pixels, w, h, 95); err != nil {
			t.Fatal(err)
		}
		lossy, err := jpeg.Decode(&data)
		if err != nil {
			t.Fatal(err)
		}
		if img.Bounds().Size() != lossy.Bounds().Size() || img.Bounds().Dx() != w || img.Bounds().Dy() != h {
			t.Fatalf("%dx%d became %v and %v", w, h, img.Bounds(), lossy.Bounds())
		}
		for i := range w * h {
			want := int(pixels[3*i])
			r, g, b, _ := img.At(i%w, i/w).RGBA()
			if int(r>>8) != want || int(g>>8) != want || int(b>>8) != want {
				t.Errorf("%dx%d: pixel %d of the PNG is %d %d %d, want %d", w, h, i, r>>8, g>>8, b>>8, want)
			}
			if r, _, _, _ := lossy.At(i%w, i/w).RGBA(); max(int(r>>8)-want, want-int(r>>8)) > 12 {
				t.Errorf("%dx%d: pixel %d of the JPEG is %d, want %d", w, h, i, r>>8, want)
			}
		}
	}
}
