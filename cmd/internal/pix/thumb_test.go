package pix

import (
	"bytes"
	"image"
	"image/color"
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
		b := th.Image.Bounds()
		if b.Dx() > ThumbWidth || b.Dy() > ThumbHeight || (b.Dx() < b.Dy()) != (rotation%180 != 0) {
			t.Errorf("turned by %d: %v", rotation, b)
		}
		for y := range b.Dy() {
			for x := range b.Dx() {
				bright := th.Image.NRGBAAt(x, y).R > 128
				inside := image.Pt(x, y).In(th.Window)
				near := image.Pt(x, y).In(th.Window.Inset(-1)) && !image.Pt(x, y).In(th.Window.Inset(1))
				if bright != inside && !near {
					t.Fatalf("turned by %d: pixel %d,%d bright %v, in %v %v", rotation, x, y, bright, th.Window, inside)
				}
			}
		}
	}
}

func TestFitSquare(t *testing.T) {
	for _, c := range []struct{ w, h, side, wantW, wantH int }{
		{300, 100, 150, 150, 50}, {100, 300, 150, 50, 150}, {20, 10, 150, 140, 70}, {80, 70, 150, 80, 70}, {1, 1, 150, 150, 150}, {150, 150, 150, 150, 150}, {2000, 1, 100, 100, 1},
	} {
		got := FitSquare(bytes.Repeat([]byte{10, 20, 30}, c.w*c.h), c.w, c.h, c.side)
		if got.Rect != image.Rect(0, 0, c.wantW, c.wantH) || got.NRGBAAt(c.wantW/2, c.wantH/2) != (color.NRGBA{R: 10, G: 20, B: 30, A: 255}) {
			t.Errorf("%dx%d to %d: %v, %v", c.w, c.h, c.side, got.Rect, got.NRGBAAt(c.wantW/2, c.wantH/2))
		}
	}
}

// TestFitSquareEnlarges: each pixel becomes a square of its colour.
func TestFitSquareEnlarges(t *testing.T) {
	pixels := make([]byte, 3*4*3)
	for i := range pixels {
		pixels[i] = byte(20 * i)
	}
	got := FitSquare(pixels, 3, 4, 41)
	for y := range 40 {
		for x := range 30 {
			at := (y/10*3 + x/10) * 3
			if want := (color.NRGBA{R: pixels[at], G: pixels[at+1], B: pixels[at+2], A: 255}); got.NRGBAAt(x, y) != want {
				t.Fatalf("%d,%d is %v, want %v", x, y, got.NRGBAAt(x, y), want)
			}
		}
	}
}
