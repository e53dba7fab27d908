package pix

import (
	"bytes"
	"errors"
	"image"
	"image/color"
	"image/jpeg"
	"math"
	"testing"

	"github.com/disintegration/imaging"

	"github.com/opensandwich/oi/cmd/internal/imagefile"
)

// TestRotateJPEG compares with the same photo rotated by another library.
func TestRotateJPEG(t *testing.T) {
	img := image.NewNRGBA(image.Rect(0, 0, 61, 43))
	for y := range 43 {
		for x := range 61 { // smooth, so that the coding costs little
			img.SetNRGBA(x, y, color.NRGBA{uint8(4 * x), uint8(5 * y), uint8(2 * (x + y)), 255})
		}
	}
	for rotation, want := range map[int]*image.NRGBA{
		0: img, 90: imaging.Rotate90(img), 180: imaging.Rotate180(img), 270: imaging.Rotate270(img), // counter-clockwise
	} {
		data, err := RotateJPEG(encodePNG(t, img), 10_000, rotation, 95)
		if err != nil {
			t.Fatal(err)
		}
		got, err := jpeg.Decode(bytes.NewReader(data))
		if err != nil || got.Bounds() != want.Bounds() {
			t.Fatalf("by %d: %v, %v", rotation, got.Bounds(), err)
		}
		worst := 0
		for y := range want.Bounds().Dy() {
			for x := range want.Bounds().Dx() {
				a, b := color.NRGBAModel.Convert(got.At(x, y)).(color.NRGBA), want.NRGBAAt(x, y)
				for _, d := range []int{int(a.R) - int(b.R), int(a.G) - int(b.G), int(a.B) - int(b.B)} {
					worst = max(worst, d, -d)
				}
			}
		}
		if worst > 12 {
			t.Errorf("by %d: off by %d of 255", rotation, worst)
		}
	}
	if _, err := RotateJPEG(encodePNG(t, img), 100, 90, 95); !errors.Is(err, imagefile.ErrTooManyPixels) {
		t.Errorf("above the limit: %v", err)
	}
}

func TestQuarterTurn(t *testing.T) {
	for angle, want := range map[float64]int{0: 0, 90: 90, 180: 180, 270: 270, -90: 270, 360: 0, 450: 90, -720: 0, 45: -1, 89.9: -1, math.Inf(1): -1, math.NaN(): -1} {
		got, ok := QuarterTurn(&angle)
		if ok != (want >= 0) || ok && got != want {
			t.Errorf("%v: %d, %v", angle, got, ok)
		}
	}
	if got, ok := QuarterTurn(nil); got != 0 || !ok {
		t.Errorf("unknown: %d, %v", got, ok)
	}
}
