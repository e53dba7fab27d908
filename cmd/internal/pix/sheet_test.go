package pix

import (
	"bytes"
	"image"
	"image/jpeg"
	"math/rand/v2"
	"testing"
)

func TestThumbWindow(t *testing.T) {
	// A dark photo with one bright rectangle: the marked window must be the
	// bright one whichever way the photo is turned.
	img := image.NewNRGBA(image.Rect(0, 0, 800, 400))
	window := image.Rect(600, 40, 760, 120)
	for i := range img.Pix {
		img.Pix[i] = 255
		if p := image.Pt(i/4%800, i/4/800); i%4 != 3 && !p.In(window) {
			img.Pix[i] = 10
		}
	}
	p, err := NewPicture(img)
	if err != nil {
		t.Fatal(err)
	}
	for _, rotation := range []int{0, 90, 180, 270} {
		th := NewThumb(p, window, rotation)
		b := th.image.Bounds()
		if b.Dx() > photoW || b.Dy() > photoH || (b.Dx() < b.Dy()) != (rotation%180 != 0) {
			t.Errorf("turned by %d: %v", rotation, b)
		}
		for y := range b.Dy() {
			for x := range b.Dx() {
				bright := th.image.NRGBAAt(x, y).R > 128
				inside := image.Pt(x, y).In(th.window)
				near := image.Pt(x, y).In(th.window.Inset(-1)) && !image.Pt(x, y).In(th.window.Inset(1))
				if bright != inside && !near {
					t.Fatalf("turned by %d: pixel %d,%d bright %v, in %v %v", rotation, x, y, bright, th.window, inside)
				}
			}
		}
	}
}

func TestSheet(t *testing.T) {
	if err := new(Sheet).Encode(&bytes.Buffer{}); err == nil {
		t.Error("a sheet of nothing was written")
	}
	p, err := NewPicture(noise("420", 300, 500, rand.New(rand.NewPCG(1, 1))))
	if err != nil {
		t.Fatal(err)
	}
	encode := func(n int, photos bool, side int) []byte {
		s := &Sheet{}
		for i := range n {
			c := Cell{Crop: bytes.Repeat([]byte{200}, side*side*3), Width: side, Height: side, Title: "a very long name that must be cut somewhere", Caption: "käse", Class: i - 1}
			if photos {
				c.Photo = NewThumb(p, image.Rect(10, 10, 100, 200), 90*(i%4))
			}
			s.Add(c)
		}
		var b bytes.Buffer
		if err := s.Encode(&b); err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	for _, c := range []struct {
		n      int
		photos bool
		side   int
		want   image.Point
	}{
		{1, true, 128, image.Pt(401, 224)}, {5, true, 64, image.Pt(1574, 438)}, {12, true, 128, image.Pt(1574, 652)}, {30, false, 300, image.Pt(1550, 556)},
	} {
		data := encode(c.n, c.photos, c.side)
		config, err := jpeg.DecodeConfig(bytes.NewReader(data))
		if err != nil || image.Pt(config.Width, config.Height) != c.want {
			t.Errorf("%d cells: %dx%d %v, want %v", c.n, config.Width, config.Height, err, c.want)
		}
		if !bytes.Equal(data, encode(c.n, c.photos, c.side)) {
			t.Errorf("%d cells: two sheets of the same differ", c.n)
		}
	}
}
